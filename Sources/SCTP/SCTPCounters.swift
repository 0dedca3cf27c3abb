// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What an association did and what it refused, by reason.
public struct SCTPCounters: Sendable, Equatable, BitwiseCopyable {
    /// Packets taken in that were ours to look at.
    public var packetsReceived: UInt64 = 0
    /// Packets polled.
    public var packetsSent: UInt64 = 0
    /// Messages given to the owner.
    public var messagesReceived: UInt64 = 0
    /// Messages accepted from the owner.
    public var messagesSent: UInt64 = 0
    /// DATA chunks sent again.
    public var retransmissions: UInt64 = 0
    /// DATA chunks sent again because they were reported missing.
    public var fastRetransmissions: UInt64 = 0
    /// Times that nothing was acknowledged in time.
    public var timeouts: UInt64 = 0
    /// Messages given up under partial reliability.
    public var abandonedMessages: UInt64 = 0
    /// DATA chunks received more than once.
    public var duplicates: UInt64 = 0
    /// The peer began anew without ending the old association.
    public var restarts: UInt64 = 0

    /// Packets whose checksum is wrong.
    public var badChecksum: UInt64 = 0
    /// Packets with another verification tag.
    public var badTag: UInt64 = 0
    /// Packets and chunks that are no SCTP: lengths, ports, fields.
    public var malformed: UInt64 = 0
    /// Packets that belong to no association.
    public var outOfTheBlue: UInt64 = 0
    /// Chunks that have no meaning in the state they came in.
    public var unexpectedChunks: UInt64 = 0
    /// Chunks of types unknown here.
    public var unknownChunks: UInt64 = 0
    /// Handshake chunks beyond ``SCTPLimits/handshakesPerSecond``.
    public var throttledHandshakes: UInt64 = 0
    /// State cookies that are not ours, or not of this association.
    public var badCookies: UInt64 = 0
    /// State cookies that are too old.
    public var staleCookies: UInt64 = 0
    /// Acknowledgements that are older than what is known.
    public var staleAcknowledgements: UInt64 = 0
    /// Acknowledgements of what was never sent, or that contradict themselves.
    public var forgedAcknowledgements: UInt64 = 0
    /// DATA chunks beyond the window or any other room.
    public var beyondWindow: UInt64 = 0
    /// DATA chunks for a stream that was not announced.
    public var invalidStreams: UInt64 = 0
    /// Fragments that cannot belong to any message.
    public var brokenFragments: UInt64 = 0
    /// Messages larger than ``SCTPSettings/largestMessage``.
    public var oversizedMessages: UInt64 = 0
    /// Answers dropped because too many waited.
    public var droppedReplies: UInt64 = 0
    /// Messages that `send` refused because the buffer was full.
    public var refusedMessages: UInt64 = 0
    /// Requests to reset streams that were refused.
    public var refusedResets: UInt64 = 0
    /// Errors that the peer reported.
    public var peerErrors: UInt64 = 0
    /// Data channels refused: too many, or asked for wrongly.
    public var refusedChannels: UInt64 = 0
    /// Messages on a stream without a data channel, or of an unknown kind.
    public var strayMessages: UInt64 = 0

    /// Nothing counted yet.
    public init() {}
}
