// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives
import ShardMessages
import Telemetry
import Testing

@Suite("Pauses of the process")
struct PauseTests {
    /// How many packets each client but the first gets of one that the first sends.
    private func heard(_ world: inout World) throws -> [Int] {
        let before = (1..<world.clients.count).map { world.clients[$0].received.count }
        let packet = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))
        world.send([packet], from: 0)
        return (1..<world.clients.count).map { world.clients[$0].received.count - before[$0 - 1] }
    }

    @Test("after a long pause nobody gets media before they have agreed anew, then it goes on, and nobody is ended")
    func long() throws {
        var world = try World()
        expect(world.assemble(3))
        #expect(try heard(&world) == [1, 1])
        world.host.resume(after: .seconds(75 as Int64), at: world.now)
        #expect(try heard(&world) == [0, 0])
        world.run(for: .milliseconds(1))
        #expect(try heard(&world) == [1, 1])
        world.run(for: .seconds(30 as Int64))
        #expect(try heard(&world) == [1, 1])
        expect(world.counters.value(.endpointsExpired) == 0)
    }

    @Test("after a short pause media goes on while everybody is asked")
    func short() throws {
        var world = try World()
        expect(world.assemble(3))
        world.host.resume(after: .seconds(2 as Int64), at: world.now)
        #expect(try heard(&world) == [1, 1])
        let sent = world.messagesSent
        world.run(for: .milliseconds(1))
        expect(world.messagesSent >= sent + 3)
    }

    @Test("who does not answer after a pause gets nothing, and ends only after the silence that anybody is allowed")
    func gone() throws {
        var world = try World()
        expect(world.assemble(3))
        world.clients[2].isDeaf = true
        world.host.resume(after: .seconds(3_600 as Int64), at: world.now)
        world.run(for: .seconds(50 as Int64))
        #expect(try heard(&world) == [1, 0])
        expect(world.counters.value(.endpointsExpired) == 0)
        world.run(for: .seconds(130 as Int64))
        #expect(world.events.contains { if case .endpointExpired(_, _, .inactive) = $0 { true } else { false } })
    }
}
