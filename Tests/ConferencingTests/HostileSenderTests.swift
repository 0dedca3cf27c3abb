// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

/// What a member can send as media to harm the others: each is refused or made harmless, counted, and the others go on.
@Suite("Hostile senders")
struct HostileSenderTests {
    /// Three clients; the second sends a voice that the third has to hear to the end.
    private func meeting(_ profile: SRTPProfile = .aeadAES128GCM) throws -> World {
        var world = try World(profiles: [profile])
        expect(world.assemble(3))
        return world
    }

    /// One more voice packet of client 1, which the third client has to get.
    private func expectVoice(_ world: inout World) throws {
        let before = world.clients[2].received.filter { $0.ssrc == 1_001 }.count
        let packet = world.clients[1].makeRTP(ssrc: 1_001, payloadType: 111, payload: [1, 2, 3])
        world.send([try require(packet)], from: 1)
        let after = world.clients[2].received.filter { $0.ssrc == 1_001 }.count
        #expect(after == before + 1)
    }

    @Test("two thousand SSRCs of one sender: none is forwarded, each is counted, its own streams and others go on")
    func manySSRCs() throws {
        var world = try meeting()
        for index in 0..<2_000 as Range<UInt32> {
            let packet = world.clients[0].makeRTP(ssrc: 500_000 + index, payloadType: 111, payload: [9])
            world.send([try require(packet)], from: 0)
            if index % 500 == 0 { try expectVoice(&world) }
        }
        let unknown = world.counters.value(.droppedUnknownSSRC) + world.counters.value(.droppedSRTPContexts)
        #expect(unknown == 2_000)
        expect(!world.clients[2].received.contains { $0.ssrc >= 500_000 })
        let own = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [7])
        world.send([try require(own)], from: 0)
        expect(world.clients[2].received.contains { $0.ssrc == 1_000 && $0.payload == [7] })
        try expectVoice(&world)
    }

    @Test("another member's SSRC, also that of a picture, is not the sender's to use")
    func othersSSRC() throws {
        var world = try meeting()
        for ssrc in [1_001, 1_002, 2_001, 2_002] as [UInt32] {
            let payload = ssrc < 2_000 ? [9] : vp8(isKeyframe: true, size: 100)
            let packet = world.clients[0].makeRTP(
                ssrc: ssrc, payloadType: ssrc < 2_000 ? 111 : 100, payload: payload)
            world.send([try require(packet)], from: 0)
        }
        expect(world.counters.value(.droppedUnknownSSRC) == 4)
        expect(world.clients[1].received.isEmpty && world.clients[2].received.isEmpty)
        try expectVoice(&world)
    }

    @Test("numbers that jump and times that run back: each receiver's numbers go on, none is used twice")
    func jumps() throws {
        var world = try meeting()
        var random = Random(seed: 21)
        var sequence: UInt16 = 100
        var time: UInt32 = 50_000
        for step in 0..<600 {
            if step % 40 == 39 { sequence &+= UInt16(truncatingIfNeeded: random.next()) }
            time = step % 25 == 24 ? UInt32(truncatingIfNeeded: random.next()) : time &- 3_000
            sequence &+= 1
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, sequence: sequence, timestamp: time,
                payload: vp8(isKeyframe: step % 20 == 0, size: 60))
            if let packet { world.send([packet], from: 0) }
            world.run(for: .milliseconds(5))
        }
        for client in 1...2 {
            let numbers = world.clients[client].received.filter { $0.ssrc == 2_000 }.map(\.sequence)
            #expect(numbers.count > 100)
            // Encryption allows a number once; the client opened all of them.
            let areRising = zip(numbers, numbers.dropFirst()).allSatisfy { Int16(bitPattern: $1 &- $0) > 0 }
            #expect(areRising)
        }
        try expectVoice(&world)
    }

    @Test("extension blocks that lie about their length, and elements that lie about theirs")
    func lyingExtensions() throws {
        var world = try meeting()
        var random = Random(seed: 5)
        var sent: UInt64 = 0
        for round in 0..<3_000 {
            // Elements with any identifier and length in a block of any form; the block itself is whole.
            let count = random.int(in: 1...4)
            let extensions = (0..<count).map { _ in
                (UInt8(random.int(in: 1...14)), random.bytes(random.int(in: 1...16)))
            }
            var header = header(sequence: UInt16(round), extensions)
            // Any byte of the block may be another.
            for _ in 0..<random.int(in: 0...3) {
                header[random.int(in: 12...header.count - 1)] = UInt8(truncatingIfNeeded: random.next())
            }
            guard let datagram = world.clients[0].seal(header, [UInt8(round & 255)]) else { continue }
            world.send([datagram], from: 0)
            sent += 1
        }
        #expect(sent > 2_000)
        var refused: UInt64 = 0
        for counter in [MediaCounter.droppedMalformedRTP, .droppedSRTPInvalid, .droppedSRTPAuthentication] {
            refused += world.counters.value(counter)
        }
        let heard = UInt64(world.clients[2].received.filter { $0.ssrc == 1_000 }.count)
        #expect(refused > 0 && heard > 1_000)
        expect(heard + refused + world.counters.value(.droppedSilence) == sent)
        try expectVoice(&world)
    }

    private func header(sequence: UInt16, _ extensions: [(UInt8, [UInt8])]) -> [UInt8] {
        BufferWriter.array(capacity: 400) { writer in
            RTPHeader.write(
                marker: false, payloadType: 111, sequence: sequence, timestamp: UInt32(sequence) * 960, ssrc: 1_000,
                hasExtension: true, to: &writer)
            let block = HeaderExtensionWriter(.twoByte, to: &writer)
            for (id, value) in extensions { _ = block.append(id: id, value.rawSpan, to: &writer) }
            block.finish(&writer)
        }
    }
}

extension Client {
    /// Seals a packet whose header may be anything.
    fileprivate mutating func seal(_ header: [UInt8], _ payload: [UInt8]) -> [UInt8]? {
        var slot = header + [UInt8](repeating: 0, count: EgressBatch.slotBytes - header.count)
        let total = slot.withUnsafeMutableBytes { slot in
            payload.withUnsafeBytes { transport.protectRTP(slot: slot, headerBytes: header.count, payload: $0) }
        }
        return total.map { Array(slot[..<$0]) }
    }
}
