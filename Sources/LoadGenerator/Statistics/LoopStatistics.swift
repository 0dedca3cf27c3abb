// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What one media thread counted; merged into the result at the end.
struct LoopStatistics: Sendable {
    /// RTP packets received that belong to a stream of the conference.
    var received: UInt64 = 0
    /// RTP bytes received, headers and tags included.
    var receivedBytes: UInt64 = 0
    /// RTP packets sent.
    var sent: UInt64 = 0
    /// RTP bytes sent.
    var sentBytes: UInt64 = 0
    /// Packets decrypted and compared with their stamp.
    var verified: UInt64 = 0
    /// Packets whose tag, stamp or checksum was wrong.
    var altered: UInt64 = 0
    /// Packets that the receiver must never see: its own, or another conference's.
    var misdelivered: UInt64 = 0
    /// Packets of SSRCs that nobody signalled (a bridge's own padding, for one).
    var unknown: UInt64 = 0
    /// Retransmissions.
    var retransmissions: UInt64 = 0
    /// Packets without payload.
    var paddingOnly: UInt64 = 0
    /// RTCP datagrams received.
    var receivedRTCP: UInt64 = 0
    /// Sender reports received about streams of the conference.
    var senderReports: UInt64 = 0
    /// Receiver reports received.
    var receiverReports: UInt64 = 0
    /// PLI and FIR received.
    var keyframeRequests: UInt64 = 0
    /// Generic NACKs received.
    var nacks: UInt64 = 0
    /// Transport-wide feedback received.
    var transportFeedback: UInt64 = 0
    /// Datagrams of no known kind, or undecryptable RTCP.
    var malformed: UInt64 = 0
    /// Key frames sent.
    var keyframesSent: UInt64 = 0
    /// Datagrams the kernel dropped because the generator did not read in time.
    var kernelDrops: UInt64 = 0
    /// Datagrams the generator could not send.
    var sendDrops: UInt64 = 0
    /// Time from sending to receiving, audio.
    var audioTransit = LatencyHistogram()
    /// Time from sending to receiving, video.
    var videoTransit = LatencyHistogram()
    /// How late media was sent: the generator's own lag.
    var lag = LatencyHistogram()
    /// From asking for the endpoint to being connected.
    var join = LatencyHistogram()
    /// From being connected to the first packet of a key frame, per video stream.
    var firstKeyframe = LatencyHistogram()
    /// Processor time of the thread, in nanoseconds.
    var processorNanoseconds: Int64 = 0

    /// What decoders would have made of the video, where that is judged.
    var pictures = PictureStatistics()

    /// What was lost on purpose and what was repaired.
    var repair = RepairStatistics()

    /// What the bridge channels said and did.
    var channel = ChannelStatistics()

    /// Streams: one sender as seen by one receiver.
    var streams: UInt64 = 0
    /// Packets that had to come.
    var expected: UInt64 = 0
    /// Of those, packets that did not.
    var lost: UInt64 = 0
    var duplicates: UInt64 = 0
    var reordered: UInt64 = 0
    var renumbered: UInt64 = 0
    /// Video streams of which a receiver never saw a key frame, and audio streams of which it never saw anything.
    var silentStreams: UInt64 = 0
    /// Why participants were lost, at most ten.
    var failures: [String] = []

    /// Adds what another thread counted.
    mutating func merge(_ other: LoopStatistics) {
        received += other.received
        receivedBytes += other.receivedBytes
        sent += other.sent
        sentBytes += other.sentBytes
        verified += other.verified
        altered += other.altered
        misdelivered += other.misdelivered
        unknown += other.unknown
        retransmissions += other.retransmissions
        paddingOnly += other.paddingOnly
        receivedRTCP += other.receivedRTCP
        senderReports += other.senderReports
        receiverReports += other.receiverReports
        keyframeRequests += other.keyframeRequests
        nacks += other.nacks
        transportFeedback += other.transportFeedback
        malformed += other.malformed
        keyframesSent += other.keyframesSent
        kernelDrops += other.kernelDrops
        sendDrops += other.sendDrops
        audioTransit.merge(other.audioTransit)
        videoTransit.merge(other.videoTransit)
        lag.merge(other.lag)
        join.merge(other.join)
        firstKeyframe.merge(other.firstKeyframe)
        processorNanoseconds = max(processorNanoseconds, other.processorNanoseconds)
        pictures.merge(other.pictures)
        repair.merge(other.repair)
        channel.merge(other.channel)
        streams += other.streams
        expected += other.expected
        lost += other.lost
        duplicates += other.duplicates
        reordered += other.reordered
        renumbered += other.renumbered
        silentStreams += other.silentStreams
        failures = Array((failures + other.failures).prefix(10))
    }
}
