// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

/// Who is told to be reachable and who is not (media-plane.md 14).
@Suite("Connectivity of endpoints")
struct ConnectivityTests {
    private func changes(_ world: inout World) -> [String] {
        defer { world.events = [] }
        return world.events.compactMap { event in
            guard case .connectivityChanged(let number, let conference, let isActive) = event else { return nil }
            return "\(conference.value)/\(number.value) \(isActive)"
        }
    }

    private func create(_ number: UInt64, isVisitor: Bool = false, in world: inout World) {
        let creation = EndpointCreation(
            number: EndpointNumber(number), id: "e\(number)", isICEControlling: true, isVisitor: isVisitor,
            media: EndpointMedia())
        _ = world.request([.createEndpoint(creation)])
    }

    @Test("an endpoint that never transferred anything is unreachable 15 s after it was made, told once")
    func neverHeard() throws {
        var world = try World()
        world.createConference()
        create(90, in: &world)
        world.run(for: .milliseconds(14_950))
        #expect(changes(&world) == [])
        world.run(for: .milliseconds(600))
        #expect(changes(&world) == ["7/90 false"])
        expect(world.counters.value(.endpointsDisconnected) == 1)
        world.run(for: .seconds(30 as Int64))
        #expect(changes(&world) == [])
    }

    @Test("an endpoint is unreachable after 8 s of silence and reachable when it is heard again")
    func silence() throws {
        var world = try World { $0.consent.isRandomized = false }
        expect(world.assemble(2))
        world.run(for: .seconds(30 as Int64))
        #expect(changes(&world) == [], "consent is a sign of life")
        let packet = try require(world.clients[1].makeRTP(ssrc: 1_001, payloadType: 111, payload: [1]))
        world.send([packet], from: 1)
        world.clients[1].isDeaf = true
        world.run(for: .milliseconds(7_950))
        #expect(changes(&world) == [])
        world.run(for: .milliseconds(550))
        #expect(changes(&world) == ["7/2 false"])
        let next = try require(world.clients[1].makeRTP(ssrc: 1_001, payloadType: 111, payload: [1]))
        world.send([next], from: 1)
        world.run(for: .milliseconds(500))
        #expect(changes(&world) == ["7/2 true"])
        expect(world.counters.value(.endpointsDisconnected) == 1)
        expect(world.counters.value(.endpointsReconnected) == 1)
    }

    @Test("nobody is told of visitors")
    func visitors() throws {
        var world = try World()
        world.createConference()
        create(91, isVisitor: true, in: &world)
        world.run(for: .seconds(30 as Int64))
        #expect(changes(&world) == [])
        expect(world.counters.value(.endpointsDisconnected) == 0)
    }

    @Test("the times are those that were set")
    func settings() throws {
        var world = try World { settings in
            settings.firstTransferTimeout = .seconds(2 as Int64)
            settings.connectivityInterval = .milliseconds(100)
        }
        world.createConference()
        create(92, in: &world)
        world.run(for: .milliseconds(1_990))
        #expect(changes(&world) == [])
        world.run(for: .milliseconds(110))
        #expect(changes(&world) == ["7/92 false"])
    }

    @Test("an interval of zero does not make the loop turn without end")
    func zeroInterval() throws {
        var world = try World { $0.connectivityInterval = .zero }
        world.createConference()
        create(93, in: &world)
        world.run(for: .milliseconds(100))
        expect(world.host.nextTimeout > world.now)
    }

    @Test("a worker without endpoints is not woken for them; with them twice a second, however many there are")
    func idle() throws {
        var world = try World()
        world.createConference()
        expect(world.host.nextConnectivity == .distantFuture)
        for number in 100..<600 as Range<UInt64> { create(number, in: &world) }
        var turns = 0
        let end = world.now + .seconds(1 as Int64)
        // Ends: timers lie in the future after they ran.
        while world.host.nextTimeout <= end {
            world.now = max(world.now, world.host.nextTimeout)
            world.host.handleTimeout(at: world.now, into: &world.egress)
            turns += 1
        }
        // Two rounds of 500 endpoints at 256 a turn, and one of the gauges.
        #expect(turns <= 8)
        _ = world.request([.expireConference])
        world.run(for: .seconds(2 as Int64))
        expect(world.host.nextConnectivity == .distantFuture)
    }
}
