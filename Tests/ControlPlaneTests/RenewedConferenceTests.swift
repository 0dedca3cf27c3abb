// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Conferencing
import OpenSSL
import Primitives
import ShardMessages
import Telemetry
import Testing
import XML

/// The directory and a worker's conferences, with turns of the loop between them and no network.
private struct House: ~Copyable {
    var directory = Directory(Directory.Settings(), random: Random(seed: 7)) { [UInt8](repeating: 7, count: $0) }
    let counters = CounterBlock()
    var host: ShardHost
    private var egress = EgressBatch(bytes: 1 << 20)
    private let now = Timestamp(nanoseconds: 1_000_000_000)
    private var token: UInt64 = 0

    init(_ identity: DTLSIdentity) {
        let settings = ShardSettings(localAddresses: [TransportAddress(ipv4: 0xC633_6401, port: 10_000)])
        host = ShardHost(
            settings: settings, identity: identity, counters: counters, random: Random(seed: 4), at: now)
    }

    /// Hands requests in one behind the other, without waiting for an answer, and turns until all are answered.
    mutating func ask(_ requests: [String]) throws -> [Result<ConferenceModified, ColibriError>] {
        let first = token + 1
        for xml in requests {
            token += 1
            directory.handle(
                try ConferenceModify(XMLDocument.parse(xml)), token: RequestToken(token), at: now)
        }
        var answers: [UInt64: Result<ConferenceModified, ColibriError>] = [:]
        var commands: [ShardRequest] = []
        // Ends: a worker that answers nothing more is found out by the turns.
        for _ in 0..<100_000 where answers.count < requests.count {
            while case .request(let request)? = directory.pollCommand() { commands.append(request) }
            turn(&commands)
            while let (token, result) = directory.pollReply() { answers[token.value] = result }
        }
        return try (first...token).map { try #require(answers[$0]) }
    }

    /// As `WorkerLoop`: a request as far as the turn goes, then timers, which take apart what has ended.
    private mutating func turn(_ commands: inout [ShardRequest]) {
        var steps = ConferencingLimits.operationsPerTurn
        host.work(at: now, into: &egress, steps: &steps)
        while host.isIdle, !commands.isEmpty {
            host.take(commands.removeFirst())
            host.work(at: now, into: &egress, steps: &steps)
        }
        host.handleTimeout(at: now, into: &egress)
        egress.removeAll()
        while let event = host.pollEvent() { directory.handle(event, at: now) }
    }
}

@Suite("A meeting that ends and begins again")
struct RenewedConferenceTests {
    static func modify(_ attributes: String, _ inside: String = "") -> String {
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='m' \(attributes)>\(inside)</conference-modify>"
    }

    static let members = 300

    /// Everybody with a microphone and a camera, under names and SSRCs that are always the same; a request each, as
    /// Colibri2 wants it.
    private static let begin =
        (0..<members).map { index in
            modify(
                index == 0 ? "create='true' name='r@c.example.net'" : "",
                "<endpoint id='e\(index)' create='true'><transport ice-controlling='true'/>"
                    + "<sources><media-source type='audio' id='e\(index)-a0'>"
                    + "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='\(1_000 + index)'/></media-source>"
                    + "<media-source type='video' id='e\(index)-v0'>"
                    + "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='\(5_000 + index)'/></media-source>"
                    + "</sources><capability name='source-names'/></endpoint>")
        }

    /// Who is ended.
    enum End: CaseIterable {
        case conference, everyEndpoint

        var request: String {
            switch self {
            case .conference: RenewedConferenceTests.modify("expire='true'")
            case .everyEndpoint:
                RenewedConferenceTests.modify(
                    "", (0..<RenewedConferenceTests.members).map { "<endpoint id='e\($0)' expire='true'/>" }.joined())
            }
        }
    }

    @Test(
        "id, names, SSRCs and fragments of a large meeting are free for the very next request, by either way to end it",
        arguments: End.allCases)
    func renewal(_ end: End) throws {
        var house = House(try DTLSIdentity(wallSeconds: 1_790_000_000))
        let first = try house.ask(Self.begin)
        // A meeting that is ended may be asked for anew back to back; one that ends with its last member ends with the
        // answer.
        let answers =
            switch end {
            case .conference: try house.ask([end.request, Self.begin[0]])
            case .everyEndpoint: try house.ask([end.request]) + house.ask([Self.begin[0]])
            }
        // The end itself is answered, too, and nobody waited until everything was taken apart.
        #expect(throws: Never.self) { try answers[0].get() }
        let isBeingTakenApart = house.host.hasRemovals
        #expect(isBeingTakenApart)
        let others = try house.ask(Array(Self.begin.dropFirst()))
        var fragments: Set<String> = []
        for meeting in [first, [answers[1]] + others] {
            let endpoints = try meeting.flatMap { try $0.get().endpoints }
            #expect(endpoints.map(\.id) == (0..<Self.members).map { "e\($0)" })
            fragments.formUnion(endpoints.compactMap { $0.transport?.iceUDP?.ufrag })
        }
        // Nobody has a fragment that somebody else has or had.
        #expect(fragments.count == 2 * Self.members)
        let refused = house.counters.value(.sourcesRefusedForeign) + house.counters.value(.sourcesRefusedFull)
        #expect(refused == 0)
        #expect(house.directory.counts.endpoints == Self.members)
    }
}
