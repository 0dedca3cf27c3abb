// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages
import TestSupport
import Testing

@testable import Forwarding

@Suite("RTXStream")
struct RTXStreamTests {
    /// A receiver with other extension numbers than the senders', and abs-send-time.
    private static let receiver = ExtensionTable([.videoOrientation: 13, .absoluteSendTime: 3])

    /// What is written for a repeat; patches are the caller's.
    private static func slot(
        _ body: (UnsafeMutableRawBufferPointer) -> RTXStream.Written?
    ) -> (written: RTXStream.Written, bytes: [UInt8])? {
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_600, alignment: 8)
        defer { slot.deallocate() }
        guard let written = body(slot) else { return nil }
        return (written, Array(slot[..<(written.headerBytes + written.payloadBytes)]))
    }

    /// Restores `packet` in place.
    /// - Returns: what it is, and the restored packet.
    private static func restore(
        _ packet: [UInt8], ssrc: UInt32 = 7, payloadType: UInt8 = 100, table: ExtensionTable = .usual
    ) -> (RTXUnwrapping.Result, [UInt8], PacketInfo)? {
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: packet.count, alignment: 8)
        defer { slab.deallocate() }
        slab.copyBytes(from: packet)
        guard var info = PacketInfo(packet: UnsafeRawBufferPointer(slab), table: table) else { return nil }
        let result = RTXUnwrapping.restore(slab, &info, ssrc: ssrc, payloadType: payloadType)
        return (result, Array(slab[(result == .packet ? 2 : 0)...]), info)
    }

    @Test("a repeat has its original's number in front, its own number, SSRC and type, and no padding")
    func written() throws {
        var store = PacketStore(byteCapacity: 100_000)
        let packet = TestPacket(
            marker: false, sequence: 5_000, timestamp: 90_000, extensions: [[6, 1], [10, 65]], payload: [9, 8, 7],
            padding: 30)
        let reference = PacketStoreTests.insert(packet.bytes, into: &store)
        let found = store.find(reference, at: .zero)
        let stored = try #require(found)
        let value = Repeat(
            source: 3, sequence: 0x1234, reference: reference,
            patch: PacketPatch(timestampOffset: 10, fields: [.marker]))
        var stream = RTXStream(ssrc: 0xBEEF, after: nil)
        for number in 1...2 as ClosedRange<UInt16> {
            let result = Self.slot {
                stream.write(
                    value, of: stored, payloadType: 97, receiver: Self.receiver, sendTime: AbsoluteSendTime(.zero),
                    into: $0)
            }
            let (written, bytes) = try #require(result)
            let header = try RTPHeader(bytes.rawSpan)
            #expect(header.sequence == number && header.ssrc == 0xBEEF && header.payloadType == 97)
            #expect(header.timestamp == 90_010 && header.marker && !header.hasPadding)
            #expect(header.headerByteCount == written.headerBytes)
            #expect(Array(bytes[written.headerBytes...]) == [0x12, 0x34, 9, 8, 7])
            #expect(written.mediaOffset == written.headerBytes + 2 && written.payloadBytes == 5)
            // The receiver's numbers: orientation as it came, a send time of the repeat's own, no MID.
            #expect(Array(bytes[12..<written.headerBytes]) == [0xBE, 0xDE, 0, 2, 0xD0, 1, 0x32, 0, 0, 0, 0, 0])
        }
    }

    @Test("the numbers go on behind those that were used, over the wrap")
    func numbers() {
        #expect(RTXStream(ssrc: 1, after: nil).nextSequence == 1)
        #expect(RTXStream(ssrc: 1, after: 65_535).nextSequence == 0)
        #expect(MemoryLayout<RTXStream>.stride == 8)
    }

    @Test("without RTX it is the packet itself again")
    func plain() throws {
        var store = PacketStore(byteCapacity: 100_000)
        let packet = TestPacket(marker: true, sequence: 5_000, timestamp: 90_000, payload: [9, 8, 7])
        let reference = PacketStoreTests.insert(packet.bytes, into: &store)
        let found = store.find(reference, at: .zero)
        let stored = try #require(found)
        let value = Repeat(source: 0, sequence: 0x1234, reference: reference, patch: PacketPatch(timestampOffset: 1))
        let result = Self.slot {
            RTXStream.writePlain(
                value, of: stored, ssrc: 0xCAFE, payloadType: 96, receiver: Self.receiver, sendTime: nil, into: $0)
        }
        let expected = TestPacket(
            marker: true, payloadType: 96, sequence: 0x1234, timestamp: 90_001, ssrc: 0xCAFE, payload: [9, 8, 7])
        #expect(result?.bytes == expected.bytes)
        #expect(result?.written == RTXStream.Written(headerBytes: 12, payloadBytes: 3, mediaOffset: 12))
    }

    @Test("what does not fit its slot is not written and takes no number")
    func tooLong() throws {
        var store = PacketStore(byteCapacity: 100_000)
        let packet = TestPacket(payload: [UInt8](repeating: 1, count: 1_588))
        let reference = PacketStoreTests.insert(packet.bytes, into: &store)
        let found = store.find(reference, at: .zero)
        let stored = try #require(found)
        let value = Repeat(source: 0, sequence: 1, reference: reference, patch: PacketPatch())
        var stream = RTXStream(ssrc: 1, after: nil)
        let result = Self.slot {
            stream.write(value, of: stored, payloadType: 97, receiver: Self.receiver, sendTime: nil, into: $0)
        }
        #expect(result == nil)
        #expect(stream.nextSequence == 1)
        let plain = Self.slot {
            RTXStream.writePlain(
                value, of: stored, ssrc: 1, payloadType: 97, receiver: Self.receiver, sendTime: nil, into: $0)
        }
        #expect(plain?.bytes.count == 1_600)
    }

    @Test("a sender's repeat becomes the original where it lies")
    func restored() throws {
        let packet = TestPacket(
            marker: true, payloadType: 97, sequence: 3, timestamp: 88, ssrc: 0xBEEF, csrcs: 1,
            extensions: [[5, 1, 2], [6, 9]], payload: [0x12, 0x34, 9, 8, 7], padding: 4)
        let original = TestPacket(
            marker: true, payloadType: 100, sequence: 0x1234, timestamp: 88, ssrc: 7, csrcs: 1,
            extensions: [[5, 1, 2], [6, 9]], payload: [9, 8, 7], padding: 4)
        let restored = Self.restore(packet.bytes)
        let (result, bytes, info) = try #require(restored)
        #expect(result == .packet)
        #expect(bytes == original.bytes)
        // What is said of it is what would be read from it.
        let expected = original.info(.usual)
        #expect(info.sequence == 0x1234 && info.ssrc == 7 && info.payloadType == 100 && info.marker)
        #expect(info.byteCount == expected.byteCount && info.headerBytes == expected.headerBytes)
        #expect(info.payloadBytes == 3 && info.paddingBytes == 4)
        #expect(info.keptCount == expected.keptCount && info.kept[0].offset == expected.kept[0].offset)
        #expect(info.transportSequence == 0x0102, "the repeat's own, for feedback")
    }

    @Test("probes and what is cut off are told apart and stay as they are")
    func notRestored() throws {
        for (payload, padding, expected) in [
            ([], 0, .probe), ([], 200, .probe), ([1], 0, .malformed), ([1], 5, .malformed),
        ] as [([UInt8], Int, RTXUnwrapping.Result)] {
            let packet = TestPacket(payload: payload, padding: padding).bytes
            let restored = Self.restore(packet)
            let (result, bytes, info) = try #require(restored)
            #expect(result == expected)
            #expect(bytes == packet)
            #expect(info.sequence == 1 && info.ssrc == 0xAAAA)
        }
        // The original was empty: it is restored and discarded as such.
        let empty = Self.restore(TestPacket(payload: [0, 9]).bytes)
        #expect(empty?.0 == .packet)
        #expect(empty?.2.isPaddingOnly == true && empty?.2.sequence == 9)
    }

    @Test("whatever a sender calls a repeat is restored to what door 4 reads, or refused")
    func hostile() {
        let failure = checkProperty(cases: 3_000) { random in
            let packet = TestPacket(
                payloadType: 97, sequence: 1, csrcs: random.int(in: 0...15),
                extensions: random.int(in: 0...1) == 0 ? [] : [[6, 1], [5, 1, 2]],
                payload: random.bytes(random.int(in: 0...6)), padding: random.int(in: 0...8))
            let bytes = mutate(packet.bytes, using: &random)
            guard let (result, restored, info) = Self.restore(bytes) else { return nil }
            guard result == .packet else { return restored == bytes ? nil : "changed" }
            guard let read = TestPacket.info(restored, .usual) else { return "not read: \(restored)" }
            let isSame =
                read.sequence == info.sequence && read.ssrc == 7 && read.payloadType == 100
                && read.byteCount == info.byteCount && read.headerBytes == info.headerBytes
                && read.payloadBytes == info.payloadBytes && read.paddingBytes == info.paddingBytes
                && read.keptCount == info.keptCount && read.marker == info.marker
            return isSame ? nil : "read \(read), told \(info)"
        }
        #expect(failure == nil)
    }

    @Test("what a receiver restores from a repeat is the packet it was sent, byte for byte")
    func sameBytes() {
        let failure = checkProperty(cases: 500) { random in
            var store = PacketStore(byteCapacity: 100_000)
            let packet = TestPacket(
                marker: random.int(in: 0...1) == 0, sequence: UInt16(truncatingIfNeeded: random.next()),
                timestamp: UInt32(truncatingIfNeeded: random.next()), csrcs: random.int(in: 0...3),
                extensions: random.int(in: 0...1) == 0 ? [] : [[6, 1], [5, 1, 2]],
                payload: random.bytes(random.int(in: 1...1_200)), padding: random.int(in: 0...20))
            let bytes = packet.bytes
            let reference = PacketStoreTests.insert(bytes, into: &store)
            guard let stored = store.find(reference, at: .zero) else { return "not stored" }
            let value = Repeat(
                source: 0, sequence: UInt16(truncatingIfNeeded: random.next()), reference: reference,
                patch: PacketPatch(timestampOffset: UInt32(truncatingIfNeeded: random.next())))
            let sent = Self.slot { slot in
                bytes.withUnsafeBytes { source in
                    let info = packet.info(.usual)
                    let headerBytes = HeaderRewriter.write(
                        info, from: source, into: slot, receiver: Self.receiver, ssrc: 9, sequence: value.sequence,
                        timestamp: info.timestamp &+ value.patch.timestampOffset, payloadType: 96)
                    for index in 0..<info.payloadBytes { slot[headerBytes + index] = source[info.headerBytes + index] }
                    return RTXStream.Written(
                        headerBytes: headerBytes, payloadBytes: info.payloadBytes, mediaOffset: headerBytes)
                }
            }
            var stream = RTXStream(ssrc: 10, after: UInt16(truncatingIfNeeded: random.next()))
            let repeated = Self.slot {
                stream.write(value, of: stored, payloadType: 97, receiver: Self.receiver, sendTime: nil, into: $0)
            }
            guard let sent, let repeated,
                let (result, restored, _) = Self.restore(
                    repeated.bytes, ssrc: 9, payloadType: 96, table: Self.receiver)
            else { return "not written" }
            return result == .packet && restored == sent.bytes ? nil : "\(restored) for \(sent.bytes)"
        }
        #expect(failure == nil)
    }
}
