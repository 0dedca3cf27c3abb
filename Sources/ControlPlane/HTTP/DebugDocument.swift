// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeControl
internal import Primitives
internal import WebServer

/// The answer to `/debug` (operations.md c.3).
struct DebugDocument {
    /// Where the bridge is in its life.
    var shutdownState: ShutdownState
    /// Drain flag.
    var isDraining: Bool
    /// Milliseconds since 1970, UTC.
    var wallClockMilliseconds: Int64
    /// Load ÷ threshold.
    var stress: Double
    /// Conferences on this bridge.
    var conferences: [ConferenceSummary]
    /// Last health result.
    var health: HealthResult
    /// What encrypts and decrypts media.
    var srtpEngine: String
    /// What the media workers say of themselves, as JSON text; empty unless asked for.
    var workers: [String] = []
    /// What the HTTP server turned away; shown together with the workers.
    var http: HTTPServerCounts?
    /// What WebSockets did; shown likewise.
    var webSockets: WebSocketCounts?
    /// The bridge channels by conference, as far as they were asked for.
    var channels: [String: [(String, JSONValue)]] = [:]

    /// The document, or the part of it that was asked for.
    func json(_ query: DebugQuery) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("shutdown_state", .string(shutdownState.rawValue)),
            ("drain", .bool(isDraining)),
            ("time", .integer(wallClockMilliseconds)),
            (
                "load_management",
                .object([
                    ("state", .string(stress >= 1 ? "OVERLOADED" : "NOT_OVERLOADED")),
                    ("stress", .string(stress.plainDecimal)), ("reducer_enabled", .string("false")),
                ])
            ),
            ("conferences", conferences(query)),
            (
                "health",
                .object([
                    ("success", .bool(health.isHealthy)), ("hardFailure", .bool(true)), ("responseCode", .null),
                    ("message", health.reason.map { .string($0) } ?? .null),
                ])
            ),
        ]
        members.append(("srtp_engine", .string(srtpEngine)))
        if query.isFull {
            members.append(("workers", .array(workers.map(Self.parsed))))
            if let http { members.append(("http", Self.document(http))) }
            if let webSockets { members.append(("websockets", Self.document(webSockets))) }
        }
        return .object(members)
    }

    private func conferences(_ query: DebugQuery) -> JSONValue {
        guard let wanted = query.conferenceID else {
            return .object(conferences.map { ($0.localID, summary($0, endpointID: nil)) })
        }
        guard let conference = conferences.first(where: { $0.localID == wanted }) else {
            return .object([(wanted, .string("null"))])
        }
        return .object([(wanted, summary(conference, endpointID: query.endpointID))])
    }

    private func summary(_ conference: ConferenceSummary, endpointID: String?) -> JSONValue {
        var endpoints = conference.endpoints.map { ($0.id, $0.statsID.map { JSONValue.string($0) } ?? .null) }
        if let endpointID {
            endpoints = endpoints.filter { $0.0 == endpointID }
            if endpoints.isEmpty { endpoints = [(endpointID, .string("null"))] }
        }
        var members: [(String, JSONValue)] = [
            ("id", .string(conference.localID)),
            ("rtcstatsEnabled", .bool(conference.isRTCStatsEnabled)),
            ("name", conference.name.map { .string($0) } ?? .null),
            ("meeting_id", .string(conference.meetingID)),
            ("endpoints", .object(endpoints)),
            ("relays", .object([JSONMember]())),
        ]
        if let channels = channels[conference.localID] { members.append(("channels", .object(channels))) }
        return .object(members)
    }

    private static func document(_ counts: HTTPServerCounts) -> JSONValue {
        .object([
            ("refused_connections", .integer(Int64(clamping: counts.refusedConnections))),
            ("displaced_connections", .integer(Int64(clamping: counts.displacedConnections))),
            ("refused_requests", .integer(Int64(clamping: counts.refusedRequests))),
            ("dropped_answers", .integer(Int64(clamping: counts.droppedAnswers))),
        ])
    }

    private static func document(_ counts: WebSocketCounts) -> JSONValue {
        let members: [(String, UInt64)] = [
            ("open", counts.open), ("accepted", counts.accepted), ("refused", counts.refused),
            ("messages_received", counts.messagesReceived), ("messages_sent", counts.messagesSent),
            ("ignored_messages", counts.ignoredMessages), ("violations", counts.violations),
            ("overflows", counts.overflows), ("idle_timeouts", counts.idleTimeouts), ("throttled", counts.throttled),
            ("refused_commands", counts.refusedCommands),
        ]
        return .object(members.map { ($0.0, .integer(Int64(clamping: $0.1))) })
    }

    /// A worker's account, or its text when it is not JSON.
    private static func parsed(_ text: String) -> JSONValue {
        do throws(JSONError) { return try JSONValue.parse(Array(text.utf8)) } catch { return .string(text) }
    }
}
