// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
internal import Primitives

/// One direction of a peer's SRTP, written down: what another process needs to go on where this one stopped. Holds the
/// master key, so it is as secret as that.
///
/// As bytes, all numbers big-endian: version (1), profile (2), key and salt (their lengths are the profile's), then
/// four lists of streams, each a count (4) and so many streams of 21 bytes: SSRC (4), highest index (8), which of those
/// behind it are used (8), packets accepted (1). The lists are RTP, RTCP, and what is remembered of each beside them.
public struct SRTPRecord: Equatable, Sendable {
    /// One SSRC.
    public struct Stream: Equatable, Sendable, BitwiseCopyable {
        /// Whose it is.
        public var ssrc: UInt32
        /// The highest index used; roll-over counter and sequence number in one (RFC 3711 3.3.1).
        public var highestIndex: UInt64
        /// Bit *n* stands for the index *n* behind the highest; 0 when none is used.
        public var window: UInt64
        /// Packets accepted, up to ``SRTPLimits/youngContextPackets``.
        public var accepted: UInt8

        init(_ context: SSRCContext) {
            ssrc = context.ssrc
            highestIndex = context.window.highest
            window = context.window.bits
            accepted = context.accepted
        }

        var context: SSRCContext {
            SSRCContext(
                window: ReplayWindow(highest: highestIndex, bits: window), ssrc: ssrc, accepted: accepted)
        }
    }

    /// The profile.
    public var profile: SRTPProfile
    /// The master key.
    public var key: [UInt8]
    /// The master salt.
    public var salt: [UInt8]
    /// RTP, the least recently used stream first.
    public var streams: [Stream] = []
    /// RTCP, in the same order.
    public var controlStreams: [Stream] = []
    /// RTP streams that made room.
    public var evictedStreams: [Stream] = []
    /// RTCP streams that made room.
    public var evictedControlStreams: [Stream] = []

    init(profile: SRTPProfile, master: borrowing MasterSecret) {
        self.profile = profile
        key = master.key
        salt = master.salt
    }
}
