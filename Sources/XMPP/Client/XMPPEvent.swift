// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

/// What the client tells its owner: the facts to act on and to log.
public enum XMPPEvent: Hashable, Sendable {
    /// The session is bound (or resumed: rooms are still joined).
    case online(jid: String, isResumed: Bool, isEncrypted: Bool)
    /// The connection ended; the next attempt starts by itself after the pause.
    case disconnected(XMPPDisconnect, retryMilliseconds: Int64)
    /// Our presence is in the room.
    case joined(room: String)
    /// We are no longer in the room; it is joined again after a pause.
    case left(room: String, RoomDeparture)
    /// The room's own settings were accepted or refused after we made it.
    case roomConfigured(room: String, isAccepted: Bool)
    /// Somebody else uses our nickname with the same account (control-plane.md 1.6).
    case nicknameShared(room: String)
    /// A request for the owner, to be answered by ``XMPPClient/reply(to:with:at:)``.
    case request(IQRequest)
    /// An own request ended.
    case iqResult(id: String, IQOutcome)
    /// Presence of another occupant (only with ``XMPPSettings/reportsOccupants``).
    case occupant(room: String, nickname: String, presence: XMLElement)
    /// The end asked for by ``XMPPClient/close(at:)`` is complete.
    case closed
}

/// Why a connection ended.
public enum XMPPDisconnect: Hashable, Sendable {
    /// No connection could be made; the shell's reason.
    case connectFailed(String)
    /// The connection broke; the shell's reason.
    case connectionLost(String)
    /// The server closed the stream.
    case closedByServer
    /// TLS failed; the shell's reason.
    case tlsFailed(String)
    /// TLS is required and the server does not offer it.
    case tlsNotOffered
    /// The server offers no login that is acceptable.
    case noMechanism
    /// The server refused the login; its condition.
    case loginRefused(String)
    /// The server did not prove that it knows the password.
    case serverNotAuthenticated
    /// The server refused the resource; its condition.
    case bindRefused(String)
    /// The server ended the stream; its condition.
    case streamError(String)
    /// What came was not acceptable XML.
    case malformedXML
    /// What came was out of place.
    case protocolViolation
    /// A step of the login took too long; which.
    case timeout(String)
    /// Nothing came, not even the answer to a ping.
    case pingTimeout
    /// The end was asked for.
    case requested

    /// A constant sentence for logs.
    public var message: String {
        switch self {
        case .connectFailed: "Could not connect to the XMPP server"
        case .connectionLost: "The connection to the XMPP server broke"
        case .closedByServer: "The XMPP server closed the stream"
        case .tlsFailed: "TLS with the XMPP server failed"
        case .tlsNotOffered: "The XMPP server does not offer TLS, which SECURITY_MODE requires"
        case .noMechanism: "The XMPP server offers neither SCRAM nor, inside TLS, PLAIN"
        case .loginRefused: "The XMPP server refused the login; check USERNAME and PASSWORD"
        case .serverNotAuthenticated: "The XMPP server did not prove that it knows the password"
        case .bindRefused("conflict"): "The XMPP server has a session of our resource; a dead one ends after a while"
        case .bindRefused: "The XMPP server refused the resource"
        case .streamError("conflict"): "Somebody else logged in with our resource; is a second bridge configured alike?"
        case .streamError("host-unknown"): "The XMPP server does not serve this domain; check DOMAIN"
        case .streamError: "The XMPP server ended the stream with an error"
        case .malformedXML: "The XMPP server sent malformed XML"
        case .protocolViolation: "The XMPP server broke the protocol"
        case .timeout: "A step of the XMPP login took too long"
        case .pingTimeout: "The XMPP server no longer answers"
        case .requested: "The XMPP connection was closed"
        }
    }

    /// The variable part; `nil` when there is none.
    public var detail: String? {
        switch self {
        case .connectFailed(let text), .connectionLost(let text), .tlsFailed(let text), .loginRefused(let text),
            .bindRefused(let text), .streamError(let text), .timeout(let text):
            text
        default: nil
        }
    }
}

/// Why we are not in a room.
public enum RoomDeparture: Hashable, Sendable {
    /// The room refused us; the condition, e.g. `conflict` for a nickname that is taken.
    case refused(String)
    /// The room did not answer.
    case timeout
    /// Somebody removed us; the status code (307 kick, 301 ban, 333 error, …).
    case removed(status: Int)
    /// The room was destroyed.
    case destroyed
    /// The session ended.
    case sessionEnded

    /// A constant sentence for logs.
    public var message: String {
        switch self {
        case .refused("conflict"): "The nickname is taken by another account"
        case .refused("not-allowed"): "The room is not there, and this account may not make it; the focus may"
        case .refused("registration-required"): "The room is for members only; make the bridge's account one"
        case .refused: "The room refused the bridge"
        case .timeout: "The room does not answer"
        case .removed: "The bridge was removed from the room"
        case .destroyed: "The room was destroyed"
        case .sessionEnded: "The room was left because the session ended"
        }
    }

    /// The variable part; `nil` when there is none.
    public var detail: String? {
        switch self {
        case .refused(let condition): condition
        case .removed(let status): String(status)
        case .timeout, .destroyed, .sessionEnded: nil
        }
    }
}
