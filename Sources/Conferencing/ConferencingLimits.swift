// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
import Primitives

/// Sizes of a worker's tables. Reaching one refuses the command or drops the packet, and is counted; nothing grows past
/// it.
public enum ConferencingLimits {
    /// How far back packets with dependency descriptors may come; from further back, the sender has begun anew.
    static let descriptorReach = 2_048
    /// Conferences per worker.
    public static let conferences = 2_048
    /// Endpoints per worker, over all conferences.
    public static let endpoints = 8_192
    /// Slots for conferences: some more, for those that were ended and are still being removed.
    public static let conferenceSlots = conferences + 256
    /// Slots for endpoints, likewise.
    public static let endpointSlots = endpoints + 2 * endpointsPerConference
    /// Operations of requests that are carried out in one turn of the loop. The dearest is to take a session apart: up
    /// to 125 µs with cold caches.
    public static let operationsPerTurn = 8
    /// Endpoints of ended conferences, and as many whose sessions failed, that are removed in one turn of the loop.
    public static let removalsPerTurn = 2
    /// Slots of sources of an ended conference that are given up in the time of an endpoint.
    static let sourcesPerRemoval = 64
    /// Endpoints and conferences that one turn looks at for expiry or statistics.
    public static let visitsPerTurn = 256
    /// The shortest time between two rounds that ask who is reachable, whatever the settings say.
    static let connectivityInterval = TimeDelta.milliseconds(10)
    /// Speakers of a conference that `/debug` lists, in their order.
    static let describedSpeakers = 50
    /// Endpoints that one turn describes.
    public static let descriptionsPerTurn = 32
    /// Sources that one turn looks at for receivers that choose; the receiver that is begun is finished.
    public static let selectionsPerTurn = 1_024
    /// Between two rounds in which all members of a conference choose: so long for each pair of a member and a source,
    /// ten times what it costs.
    static let roundPerPair = TimeDelta.nanoseconds(180)
    /// What would be spaced by less is not spaced: some 75 members with as many sources.
    static let freeRound = TimeDelta.milliseconds(1)
    /// Between two rounds in which all members of a conference have their layers chosen anew because senders send
    /// others: this, and as much again as the round may take.
    static let layerNewsInterval = TimeDelta.milliseconds(50)
    static let layerNewsPerMember = TimeDelta.milliseconds(1)
    /// How often what a receiver was sent is looked at, for its rate.
    static let rateInterval = TimeDelta.milliseconds(500)
    /// The longest time between two choices of layers is not set shorter than this.
    static let shortestInterval = TimeDelta.milliseconds(100)
    /// So long the pictures of a conference count as they were put together, while none comes or goes.
    static let boardLifetime = TimeDelta.milliseconds(100)
    /// Audio in a slot that is new to its receiver is held back for so long, so that the message that tells of it is
    /// there first (media-plane.md 16.3).
    static let slotHold = TimeDelta.milliseconds(100)
    /// A voice that was heard within this keeps its slot, whoever needs one.
    static let slotRest = TimeDelta.seconds(1 as Int64)
    /// Random numbers that are tried for one that is nobody's SSRC.
    static let slotAttempts = 16
    /// Speakers that one turn compares; the conference that is begun is finished.
    public static let speakersPerTurn = 1_024
    /// Endpoints per conference.
    public static let endpointsPerConference = 1_024
    /// Sources (forwarded streams) per conference.
    public static let sourcesPerConference = 4_096
    /// Packets taken out of the receive slab between two pumps of the hall.
    public static let batchPackets = 512
    /// Packets per worker that wait outside of the receive slab for a later turn.
    public static let parkedPackets = 2_048
    /// Room for a parked packet with its padding, in bytes.
    static let parkingBytes = 1_536
    /// Longest packet, header included, that gets earlier payloads put beside its own, in bytes.
    static let redundantBytes = 1_200
    /// Packets of a conference that wait; beyond that the newest are dropped. At a meeting's full load this is less
    /// than half a second.
    public static let waitingPackets = 512
    /// Packets of one length that fill places behind longer ones; more of them are a message of their own.
    static let tailPackets = 8
    /// Packets sent for one conference before the next one has its turn.
    static let conferenceShare = 192
    /// Repeats that leave although media has spent the turn; the rest waits for the next.
    static let repeatsBesideMedia = 64
    /// Due timers handled in one turn of the loop; the rest waits for the next.
    public static let timersPerTurn = 256
    /// Packets in a row that are dropped without being authenticated; then one has to prove where the sequence is.
    /// Below what the statistics take for a new start, and far below half the numbers, which the roll-over counter
    /// needs.
    static let skippedPackets = 2_000
    /// Of what is muted a member may send so many packets a second before most are dropped unopened: more than a camera
    /// in three sizes sends.
    static let mutedPacketsPerSecond = 1_000
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
    /// The shortest time between two estimates of one receiver that are told to the control plane.
    static let estimateInterval = TimeDelta.milliseconds(200)
    /// Time between two DTLS datagrams of one endpoint at the highest rate that is taken: 10,000 a second, twice what
    /// 50 Mbit/s need.
    static let channelInterval = TimeDelta.microseconds(100)
    /// How much of that may come at once: a thousand datagrams.
    static let channelBurst = TimeDelta.milliseconds(100)
    /// Bytes of the data channels' packets that wait for the control loop, and as many the other way; more are dropped
    /// and counted.
    public static let channelRingBytes = 1 << 20
    /// Bytes of DTLS datagrams that wait while media does; then the oldest is taken for each that comes.
    static let heldRecordsBytes = 1 << 18
    /// Room for one RTCP packet made here, in bytes.
    public static let rtcpBytes = 1_200
}
