// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Sources that find no place")
struct SourcePlaceTests {
    private func refusals(_ world: inout World) -> [(number: EndpointNumber, ssrc: UInt32, reason: SourceRefusal)] {
        let list = world.events.compactMap { event -> (EndpointNumber, UInt32, SourceRefusal)? in
            if case .sourceRefused(let number, let ssrc, let reason) = event { return (number, ssrc, reason) }
            return nil
        }
        world.events = []
        return list
    }

    private func description(_ world: inout World) -> String {
        world.host.describe(1)
        // Ends: a small meeting is described in a few turns.
        for _ in 0..<10 {
            world.host.handleTimeout(at: world.now, into: &world.egress)
            while let event = world.host.pollEvent() {
                if case .description(1, let text) = event { return text }
            }
        }
        return ""
    }

    @Test("another's SSRC is answered with success, told once, counted, shown, and taken up when its owner has left")
    func foreign() throws {
        var world = try World()
        expect(world.assemble(3))
        world.events = []
        var media = EndpointMedia()
        media.sources = World.media(audioSSRC: 1_000, videoSSRC: 2_001).sources
        let number = world.clients[1].number
        for _ in 0..<3 {
            let answer = world.request([.updateEndpoint(number, media: media, remote: nil)])
            guard case .success = answer.result else {
                Issue.record("refused")
                return
            }
        }
        let told = refusals(&world)
        #expect(told.count == 1)
        #expect(told.first?.ssrc == 1_000 && told.first?.reason == .foreignSSRC && told.first?.number == number)
        expect(world.counters.value(.sourcesRefusedForeign) == 1)
        expect(description(&world).contains(#""refused_sources":[{"source":"a","reason":"foreign_ssrc"}]"#))
        // The owner is not disturbed, and the other's packets under its SSRC reach nobody.
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        world.send([try require(world.clients[1].makeRTP(ssrc: 1_000, payloadType: 111, payload: [2]))], from: 1)
        expect(world.clients[2].received.map(\.payload) == [[1]])
        _ = world.request([.expireEndpoint(world.clients[0].number)])
        world.send([try require(world.clients[1].makeRTP(ssrc: 1_000, payloadType: 111, payload: [3]))], from: 1)
        expect(world.clients[2].received.map(\.payload) == [[1], [3]])
        // Under numbers that were not used before.
        #expect(world.clients[2].received[1].sequence &- world.clients[2].received[0].sequence == 65)
        expect(description(&world).contains(#""refused_sources":[]"#))
    }

    @Test("an owner that gives its source up makes room too, and one SSRC twice in a list is refused")
    func givenUp() throws {
        var world = try World()
        expect(world.assemble(3))
        var media = EndpointMedia()
        media.sources = World.media(audioSSRC: 1_000, videoSSRC: 1_000).sources
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        #expect(refusals(&world).count == 2)
        var nothing = EndpointMedia()
        nothing.sources = []
        _ = world.request([.updateEndpoint(world.clients[0].number, media: nothing, remote: nil)])
        world.send([try require(world.clients[1].makeRTP(ssrc: 1_000, payloadType: 111, payload: [3]))], from: 1)
        expect(world.clients[2].received.map(\.payload) == [[3]])
        expect(description(&world).contains(#"{"source":"v","reason":"foreign_ssrc"}"#))
    }

    @Test("what one source gives up another of the same endpoint may take, in whatever order they are listed")
    func exchanged() throws {
        var world = try World()
        expect(world.assemble(2))
        func list(_ repairs: [UInt32?]) -> EndpointMedia {
            var media = EndpointMedia()
            media.sources = repairs.enumerated().map { index, rtx in
                SourceDescription(
                    name: "v\(index)", mediaType: .video,
                    streams: [SourceStreamDescription(ssrc: 7_000 + UInt32(index), rtxSSRC: rtx)])
            }
            return media
        }
        let number = world.clients[0].number
        _ = world.request([.updateEndpoint(number, media: list([nil, 7_100]), remote: nil)])
        world.events = []
        _ = world.request([.updateEndpoint(number, media: list([7_100, 7_200]), remote: nil)])
        #expect(refusals(&world).isEmpty)
        _ = world.request([.updateEndpoint(world.clients[1].number, media: list([nil, nil]), remote: nil)])
        #expect(refusals(&world).count == 2)
    }

    @Test("the bridge's own feedback sources and another's retransmissions are taken as well")
    func others() throws {
        var world = try World()
        expect(world.assemble(1))
        expect(
            world.join { media in
                media.sources = [
                    SourceDescription(
                        name: "v", mediaType: .video,
                        streams: [SourceStreamDescription(ssrc: 5_000, rtxSSRC: 5_001)])
                ]
            })
        expect(world.join { $0.sources = World.media(audioSSRC: 1, videoSSRC: 5_001).sources })
        #expect(refusals(&world).map(\.ssrc) == [1, 5_001])
    }

    @Test("beyond the limit of a conference sources wait, and the first that is free is taken")
    func full() throws {
        var world = try World()
        world.createConference()
        let limit = ConferencingLimits.sourcesPerConference
        let perEndpoint = ShardMessagesLimits.sources
        func list(_ base: Int, _ count: Int) -> [SourceDescription] {
            (0..<count).map {
                SourceDescription(
                    name: "s\($0)", mediaType: .audio,
                    streams: [SourceStreamDescription(ssrc: UInt32(10_000 + base + $0))])
            }
        }
        for index in 0..<limit / perEndpoint {
            expect(world.join { $0.sources = list(index * perEndpoint, perEndpoint) })
        }
        expect(world.join { $0.sources = list(limit, 1) })
        #expect(refusals(&world).map(\.reason) == [.full])
        expect(world.counters.value(.sourcesRefusedFull) == 1)
        _ = world.request([.expireEndpoint(world.clients[0].number)])
        expect(!description(&world).contains("\"reason\""))
    }
}

@Suite("Long work is spread over turns")
struct TurnTests {
    @Test("a request of many operations is carried out piece by piece and answered once, when all is done")
    func requests() throws {
        var world = try World()
        world.createConference()
        let creations = (0..<10).map { index in
            ShardOperation.createEndpoint(
                EndpointCreation(
                    number: EndpointNumber(UInt64(100 + index)), id: "e\(index)", isICEControlling: true,
                    media: EndpointMedia()))
        }
        world.host.take(ShardRequest(number: 77, conference: world.conference, operations: creations))
        var answers: [ShardAnswer] = []
        var turns = 0
        // Ends: three operations a turn.
        while !world.host.isIdle, turns < 10 {
            turns += 1
            var steps = 3
            world.host.work(at: world.now, into: &world.egress, steps: &steps)
            while let event = world.host.pollEvent() {
                if case .answer(let answer) = event { answers.append(answer) }
            }
        }
        #expect(turns == 4)
        #expect(answers.count == 1)
        guard case .success(let transports)? = answers.first?.result else {
            Issue.record("no success")
            return
        }
        #expect(transports.map(\.0.value) == (100..<110).map { UInt64($0) })
    }

    @Test("what has ended is gone at once, although it is taken apart over many turns")
    func endings() throws {
        var world = try World()
        expect(world.assemble(60))
        let other = ConferenceNumber(9)
        _ = world.request([.expireConference])
        expect(world.host.hasRemovals)
        // Nobody is answered or forwarded to any more, and every name is free.
        let received = world.clients[1].received.count
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        expect(world.clients[1].received.count == received)
        expect(world.counters.value(.droppedUnknownSource) == 1)
        let answer = world.request([.updateEndpoint(world.clients[0].number, media: EndpointMedia(), remote: nil)])
        #expect(throws: ShardFailure.self) { try answer.result.get() }
        _ = world.request([.createConference(name: "room", audioSSRC: 1, videoSSRC: 2)], conference: other)
        expect(world.join(conference: other) { $0.sources = World.media(audioSSRC: 1_000, videoSSRC: 2_000).sources })
        expect(world.counters.value(.sourcesRefusedForeign) == 0)
        let before = world.host.endpoints.count
        world.host.handleTimeout(at: world.now, into: &world.egress)
        expect(before - world.host.endpoints.count <= ConferencingLimits.removalsPerTurn)
        // Ends: some are removed every turn.
        while world.host.hasRemovals { world.host.handleTimeout(at: world.now, into: &world.egress) }
        expect(world.host.endpoints.count == 1)
        expect(world.host.conferences.count == 1)
    }

    @Test("sessions that fail at once are removed a few in a turn, each with its event")
    func failures() throws {
        var world = try World()
        expect(world.assemble(20))
        world.events = []
        for index in 0..<20 { world.host.condemn(index, .iceFailed) }
        world.host.handleTimeout(at: world.now, into: &world.egress)
        expect(world.host.endpoints.count == 20 - ConferencingLimits.removalsPerTurn)
        // Ends: some are removed every turn.
        while world.host.endpoints.count > 0 { world.host.handleTimeout(at: world.now, into: &world.egress) }
        world.run(for: .milliseconds(1))
        let ended = world.events.count { event in
            if case .endpointExpired(_, _, .iceFailed) = event { return true }
            return false
        }
        #expect(ended == 20)
        expect(world.host.nextTimeout > world.now)
    }

    @Test("slots that only the ended hold are freed when somebody needs them")
    func roomOfTheEnded() throws {
        var world = try World()
        // More than there are slots, and each of them ended at once.
        let rounds = ConferencingLimits.endpointSlots / ConferencingLimits.endpointsPerConference + 1
        for round in 0..<rounds {
            let number = ConferenceNumber(UInt64(100 + round))
            let creations = (0..<ConferencingLimits.endpointsPerConference).map { index in
                ShardOperation.createEndpoint(
                    EndpointCreation(
                        number: EndpointNumber(UInt64(10_000 * (round + 1) + index)), id: "e", isICEControlling: true,
                        media: EndpointMedia()))
            }
            let answer = world.request(
                [.createConference(name: "r", audioSSRC: 1, videoSSRC: 2)] + creations, conference: number)
            #expect(throws: Never.self) { try answer.result.get() }
            _ = world.request([.expireConference], conference: number)
        }
        expect(world.host.hasRemovals)
        expect(world.host.endpoints.count <= ConferencingLimits.endpointSlots)
    }
}
