// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives
internal import ShardMessages

/// How much a log line matters (house rule 3.7).
public enum EventSeverity: String, Hashable, Sendable, CaseIterable {
    case error, warning, notice, info, debug
}

extension DirectoryEvent {
    /// How much the event matters.
    public var severity: EventSeverity {
        switch kind {
        case .requestTimedOut: .error
        case .slowRequest, .requestFailed, .sourceRefused, .channelMissing: .warning
        case .shutdownStateChanged, .drainChanged, .readyToExit: .notice
        case .conferenceCreated, .conferenceEnded, .endpointEnded, .exportIgnored, .iceFailed, .iceRestartEnded,
            .dtlsFailed:
            .info
        case .endpointCreated, .endpointExpired, .iceConnected, .dtlsConnected, .channelOpened, .channelClosed,
            .channelBehind, .unknownHeaderExtension:
            .debug
        }
    }

    /// The constant text of the log line.
    public var message: String {
        switch kind {
        case .conferenceCreated: "conference created"
        case .conferenceEnded: "conference ended"
        case .endpointCreated: "endpoint created"
        case .endpointExpired: "endpoint expired by request"
        case .endpointEnded: "endpoint ended"
        case .iceConnected: "ICE connected"
        case .iceFailed: "ICE failed"
        case .iceRestartEnded(_, let isConnected): isConnected ? "ICE restarted" : "ICE restart failed"
        case .dtlsConnected: "DTLS connected"
        case .dtlsFailed: "DTLS failed"
        case .channelOpened: "bridge channel opened"
        case .channelClosed: "bridge channel closed"
        case .channelMissing: "no bridge channel"
        case .channelBehind: "bridge channel is not read"
        case .sourceRefused: "source finds no place yet"
        case .requestFailed: "colibri request failed"
        case .slowRequest: "colibri request took long"
        case .requestTimedOut: "media worker did not answer in time"
        case .unknownHeaderExtension: "unknown header extension left out"
        case .exportIgnored: "media export is not done"
        case .shutdownStateChanged: "shutdown state changed"
        case .drainChanged: "drain mode changed"
        case .readyToExit: "shutdown complete"
        }
    }

    /// The variable part of the log line under fixed keys, context first.
    /// - Parameter redacts: shortens clients' addresses (`videobridge.redact-remote-addresses`).
    public func metadata(redacts: Bool) -> [(key: String, value: String)] {
        var result: [(key: String, value: String)] = []
        if let meetingID { result.append(("conference", meetingID)) }
        if let name { result.append(("name", name)) }
        if let endpointID { result.append(("endpoint", endpointID)) }
        if let statsID { result.append(("stats_id", statsID)) }
        switch kind {
        case .conferenceEnded(let reason): result.append(("reason", reason.rawValue))
        case .endpointEnded(let reason): result.append(("reason", reason.rawValue))
        case .iceConnected(let remote):
            if let remote { result.append(("remote", redacts ? remote.redacted : remote.description)) }
        case .iceRestartEnded(let generation, _): result.append(("generation", String(generation)))
        case .dtlsConnected(let profile): result.append(("profile", profile))
        case .channelOpened(let transport, let milliseconds):
            result.append(("transport", transport))
            result.append(("milliseconds", String(milliseconds)))
        case .channelClosed(let transport): result.append(("transport", transport))
        case .sourceRefused(let ssrc, let reason):
            result.append(("ssrc", String(ssrc)))
            result.append(("reason", reason.rawValue))
        case .dtlsFailed(let reason): result.append(("reason", reason))
        case .requestFailed(let condition, let text):
            result.append(("condition", condition.rawValue))
            if let text { result.append(("reason", text)) }
        case .slowRequest(let milliseconds): result.append(("milliseconds", String(milliseconds)))
        case .unknownHeaderExtension(let uri): result.append(("uri", uri))
        case .exportIgnored(let connect): result.append(("connect", connect))
        case .shutdownStateChanged(let state): result.append(("state", state.rawValue))
        case .drainChanged(let isDraining): result.append(("drain", isDraining ? "true" : "false"))
        case .conferenceCreated, .endpointCreated, .endpointExpired, .iceFailed, .requestTimedOut, .readyToExit,
            .channelMissing, .channelBehind:
            break
        }
        return result
    }
}
