// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Testing

@Suite("HeaderRewriter")
struct HeaderRewriterTests {
    /// The rewritten header.
    static func rewrite(
        _ packet: TestPacket, from sender: ExtensionTable = .usual, to receiver: ExtensionTable, room: Int = 1_600,
        sendTime: AbsoluteSendTime? = nil, mediaID: MediaID = .none
    ) -> [UInt8] {
        let bytes = packet.bytes
        return [UInt8](unsafeUninitializedCapacity: 1_600) { slot, count in
            let memory = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(slot)[..<room])
            count = bytes.withUnsafeBytes {
                HeaderRewriter.write(
                    PacketInfo(packet: $0, table: sender)!, from: $0, into: memory, receiver: receiver,
                    ssrc: 0x0102_0304, sequence: 0x0506, timestamp: 0x0708_090A, payloadType: 96,
                    sendTime: sendTime, mediaID: mediaID)
            }
        }
    }

    /// Profile of the block and its elements, as id and value.
    static func block(_ header: [UInt8]) -> (profile: UInt16, elements: [[UInt8]]) {
        let parsed = try! RTPHeader(header.rawSpan)
        var reader = HeaderExtensionReader(parsed)
        var elements: [[UInt8]] = []
        while let element = reader.next(in: header.rawSpan) {
            elements.append([element.id] + header.rawSpan.slice(element.offset, count: element.byteCount).toArray())
        }
        return (parsed.extensionProfile, elements)
    }

    @Test("new identity, same marker; no padding bit, no contributing sources, no empty block")
    func fixedFields() {
        let header = Self.rewrite(
            TestPacket(marker: true, csrcs: 3, extensions: [[10, 0x61]], padding: 9), to: .usual)
        #expect(header == [0x80, 0x80 | 96, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4])
        #expect(Self.rewrite(TestPacket(), to: .usual)[1] == 96)
    }

    @Test("audio level and orientation get the receiver's numbers")
    func renumbering() {
        let header = Self.rewrite(
            TestPacket(extensions: [[1, 0x85], [6, 3]]), to: ExtensionTable([.audioLevel: 9, .videoOrientation: 2]))
        #expect(Self.block(header).profile == 0xBEDE)
        #expect(Self.block(header).elements == [[9, 0x85], [2, 3]])
        #expect(header.count == 20)
    }

    @Test("MID, RID, transport-wide number, send time and VLA never reach a receiver, whatever was negotiated")
    func noLeaks() {
        let packet = TestPacket(extensions: [
            [10, 0x61], [4, 0x68], [5, 1, 2], [3, 1, 2, 3], [12, 1, 2, 3, 4], [1, 0x85], [14, 7],
        ])
        #expect(Self.block(Self.rewrite(packet, to: .usual)).elements == [[1, 0x85]])
        var all = ExtensionTable()
        for (index, kind) in HeaderExtensionKind.allCases.enumerated() { all.map(kind, to: UInt8(index + 1)) }
        let crossing: [HeaderExtensionKind] = [.audioLevel, .videoOrientation, .dependencyDescriptor]
        for kind in HeaderExtensionKind.allCases where !crossing.contains(kind) {
            let leaky = TestPacket(extensions: [[all.id(of: kind.rawValue), 1, 2, 3]])
            var wide = all
            wide.allowsMixed = true
            let form: HeaderExtensionForm = leaky.extensions[0][0] > 14 ? .twoByte : .oneByte
            var packet = leaky
            packet.form = form
            #expect(Self.rewrite(packet, from: all, to: wide).count == 12, "\(kind) leaked")
        }
    }

    @Test("the name of a media line is stamped under the receiver's number, and only where it has one")
    func mediaID() {
        let packet = TestPacket(extensions: [[10, 0x61], [1, 0x85]])
        let name = MediaID(isAudio: true, number: 120)
        let stamped = Self.block(Self.rewrite(packet, to: .usual, mediaID: name))
        #expect(stamped.elements == [[1, 0x85], [10] + Array("a120".utf8)] && stamped.profile == 0xBEDE)
        let alone = Self.rewrite(TestPacket(), to: .usual, mediaID: MediaID(isAudio: false, number: 0))
        #expect(Self.block(alone).elements == [[10] + Array("v0".utf8)])
        #expect(Self.rewrite(TestPacket(), to: ExtensionTable(), mediaID: name).count == 12)
        let other = ExtensionTable([.audioLevel: 9])
        #expect(Self.block(Self.rewrite(packet, to: other, mediaID: name)).elements == [[9, 0x85]])
        // A number that needs the two-byte form goes only to those who read that.
        var wide = ExtensionTable([.mid: 20, .audioLevel: 9])
        #expect(Self.block(Self.rewrite(packet, to: wide, mediaID: name)).elements == [[9, 0x85]])
        wide.allowsMixed = true
        let block = Self.block(Self.rewrite(packet, to: wide, mediaID: name))
        #expect(block.profile == 0x1000 && block.elements == [[9, 0x85], [20] + Array("a120".utf8)])
    }

    @Test("what the receiver did not negotiate is stripped, with the block when nothing is left")
    func stripping() {
        let packet = TestPacket(extensions: [[1, 0x85], [6, 3]])
        #expect(
            Self.block(Self.rewrite(packet, to: ExtensionTable([.videoOrientation: 6]))).elements == [[6, 3]])
        #expect(Self.rewrite(packet, to: ExtensionTable()).count == 12)
    }

    @Test("a number of 15 promotes the whole block to two-byte form")
    func promotionByNumber() {
        let receiver = ExtensionTable([.audioLevel: 15, .videoOrientation: 2], allowsMixed: true)
        let block = Self.block(Self.rewrite(TestPacket(extensions: [[1, 0x85], [6, 3]]), to: receiver))
        #expect(block.profile == 0x1000)
        #expect(block.elements == [[15, 0x85], [2, 3]])
    }

    @Test("a value of 17 bytes promotes the block, one of 16 does not")
    func promotionByLength() {
        let receiver = ExtensionTable([.videoOrientation: 6], allowsMixed: true)
        for (length, profile) in [(16, UInt16(0xBEDE)), (17, 0x1000), (0, 0x1000)] {
            let value = [UInt8](repeating: 7, count: length)
            let block = Self.block(
                Self.rewrite(TestPacket(form: .twoByte, extensions: [[6] + value]), to: receiver))
            #expect(block.profile == profile, "length \(length)")
            #expect(block.elements == [[6] + value])
        }
    }

    @Test("towards a receiver without allow-mixed, what needs the two-byte form is left out")
    func noPromotion() {
        let receiver = ExtensionTable([.audioLevel: 15, .videoOrientation: 2])
        let both = Self.block(Self.rewrite(TestPacket(extensions: [[1, 0x85], [6, 3]]), to: receiver))
        #expect(both.profile == 0xBEDE)
        #expect(both.elements == [[2, 3]])
        #expect(Self.rewrite(TestPacket(extensions: [[1, 0x85]]), to: receiver).count == 12)
    }

    @Test("a two-byte block of the sender becomes one-byte when everything fits")
    func demotion() {
        let packet = TestPacket(form: .twoByte, extensions: [[200, 0x85]])
        let block = Self.block(
            Self.rewrite(packet, from: ExtensionTable([.audioLevel: 200]), to: .usual))
        #expect(block.profile == 0xBEDE)
        #expect(block.elements == [[1, 0x85]])
    }

    @Test("a send time is written under the receiver's number, beside what crosses or alone")
    func sendTime() {
        let time = AbsoluteSendTime(Timestamp(nanoseconds: 65_500_000_000))
        #expect(time.value == 3 << 17)
        let packet = TestPacket(extensions: [[1, 0x85], [3, 1, 2, 3]])
        let stamped = Self.block(Self.rewrite(packet, to: .usual, sendTime: time))
        #expect(stamped.profile == 0xBEDE)
        #expect(stamped.elements == [[1, 0x85], [3, 0x06, 0, 0]])
        #expect(Self.block(Self.rewrite(TestPacket(), to: .usual, sendTime: time)).elements == [[3, 0x06, 0, 0]])
        #expect(Self.rewrite(TestPacket(), to: ExtensionTable([.audioLevel: 1]), sendTime: time).count == 12)
        let high = ExtensionTable([.absoluteSendTime: 20, .audioLevel: 1], allowsMixed: true)
        #expect(Self.block(Self.rewrite(packet, to: high, sendTime: time)).profile == 0x1000)
        #expect(Self.block(Self.rewrite(packet, to: high, sendTime: time)).elements.last == [20, 0x06, 0, 0])
        let plain = ExtensionTable([.absoluteSendTime: 20, .audioLevel: 1])
        #expect(Self.block(Self.rewrite(packet, to: plain, sendTime: time)).elements == [[1, 0x85]])
    }

    @Test("a dependency descriptor crosses whole, unless it was dropped or the receiver cannot take long ones")
    func dependencyDescriptor() {
        let sender = ExtensionTable([.dependencyDescriptor: 11, .videoOrientation: 6])
        let receiver = ExtensionTable([.dependencyDescriptor: 9, .videoOrientation: 6], allowsMixed: true)
        let long = [11] + [UInt8](0..<40)
        let packet = TestPacket(form: .twoByte, extensions: [long, [6, 3], [11, 1, 2, 3]])
        let elements = Self.block(Self.rewrite(packet, from: sender, to: receiver)).elements
        #expect(elements == [[9] + long[1...], [6, 3], [9, 1, 2, 3]])
        var plain = receiver
        plain.allowsMixed = false
        #expect(Self.block(Self.rewrite(packet, from: sender, to: plain)).elements == [[6, 3]])
        var info = packet.info(sender)
        info.dropDependencyDescriptor()
        #expect(info.keptCount == 1)
        #expect(info.kept[0].kind == HeaderExtensionKind.videoOrientation.rawValue)
    }

    @Test("a slot that is too small gives nothing", arguments: [0, 11, 12, 19])
    func smallSlot(room: Int) {
        #expect(Self.rewrite(TestPacket(extensions: [[1, 0x85]]), to: .usual, room: room).isEmpty)
        #expect(Self.rewrite(TestPacket(extensions: [[1, 0x85]]), to: .usual, room: 20).count == 20)
    }
}
