// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum SRTPLimits {
    /// Receive contexts of an endpoint, RTP and RTCP apart; the least recently used one makes room (media-plane.md 3).
    public static let contexts = 1_024
    /// Receive contexts of another bridge, which sends for all its endpoints: 500 of them have some 3,500 SSRCs.
    public static let relayContexts = 8_192
    /// Contexts that made room and whose roll-over counters are remembered, per context that is not. Memory is taken as
    /// they come.
    public static let evictedContextsPerContext = 4
    /// Send contexts per peer, RTP and RTCP apart; none is ever forgotten, because a forgotten one could seal an index
    /// a second time. Beyond it packets of new SSRCs are refused, so a peer that stays must be able to see very many
    /// others come and go. Memory is taken as they come.
    public static let sendContexts = 32_768
    /// Streams in one list of a record.
    public static let recordedStreams = max(sendContexts, relayContexts * evictedContextsPerContext)
    /// Room for contexts at first; doubled when it is used up.
    public static let initialContexts = 8
    /// Indices behind the highest that can still be told apart (RFC 3711 3.3.2).
    public static let replayWindow: UInt64 = 64
    /// A context that has accepted fewer packets may still have guessed its roll-over counter wrong.
    public static let youngContextPackets: UInt8 = 64
    /// Longest packet looked at, in bytes.
    public static let packetBytes = 65_535
    /// Highest SRTP index (48 bits).
    public static let highestIndex: UInt64 = (1 << 48) - 1
    /// Highest SRTCP index (31 bits).
    public static let highestControlIndex: UInt64 = (1 << 31) - 1
}
