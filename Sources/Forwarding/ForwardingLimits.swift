// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Named limits of this target.
public enum ForwardingLimits {
    /// Header extension elements of one packet that cross the bridge.
    public static let keptExtensions = 4
    /// Header bytes that a rewritten packet can need: the fixed header, a block with ``keptExtensions`` elements, a
    /// send time and the name of a media line.
    public static let headerBytes = 12 + 4 + keptExtensions * 257 + 5 + 8 + 3
    /// SSRCs of one media type under which a receiver gets sources, whatever `ssrc-limit` says (media-plane.md 5.10).
    public static let sourceSlots = 1_024
    /// Sequence numbers that a jump forward may span before it counts as a new start (RFC 3550 A.1, media-plane.md
    /// 7.1).
    public static let maxDropout = 3_000
    /// Discarded sequence numbers are remembered over so many positions (media-plane.md 6.6: 1,000).
    public static let gapHistory = 1_024
    /// Picture ids that lie further apart are of two beginnings (media-plane.md 5.4).
    static let pictureJump = 500
    /// Spatial layers that are told apart; nobody makes more. What is in others goes to nobody.
    static let spatialLayers = 4
    /// Decode targets of a structure (AV1 RTP specification, A.8.2).
    static let decodeTargets = 32
    /// Key frames of several encodings within so many milliseconds are one group (media-plane.md 5.5).
    static let keyframeGroup: UInt16 = 300
    /// A packet that comes so many positions behind the newest one is still sent: SRTP senders remember as many numbers
    /// (RFC 3711 3.3.2), and what lies behind could not be encrypted.
    static let lateReach = 63
    /// Missing numbers that are folded away at once, for frames that are left out.
    static let foldedAtOnce = 64
    /// Media time from one frame to the next, 30 a second.
    static let frameTicks: UInt32 = 3_000
    /// Media time of a packet of audio, at least: 20 ms at 48 kHz.
    static let audioTicks: UInt32 = 960
    /// The media time of a switch goes on by no more than this, in milliseconds.
    static let longestStep: UInt32 = 60_000
    /// A stream that goes on keeps its time where that is no further ahead of the clock than this, in milliseconds.
    static let clockTolerance: UInt32 = 500
    /// Numbers left free where a sender's sequence begins anew: as many as its replay window lets come late.
    public static let restartHole = 64
    /// A receiver's numbers begin below this: far from the wrap, so that a receiver that loses the first packets
    /// still guesses the roll-over counter right (media-plane.md 5.4, RFC 3711 3.3.1).
    public static let firstNumbers: UInt16 = 1 << 15
    /// Silent packets in a row are discarded beyond this; tested with ">", so four pass (media-plane.md 10.1).
    public static let silentPackets: UInt32 = 3
    /// Forwarded sender reports remembered per receiver and source, to measure round trips.
    public static let rememberedReports = 4
    /// A report block whose delay is longer says nothing of the round trip (media-plane.md 7.2).
    public static let maxReportDelay = TimeDelta.seconds(300 as Int64)
    /// Longer round trips are taken for clock errors (media-plane.md 7.2).
    public static let maxRoundTrip = TimeDelta.seconds(7 as Int64)
    /// Time between receiver reports (media-plane.md 7.1).
    public static let reportInterval = TimeDelta.milliseconds(500)
    /// Least time between two key frame requests (media-plane.md 6.7).
    public static let keyframeInterval = TimeDelta.milliseconds(200)
    /// Requests of one receiver for one source that pass within ``keyframeQuotaInterval``.
    public static let keyframeQuota = 3
    /// See ``keyframeQuota``.
    public static let keyframeQuotaInterval = TimeDelta.seconds(10 as Int64)
    /// Requests that are remembered per pair and per source; a larger quota counts as this.
    public static let rememberedRequests = 8
    /// Least time between two sender reports of a source that go to its receivers, however many arrive.
    public static let senderReportInterval = TimeDelta.milliseconds(500)
    /// Transport-wide numbers whose arrival is kept, a power of two.
    public static let transportWindow = 2_048
    /// Bytes of one transport-wide feedback packet.
    public static let feedbackBytes = 1_200
    /// Packets of one transport-wide report; what does not fit them is given up.
    public static let feedbackPackets = 32
    /// Feedback waits no longer than this (media-plane.md 7.4).
    public static let feedbackInterval = TimeDelta.milliseconds(100)
    /// Feedback that a frame's last packet triggers comes no faster than this (media-plane.md 7.4).
    public static let feedbackMarkerInterval = TimeDelta.milliseconds(20)
    /// Entries read from one feedback packet (NACK, FIR); the rest is ignored.
    public static let feedbackEntries = 300

    /// Time between two decisions about the dominant speaker (media-plane.md 10.2).
    public static let decisionInterval = TimeDelta.milliseconds(300)
    /// Without a level for so long there are no decisions any more; the next level begins them again.
    public static let speechIdleTime = TimeDelta.seconds(15 as Int64)
    /// Who was not heard for so long is forgotten as a speaker, but for the dominant one.
    public static let speakerLifetime = TimeDelta.seconds(3_600 as Int64)
    /// Without a packet for so long a silent level stands in its place.
    public static let levelTimeout = TimeDelta.milliseconds(40)
    /// Levels after which the least one is made anew.
    public static let minLevelWindow = 750
    /// Levels of a member that come faster are left out of its history: the shortest packets of speech have this
    /// length.
    public static let levelInterval = TimeDelta.milliseconds(10)
    /// How much earlier than that they may come, where packets were held up and come bunched.
    public static let levelBurst = TimeDelta.milliseconds(100)
    /// Places in the ranking of the loudest; a larger `num-loudest` counts as this.
    public static let rankedSpeakers = 64
    /// Recent speakers that are kept; a larger `recent-speakers-count` counts as this.
    public static let recentSpeakers = 100
    /// Packets of a voice that are remembered for redundancy (media-plane.md 10.4).
    public static let recentAudio = 20

    // MARK: Loss repair

    /// How long a packet can be repeated: receivers wait little longer for one (media-plane.md 16.1.1).
    public static let storeLifetime = TimeDelta.seconds(1 as Int64)
    /// Longest packet that is kept for repetition, in bytes: what a transmit slot takes.
    public static let storedPacketBytes = 1_600
    /// Bytes of a worker's store for each packet it can hold; video packets are longer on the whole.
    public static let storeBytesPerRecord = 512
    /// Numbers that are remembered of what a receiver was sent of a source, a power of two: a second of 2.5 Mbit/s.
    public static let sentRing = 256
    /// Pairs of receiver and source with such a memory, per worker.
    public static let sentRings = 65_536
    /// Such memories that are taken from the system at once.
    public static let sentRingsPerChunk = 64
    /// Repeats that wait in a worker; a turn sends them.
    public static let queuedRepeats = 4_096
    /// Repeats that wait for one receiver.
    public static let queuedRepeatsPerReceiver: Int32 = 128
    /// Times that one number is repeated to one receiver, at most 15.
    public static let repeatsPerNumber = 10
    /// Time between two repeats of a number where the round trip is unknown.
    public static let repeatSpacing = TimeDelta.milliseconds(100)
    /// Time between two repeats of a number on the shortest ways.
    public static let minRepeatSpacing = TimeDelta.milliseconds(5)
    /// Numbers of one encoding that are missing at once and asked for.
    public static let missingNumbers = 128
    /// A step of the sequence that is longer is not asked for: 99 are missing at most (media-plane.md 6.1).
    public static let nackGap = 100
    /// Numbers of one encoding of which it is known whether they have come, a power of two (media-plane.md 6.5: 1,500).
    public static let arrivalWindow = 2_048
    /// Requests for one number (media-plane.md 6.1).
    public static let nackAttempts = 10
    /// Nothing older is asked for.
    public static let nackLifetime = TimeDelta.seconds(2 as Int64)
    /// Time between two requests where the round trip is unknown (media-plane.md 6.1).
    public static let nackInterval = TimeDelta.milliseconds(150)
    /// Time between two requests on the shortest ways.
    public static let minNackInterval = TimeDelta.milliseconds(20)
    /// How long the first request waits at most where packets change places.
    public static let nackTolerance = TimeDelta.milliseconds(20)

    // MARK: Estimates for senders (media-plane.md 8.4)

    /// Packets that losses are judged by at least.
    static let judgedReport: Int64 = 20
    /// Rates are those of at least so many milliseconds.
    static let shortestMeasurement: UInt64 = 200
    /// All packets of a report's time that much later than the fastest lately, and something queues.
    static let queueDelay = TimeDelta.milliseconds(50)
    /// The fastest packets are those of the last one to two of these.
    static let delayMemory = TimeDelta.seconds(10 as Int64)
    /// Two packets whose times are further apart say nothing of one another.
    static let sendTimeJump = TimeDelta.seconds(2 as Int64)
}
