// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Redundant audio through a shard (media-plane.md 10.4)")
struct RedundancyForwardingTests {
    /// Client 0 speaks, 1 takes RED, 2 does not.
    private func world(
        _ policy: RedundancySettings.Policy, configure: (inout ShardSettings) -> Void = { _ in }
    ) throws -> World {
        var world = try World {
            $0.redundancy.policy = policy
            configure(&$0)
        }
        world.createConference()
        for client in 0..<3 {
            expect(
                world.join { media in
                    if client < 2 {
                        media.payloadTypes.append(PayloadType(number: 112, codec: .red, clockRate: 48_000))
                    }
                })
        }
        expect(world.connectAll())
        return world
    }

    private static func opus(_ number: UInt16) -> [UInt8] {
        [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 30)
    }

    private static func time(_ number: UInt16) -> UInt32 { 100_000 + UInt32(number) * 960 }

    /// The packet `number` of client 0, with those before it repeated.
    private func red(_ number: UInt16, repeating count: UInt16, _ world: inout World, level: UInt8 = 40) throws
        -> [UInt8]
    {
        let payload = BufferWriter.array(capacity: 1_200) { writer in
            for back in (1..<count + 1).reversed() {
                RedundantAudio.writeHeader(
                    payloadType: 111, timestampOffset: back * 960, byteCount: 30, to: &writer)
            }
            RedundantAudio.writePrimaryHeader(payloadType: 111, to: &writer)
            for back in (0..<count + 1).reversed() { writer.append(Self.opus(number - back).rawSpan) }
        }
        return try plain(number, &world, payloadType: 112, payload: payload, level: level)
    }

    private func plain(
        _ number: UInt16, _ world: inout World, payloadType: UInt8 = 111, payload: [UInt8]? = nil, level: UInt8 = 40
    ) throws -> [UInt8] {
        try require(
            world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: payloadType, sequence: number, timestamp: Self.time(number),
                payload: payload ?? Self.opus(number), extensions: [(1, [0x80 | level])]))
    }

    /// Numbers of the payloads that a client got, and whether they arrived under the right numbers and times.
    private func payloads(_ world: borrowing World, _ client: Int, from first: UInt16 = 100) -> [UInt16] {
        var base: (sequence: UInt16, number: UInt16)?
        return world.clients[client].received.compactMap { packet in
            let number = packet.payload.first.map { UInt16($0) } ?? 0
            expect(packet.payload == Self.opus(number))
            expect(packet.timestamp == Self.time(number))
            if let base { expect(packet.sequence &- base.sequence == number &- base.number) }
            if base == nil { base = (packet.sequence, number) }
            return number
        }
    }

    @Test("those who take RED get it as it came, the others what is inside, under their own payload type")
    func pass() throws {
        var world = try world(.pass)
        var sent: [[UInt8]] = []
        for number in 100..<110 as Range<UInt16> {
            let packet = try red(number, repeating: 2, &world)
            world.send([packet], from: 0)
            sent.append(packet)
        }
        let takers = world.clients[1].received
        #expect(takers.count == 10)
        #expect(takers.allSatisfy { $0.payloadType == 112 && $0.payload.count == 9 + 90 })
        #expect(takers.allSatisfy { $0.extensions == [1: [0xA8]] })
        let others = world.clients[2].received
        #expect(others.allSatisfy { $0.payloadType == 111 })
        // The first packet had two before it that nobody got.
        #expect(payloads(world, 2) == Array(98..<110))
        #expect(others.dropFirst(2).allSatisfy { $0.extensions == [1: [0xA8]] })
        #expect(others.prefix(2).allSatisfy { $0.extensions.isEmpty }, "the level was the lost packet's own")
        expect(world.counters.value(.audioRecovered) == 2)
        expect(world.counters.value(.droppedNoReceiverRoute) == 0)
    }

    @Test("where the policy is to strip, everybody gets what is inside")
    func strip() throws {
        var world = try world(.strip)
        for number in 100..<105 as Range<UInt16> { world.send([try red(number, repeating: 1, &world)], from: 0) }
        for client in 1...2 {
            #expect(payloads(world, client) == Array(99..<105))
            expect(world.clients[client].received.allSatisfy { $0.payloadType == 111 })
        }
    }

    @Test("one or two lost packets are recovered, before the one that brought them; late ones do not go out twice")
    func recovery() throws {
        var world = try world(.pass)
        world.send([try red(100, repeating: 0, &world)], from: 0)
        let late = try red(101, repeating: 1, &world)
        world.send([try red(102, repeating: 2, &world)], from: 0)
        // 103 and 104 are lost for good, and 105 brings them.
        world.send([try red(105, repeating: 2, &world)], from: 0)
        world.send([late], from: 0)
        // Three in a row are more than it can bring.
        world.send([try red(109, repeating: 2, &world)], from: 0)
        #expect(payloads(world, 2) == [100, 101, 102, 103, 104, 105, 107, 108, 109])
        expect(world.counters.value(.audioRecovered) == 5)
        // Those who take RED get each packet that came.
        expect(world.clients[1].received.count == 5)
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("a plain packet that comes late after it was recovered goes only to those who did not get it then")
    func latePlain() throws {
        var world = try world(.pass)
        world.send([try red(100, repeating: 0, &world)], from: 0)
        let late = try plain(101, &world)
        world.send([try red(102, repeating: 1, &world)], from: 0)
        world.send([late], from: 0)
        world.send([try plain(103, &world)], from: 0)
        #expect(payloads(world, 2) == [100, 101, 102, 103])
        #expect(world.clients[1].received.map(\.payloadType) == [112, 112, 111, 111])
    }

    @Test("long silence that was discarded is not brought back by redundancy, and leaves no gap")
    func silence() throws {
        var world = try world(.pass)
        for number in 100..<106 as Range<UInt16> {
            world.send([try red(number, repeating: 0, &world, level: 127)], from: 0)
        }
        world.send([try red(106, repeating: 2, &world)], from: 0)
        let received = world.clients[2].received
        #expect(received.map { UInt16($0.payload[0]) } == [100, 101, 102, 103, 106])
        for (earlier, later) in zip(received, received.dropFirst()) { #expect(later.sequence &- earlier.sequence == 1) }
        expect(world.counters.value(.audioRecovered) == 0)
    }

    @Test("what is no RED inside, encrypted end to end perhaps, goes to those who take it as it is")
    func opaque() throws {
        var world = try world(.pass)
        var random = Random(seed: 3)
        for number in 100..<150 as Range<UInt16> {
            let payload = [0xFF] + random.bytes(60)
            world.send([try plain(number, &world, payloadType: 112, payload: payload)], from: 0)
        }
        expect(world.clients[1].received.count == 50)
        #expect(world.clients[2].received.isEmpty)
    }

    @Test("hostile RED never traps and never sends what was not there")
    func hostile() throws {
        var world = try world(.pass)
        var random = Random(seed: 5)
        for number in 100..<2_000 as Range<UInt16> {
            let payload = mutate(
                BufferWriter.array(capacity: 200) { writer in
                    RedundantAudio.writeHeader(payloadType: 111, timestampOffset: 960, byteCount: 30, to: &writer)
                    RedundantAudio.writePrimaryHeader(payloadType: 111, to: &writer)
                    writer.append(Self.opus(7).rawSpan)
                    writer.append(Self.opus(8).rawSpan)
                }, using: &random)
            guard !payload.isEmpty else { continue }
            world.send([try plain(number, &world, payloadType: 112, payload: payload)], from: 0)
        }
        expect(world.clients[1].received.count > 1_000)
        #expect(world.clients[2].received.allSatisfy { $0.payloadType == 111 && !$0.payload.isEmpty })
    }

    @Test("everything is protected for those who take RED, the others get it as it came", arguments: [1, 2])
    func protect(distance: Int) throws {
        var world = try world(.protect) { $0.redundancy.distance = distance }
        for number in 100..<110 as Range<UInt16> { world.send([try plain(number, &world)], from: 0) }
        #expect(payloads(world, 2) == Array(100..<110))
        let takers = world.clients[1].received
        #expect(takers.count == 10)
        for (index, packet) in takers.enumerated() {
            #expect(packet.payloadType == 112)
            #expect(packet.extensions == [1: [0xA8]])
            let parsed = RedundantAudio(packet.payload.rawSpan, from: 0, to: packet.payload.count)
            let content = try #require(parsed)
            func block(_ block: RedundantAudio.Block?) -> [UInt8]? {
                block.map { Array(packet.payload[$0.offset..<$0.offset + $0.byteCount]) }
            }
            let number = 100 + UInt16(index)
            #expect(block(content.primary) == Self.opus(number))
            #expect(block(content.secondary) == (index > 0 ? Self.opus(number - 1) : nil))
            #expect(block(content.tertiary) == (index > 1 && distance == 2 ? Self.opus(number - 2) : nil))
            #expect(content.secondary?.timestampOffset ?? 960 == 960)
        }
        for (earlier, later) in zip(takers, takers.dropFirst()) { #expect(later.sequence &- earlier.sequence == 1) }
        // What is protected already stays as it is.
        world.clients[1].received = []
        world.send([try red(110, repeating: 1, &world)], from: 0)
        #expect(world.clients[1].received.map { $0.payload.count } == [5 + 60])
    }

    @Test("packets that wait keep their redundancy, and room for them is found again")
    func parked() throws {
        var world = try world(.protect)
        var number: UInt16 = 100
        for _ in 0..<30 {
            var batch: [(client: Int, bytes: [UInt8])] = []
            for _ in 0..<100 {
                batch.append((0, try plain(number, &world)))
                number += 1
            }
            world.receive(batch)
            var budget = Int.max
            world.pump(&budget)
        }
        expect(world.clients[1].received.count == 3_000)
        expect(world.clients[2].received.count == 3_000)
        expect(world.counters.value(.droppedBatchFull) == 0)
    }

    @Test(
        "nothing is allocated for redundancy once a voice has begun",
        arguments: [RedundancySettings.Policy.pass, .protect])
    func noAllocation(policy: RedundancySettings.Policy) throws {
        var world = try world(policy)
        var packets: [[UInt8]] = []
        for number in 100..<160 as Range<UInt16> {
            packets.append(
                policy == .pass ? try red(number, repeating: 2, &world) : try plain(number, &world))
        }
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 60 * 512, alignment: 16)
        defer { slab.deallocate() }
        for (index, packet) in packets.enumerated() { slab[(index * 512)...].copyBytes(from: packet) }
        let sizes = packets.map(\.count)
        let address = world.clients[0].address
        func forward(_ range: Range<Int>, _ world: inout World) {
            for index in range {
                let start = index * 512
                let place = UnsafeMutableRawBufferPointer(rebasing: slab[start..<start + sizes[index]])
                world.host.receive(
                    place, from: address, local: 0, at: world.now, arrival: world.now, into: &world.egress)
            }
            while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
            world.egress.removeAll()
        }
        forward(0..<20, &world)
        let before = world.counters.value(.rtpForwarded)
        let counted = countAllocations { forward(20..<60, &world) }
        #expect(counted == 0)
        expect(world.counters.value(.rtpForwarded) - before == 80)
    }
}
