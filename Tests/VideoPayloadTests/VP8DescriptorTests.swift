// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("VP8 payload (RFC 7741, RFC 6386)")
struct VP8DescriptorTests {
    static func read(_ bytes: [UInt8]) -> VP8Descriptor? { VP8Descriptor(bytes.rawSpan, from: 0, to: bytes.count) }

    static func frame(_ bytes: [UInt8]) -> VP8FrameHeader? {
        VP8FrameHeader(bytes.rawSpan, from: 0, to: bytes.count)
    }

    @Test("the shortest descriptor: start of a frame, nothing else")
    func shortest() throws {
        let descriptor = try #require(Self.read([0x10, 0x00]))
        #expect(descriptor.isStartOfFrame)
        #expect(descriptor.byteCount == 1)
        #expect(descriptor.pictureID == -1)
        #expect(descriptor.tl0PictureIndex == -1)
        #expect(descriptor.temporalID == -1)
        #expect(descriptor.keyIndex == -1)
    }

    @Test("a picture id of seven bits (RFC 7741 4.5.1: 17)")
    func shortPictureID() throws {
        let descriptor = try #require(Self.read([0x90, 0x80, 0x11]))
        #expect(descriptor.pictureID == 17)
        #expect(!descriptor.hasLongPictureID)
        #expect(descriptor.byteCount == 3)
    }

    @Test("a picture id of fifteen bits (RFC 7741 4.5.5: 4711)")
    func longPictureID() throws {
        let descriptor = try #require(Self.read([0x90, 0x80, 0x92, 0x67]))
        #expect(descriptor.pictureID == 4_711)
        #expect(descriptor.hasLongPictureID)
        #expect(descriptor.byteCount == 4)
    }

    @Test("all fields as a browser sends them")
    func allFields() throws {
        let descriptor = try #require(Self.read([UInt8](hex: "b0 f0 ff ff c8 b5")))
        #expect(descriptor.isNonReference)
        #expect(descriptor.pictureID == 32_767)
        #expect(descriptor.tl0PictureIndex == 200)
        #expect(descriptor.temporalID == 2)
        #expect(descriptor.isLayerSync)
        #expect(descriptor.keyIndex == 21)
        #expect(descriptor.byteCount == 6)
    }

    @Test("K without T has a key index and no temporal id")
    func keyIndexAlone() throws {
        let descriptor = try #require(Self.read([0x80, 0x10, 0xFF]))
        #expect(descriptor.temporalID == -1)
        #expect(descriptor.keyIndex == 31)
    }

    @Test("a later partition or a continuation starts no frame", arguments: [0x11, 0x00, 0x17, 0x03])
    func noStart(first: UInt8) {
        #expect(Self.read([first])?.isStartOfFrame == false)
    }

    @Test("a descriptor that is cut off is refused", arguments: 0...5)
    func cutOff(count: Int) {
        let whole = [UInt8](hex: "b0 f0 ff ff c8 b5")
        #expect(Self.read(Array(whole[..<count])) == nil)
        #expect(VP8Descriptor(whole.rawSpan, from: 0, to: count) == nil)
    }

    @Test("a key frame shows its size, another frame does not")
    func frameHeader() throws {
        let key = [UInt8](hex: "50 2b 00 9d 01 2a 80 02 e0 41")
        let frame = try #require(Self.frame(key))
        #expect(frame.isKeyframe)
        #expect(frame.width == 640)
        #expect(frame.height == 480)
        let delta = try #require(Self.frame([0x51]))
        #expect(!delta.isKeyframe)
        #expect(Self.frame([]) == nil)
    }

    @Test("a key frame without its start code, or cut off, has no size")
    func encryptedFrameHeader() {
        let garbage = [UInt8](hex: "50 2b 00 9d 01 2b 80 02 e0 01")
        #expect(Self.frame(garbage)?.height == 0)
        let short = [UInt8](hex: "50 2b 00 9d 01 2a 80 02 e0")
        #expect(Self.frame(short)?.height == 0)
    }

    @Test("a written frame header reads back the same")
    func frameHeaderRoundTrip() throws {
        let key = BufferWriter.array(capacity: 16) {
            VP8FrameHeader.write(isKeyframe: true, width: 1_280, height: 720, firstPartitionBytes: 346, to: &$0)
        }
        #expect(Array(key[..<3]) == [0x50, 0x2B, 0x00])
        let frame = try #require(Self.frame(key))
        #expect(frame.isKeyframe)
        #expect([frame.width, frame.height] == [1_280, 720])
        let delta = BufferWriter.array(capacity: 16) {
            VP8FrameHeader.write(isKeyframe: false, width: 1_280, height: 720, firstPartitionBytes: 346, to: &$0)
        }
        #expect(delta == [0x51, 0x2B, 0x00])
    }

    @Test("a written descriptor reads back the same")
    func roundTrip() {
        let failure = checkProperty { random in
            var descriptor = VP8Descriptor()
            descriptor.isNonReference = random.next() & 1 == 0
            descriptor.isPartitionStart = random.next() & 1 == 0
            descriptor.partition = UInt8(random.int(in: 0...7))
            if random.next() & 1 == 0 {
                descriptor.hasLongPictureID = random.next() & 1 == 0
                descriptor.pictureID = Int16(random.int(in: 0...(descriptor.hasLongPictureID ? 32_767 : 127)))
            }
            if random.next() & 1 == 0 { descriptor.tl0PictureIndex = Int16(random.int(in: 0...255)) }
            if random.next() & 1 == 0 {
                descriptor.temporalID = Int8(random.int(in: 0...3))
                descriptor.isLayerSync = random.next() & 1 == 0
            }
            if random.next() & 1 == 0 { descriptor.keyIndex = Int8(random.int(in: 0...31)) }
            let bytes = BufferWriter.array(capacity: 16) { descriptor.write(to: &$0) }
            descriptor.byteCount = bytes.count
            return Self.read(bytes) == descriptor ? nil : "\(descriptor)"
        }
        #expect(failure == nil)
    }

    @Test("no bytes trap, and the descriptor stays inside them")
    func hostile() {
        let good = [UInt8](hex: "b0 f0 ff ff c8 b5 50 2b 00 9d 01 2a 80 02 e0 01")
        let failure = checkProperty(cases: 3_000) { random in
            let bytes = mutate(good, using: &random)
            let (from, to) = (random.int(in: -2...20), random.int(in: -2...20))
            if let descriptor = VP8Descriptor(bytes.rawSpan, from: from, to: to) {
                guard from + descriptor.byteCount <= min(to, bytes.count) else { return "beyond the end" }
            }
            _ = VP8FrameHeader(bytes.rawSpan, from: from, to: to)
            return nil
        }
        #expect(failure == nil)
    }
}
