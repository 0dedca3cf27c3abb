// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("picture ids and TL0PICIDX, patched in place")
struct PictureFieldsTests {
    static func patch(
        _ fields: PictureFields, _ bytes: inout [UInt8], pictureID: UInt16, tl0: UInt8, at payload: Int = 0
    ) -> Bool {
        var elements = bytes.mutableSpan
        var raw = elements.mutableBytes
        return fields.patch(pictureID: pictureID, tl0PictureIndex: tl0, in: &raw, at: payload)
    }

    @Test("VP8: 15 bits stay 15 bits")
    func longVP8() throws {
        var bytes = [UInt8](hex: "b0 f0 ff ff c8 b5 50")
        let descriptor = try #require(VP8DescriptorTests.read(bytes))
        #expect(descriptor.pictureFields.pictureIDMask == 0x7FFF)
        #expect(Self.patch(descriptor.pictureFields, &bytes, pictureID: 0x0102, tl0: 7))
        #expect(bytes == [UInt8](hex: "b0 f0 81 02 07 b5 50"))
    }

    @Test("VP8: seven bits stay seven bits, modulo 128")
    func shortVP8() throws {
        var bytes = [UInt8](hex: "90 e0 11 c8 80 50")
        let descriptor = try #require(VP8DescriptorTests.read(bytes))
        #expect(descriptor.pictureFields.pictureIDMask == 0x7F)
        #expect(Self.patch(descriptor.pictureFields, &bytes, pictureID: 128 + 3, tl0: 0))
        #expect(bytes == [UInt8](hex: "90 e0 03 00 80 50"))
    }

    @Test("VP9: the layer indices between picture id and TL0PICIDX stay")
    func vp9() throws {
        var bytes = [UInt8](hex: "e8 92 67 53 c8 86")
        let descriptor = try #require(VP9DescriptorTests.read(bytes))
        #expect(Self.patch(descriptor.pictureFields, &bytes, pictureID: 0x7FFF, tl0: 1))
        #expect(bytes == [UInt8](hex: "e8 ff ff 53 01 86"))
    }

    @Test("VP9 in flexible mode has no TL0PICIDX to patch")
    func flexibleVP9() throws {
        var bytes = [UInt8](hex: "f5 11 24 03 05 08 86")
        let descriptor = try #require(VP9DescriptorTests.read(bytes))
        #expect(Self.patch(descriptor.pictureFields, &bytes, pictureID: 18, tl0: 99))
        #expect(bytes == [UInt8](hex: "f5 12 24 03 05 08 86"))
    }

    @Test("fields that lie outside the packet are not written", arguments: [-1, 3, 4, 7, 100, Int.max])
    func outside(payload: Int) {
        let before = [UInt8](hex: "b0 f0 ff ff c8 b5 50")
        var bytes = before
        let fields = PictureFields(pictureIDOffset: 2, tl0Offset: 4, hasLongPictureID: true)
        #expect(!Self.patch(fields, &bytes, pictureID: 1, tl0: 1, at: payload))
        #expect(bytes == before)
    }

    @Test("patching changes the two numbers and nothing else, and never the length")
    func everything() {
        let failure = checkProperty(cases: 3_000) { random in
            let isVP9 = random.next() & 1 == 0
            let header = random.bytes(random.int(in: 0...20))
            let body = random.bytes(random.int(in: 0...5))
            let (pictureID, tl0) = (UInt16(random.int(in: 0...65_535)), UInt8(random.int(in: 0...255)))
            var vp9 = VP9DescriptorTests.random(&random)
            var vp8 = VP8Descriptor()
            vp8.hasLongPictureID = random.next() & 1 == 0
            if random.next() & 3 != 0 { vp8.pictureID = vp8.hasLongPictureID ? 12_345 : 99 }
            if vp8.pictureID < 0 { vp8.hasLongPictureID = false }
            if random.next() & 1 == 0 { vp8.tl0PictureIndex = 55 }
            if random.next() & 1 == 0 { vp8.temporalID = 2 }
            let written = BufferWriter.array(capacity: 16) { isVP9 ? vp9.write(to: &$0) : vp8.write(to: &$0) }
            var bytes = header + written + body
            let fields = isVP9 ? vp9.pictureFields : vp8.pictureFields
            guard Self.patch(fields, &bytes, pictureID: pictureID, tl0: tl0, at: header.count) else { return "refused" }
            let (from, to) = (header.count, bytes.count)
            if isVP9 {
                vp9.byteCount = written.count
                if vp9.pictureID >= 0 { vp9.pictureID = Int16(pictureID & fields.pictureIDMask) }
                if vp9.tl0PictureIndex >= 0 { vp9.tl0PictureIndex = Int16(tl0) }
                guard VP9Descriptor(bytes.rawSpan, from: from, to: to) == vp9 else { return "\(vp9)" }
            } else {
                vp8.byteCount = written.count
                if vp8.pictureID >= 0 { vp8.pictureID = Int16(pictureID & fields.pictureIDMask) }
                if vp8.tl0PictureIndex >= 0 { vp8.tl0PictureIndex = Int16(tl0) }
                guard VP8Descriptor(bytes.rawSpan, from: from, to: to) == vp8 else { return "\(vp8)" }
            }
            guard Array(bytes.prefix(header.count)) == header, Array(bytes.suffix(body.count)) == body else {
                return "bytes beside the descriptor"
            }
            return nil
        }
        #expect(failure == nil)
    }
}
