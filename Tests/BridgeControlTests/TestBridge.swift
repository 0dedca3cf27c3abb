// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing
import XML

/// A directory and a worker on one clock. Requests are XML text, as a focus writes it.
struct TestBridge {
    typealias Reply = (token: UInt64, result: Result<ConferenceModified, ColibriError>)

    var directory: Directory
    var worker = FakeWorker()
    var now = Timestamp(nanoseconds: 1_000_000_000)
    /// The worker leaves its commands where they are.
    var isWorkerSilent = false
    private(set) var waiting: [ShardRequest] = []
    private(set) var replies: [Reply] = []
    private(set) var events: [DirectoryEvent] = []
    private(set) var channelChanges: [ChannelChange] = []
    private var nextToken: UInt64 = 1

    init(_ change: (inout Directory.Settings) -> Void = { _ in }) {
        var settings = Directory.Settings()
        settings.candidates = [
            .init(
                CandidateDescription(type: "host", ip: "198.51.100.20", port: 10_000, priority: 2_130_706_431),
                isPrivate: false
            )
        ]
        change(&settings)
        directory = Directory(settings, random: Random(seed: 7)) { count in
            (0..<count).map { _ in UInt8.random(in: .min ... .max) }
        }
    }

    /// Hands a request in and returns its token; nothing else happens.
    @discardableResult
    mutating func post(_ request: ConferenceModify) -> UInt64 {
        defer { nextToken += 1 }
        directory.handle(request, token: RequestToken(nextToken), at: now)
        return nextToken
    }

    @discardableResult
    mutating func post(_ xml: String) throws -> UInt64 { post(try Self.request(xml)) }

    /// Hands a request in, lets the worker work and returns the request's reply.
    mutating func ask(_ request: ConferenceModify) throws -> ConferenceModified {
        let token = post(request)
        settle()
        return try #require(replies.last { $0.token == token }).result.get()
    }

    mutating func ask(_ xml: String) throws -> ConferenceModified { try ask(Self.request(xml)) }

    /// The error that a request is answered with.
    mutating func refusal(_ xml: String) throws -> ColibriError? {
        let token = try post(xml)
        settle()
        guard case .failure(let error)? = replies.last(where: { $0.token == token })?.result else { return nil }
        return error
    }

    /// Moves commands, answers, replies and events until nothing moves any more.
    mutating func settle() {
        while let command = directory.pollCommand() {
            guard case .request(let request) = command else { continue }
            waiting.append(request)
            if !isWorkerSilent { runWorker() }
        }
        while let change = directory.pollChannelChange() { channelChanges.append(change) }
        while let (token, result) = directory.pollReply() { replies.append((token.value, result)) }
        while let event = directory.pollEvent() { events.append(event) }
    }

    /// Lets the worker answer all that waits, or the first `count`.
    mutating func runWorker(_ count: Int = .max) {
        for request in waiting.prefix(count) {
            waiting.removeFirst()
            directory.handle(worker.handle(request), at: now)
        }
    }

    mutating func tell(_ event: ShardEvent) {
        directory.handle(event, at: now)
        settle()
    }

    /// Lets time pass, with all timers on the way.
    mutating func pass(_ delta: TimeDelta) {
        let end = now + delta
        while let next = directory.nextTimeout, next <= end {
            now = max(now, next)
            directory.handleTimeout(at: now)
            settle()
        }
        now = end
    }

    static func request(_ xml: String) throws -> ConferenceModify { try ConferenceModify(XMLDocument.parse(xml)) }

    /// A conference-modify around `inside`.
    static func modify(_ meeting: String = "m", _ attributes: String = "", _ inside: String = "") -> String {
        "<conference-modify xmlns='jitsi:colibri2' meeting-id='\(meeting)' \(attributes)>\(inside)</conference-modify>"
    }

    /// The create of an endpoint as a focus sends it, without media.
    static func create(_ id: String, _ inside: String = "", attributes: String = "") -> String {
        "<endpoint id='\(id)' create='true' stats-id='Ada' \(attributes)><transport ice-controlling='true'/><sources/>"
            + "<capability name='source-names'/>\(inside)</endpoint>"
    }

    /// Makes a conference with endpoints.
    mutating func start(_ meeting: String = "m", _ ids: String...) throws {
        _ = try ask(Self.modify(meeting, "create='true' name='r@c.example.net'"))
        for id in ids { _ = try ask(Self.modify(meeting, "", Self.create(id))) }
    }

    /// The operations of the last request the worker had.
    var lastOperations: [ShardOperation] { worker.requests.last?.operations ?? [] }

    /// The number of an endpoint that the worker has.
    func number(of id: String) throws -> EndpointNumber {
        try #require(worker.conferences.values.flatMap { $0 }.last { $0.value == id }?.key)
    }
}
