// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

/// ICE restart in place as the control plane asks a worker for it: the rows of control-plane.md 4.5.
@Suite("ICE restart of an endpoint")
struct RestartTests {
    private static let counters: [MediaCounter] = [
        .iceRestartsStarted, .iceRestartsRejected, .iceRestartsNotEstablished, .iceRestartsAgentCreationFailed,
        .iceRestartsSucceeded, .iceRestartsSuperseded, .iceRestartsFailed,
    ]

    private func counts(_ world: borrowing World) -> [UInt64] { Self.counters.map { world.counters.value($0) } }

    /// Asks for a restart of client `index`'s endpoint.
    private func restart(_ index: Int, in world: inout World) throws -> LocalTransport {
        let number = world.clients[index].number
        let answer = try world.request([.restartICE(number)]).result.get()
        #expect(answer.map(\.0) == [number])
        return try require(answer.first?.1)
    }

    private func ended(_ world: borrowing World) -> [Bool] {
        world.events.compactMap { if case .iceRestartEnded(_, _, let isConnected) = $0 { isConnected } else { nil } }
    }

    /// The client makes an agent of its own for the restart and tells the bridge, as a browser does.
    private func follow(
        _ index: Int, _ local: LocalTransport, in world: inout World, generation: UInt32? = nil,
        address: TransportAddress? = nil, ufrag: String = "again"
    ) throws {
        if let address { world.clients[index].address = address }
        let password = "another-password-of-enough-letters"
        let settings = ICEAgent.Settings(
            localUfrag: ufrag, localPassword: password, isControlling: false, tieBreaker: 5,
            localAddresses: [world.clients[index].address])
        let times = TransportSession.RestartTimes(
            timeout: .seconds(20 as Int64), transitionWindow: .seconds(3 as Int64))
        _ = world.clients[index].transport.restartICE(
            settings, times: times, random: Random(seed: 8), at: world.now)
        let own = try require(world.clients[index].transport.coming)
        _ = world.clients[index].transport.continueRestart(
            generation: own.generation, ufrag: local.ufrag, password: local.password,
            candidates: [(World.bridge, 2_130_706_431, false)], at: world.now)
        try tell(index, generation ?? local.generation, ufrag, password, in: &world)
    }

    private func tell(
        _ index: Int, _ generation: UInt32?, _ ufrag: String?, _ password: String?, in world: inout World
    ) throws {
        var remote = RemoteTransport()
        if let ufrag, let password { remote.credentials = (ufrag, password) }
        remote.generation = generation
        remote.setup = .active
        let update = ShardOperation.updateEndpoint(
            world.clients[index].number, media: EndpointMedia(), remote: remote)
        _ = try world.request([update]).result.get()
    }

    private func hears(_ world: inout World, from sender: Int = 0, at receiver: Int = 1) throws -> Bool {
        let before = world.clients[receiver].received.count
        let ssrc = world.clients[sender].audioSSRC
        world.send(
            [try require(world.clients[sender].makeRTP(ssrc: ssrc, payloadType: 111, payload: [1]))], from: sender)
        return world.clients[receiver].received.count == before + 1
    }

    @Test("a restart answers with new credentials under number 1; media goes on the whole time, then the new way")
    func started() throws {
        var world = try World()
        expect(world.assemble(2))
        world.events = []
        let old = world.host.endpoints[0].transport.ufrag
        let local = try restart(0, in: &world)
        #expect(local.generation == 1)
        #expect(local.ufrag != old && local.ufrag.prefix(8) == old.prefix(8), "the same worker and slot")
        #expect(local.setup == .passive, "DTLS goes on in its role")
        #expect(counts(world) == [1, 0, 0, 0, 0, 0, 0])
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
        try follow(0, local, in: &world)
        for _ in 0..<20 {
            world.run(for: .milliseconds(20))
            #expect(try hears(&world) && hears(&world, from: 1, at: 0))
        }
        #expect(counts(world) == [1, 0, 0, 0, 1, 0, 0])
        #expect(ended(world) == [true])
        let now = world.host.endpoints[0].transport.ufrag
        #expect(now == local.ufrag)
        expect(world.counters.value(.dtlsSucceeded) == 2)
    }

    @Test("a client that restarts from another network: it is heard from both addresses, then from the new one alone")
    func otherNetwork() throws {
        var world = try World()
        expect(world.assemble(2))
        let old = world.clients[0].address
        let new = TransportAddress(ipv4: 0xCB00_7107, port: 7_777)
        let local = try restart(0, in: &world)
        try follow(0, local, in: &world, address: new)
        world.run(for: .milliseconds(100))
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
        // A packet that was still under way on the old path.
        world.clients[0].address = old
        #expect(try hears(&world))
        world.clients[0].address = new
        // Until the window is over, and until nobody remembers who claimed the old address by a request.
        world.run(for: .seconds(8 as Int64))
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
        let unknown = world.counters.value(.droppedUnknownSource)
        world.clients[0].address = old
        #expect(try !hears(&world))
        expect(world.counters.value(.droppedUnknownSource) == unknown + 1)
    }

    @Test("asked again before the client's credentials: the same transport; after its checks began: a newer one")
    func askedAgain() throws {
        var world = try World()
        expect(world.assemble(2))
        let first = try restart(0, in: &world)
        #expect(try restart(0, in: &world) == first)
        #expect(counts(world) == [1, 0, 0, 0, 0, 0, 0])
        world.clients[0].isDeaf = true
        try tell(0, 1, "unused", "an-unused-password-of-letters", in: &world)
        let second = try restart(0, in: &world)
        #expect(second.generation == 2 && second.ufrag != first.ufrag)
        #expect(counts(world) == [2, 0, 0, 0, 0, 1, 0])
        world.clients[0].isDeaf = false
        try follow(0, second, in: &world)
        world.run(for: .milliseconds(200))
        #expect(counts(world) == [2, 0, 0, 0, 1, 1, 0])
    }

    @Test("before the first connection the present transport is the answer, without a number")
    func notEstablished() throws {
        var world = try World()
        world.createConference()
        let creation = EndpointCreation(
            number: EndpointNumber(50), id: "slow", isICEControlling: true, media: EndpointMedia())
        let made = try require(try world.request([.createEndpoint(creation)]).result.get().first?.1)
        let answer = try require(try world.request([.restartICE(EndpointNumber(50))]).result.get().first?.1)
        #expect(answer == made && answer.generation == nil)
        #expect(counts(world) == [0, 0, 1, 0, 0, 0, 0])
    }

    @Test("an update for another restart, without credentials, or after the checks began is passed over")
    func ignoredUpdates() throws {
        var world = try World()
        expect(world.assemble(2))
        try tell(0, 1, "early", "a-password-that-comes-too-early", in: &world)
        let local = try restart(0, in: &world)
        try tell(0, 2, "other", "a-password-for-another-restart", in: &world)
        try tell(0, 1, nil, nil, in: &world)
        // What has no number is the established agent's, which has heard it all.
        try tell(0, nil, "again", "another-password-of-enough-letters", in: &world)
        world.run(for: .milliseconds(100))
        #expect(counts(world) == [1, 0, 0, 0, 0, 0, 0])
        try follow(0, local, in: &world)
        try tell(0, 1, "late", "a-password-that-comes-too-late", in: &world)
        world.run(for: .milliseconds(100))
        #expect(counts(world) == [1, 0, 0, 0, 1, 0, 0])
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
    }

    @Test("a restart that the client never follows is given up after the set time; the call goes on")
    func timesOut() throws {
        var world = try World { $0.restart.timeout = .seconds(6 as Int64) }
        expect(world.assemble(2))
        world.events = []
        _ = try restart(0, in: &world)
        world.run(for: .milliseconds(5_900))
        #expect(ended(world).isEmpty)
        world.run(for: .milliseconds(200))
        #expect(ended(world) == [false])
        #expect(counts(world) == [1, 0, 0, 0, 0, 0, 1])
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
    }

    @Test(
        "where restarts are off or impossible the endpoint ends and counts as unknown, now and later",
        arguments: ["off", "no time", "no address"])
    func unavailable(_ obstacle: String) throws {
        var world = try World { settings in
            if obstacle == "off" { settings.restart.isEnabled = false }
            if obstacle == "no time" { settings.restart.timeout = .zero }
        }
        expect(world.assemble(2))
        if obstacle == "no address" { world.host.settings.localAddresses = [] }
        world.events = []
        let number = world.clients[0].number
        for _ in 0..<2 {
            guard case .failure(let failure) = world.request([.restartICE(number)]).result else {
                Issue.record("restarted")
                return
            }
            #expect(failure == .unknownEndpoint(number))
        }
        let reasons = world.events.compactMap { event -> ExpiryReason? in
            if case .endpointExpired(number, _, let reason) = event { reason } else { nil }
        }
        #expect(reasons == [.noICERestart])
        #expect(counts(world) == (obstacle == "no address" ? [0, 0, 0, 1, 0, 0, 0] : [0, 1, 0, 0, 0, 0, 0]))
        world.host.settings.localAddresses = [World.bridge]
        expect(world.join(), "the focus makes it anew")
    }

    @Test("an endpoint whose transport has stopped cannot be restarted")
    func stopped() throws {
        var world = try World()
        expect(world.assemble(2))
        let number = world.clients[0].number
        world.host.condemn(0, .dtlsFailed)
        guard case .failure(.unknownEndpoint(number)) = world.request([.restartICE(number)]).result else {
            Issue.record("restarted")
            return
        }
        #expect(counts(world) == [0, 1, 0, 0, 0, 0, 0])
    }

    @Test("an endpoint that ends in the middle of a restart leaves no 4-tuple behind")
    func endsMeanwhile() throws {
        var world = try World()
        expect(world.assemble(2))
        let local = try restart(0, in: &world)
        try follow(0, local, in: &world, address: TransportAddress(ipv4: 0xCB00_7108, port: 7_778))
        world.run(for: .milliseconds(100))
        _ = try restart(0, in: &world)
        expect(world.host.sorter.flows.count == 3)
        _ = world.request([.expireEndpoint(world.clients[0].number)])
        expect(world.host.sorter.flows.count == 1)
    }

    @Test("a member that asks for restarts without end holds no more than its own 4-tuples")
    func manyRestarts() throws {
        var world = try World()
        expect(world.assemble(2))
        for step in 0..<50 {
            let local = try restart(0, in: &world)
            let address = TransportAddress(ipv4: 0xCB00_7200 + UInt32(step), port: 7_000)
            try follow(0, local, in: &world, address: address, ufrag: "again\(step)")
            world.run(for: .milliseconds(50))
        }
        #expect(counts(world) == [50, 0, 0, 0, 50, 0, 0])
        expect(world.host.sorter.flows.count <= 3)
        world.run(for: .seconds(4 as Int64))
        expect(world.host.sorter.flows.count == 2)
        #expect(try hears(&world) && hears(&world, from: 1, at: 0))
    }
}
