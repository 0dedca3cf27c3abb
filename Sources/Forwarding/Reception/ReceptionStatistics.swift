// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// Door 5: what is known of one incoming SSRC: the statistics of RFC 3550 A.1, A.3 and A.8 and its last sender report.
public struct ReceptionStatistics: BitwiseCopyable, Sendable {
    /// What a packet was to its stream.
    public enum Arrival: UInt8, Sendable {
        /// The expected number, or one ahead of it.
        case newest
        /// A number from before the newest.
        case late
        /// It had arrived already: drop it.
        case duplicate
        /// Far ahead of the sequence: the statistics have started again; ``SequenceGapCloser/restart(at:)``. RFC 3550
        /// A.1 waits for a second packet because the first may be forged. Here authentication has spoken already.
        case restart
    }

    /// The SSRC.
    public let ssrc: UInt32
    /// Units of the media clock per second.
    public let clockRate: UInt32
    /// Packets accepted since the stream or its sequence started, late ones included.
    public private(set) var packetsReceived: UInt64 = 0
    /// Packets that had arrived before.
    public private(set) var duplicates: UInt64 = 0

    /// Packets lost (negative when late ones came) and expected between the last two report blocks.
    public private(set) var lastInterval: (lost: Int64, expected: Int64) = (0, 0)

    private var window = DuplicateFilter()
    private var hasStarted = false
    private var maxSequence: UInt16 = 0
    private var cycles: UInt32 = 0
    private var baseSequence: UInt32 = 0
    private var received: UInt32 = 0
    private var receivedPrior: UInt32 = 0
    private var expectedPrior: UInt32 = 0
    private var heardSinceReport = false
    private var transit: UInt32 = 0
    private var scaledJitter: Int64 = 0
    private var reportNTP: UInt32 = 0
    private var reportArrival = Timestamp.zero
    private var hasReport = false

    /// A stream that has received nothing.
    /// - Parameter clockRate: of its payload type; 0 switches the jitter off.
    public init(ssrc: UInt32, clockRate: UInt32) {
        self.ssrc = ssrc
        self.clockRate = clockRate
    }

    /// Counts a packet that arrived at `now`.
    public mutating func account(_ info: PacketInfo, now: Timestamp) -> Arrival {
        let arrival = place(info.sequence)
        switch arrival {
        case .duplicate:
            duplicates += 1
            return arrival
        case .newest, .late, .restart: break
        }
        received &+= 1
        packetsReceived += 1
        heardSinceReport = true
        measureJitter(info.timestamp, now: now, isFirst: packetsReceived == 1 || arrival == .restart)
        return arrival
    }

    /// Packets were dropped without being proven; one that is proven now follows them. As many of the numbers between
    /// it and the newest one count as received.
    /// - Returns: how many.
    public mutating func noteSkipped(_ count: Int, before sequence: UInt16) -> Int {
        guard hasStarted else { return 0 }
        let between = SequenceNumber.delta(sequence, maxSequence) - 1
        let skipped = min(count, max(between, 0))
        received &+= UInt32(skipped)
        packetsReceived += UInt64(skipped)
        return skipped
    }

    /// Remembers a sender report of this stream for LSR and DLSR.
    public mutating func note(_ report: SenderReport, now: Timestamp) {
        reportNTP = report.ntp.compact
        reportArrival = now
        hasReport = true
    }

    /// Interarrival jitter in units of the media clock (RFC 3550 A.8).
    public var jitter: UInt32 { UInt32(clamping: scaledJitter >> 4) }

    /// Highest sequence number with its wrap-arounds.
    public var highestSequence: UInt32 { cycles &+ UInt32(maxSequence) }

    /// Packets lost since the start; negative when packets from before the first one came. Duplicates do not count.
    public var cumulativeLost: Int32 {
        Int32(clamping: Int64(expected) - Int64(received))
    }

    /// The report block about this stream, once per report: `nil` when nothing arrived since the last one.
    public mutating func makeReportBlock(now: Timestamp) -> ReportBlock? {
        guard heardSinceReport else { return nil }
        heardSinceReport = false
        let expectedInterval = Int64(expected) - Int64(expectedPrior)
        let lostInterval = expectedInterval - (Int64(received) - Int64(receivedPrior))
        lastInterval = (lostInterval, expectedInterval)
        expectedPrior = expected
        receivedPrior = received
        let fraction = expectedInterval > 0 && lostInterval > 0 ? (lostInterval << 8) / expectedInterval : 0
        return ReportBlock(
            ssrc: ssrc, fractionLost: UInt8(clamping: fraction), cumulativeLost: cumulativeLost,
            highestSequence: highestSequence, jitter: jitter, lastSenderReport: hasReport ? reportNTP : 0,
            delaySinceLastSenderReport: hasReport ? NTPTime.compact(now - reportArrival) : 0)
    }

    private var expected: UInt32 { hasStarted ? highestSequence &- baseSequence &+ 1 : 0 }

    /// RFC 3550 A.1 without probation: a signalled source is believed from its first packet on.
    private mutating func place(_ sequence: UInt16) -> Arrival {
        guard hasStarted else {
            start(at: sequence)
            return .newest
        }
        let ahead = SequenceNumber.delta(sequence, maxSequence)
        // Authenticated packets never lie further behind than the replay window or a retransmission.
        guard ahead > 0 else { return window.insert(sequence) ? .late : .duplicate }
        guard ahead < ForwardingLimits.maxDropout else {
            start(at: sequence)
            return .restart
        }
        if sequence < maxSequence { cycles &+= 0x1_0000 }
        maxSequence = sequence
        _ = window.insert(sequence)
        return .newest
    }

    private mutating func start(at sequence: UInt16) {
        hasStarted = true
        maxSequence = sequence
        cycles = 0
        baseSequence = UInt32(sequence)
        received = 0
        receivedPrior = 0
        expectedPrior = 0
        window = DuplicateFilter()
        _ = window.insert(sequence)
    }

    private mutating func measureJitter(_ timestamp: UInt32, now: Timestamp, isFirst: Bool) {
        guard clockRate > 0 else { return }
        // Seconds and their rest apart, so that no product overflows; the sum wraps as timestamps do.
        let nanoseconds = UInt64(bitPattern: max(0, now.nanoseconds))
        let rate = UInt64(clockRate)
        let units = nanoseconds / 1_000_000_000 &* rate &+ nanoseconds % 1_000_000_000 &* rate / 1_000_000_000
        let newTransit = UInt32(truncatingIfNeeded: units) &- timestamp
        let distance = abs(Int64(Int32(bitPattern: newTransit &- transit)))
        transit = newTransit
        if isFirst { return }
        scaledJitter += distance - ((scaledJitter + 8) >> 4)
    }
}
