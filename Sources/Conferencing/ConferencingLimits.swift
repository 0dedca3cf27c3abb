// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Sizes of a worker's tables. Reaching one refuses the command or drops the packet, and is counted; nothing grows past
/// it.
public enum ConferencingLimits {
    /// Conferences per worker.
    public static let conferences = 2_048
    /// Endpoints per worker, over all conferences.
    public static let endpoints = 8_192
    /// Endpoints per conference.
    public static let endpointsPerConference = 1_024
    /// Sources (forwarded streams) per conference.
    public static let sourcesPerConference = 4_096
    /// SSRCs of sources that are gone whose last sequence numbers a conference remembers; it begins anew when full.
    public static let rememberedSources = 256
    /// Packets and sender reports between two pumps of the hall.
    public static let batchPackets = 256
    /// Due timers handled in one turn of the loop; the rest waits for the next.
    public static let timersPerTurn = 1_024
    /// The most padding that makes the packets of a frame equally long, in bytes. It is written where the packet's tag
    /// stood. Tags have this length or more, but for AES_CM_128_HMAC_SHA1_32 with four bytes: there the padding may
    /// reach the first bytes of the datagram behind, which nobody reads any more (a later packet of the frame is in).
    static let evenPadding = 10
    /// Bytes in the egress batch after which it is sent rather than filled further.
    static let egressBytes = 131_072
    /// Events that wait for the control plane inside the shard; more are dropped and counted.
    public static let pendingEvents = 65_536
    /// Longest datagram taken, in bytes: what an Ethernet path carries (media-plane.md 1.1). A transmit slot holds it
    /// with a new header and a tag.
    public static let datagramBytes = 1_500
    /// Room for one RTCP packet made here, in bytes.
    public static let rtcpBytes = 1_200
}
