// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// Door 6: one receiver's view of one source: whether a packet goes to it, under which number, and what went before.
public struct Subscription: BitwiseCopyable, Sendable {
    /// What becomes of a packet.
    public enum Decision: UInt8, Sendable {
        /// Send it.
        case forward
        /// Nothing can be sent before a key frame: drop it and have one asked for.
        case awaitsKeyframe
        /// From before the packet the receiver's stream began with: drop it.
        case beforeStart
    }

    /// Whether something has been accepted.
    public private(set) var hasStarted = false
    /// Packets sent, for sender reports; wraps.
    public private(set) var packetsSent: UInt32 = 0
    /// Payload bytes sent, for sender reports; wraps.
    public private(set) var octetsSent: UInt32 = 0
    /// The highest number accepted.
    public private(set) var lastSequence: UInt16 = 0

    private var distanceFromStart: Int64 = 0
    private var reportCount: UInt8 = 0
    private var reportNTPs = InlineArray<4, UInt32>(repeating: 0)
    private var reportTimes = InlineArray<4, Timestamp>(repeating: .zero)
    private var hasBlock = false
    private var lastHighest: UInt32 = 0
    private var lastLost: Int32 = 0

    /// Nothing sent yet.
    public init() {}

    /// Decides on a packet.
    /// - Parameters:
    ///   - sequence: its number after gaps were closed (``SequenceGapCloser``).
    ///   - canStart: the stream can begin with it: any packet of audio and of video that the bridge does not parse
    ///     (media-plane.md 5.7), otherwise a key frame.
    public mutating func accept(sequence: UInt16, canStart: Bool) -> Decision {
        guard hasStarted else {
            guard canStart else { return .awaitsKeyframe }
            hasStarted = true
            lastSequence = sequence
            distanceFromStart = 0
            return .forward
        }
        let distance = SequenceNumber.delta(sequence, lastSequence)
        if distance > 0 {
            lastSequence = sequence
            distanceFromStart += Int64(distance)
        } else if distanceFromStart + Int64(distance) < 0 {
            return .beforeStart
        }
        return .forward
    }

    /// The stream begins anew, with a key frame where one is needed. Counters go on.
    public mutating func restart() {
        hasStarted = false
    }

    /// Counts a packet that was put into the transmit slab.
    @inlinable
    public mutating func noteSent(payloadBytes: Int) {
        countSent(UInt32(truncatingIfNeeded: payloadBytes))
    }

    @usableFromInline
    mutating func countSent(_ octets: UInt32) {
        packetsSent &+= 1
        octetsSent &+= octets
    }

    /// A source's sender report as this receiver shall see it: same wall clock and media time, our counters;
    /// `nil` when nothing has been sent yet (media-plane.md 5.9, 7.1).
    /// - Parameter ssrc: the SSRC under which the source is sent.
    public mutating func forward(_ report: SenderReport, ssrc: UInt32, now: Timestamp) -> SenderReport? {
        guard packetsSent > 0 else { return nil }
        let place = Int(reportCount & 3)
        reportNTPs[place] = report.ntp.compact
        reportTimes[place] = now
        // Four and more are all the same, apart from the place.
        reportCount = reportCount == 7 ? 4 : reportCount + 1
        return SenderReport(
            ssrc: ssrc, ntp: report.ntp, rtpTimestamp: report.rtpTimestamp, packetCount: packetsSent,
            octetCount: octetsSent)
    }

    /// Adds to `losses` what the receiver says it has missed since its last report block.
    public mutating func noteLosses(_ block: ReportBlock, in losses: inout LossAccount) {
        if hasBlock {
            let expected = Int64(Int32(bitPattern: block.highestSequence &- lastHighest))
            losses.add(lost: Int64(block.cumulativeLost) - Int64(lastLost), expected: expected)
        }
        hasBlock = true
        lastHighest = block.highestSequence
        lastLost = block.cumulativeLost
    }

    /// The round trip to the receiver that its report block shows; `nil` when it names no report of ours or is not
    /// believable (media-plane.md 7.2).
    public func roundTrip(_ block: ReportBlock, now: Timestamp) -> TimeDelta? {
        let delay = NTPTime.span(block.delaySinceLastSenderReport)
        guard block.lastSenderReport != 0, delay <= ForwardingLimits.maxReportDelay else { return nil }
        for place in 0..<min(Int(reportCount), ForwardingLimits.rememberedReports)
        where reportNTPs[place] == block.lastSenderReport {
            let trip = now - reportTimes[place] - delay
            guard trip >= .zero, trip <= ForwardingLimits.maxRoundTrip else { return nil }
            return trip
        }
        return nil
    }
}
