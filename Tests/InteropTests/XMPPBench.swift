// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import XML
import XMPP

@testable import ControlPlane

/// A control loop with XMPP clients on it, driven by the test's own task.
final class XMPPBench {
    let loop: ControlLoop
    let resolver: Resolver
    /// Kept: connections go on telling their parties as long as the loop turns.
    private var parties: [Party] = []

    private let servers: [ProsodyServer]

    /// - Parameter servers: kept running as long as the bench.
    init(_ servers: ProsodyServer...) throws {
        self.servers = servers
        loop = try ControlLoop()
        resolver = try Resolver(loop: loop)
    }

    deinit {
        resolver.stop()
    }

    /// A bridge's client with short times.
    func bridge(
        port: UInt16, nickname: String = "via-1", id: String = "shard0",
        _ change: (inout XMPPSettings) -> Void = { _ in }
    ) -> Party {
        var settings = self.settings("jvb", "jvbpass", port, nickname, id)
        settings.handledPayloads = [PayloadName("conference-modify", "jitsi:colibri2")]
        change(&settings)
        let party = add(settings)
        party.setStatistics([("healthy", "true"), ("drain", "false"), ("stress_level", "0.1")])
        return party
    }

    /// A focus's client: sees the occupants, sends requests.
    func focus(
        port: UInt16, user: String = "focus", _ change: (inout XMPPSettings) -> Void = { _ in }
    ) -> Party {
        var settings = self.settings(user, user + "pass", port, user, user)
        settings.reportsOccupants = true
        settings.isBridge = false
        change(&settings)
        return add(settings)
    }

    private func add(_ settings: XMPPSettings) -> Party {
        let party = Party(XMPPConnection(settings, loop: loop, resolver: resolver, at: loop.now), loop)
        parties.append(party)
        return party
    }

    private func settings(
        _ user: String, _ password: String, _ port: UInt16, _ nickname: String, _ id: String
    ) -> XMPPSettings {
        var settings = XMPPSettings(
            id: id, host: "127.0.0.1", domain: ProsodyServer.domain, username: user, password: password,
            rooms: [ProsodyServer.room], nickname: nickname, security: .required)
        settings.port = port
        settings.verifiesCertificate = false
        settings.timing.presenceInterval = .milliseconds(200)
        settings.timing.firstConnectDelay = .milliseconds(100)
        settings.timing.reconnectDelay = .milliseconds(100)
        settings.timing.reconnectDelayLimit = .milliseconds(200)
        settings.timing.conflictDelay = .milliseconds(500)
        settings.timing.roomDelay = .milliseconds(100)
        settings.timing.roomDelayLimit = .milliseconds(400)
        return settings
    }

    /// Lets the loop run until `isDone` or the limit.
    /// - Returns: whether `isDone` said so.
    func wait(_ seconds: Double = 30, until isDone: () -> Bool) async throws -> Bool {
        let end = loop.now + .milliseconds(Int64(seconds * 1_000))
        while loop.now < end {
            if loop.run(for: .milliseconds(1), until: isDone) { return true }
            // Waiting as a task, not as a thread: many of these tests run beside each other.
            try await Task.sleep(for: .milliseconds(3))
        }
        return isDone()
    }
}

/// One client on the bench and what it has seen.
final class Party {
    let connection: XMPPConnection
    private let loop: ControlLoop
    private(set) var events: [XMPPEvent] = []
    /// Presence of others by nickname; those who left are gone.
    private(set) var occupants: [String: XMLElement] = [:]
    /// All presence of others in order, with the time of arrival.
    private(set) var presences: [(nickname: String, presence: XMLElement, at: Timestamp)] = []
    private(set) var outcomes: [String: IQOutcome] = [:]
    /// Requests are answered with an empty result of this name at once; `nil` collects them.
    var answersWith: String?
    private(set) var requests: [IQRequest] = []

    init(_ connection: XMPPConnection, _ loop: ControlLoop) {
        self.connection = connection
        self.loop = loop
        connection.onEvent = { [unowned self] event, now in self.take(event, at: now) }
    }

    var isInRoom: Bool { connection.joinedRooms == 1 }

    func setStatistics(_ values: [(name: String, value: String)]) {
        connection.update(at: loop.now) { $0.setStatistics(values, at: loop.now) }
    }

    /// Sends a request; look for its end in ``outcomes``.
    func send(_ type: IQType = .get, to: String?, _ payload: XMLElement) -> String {
        connection.update(at: loop.now) { $0.sendIQ(type: type, to: to, payload: payload, at: loop.now) }
    }

    func send(_ type: IQType = .get, toOccupant nickname: String, _ payload: XMLElement) -> String {
        send(type, to: ProsodyServer.room + "/" + nickname, payload)
    }

    func reply(to request: IQRequest, with result: XMLElement?) -> Bool {
        connection.update(at: loop.now) { $0.reply(to: request.token, with: result, at: loop.now) }
    }

    func refuse(_ request: IQRequest, with error: StanzaError) -> Bool {
        connection.update(at: loop.now) { $0.reply(to: request.token, with: error, at: loop.now) }
    }

    func close() {
        connection.update(at: loop.now) { $0.close(at: loop.now) }
    }

    /// The statistics of an occupant.
    func statistics(of nickname: String) -> [String: String]? {
        guard let stats = occupants[nickname]?.child("stats", "http://jitsi.org/protocol/colibri") else { return nil }
        var result: [String: String] = [:]
        for stat in stats.elements { result[stat["name"] ?? ""] = stat["value"] }
        return result
    }

    func count(_ isMeant: (XMPPEvent) -> Bool) -> Int { events.count(where: isMeant) }

    var disconnects: [XMPPDisconnect] {
        events.compactMap { if case .disconnected(let reason, _) = $0 { reason } else { nil } }
    }

    var departures: [RoomDeparture] {
        events.compactMap { if case .left(_, let why) = $0 { why } else { nil } }
    }

    var joins: Int { count { if case .joined = $0 { true } else { false } } }

    private func take(_ event: XMPPEvent, at now: Timestamp) {
        events.append(event)
        switch event {
        case .occupant(_, let nickname, let presence):
            presences.append((nickname, presence, now))
            occupants[nickname] = presence["type"] == "unavailable" ? nil : presence
        case .iqResult(let id, let outcome): outcomes[id] = outcome
        case .request(let request):
            guard let name = answersWith else { return requests.append(request) }
            let result = XMLElement(name, request.payload.namespace)
            connection.update(at: now) { $0.reply(to: request.token, with: result, at: now) }
        default: break
        }
    }
}
