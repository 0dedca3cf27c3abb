// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages
import TestSupport
import Testing

@Suite("What a receiver says it can take")
struct EstimateTests {
    private func tell(_ bitrate: UInt64, from client: Int, in world: inout World) throws {
        let packet = world.clients[client].makeRTCP { writer in
            let sources: [UInt32] = [1_000]
            MaximumBitrateEstimate(senderSSRC: 9, bitrate: bitrate).write(sources: sources.span, to: &writer)
        }
        world.send([try require(packet)], from: client)
    }

    private func told(_ world: borrowing World) -> [UInt64] {
        world.events.compactMap { event in
            if case .estimateChanged(_, let bitsPerSecond) = event { return bitsPerSecond }
            return nil
        }
    }

    @Test("a REMB is told once, and the next one that differs when 200 ms have passed, however many come")
    func withoutFeedback() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<2 {
            expect(
                world.join { media in
                    for index in media.payloadTypes.indices { media.payloadTypes[index].hasTransportCC = false }
                })
        }
        expect(world.connectAll())
        try tell(1_000_000, from: 1, in: &world)
        for rate in 1...1_000 { try tell(UInt64(rate) * 1_024, from: 1, in: &world) }
        world.run(for: .milliseconds(250))
        expect(told(world) == [1_000_000])
        try tell(1_000_000, from: 1, in: &world)
        try tell(2_000_000, from: 1, in: &world)
        world.run(for: .milliseconds(1))
        expect(told(world) == [1_000_000, 2_000_000])
    }

    @Test("a REMB of a receiver with transport-wide feedback is passed over")
    func withFeedback() throws {
        var world = try World()
        expect(world.assemble(2))
        try tell(1_000_000, from: 1, in: &world)
        world.run(for: .seconds(1 as Int64))
        expect(told(world).isEmpty)
    }
}
