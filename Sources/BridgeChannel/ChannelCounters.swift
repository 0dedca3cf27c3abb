// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why something did not reach whom it was for. The raw value names the counter.
public enum ChannelDrop: String, Hashable, Sendable, CaseIterable {
    /// A client sends more messages or bytes than it may; not even read.
    case rate
    /// What a client's messages become at their receivers is more than one sender may cause.
    case senderFanOut = "sender_fan_out"
    /// The same for a conference.
    case conferenceFanOut = "conference_fan_out"
    /// A visitor's message for others.
    case visitor
    /// For an endpoint that is not in the conference.
    case unknownReceiver = "unknown_receiver"
    /// The receiver has no open channel.
    case noTransport = "no_transport"
    /// The receiver does not read.
    case slowReceiver = "slow_receiver"
    /// The association takes no such message.
    case refusedByAssociation = "refused_by_association"
    /// A message that clients do not send to a bridge.
    case unexpected
    /// A binary message.
    case binary
    /// A DTLS record of an endpoint that does not use SCTP, beyond those that are kept.
    case noSCTP = "no_sctp"
    /// A DTLS record of an endpoint that is gone.
    case unknownEndpoint = "unknown_endpoint"
    /// A text of a WebSocket that is gone.
    case unknownConnection = "unknown_connection"
}

/// What happened on all bridge channels.
public struct ChannelCounters: Sendable, Equatable {
    /// Messages that came over data channels (`total_data_channel_messages_received`).
    public var dataChannelMessagesReceived: UInt64 = 0
    /// Messages that were given to data channels (`total_data_channel_messages_sent`).
    public var dataChannelMessagesSent: UInt64 = 0
    /// Messages that came over WebSockets (`total_colibri_web_socket_messages_received`).
    public var webSocketMessagesReceived: UInt64 = 0
    /// Messages that were given to WebSockets (`total_colibri_web_socket_messages_sent`).
    public var webSocketMessagesSent: UInt64 = 0
    /// Data channels that opened.
    public var dataChannelsOpened: UInt64 = 0
    /// Data channels that closed, with their association or alone.
    public var dataChannelsClosed: UInt64 = 0
    /// Data channels refused because the association has as many as it may (`rejected_data_channels_total`).
    public var dataChannelsRefused: UInt64 = 0
    /// WebSockets that opened.
    public var webSocketsOpened: UInt64 = 0
    /// WebSockets that closed for whatever reason.
    public var webSocketsClosed: UInt64 = 0
    /// WebSockets closed because the endpoint opened another.
    public var webSocketsReplaced: UInt64 = 0
    /// WebSockets that were not let in.
    public var authorizationsRefused: UInt64 = 0
    /// Endpoints without a channel 30 s after their DTLS handshake (`num_eps_no_msg_transport_after_delay`).
    public var endpointsWithoutChannel: UInt64 = 0
    /// Times that a receiver did not read and got its state anew when it did.
    public var receiversBehind: UInt64 = 0
    /// Lines for the log that nobody took in time.
    public var droppedEvents: UInt64 = 0
    /// Messages refused, by reason.
    public var refused: [BridgeChannelError: UInt64] = [:]
    /// What did not reach whom it was for, by reason.
    public var dropped: [ChannelDrop: UInt64] = [:]

    /// Nothing happened yet.
    public init() {}

    mutating func drop(_ reason: ChannelDrop, count: UInt64 = 1) { dropped[reason, default: 0] += count }

    mutating func refuse(_ reason: BridgeChannelError) { refused[reason, default: 0] += 1 }

    /// Each reason for which messages were refused, in a fixed order, with its number.
    public var refusedByReason: [(reason: String, count: UInt64)] {
        BridgeChannelError.allCases.map { ($0.rawValue, refused[$0] ?? 0) }
    }

    /// Each reason for which something was dropped, in a fixed order, with its number.
    public var droppedByReason: [(reason: String, count: UInt64)] {
        ChannelDrop.allCases.map { ($0.rawValue, dropped[$0] ?? 0) }
    }
}
