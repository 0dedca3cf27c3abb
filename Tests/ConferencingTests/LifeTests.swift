// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Life of endpoints and conferences")
struct LifeTests {
    @Test("ICE and DTLS connect, and the control plane is told once of each")
    func connects() throws {
        var world = try World()
        expect(world.assemble(1))
        let names = world.events.map { event in
            switch event {
            case .iceConnected: "ice"
            case .dtlsConnected(_, let profile): "dtls \(profile)"
            default: "other"
            }
        }
        #expect(names == ["ice", "dtls aeadAES128GCM"])
    }

    @Test("a conference in which nobody sends is inactive with all its endpoints, one of two counts as direct")
    func inactiveConferences() throws {
        func gauges(_ world: borrowing World) -> [UInt64] {
            [
                MediaCounter.conferencesInactive, .conferencesP2P, .endpointsInactive, .endpointsReceiveOnly,
                .endpointsSendingAudio,
            ].map { world.counters.value($0) }
        }
        var world = try World()
        expect(world.assemble(2))
        #expect(gauges(world) == [1, 1, 2, 0, 0])
        let packet = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))
        world.send([packet], from: 0)
        world.run(for: .milliseconds(1_100))
        #expect(gauges(world) == [0, 0, 0, 1, 1])
        world.run(for: .seconds(3 as Int64))
        #expect(gauges(world) == [1, 1, 2, 0, 0])
        expect(world.join())
        expect(world.connectAll())
        #expect(gauges(world) == [1, 0, 3, 0, 0])
    }

    @Test("a client that falls silent is counted once as disconnected, and once as reconnected when it is heard again")
    func silence() throws {
        var world = try World()
        expect(world.assemble(2))
        world.run(for: .seconds(30 as Int64))
        // Consent is a sign of life, too.
        expect(world.counters.value(.endpointsDisconnected) == 0)
        world.clients[1].isDeaf = true
        world.run(for: .seconds(25 as Int64))
        expect(world.counters.value(.endpointsDisconnected) == 1)
        expect(world.counters.value(.endpointsReconnected) == 0)
        world.clients[1].isDeaf = false
        world.run(for: .seconds(15 as Int64))
        expect(world.counters.value(.endpointsDisconnected) == 1)
        expect(world.counters.value(.endpointsReconnected) == 1)
    }

    @Test("an answer is never lost, whatever else waits for the control plane; the rest has a limit and is counted")
    func answersAreNeverLost() throws {
        var world = try World()
        world.createConference()
        var steps = ConferencingLimits.operationsPerTurn
        func ask(_ number: UInt64, of world: inout World) {
            world.host.take(ShardRequest(number: number, conference: world.conference, operations: []))
            world.host.work(at: world.now, into: &world.egress, steps: &steps)
        }
        let limit = ConferencingLimits.pendingEvents
        for index in 0..<limit / 2 {
            expect(!world.host.isBacklogged, "after \(index) events")
            world.host.emit(.conferenceExpired(ConferenceNumber(UInt64(index))))
        }
        // The loop takes no further command now; what was taken before is answered all the same.
        expect(world.host.isBacklogged)
        for index in limit / 2..<limit + 100 { world.host.emit(.conferenceExpired(ConferenceNumber(UInt64(index)))) }
        expect(world.counters.value(.droppedEventRing) == 100)
        ask(1_001, of: &world)
        ask(1_002, of: &world)
        expect(world.counters.value(.droppedEventRing) == 100)
        var others = 0
        var answers: [UInt64] = []
        while let event = world.host.pollEvent() {
            if case .answer(let answer) = event { answers.append(answer.number) } else { others += 1 }
        }
        #expect(others == limit)
        #expect(answers == [1_001, 1_002])
        expect(!world.host.isBacklogged)
    }

    @Test("a request that cannot be carried out changes nothing")
    func allOrNothing() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        let creation = EndpointCreation(
            number: EndpointNumber(77), id: "new", isICEControlling: true, media: EndpointMedia())
        let answer = world.request([
            .createEndpoint(creation), .updateEndpoint(EndpointNumber(99), media: EndpointMedia(), remote: nil),
        ])
        guard case .failure(let failure) = answer.result else {
            Issue.record("the request was carried out")
            return
        }
        #expect(failure == .unknownEndpoint(EndpointNumber(99)))
        let retry = world.request([.createEndpoint(creation)])
        #expect((try? retry.result.get())?.count == 1)
        let unknown = world.request([.createEndpoint(creation)], conference: ConferenceNumber(123))
        guard case .failure(.unknownConference) = unknown.result else {
            Issue.record("an unknown conference was accepted")
            return
        }
    }

    @Test("an endpoint that is created anew right after its end has other credentials, and the old ones lead nowhere")
    func recreation() throws {
        var world = try World()
        expect(world.assemble(2))
        let packet = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))
        let creation = EndpointCreation(
            number: EndpointNumber(500), id: "again", isICEControlling: true,
            media: World.media(audioSSRC: 1_000, videoSSRC: nil))
        let answer = world.request([.expireEndpoint(world.clients[0].number), .createEndpoint(creation)])
        let transport = try require(try? answer.result.get().first?.1)
        #expect(transport.setup == .actpass)
        world.send([packet], from: 0)
        expect(world.clients[1].received.isEmpty)
        expect(world.counters.value(.droppedUnknownSource) == 1)
    }

    @Test("expiry of a conference ends its endpoints; expiry of unknown ones is passed over")
    func conferenceExpiry() throws {
        var world = try World()
        expect(world.assemble(3))
        let answer = world.request([.expireConference, .expireConference, .expireEndpoint(EndpointNumber(3))])
        guard case .success = answer.result else {
            Issue.record("expiry failed")
            return
        }
        world.run(for: .seconds(2 as Int64))
        expect(world.counters.value(.endpoints) == 0)
        expect(world.counters.value(.conferences) == 0)
        world.createConference()
        expect(world.join())
    }

    @Test("an endpoint that never heard of its client ends after two minutes")
    func neverActive() throws {
        var world = try World()
        world.createConference()
        let creation = EndpointCreation(
            number: EndpointNumber(1), id: "silent", isICEControlling: true, media: EndpointMedia())
        _ = world.request([.createEndpoint(creation)])
        world.run(for: .seconds(110 as Int64))
        #expect(!world.events.contains { if case .endpointExpired = $0 { true } else { false } })
        world.run(for: .seconds(60 as Int64))
        let reasons = world.events.compactMap { event -> ExpiryReason? in
            if case .endpointExpired(_, _, let reason) = event { reason } else { nil }
        }
        #expect(reasons == [.neverActive])
    }

    @Test("a client that goes away without a word ends after a minute of silence; one that only listens does not")
    func inactivity() throws {
        var world = try World()
        expect(world.assemble(2))
        world.clients[0].isDeaf = true
        world.events = []
        world.run(for: .seconds(200 as Int64))
        let expired = world.events.compactMap { event -> UInt64? in
            if case .endpointExpired(let number, _, .inactive) = event { number.value } else { nil }
        }
        #expect(expired == [1])
        expect(world.counters.value(.endpoints) == 1)
    }

    @Test("an endpoint whose ICE fails ends at once, without waiting for the sweep")
    func iceFails() throws {
        var world = try World()
        world.createConference()
        let creation = EndpointCreation(
            number: EndpointNumber(1), id: "unreachable", isICEControlling: true, media: EndpointMedia())
        var remote = RemoteTransport()
        remote.credentials = ("nobody", "nobody-has-this-password-here")
        let nowhere = TransportAddress(ipv4: 0x0A0A_0A0A, port: 9)
        remote.candidates = [RemoteCandidate(address: nowhere, priority: 1, isRelayed: false)]
        _ = world.request([.createEndpoint(creation)])
        _ = world.request([.updateEndpoint(EndpointNumber(1), media: EndpointMedia(), remote: remote)])
        var names: [String] = []
        world.run(for: .seconds(14 as Int64))
        for event in world.events {
            if case .iceFailed = event { names.append("failed") }
            if case .endpointExpired(_, _, .iceFailed) = event { names.append("expired") }
        }
        #expect(names == ["failed", "expired"])
    }

    @Test("an empty conference ends at the sweep")
    func emptyConference() throws {
        var world = try World()
        world.createConference()
        world.run(for: .seconds(61 as Int64))
        let ended = world.events.contains { event in
            if case .conferenceExpired(let number) = event { number == ConferenceNumber(7) } else { false }
        }
        #expect(ended)
    }

    @Test("conferences do not hear each other")
    func isolation() throws {
        var world = try World()
        expect(world.assemble(2))
        let other = ConferenceNumber(8)
        let creation = EndpointCreation(
            number: EndpointNumber(900), id: "elsewhere", isICEControlling: true,
            media: World.media(audioSSRC: 1_001, videoSSRC: nil))
        _ = world.request(
            [.createConference(name: "other", audioSSRC: 3, videoSSRC: 4), .createEndpoint(creation)],
            conference: other)
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        expect(world.clients[1].received.count == 1)
        _ = world.request([.expireConference], conference: other)
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        expect(world.clients[1].received.count == 2)
    }

    @Test("the description names endpoints and hides addresses and secrets")
    func description() throws {
        var world = try World()
        expect(world.assemble(2))
        world.host.describe(5)
        world.host.handleTimeout(at: world.now, into: &world.egress)
        var text = ""
        while let event = world.host.pollEvent() {
            if case .description(5, let description) = event { text = description }
        }
        #expect(text.contains("\"endpoint1\"") && text.contains("\"waiting_packets\":0"))
        #expect(!text.contains("192.0.2"))
        let password = world.clients[0].transport.password
        #expect(!text.contains(password))
    }
}
