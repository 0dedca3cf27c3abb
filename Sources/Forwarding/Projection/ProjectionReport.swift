// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// The seldom needed half of a pair of receiver and source: reports there and back, and key frame requests.
public struct ProjectionReport: BitwiseCopyable, Sendable {
    /// When the receiver's wishes for a key frame of this source were passed on.
    public var keyframeRequests = RequestHistory()

    private var ntps = InlineArray<4, UInt32>(repeating: 0)
    /// When they went out, in microseconds modulo 2^32; the oldest that counts is five minutes old.
    private var times = InlineArray<4, UInt32>(repeating: 0)
    private var lastHighest: UInt32 = 0
    private var lastLost: Int32 = 0
    private var reportCount: UInt8 = 0
    private var hasBlock = false
    private var hasFullIntra = false
    private var fullIntraSequence: UInt8 = 0

    /// Nothing reported yet.
    public init() {}

    /// A source's sender report as this receiver shall see it: same wall clock and media time, our counters;
    /// `nil` when nothing has been sent yet (media-plane.md 5.9, 7.1).
    public mutating func forward(_ report: SenderReport, of projection: Projection, now: Timestamp) -> SenderReport? {
        guard projection.packetsSent > 0 else { return nil }
        let place = Int(reportCount & 3)
        ntps[place] = report.ntp.compact
        times[place] = Self.microseconds(now)
        // Four and more are all the same, apart from the place.
        reportCount = reportCount == 7 ? 4 : reportCount + 1
        return SenderReport(
            ssrc: projection.outgoingSSRC, ntp: report.ntp,
            rtpTimestamp: report.rtpTimestamp &+ projection.timestampOffset,
            packetCount: projection.packetsSent, octetCount: projection.octetsSent)
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
        var shortest: TimeDelta?
        // Encodings that report together bear the same time: after a change between them it went out twice, and the
        // receiver counts from the later one.
        for place in 0..<min(Int(reportCount), ForwardingLimits.rememberedReports)
        where ntps[place] == block.lastSenderReport {
            let age = TimeDelta.microseconds(Int64(Self.microseconds(now) &- times[place]))
            let trip = age - delay
            guard trip >= .zero, trip <= ForwardingLimits.maxRoundTrip else { continue }
            shortest = min(shortest ?? trip, trip)
        }
        return shortest
    }

    private static func microseconds(_ now: Timestamp) -> UInt32 {
        UInt32(truncatingIfNeeded: now.nanoseconds / 1_000)
    }

    /// Whether a FIR with this command number is a new request: repetitions carry the same number (RFC 5104 4.3.1.2).
    public mutating func isNewFullIntra(_ sequence: UInt8) -> Bool {
        if hasFullIntra, fullIntraSequence == sequence { return false }
        hasFullIntra = true
        fullIntraSequence = sequence
        return true
    }
}
