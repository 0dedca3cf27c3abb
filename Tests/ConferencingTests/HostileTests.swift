// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Hostile input and cost")
struct HostileTests {
    @Test("random and damaged datagrams from strangers and members never trap, grow nothing and stop nobody")
    func randomDatagrams() throws {
        var world = try World()
        expect(world.assemble(2))
        var random = Random(seed: 99)
        let good = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1, 2, 3]))
        let stranger = TransportAddress(ipv4: 0x0102_0304, port: 9)
        for _ in 0..<4_000 {
            var bytes = random.fraction() < 0.5 ? mutate(good, using: &random) : random.bytes(random.int(in: 0...1_500))
            if bytes.count > 1, random.fraction() < 0.7 {
                bytes[0] = [0, 1, 22, 64, 128, 144, 191, 255].randomElement(using: &random) ?? 0
            }
            if bytes.isEmpty || bytes == good { continue }
            world.sendStranger(bytes, from: stranger)
            world.sendStranger(bytes, from: world.clients[1].address)
        }
        let replies = world.clients[0].received.count
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [9]))], from: 0)
        expect(world.clients[1].received.count == 1)
        expect(world.clients[0].received.count == replies)
        expect(world.counters.value(.droppedUnknownSource) > 100)
    }

    @Test("a replayed packet is forwarded once")
    func replay() throws {
        var world = try World()
        expect(world.assemble(2))
        let packet = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1, 2, 3]))
        world.send([packet, packet], from: 0)
        world.send([packet], from: 0)
        expect(world.clients[1].received.count == 1)
        expect(world.counters.value(.droppedSRTPReplay) == 2)
    }

    @Test("compounds full of sender reports fill the batch and end nothing: media behind them is forwarded")
    func senderReportFlood() throws {
        var world = try World()
        expect(world.assemble(2))
        let report = SenderReport(
            ssrc: 1_000, ntp: NTPTime(1), rtpTimestamp: 1, packetCount: 1, octetCount: 1)
        var batch: [[UInt8]] = []
        for _ in 0..<20 {
            let compound = world.clients[0].makeRTCP { writer in
                for _ in 0..<40 { report.write(to: &writer) }
            }
            batch.append(try require(compound))
        }
        for _ in 0..<20 {
            batch.append(try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1])))
        }
        world.send(batch, from: 0)
        expect(world.clients[1].received.count == 20)
    }

    @Test("a member cannot speak for another: the SSRC must be its own")
    func foreignSSRC() throws {
        var world = try World()
        expect(world.assemble(3))
        world.send([try require(world.clients[1].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 1)
        expect(world.clients[2].received.isEmpty)
        expect(world.counters.value(.droppedUnknownSSRC) == 1)
    }

    @Test(
        "forwarding allocates nothing in steady state: 100,000 packets through all doors",
        arguments: [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80])
    func noAllocation(profile: SRTPProfile) throws {
        var world = try World(profiles: [profile])
        world.createConference()
        for index in 0..<11 {
            // Half of the receivers have every packet stamped.
            expect(
                world.join { media in
                    media.headerExtensions.append(HeaderExtensionMapping(id: 3, kind: .absoluteSendTime))
                    media.payloadTypes[0].hasTransportCC = index % 2 == 0
                })
        }
        expect(world.connectAll())
        let rounds = 10_000 / 32 + 2
        var packets: [[UInt8]] = []
        for number in 0..<rounds * 32 {
            let isVideo = number % 4 != 0
            let payload = isVideo ? vp8(isKeyframe: number == 1, size: 300) : [UInt8](repeating: 7, count: 80)
            packets.append(
                try require(
                    world.clients[0].makeRTP(
                        ssrc: isVideo ? 2_000 : 1_000, payloadType: isVideo ? 100 : 111, payload: payload,
                        extensions: isVideo ? [(5, [0, 1])] : [(1, [30]), (5, [0, 1])])))
        }
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 32 * 512, alignment: 16)
        defer { slab.deallocate() }
        let address = world.clients[0].address
        var allocations: UInt64 = 0
        for round in 0..<rounds {
            for index in 0..<32 {
                slab[(index * 512)...].copyBytes(from: packets[round * 32 + index])
            }
            let sizes = packets[(round * 32)..<(round * 32 + 32)].map(\.count)
            let counted = countAllocations {
                for index in 0..<32 {
                    let place = UnsafeMutableRawBufferPointer(
                        rebasing: slab[(index * 512)..<(index * 512 + sizes[index])])
                    world.host.receive(
                        place, from: address, local: 0, at: world.now, arrival: world.now, into: &world.egress)
                }
                while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
                world.egress.removeAll()
            }
            // The first rounds warm up: contexts of the two SSRCs, the report clock.
            if round >= 2 { allocations += counted }
            world.now = world.now + .microseconds(500)
        }
        let forwarded = world.counters.value(.rtpForwarded)
        #expect(forwarded >= 100_000)
        #expect(allocations == 0)
    }
}
