// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How fast a sender may send that gets no transport-wide feedback and would be left with its own guesses: what REMB
/// tells it (media-plane.md 7.1, 8.4). Made from what came, what was lost, and how much later packets come than they
/// left (abs-send-time) compared with the fastest ones lately.
///
/// Plain data. Whatever a sender writes into its send times is about its own estimate alone.
public struct SenderEstimate: BitwiseCopyable, Sendable {
    /// In bits per second.
    public private(set) var bitrate: UInt64
    private let settings: Settings

    // Since the last estimate.
    private var bytes: UInt64 = 0
    /// Packets lost and expected, until there are enough to judge by.
    private var lost: Int64 = 0
    private var expected: Int64 = 0
    private var since: Timestamp?
    /// How much later than the fastest lately packets came, in nanoseconds: the least of them, so that a burst that
    /// leaves at once and arrives drop by drop is no queue.
    private var leastDelay = Int64.max

    // Delays in nanoseconds, on a scale of their own, since clocks are not compared.
    private var lastSendTime: UInt32 = .max
    private var lastArrival = Timestamp.zero
    private var delay: Int64 = 0
    private var fastest = Int64.max
    private var formerFastest = Int64.max
    private var fastestSince = Timestamp.zero

    /// Within which it moves, in bits per second.
    public struct Settings: BitwiseCopyable, Hashable, Sendable {
        /// Before anything is known.
        public var initial: UInt64
        /// Never less.
        public var floor: UInt64
        /// Never more.
        public var ceiling: UInt64

        /// Bounds that contradict each other give the lower one.
        public init(initial: UInt64, floor: UInt64, ceiling: UInt64) {
            self.ceiling = max(1, ceiling)
            self.floor = min(floor, self.ceiling)
            self.initial = min(max(initial, self.floor), self.ceiling)
        }
    }

    /// Nothing has come.
    public init(_ settings: Settings) {
        self.settings = settings
        bitrate = settings.initial
    }

    /// A packet came.
    /// - Parameter sendTime: its abs-send-time, 24 bits; `nil` without.
    public mutating func note(bytes count: Int, sendTime: UInt32?, at now: Timestamp) {
        bytes &+= UInt64(max(0, count))
        if since == nil { since = now }
        guard let sendTime, sendTime <= 0xFF_FFFF else { return }
        defer {
            lastSendTime = sendTime
            lastArrival = now
        }
        guard lastSendTime != .max else { return }
        // 24 bits with their sign: up to 32 s, in units of 2^-18 s.
        let sent = (Int64(Int32(bitPattern: (sendTime &- lastSendTime) << 8) >> 8) * 1_000_000_000) >> 18
        let passed = (now - lastArrival).nanoseconds
        // A clock that jumps begins anew.
        guard abs(sent) < ForwardingLimits.sendTimeJump.nanoseconds,
            abs(passed) < ForwardingLimits.sendTimeJump.nanoseconds
        else {
            (delay, fastest, formerFastest, leastDelay) = (0, .max, .max, .max)
            return
        }
        delay += passed - sent
        if now - fastestSince >= ForwardingLimits.delayMemory {
            (formerFastest, fastest, fastestSince) = (fastest, .max, now)
        }
        fastest = min(fastest, delay)
        leastDelay = min(leastDelay, delay - min(fastest, formerFastest))
    }

    /// Makes the next estimate; to be called with each receiver report.
    /// - Parameters:
    ///   - lost: packets lost since the last call.
    ///   - expected: packets that should have come.
    /// - Returns: what to tell the sender; `nil` when nothing came.
    public mutating func estimate(lost: Int, expected: Int, at now: Timestamp) -> UInt64? {
        guard let since, bytes > 0 else { return nil }
        let milliseconds = UInt64(max((now - since).nanoseconds / 1_000_000, 1))
        let received = min(bytes, 1 << 40) * 8_000 / max(milliseconds, ForwardingLimits.shortestMeasurement)
        let isQueueing = leastDelay != .max && leastDelay > ForwardingLimits.queueDelay.nanoseconds
        (bytes, self.since, leastDelay) = (0, now, .max)
        self.lost = min(max(self.lost + min(Int64(lost), 1 << 40), 0), 1 << 40)
        self.expected = min(max(self.expected + min(Int64(expected), 1 << 40), 0), 1 << 40)
        // Of a few packets losses say nothing: they add up until there are enough.
        let isJudged = self.expected >= ForwardingLimits.judgedReport
        if isQueueing || isJudged && self.lost > self.expected / 10 {
            // Below what comes through, so that what waits can leave.
            bitrate = min(bitrate, received * 85 / 100)
        } else if isJudged, self.lost <= self.expected / 50 {
            // Half as much again as what came is not proven, but near.
            let most = max(received + received / 2 + 10_000, settings.initial)
            let step = bitrate / 1_000 * 80 * min(milliseconds, 1_000) / 1_000 + 1_000
            if bitrate < most { bitrate = min(bitrate &+ step, most) }
        }
        if isJudged { (self.lost, self.expected) = (0, 0) }
        bitrate = min(max(bitrate, settings.floor), settings.ceiling)
        return bitrate
    }
}
