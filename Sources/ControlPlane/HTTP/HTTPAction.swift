// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import Colibri
internal import Telemetry
internal import WebServer

/// What a request wants of the bridge.
enum HTTPAction {
    /// Nothing: this is the answer.
    case answer(HTTPResponse)
    /// The last health result; answer with ``HTTPAnswers/health(_:id:)``.
    case health
    /// The statistics; answer with ``HTTPAnswers/json(_:id:)``.
    case statistics
    /// The metrics; answer with ``HTTPAnswers/metrics(_:format:id:)``.
    case metrics(MetricsFormat)
    /// The state of the bridge; answer with ``HTTPAnswers/json(_:id:)`` of a ``DebugDocument``.
    case debug(DebugQuery)
    /// How long Colibri2 requests took; answer with ``HTTPAnswers/json(_:id:)``.
    case delayStatistics
    /// Whether the bridge is drained; answer with ``HTTPAnswers/drain(_:id:)``.
    case drainState
    /// Drain or undrain; answer with ``HTTPAnswers/empty(id:)``.
    case setDrain(Bool)
    /// A Colibri2 request; answer with ``HTTPAnswers/modified(_:isUpdate:id:)``.
    case modify(ConferenceModify, isUpdate: Bool)
    /// Log in to one more XMPP server; answer with ``HTTPAnswers/clientAdded(_:id:)``.
    case addClient(XMPPClientSettings)
    /// Log out of a server; answer with ``HTTPAnswers/clientRemoved(_:id:)``.
    case removeClient(String)
    /// The ids of the XMPP connections; answer with ``HTTPAnswers/clients(_:id:)``.
    case listClients
    /// A conference's state, which is not offered; answer with ``HTTPAnswers/conference(isKnown:id:)``.
    case conference(meetingID: String)
}

/// What part of the state `/debug` is asked for.
struct DebugQuery: Hashable, Sendable {
    /// One conference by its local id, or all.
    var conferenceID: String?
    /// One endpoint of it, or all.
    var endpointID: String?
    /// Whether the workers are asked for all they know.
    var isFull: Bool
}
