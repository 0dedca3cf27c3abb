// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Named limits and protocol constants of this target. Times and factors without another word are RFC 9260 §16's.
public enum SCTPLimits {
    /// Largest SCTP packet looked at, in bytes: what a DTLS record can hold.
    public static let receivedPacketBytes = 16_384
    /// Smallest packet limit that a setting can ask for.
    public static let smallestPacketBytes = 128
    /// Largest packet limit that a setting can ask for.
    public static let largestPacketBytes = 8_192
    /// Streams in each direction that are announced and kept.
    public static let streams: UInt16 = 1_024
    /// What each waiting piece of a message is charged beside its bytes, so that a limit on bytes is one on memory.
    public static let chunkOverhead = 96
    /// How far beyond the cumulative TSN a chunk may be.
    public static let tsnSpan: UInt64 = 16_384
    /// Runs of TSNs received out of order that are kept.
    public static let receivedRanges = 512
    /// Duplicate TSNs told in one SACK.
    public static let duplicates = 32
    /// Fragment runs that wait for the rest of their message.
    public static let segments = 1_024
    /// Messages of ours, in whatever state, that are kept.
    public static let queuedMessages = 4_096
    /// Chunks of ours that are sent and not acknowledged.
    public static let outstandingChunks: Int = 8_192
    /// Answers that wait to be polled: errors, heartbeats, handshakes.
    public static let queuedReplies = 16
    /// Bytes of one HEARTBEAT or unknown chunk or parameter that are repeated back.
    public static let echoedBytes = 512
    /// Longest state cookie that a peer may ask us to repeat.
    public static let cookieBytes = 1_024
    /// Chunks of one packet that are looked at.
    public static let chunksPerPacket = 512
    /// INIT and COOKIE ECHO chunks answered in one second.
    public static let handshakesPerSecond = 32
    /// How long a state cookie can be used: Valid.Cookie.Life.
    public static let cookieLife = TimeDelta.seconds(60)
    /// RTO.Initial; half of the RFC's, as WebRTC's own stack has it.
    public static let initialTimeout = TimeDelta.milliseconds(500)
    /// RTO.Min; less than the RFC's second, more than twice the usual delay of acknowledgements.
    public static let leastTimeout = TimeDelta.milliseconds(400)
    /// RTO.Max and the end of every back-off (media-plane.md 11.4).
    public static let greatestTimeout = TimeDelta.milliseconds(3_000)
    /// How long an acknowledgement may be delayed (§6.2).
    public static let acknowledgementDelay = TimeDelta.milliseconds(200)
    /// Max.Burst: packets of new data that one acknowledgement may set free.
    public static let burst = 4
    /// Largest congestion window, in bytes.
    public static let congestionWindow = 4_194_304
    /// Reports of a TSN as missing before it is sent again at once (§7.2.4).
    public static let missingReports: UInt8 = 3
    /// Label or protocol of a data channel, in bytes.
    public static let labelBytes = 1_024
    /// Data channels of one association, unless the settings allow fewer.
    public static let channels = 256
    /// Streams named in one request to reset them.
    public static let resetStreams = 128
}
