// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Colibri
public import Primitives
public import ShardMessages

/// Something worth a log line or an immediate presence, with its context. Holds no secret.
public struct DirectoryEvent: Hashable, Sendable {
    /// What happened.
    public var kind: Kind
    /// The meeting it happened in.
    public var meetingID: String?
    /// The meeting's room.
    public var name: String?
    /// The endpoint it happened to.
    public var endpointID: String?
    /// The endpoint's readable name.
    public var statsID: String?

    /// What can happen.
    public enum Kind: Hashable, Sendable {
        case conferenceCreated
        /// It ended by request, because it became empty, or by the worker's sweep.
        case conferenceEnded(ConferenceEnd)
        case endpointCreated
        case endpointExpired
        case endpointEnded(ExpiryReason)
        case iceConnected(remote: TransportAddress?)
        case iceFailed
        /// An in-place restart worked, or did not and everything stays as it was.
        case iceRestartEnded(generation: UInt32, isConnected: Bool)
        case dtlsConnected(profile: String)
        case dtlsFailed(reason: String)
        /// A bridge channel opened, so long after the handshake (over SCTP) or the endpoint's creation (WebSocket).
        case channelOpened(transport: String, milliseconds: Int64)
        case channelClosed(transport: String)
        /// There is no bridge channel although there was time enough.
        case channelMissing
        /// The client does not read what it is sent over its channel.
        case channelBehind
        /// A source that was signalled finds no place; it is taken in when there is one.
        case sourceRefused(ssrc: UInt32, reason: SourceRefusal)
        /// A request was answered with an error.
        case requestFailed(ColibriError.Condition, text: String?)
        /// From arrival to reply it took this long.
        case slowRequest(milliseconds: Int64)
        /// The worker did not answer within the deadline.
        case requestTimedOut
        /// A header extension was left out: the bridge does not know its URI.
        case unknownHeaderExtension(uri: String)
        /// Media export was asked for; the bridge does not export and goes on.
        case exportIgnored(connect: String)
        case shutdownStateChanged(ShutdownState)
        case drainChanged(Bool)
        /// The time after `shutting_down` is over: the process shall end with status 0.
        case readyToExit
    }

    /// How a conference ended.
    public enum ConferenceEnd: String, Hashable, Sendable {
        case requested, empty, inactive, failed
    }

    /// An event.
    public init(
        _ kind: Kind, meetingID: String? = nil, name: String? = nil, endpointID: String? = nil, statsID: String? = nil
    ) {
        self.kind = kind
        self.meetingID = meetingID
        self.name = name
        self.endpointID = endpointID
        self.statsID = statsID
    }
}
