// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages
import TestSupport
import Testing

@testable import Forwarding

@Suite("Loss repair allocates nothing")
struct RepairAllocationTests {
    /// A sender whose packets are lost and repeated, and a receiver that loses some again.
    private struct Path: ~Copyable {
        var generator = NackGenerator()
        var memory = RepairMemory()
        var ring = SentRing()
        var responder = NackResponder()
        var stream = RTXStream(ssrc: 9, after: nil)
        var restored = 0
        var repeated = 0
        var asked = 0

        mutating func take(_ packet: UnsafeMutableRawBufferPointer, at now: Timestamp) {
            guard var info = PacketInfo(packet: UnsafeRawBufferPointer(packet), table: .usual),
                var base = packet.baseAddress
            else { return }
            let isRepeat = info.payloadType == 97
            if isRepeat {
                guard RTXUnwrapping.restore(packet, &info, ssrc: 7, payloadType: 100) == .packet else { return }
                base += RTXStream.prefixBytes
                restored += 1
            }
            switch generator.note(info.sequence, isRepeat: isRepeat, roundTrip: .milliseconds(5), now: now) {
            case .newest, .late: break
            case .duplicate, .tooOld: return
            }
            let reference = memory.store.insert(info, from: base, codec: 0, at: now)
            memory.rings.note(info.sequence, reference, PacketPatch(), in: &ring)
        }

        mutating func ask(_ nack: GenericNACK, at now: Timestamp) {
            responder.answer(nack, of: 0, ring, from: &memory, roundTrip: .milliseconds(5), at: now)
        }

        mutating func tick(_ slot: UnsafeMutableRawBufferPointer, at now: Timestamp) {
            if let due = generator.nextTimeout, now >= due {
                var writer = BufferWriter(slot)
                asked += generator.write(
                    senderSSRC: 1, mediaSSRC: 7, roundTrip: .milliseconds(5), now: now, to: &writer)
            }
            while let (value, packet) = memory.nextRepeat(in: &responder.waiting, at: now) {
                let written = stream.write(
                    value, of: packet, payloadType: 97, receiver: .usual, sendTime: AbsoluteSendTime(now), into: slot)
                if written != nil { repeated += 1 }
            }
        }
    }

    @Test("store, remember, answer, repeat, restore and ask over 50,000 packets")
    func fiftyThousand() {
        let template = TestPacket(extensions: [[5, 0, 0]], payload: [UInt8](repeating: 1, count: 900)).bytes
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: template.count, alignment: 8)
        packet.copyBytes(from: template)
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_600, alignment: 8)
        defer {
            packet.deallocate()
            slot.deallocate()
        }
        var path = Path()
        func run(_ numbers: Range<Int>) {
            for number in numbers {
                let now = Timestamp.zero + .milliseconds(Int64(number))
                let sequence = UInt16(truncatingIfNeeded: number)
                // One in ten is lost and comes as a repeat ten packets later.
                if number % 10 != 5 {
                    template.withUnsafeBytes { packet.copyMemory(from: $0) }
                    packet.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
                    path.take(packet, at: now)
                } else if number > 10 {
                    template.withUnsafeBytes { packet.copyMemory(from: $0) }
                    packet[1] = 97
                    packet.storeBytes(of: (sequence &- 10).bigEndian, toByteOffset: 20, as: UInt16.self)
                    path.take(packet, at: now)
                }
                if number % 10 == 0 {
                    path.ask(GenericNACK(packetID: sequence &- 20, mask: 0b11), at: now)
                }
                path.tick(slot, at: now)
            }
        }
        run(0..<1_000)
        let allocations = countAllocations { run(1_000..<51_000) }
        #expect(allocations == 0)
        #expect(path.restored == 5_099)
        #expect(path.asked == 5_100)
        #expect(path.repeated > 14_000)
        #expect(path.memory.counters.queued == UInt64(path.repeated))
    }
}
