// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import TestSupport
import Testing
import VideoPayload

@Suite("PacketInfo")
struct PacketInfoTests {
    @Test("an audio packet yields its level, its voice bit and its transport-wide number")
    func audio() {
        let packet = TestPacket(
            marker: true, payloadType: 111, sequence: 7, timestamp: 960, ssrc: 5, csrcs: 1,
            extensions: [[1, 0x80 | 33], [5, 0x12, 0x34], [10, 0x61]], payload: [9, 9, 9], padding: 5)
        let info = packet.info(.usual)
        #expect(info.ssrc == 5)
        #expect(info.sequence == 7)
        #expect(info.timestamp == 960)
        #expect(info.payloadType == 111)
        #expect(info.marker)
        #expect(info.audioLevel == 33)
        #expect(info.hasVoice)
        #expect(info.hasTransportSequence)
        #expect(info.transportSequence == 0x1234)
        #expect(info.headerBytes == 12 + 4 + 4 + 8)
        #expect(info.payloadBytes == 3)
        #expect(info.paddingBytes == 5)
        #expect(info.byteCount == packet.bytes.count)
        #expect(info.keptCount == 1)
        #expect(info.kept[0].kind == HeaderExtensionKind.audioLevel.rawValue)
    }

    @Test("without the extension there is no level")
    func noLevel() {
        let info = TestPacket().info()
        #expect(info.audioLevel == PacketInfo.noLevel)
        #expect(!info.hasTransportSequence)
        #expect(info.keptCount == 0)
    }

    @Test("an extension under a number that was not negotiated is not read")
    func unknownNumber() {
        let info = TestPacket(extensions: [[2, 0x80], [7, 1, 2]]).info(.usual)
        #expect(info.audioLevel == PacketInfo.noLevel)
        #expect(!info.hasTransportSequence)
    }

    @Test("a transport-wide number of one byte is not one")
    func shortTransportNumber() {
        #expect(!TestPacket(extensions: [[5, 1]]).info(.usual).hasTransportSequence)
    }

    @Test("numbers are read from the two-byte form too")
    func twoByteForm() {
        let table = ExtensionTable([.audioLevel: 77, .transportWideCC: 255])
        let info = TestPacket(form: .twoByte, extensions: [[77, 127], [255, 0, 9]]).info(table)
        #expect(info.audioLevel == 127)
        #expect(!info.hasVoice)
        #expect(info.transportSequence == 9)
    }

    @Test("a packet of padding alone is recognised")
    func paddingOnly() {
        #expect(TestPacket(payload: [], padding: 200).info().isPaddingOnly)
        #expect(!TestPacket(payload: [0], padding: 200).info().isPaddingOnly)
    }

    @Test("no more elements are kept than the limit")
    func keptLimit() {
        let many = (0..<9).map { _ in [6, 1] as [UInt8] }
        #expect(TestPacket(extensions: many).info(.usual).keptCount == ForwardingLimits.keptExtensions)
    }

    @Test("wrong padding or no RTP at all gives nothing", arguments: ["", "80", "a064000000000000000000000009"])
    func refused(hex: String) {
        #expect(TestPacket.info([UInt8](hex: hex), .usual) == nil)
    }

    static func vp8(_ hex: String) -> PacketInfo {
        let packet = TestPacket(extensions: [[6, 1]], payload: [UInt8](hex: hex), padding: 3)
        var info = packet.info(.usual)
        packet.bytes.withUnsafeBytes { _ = info.parseVP8($0) }
        return info
    }

    @Test("a VP8 key frame is seen with its height")
    func vp8Keyframe() {
        let info = Self.vp8("90 80 11 50 2b 00 9d 01 2a 80 02 68 01")
        #expect(info.isStartOfFrame)
        #expect(info.isKeyframe)
        #expect(info.frameHeight == 360)
    }

    @Test("neither a continuation nor a delta frame is a key frame")
    func vp8Others() {
        let continuation = Self.vp8("80 80 11 50 2b 00")
        #expect(!continuation.isStartOfFrame)
        #expect(!continuation.isKeyframe)
        let delta = Self.vp8("90 80 11 51 2b 00")
        #expect(delta.isStartOfFrame)
        #expect(!delta.isKeyframe)
        #expect(!Self.vp8("91 80 11 50 2b 00").isKeyframe)
    }

    @Test("what a VP8 descriptor says of frame and layer is kept, with the places of what is rewritten")
    func vp8Facts() {
        let long = Self.vp8("90 f0 91 23 07 a5 51 2b 00").picture
        #expect(long.pictureID == 0x1123)
        #expect(long.tl0PictureIndex == 7)
        #expect(long.temporalID == 2)
        #expect(long.fields == PictureFields(pictureIDOffset: 2, tl0Offset: 4, hasLongPictureID: true))
        #expect(long.hasLayers)
        let short = Self.vp8("80 a0 11 40 2b").picture
        #expect(short.pictureID == 0x11)
        #expect(short.tl0PictureIndex == -1)
        #expect(short.temporalID == 1)
        #expect(short.fields == PictureFields(pictureIDOffset: 2))
        #expect(!Self.vp8("90 80 11 51 2b 00").picture.hasLayers)
        #expect(Self.vp8("90 80").picture == PictureFacts())
    }

    @Test("what a VP9 descriptor says of its layer frame is kept, and what the stream says of its layers is told")
    func vp9Facts() {
        // I, L, B, V: picture id 0x1234, TID 1, SID 0, TL0PICIDX 9; two layers of 320 x 180 and 640 x 360.
        let bytes: [UInt8] = [
            0xAA, 0x92, 0x34, 0x20, 0x09, 0x30, 0x01, 0x40, 0x00, 0xB4, 0x02, 0x80, 0x01, 0x68, 0x55,
        ]
        let packet = TestPacket(payload: bytes)
        var info = packet.info()
        let structure = packet.bytes.withUnsafeBytes { info.parseVP9($0) }
        #expect(structure?.spatialLayers == 2 && structure?.height(ofLayer: 1) == 360)
        #expect(info.isKeyframe && info.isStartOfFrame)
        #expect(info.picture.pictureID == 0x1234 && info.picture.tl0PictureIndex == 9)
        #expect(info.picture.temporalID == 1 && info.picture.spatialID == 0 && info.picture.spatialLayers == 2)
        #expect(info.picture.flags == [.start])
        #expect(info.picture.fields == PictureFields(pictureIDOffset: 1, tl0Offset: 4, hasLongPictureID: true))
        // P, E, Z of SID 1 with D.
        let upper = TestPacket(payload: [0xE5, 0x12, 0x23, 0x09, 0x55])
        info = upper.info()
        let none = upper.bytes.withUnsafeBytes { info.parseVP9($0) }
        #expect(none == nil && !info.isKeyframe && !info.isStartOfFrame)
        #expect(info.picture.flags == [.end, .predicted, .usesLowerLayer, .unreferenced])
        #expect(info.picture.spatialID == 1 && info.picture.spatialLayers == 0)
        // The structure is cut off: nothing of the packet counts.
        let short = TestPacket(payload: Array(bytes.prefix(9)))
        info = short.info()
        let cut = short.bytes.withUnsafeBytes { info.parseVP9($0) }
        #expect(cut == nil && !info.isKeyframe && info.picture == PictureFacts())
    }

    @Test("a descriptor that fills the payload, or more, starts no key frame")
    func vp8Short() {
        #expect(!Self.vp8("90 80 11").isKeyframe)
        let packet = TestPacket(payload: [0x90, 0x80])
        var info = packet.info()
        let wasRead = packet.bytes.withUnsafeBytes { info.parseVP8($0) }
        #expect(!wasRead)
        #expect(!info.isStartOfFrame)
    }

    @Test("no bytes trap in parsing or rewriting, and offsets stay inside the packet")
    func hostile() {
        let good = TestPacket(
            csrcs: 2, extensions: [[1, 0x85], [5, 1, 2], [6, 3], [10, 0x61]],
            payload: [UInt8](hex: "90 80 11 50 2b 00 9d 01 2a 80 02 68 01"), padding: 4
        ).bytes
        let tables = [
            ExtensionTable.usual, ExtensionTable([.videoOrientation: 15, .audioLevel: 2], allowsMixed: true),
            ExtensionTable(),
        ]
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: ForwardingLimits.headerBytes, alignment: 8)
        defer { slot.deallocate() }
        let failure = checkProperty(cases: 5_000) { random in
            let bytes = random.next() & 7 == 0 ? random.bytes(random.int(in: 0...60)) : mutate(good, using: &random)
            return bytes.withUnsafeBytes { packet -> String? in
                guard var info = PacketInfo(packet: packet, table: tables[random.int(in: 0...2)]) else { return nil }
                info.parseVP8(packet)
                guard info.headerBytes + info.payloadBytes + info.paddingBytes == bytes.count else { return "sizes" }
                let count = HeaderRewriter.write(
                    info, from: packet, into: slot, receiver: tables[random.int(in: 0...2)], ssrc: 1, sequence: 2,
                    timestamp: 3, payloadType: 4)
                let header = try? RTPHeader(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: slot[..<count])))
                return header?.headerByteCount == count ? nil : "rewritten header of \(count)"
            }
        }
        #expect(failure == nil)
    }
}
