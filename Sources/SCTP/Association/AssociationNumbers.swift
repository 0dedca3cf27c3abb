// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// All that an established association needs to go on, beside the bytes of messages under way: plain data.
struct AssociationNumbers: BitwiseCopyable, Sendable {
    /// How far the association is (RFC 9260 §4).
    enum State: UInt8, Sendable {
        case closed
        case cookieWait
        case cookieEchoed
        case established
        case shutdownPending
        case shutdownSent
        case shutdownReceived
        case shutdownAckSent
    }

    /// Whether and how soon the peer gets an acknowledgement.
    enum Acknowledgement: UInt8, Sendable {
        case none
        /// With the next packet, or when the timer fires.
        case delayed
        case due
    }

    var state = State.closed
    var localTag: UInt32 = 0
    var localInitialTSN: UInt32 = 0
    var peerTag: UInt32 = 0
    var features: PeerFeatures = []
    var outboundStreams = SCTPLimits.streams
    var inboundStreams = SCTPLimits.streams

    // Sending
    /// The TSN of the next new chunk.
    var nextTSN: UInt64 = 1 << 32
    /// The last TSN that the peer acknowledged with all before it.
    var acknowledged: UInt64 = (1 << 32) - 1
    /// How far the peer may go on although something is missing (RFC 3758 §3.5).
    var advancedAcknowledgement: UInt64 = (1 << 32) - 1
    /// The peer's last advertised window less what is on its way.
    var peerWindow = 0
    /// Bytes of chunks on their way.
    var flight = 0
    var window: CongestionWindow
    var timeout = RetransmissionTimeout()
    /// The last time a DATA chunk was sent.
    var lastSent: Timestamp?
    /// Messages accepted since the beginning.
    var messages: UInt64 = 0
    /// Bytes of messages that are queued or not acknowledged, and whether `send` refused one.
    var buffered = 0
    var isFull = false
    /// Chunks that are taken as lost, and those that gap blocks told of.
    var lostChunks = 0
    var receivedChunks = 0
    /// Where the burst that the last event set free ends.
    var burstEnd: Int?
    /// The first packet of a fast retransmission does not ask the congestion window (RFC 9260 §7.2.4).
    var ignoresWindow = false
    var pending: PendingChunks = []

    // Receiving
    var acknowledgement = Acknowledgement.none
    /// Packets with DATA since the last acknowledgement.
    var unacknowledgedPackets = 0
    /// The window in the last acknowledgement.
    var advertisedWindow = 0

    // Timers
    var handshakeTimer: Timestamp?
    var retransmissionTimer: Timestamp?
    var acknowledgementTimer: Timestamp?
    var shutdownTimer: Timestamp?
    var heartbeatTimer: Timestamp?
    var resetTimer: Timestamp?

    // Handshakes answered since then
    var handshakeSecond = Timestamp.zero
    var handshakesInSecond = 0

    // Heartbeats
    var heartbeatNonce: UInt64 = 0
    var heartbeatSent: Timestamp?

    // Resetting streams (RFC 6525)
    /// The number of our next request, and of the peer's.
    var nextRequest: UInt32 = 0
    var expectedRequest: UInt32 = 0
    /// Our answer to the peer's last request.
    var lastResult: UInt32 = 0
    var hasAnsweredRequest = false
    /// Whether a request of ours is unanswered, and the last TSN before it.
    var awaitsReset = false
    var resetLastTSN: UInt64 = 0

    init(settings: SCTPSettings) {
        window = CongestionWindow(packet: settings.fragmentBytes, peerWindow: 0)
    }

    /// The numbers of a new association in the place of an old one: what limits the peer and what we queued goes on.
    init(settings: SCTPSettings, following old: AssociationNumbers) {
        self.init(settings: settings)
        handshakeSecond = old.handshakeSecond
        handshakesInSecond = old.handshakesInSecond
        messages = old.messages
        buffered = old.buffered
        isFull = old.isFull
    }
}
