// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import MediaTransport
import OpenSSL
import Primitives
import RTP
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("The repair of losses allocates nothing per packet")
struct RepairAllocationTests {
    @Test("losses in and out, NACKs, RTX both ways: nothing is allocated once the pairs are made")
    func nothing() throws {
        // Receivers that lose a fifth would be sent less.
        var world = try World(profiles: [.aeadAES128GCM]) { $0.estimates.trustsEstimates = false }
        expect(world.assembleRepairing(6))
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 512, alignment: 16)
        defer { slab.deallocate() }
        var counted: UInt64 = 0
        for round in 0..<200 {
            // Of ten packets the sixth is lost; it comes on the RTX stream with the next ten.
            let first = UInt16(1_000 + round * 10)
            var datagrams: [(client: Int, bytes: [UInt8])] = []
            for number in first..<first + 10 where number != first + 5 {
                datagrams.append((0, try world.video(number, isKeyframe: number == 1_000)))
            }
            if round > 0 { datagrams.append((0, try world.repeated(first - 5, as: UInt16(round)))) }
            // Everybody misses two of the last ones, and asks for some that never were.
            for client in 1..<6 where round > 0 {
                let last = world.clients[client].sequence
                let datagram = world.clients[client].makeRTCP {
                    GenericNACK.write(
                        senderSSRC: 77, mediaSSRC: 2_000, lost: [last &- 3, last &- 2, last &+ 60].span, to: &$0)
                }
                datagrams.append((client, try require(datagram)))
            }
            let addresses = (0..<6).map { world.clients[$0].address }
            for (number, datagram) in datagrams.enumerated() {
                slab[(number * 512)...].copyBytes(from: datagram.bytes)
            }
            let sizes = datagrams.map { ($0.client, $0.bytes.count) }
            let inRound = countAllocations {
                for number in 0..<sizes.count {
                    let place = UnsafeMutableRawBufferPointer(
                        rebasing: slab[number * 512..<number * 512 + sizes[number].1])
                    world.host.receive(
                        place, from: addresses[sizes[number].0], local: 0, at: world.now, arrival: world.now,
                        into: &world.egress)
                }
                while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
            }
            if round >= 10 { counted += inRound }
            // The numbers they have are those of their stream; delivery would allocate.
            for client in 1..<6 {
                let index = try require(world.host.endpointIndex(world.clients[client].number))
                let receiver = world.host.endpoints.pointer(at: index)
                world.clients[client].sequence = receiver.pointee.transport.lastSentSequence(of: 2_000) ?? 0
            }
            world.egress.removeAll()
            world.now = world.now + .milliseconds(20)
            world.host.handleTimeout(at: world.now, into: &world.egress)
            world.egress.removeAll()
        }
        #expect(counted == 0)
        // All of it took place.
        expect(world.counters.value(.packetsRepaired) >= 190)
        expect(world.counters.value(.repeatsSent) >= 5 * 2 * 190)
        expect(world.counters.value(.nacksSent) >= 190)
        expect(world.counters.value(.repeatsNeverSent) >= 5 * 190)
        expect(world.counters.value(.rtpForwarded) >= 200 * 9 * 5)
    }
}
