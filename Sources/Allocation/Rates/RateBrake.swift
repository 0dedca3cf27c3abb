// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What can be sent to a receiver that gives no transport-wide feedback (media-plane.md 8.3, 8.5): its own estimate
/// (REMB) where it has one, held down by a brake on losses and on growing round trips.
///
/// The brake falls with more than a tenth lost, by half of what was lost, at most once per 300 ms and a round trip; it
/// grows by eight per cent a second with less than a fiftieth lost; between the two it stays. A round trip that has
/// become much longer than it can be is a queue and lowers it, too. It never grows far beyond what is really sent, as
/// nothing is known of that. A receiver's own estimate is followed up and down until losses say otherwise; the brake
/// then stays below it until it has grown back to it.
///
/// Plain data; nothing is allocated, no call costs more than some nanoseconds. Every rate is in bits per second.
public struct RateBrake: Sendable, BitwiseCopyable {
    /// Within which it moves.
    public let settings: RateBrakeSettings
    /// What can be sent.
    public private(set) var rate: UInt64
    /// Whether anything was said or lost that the rate can be judged by; before that it is a guess, and nobody has to
    /// be held back by it.
    public var hasEvidence: Bool { isBraking || estimate != nil }
    /// The shortest round trip lately.
    public var shortestRoundTrip: TimeDelta? { minimum(recentShortest, formerShortest) }

    private var brake: Int64
    private var isBraking = false
    /// The receiver's own estimate, and when it came.
    private var estimate: Int64?
    private var estimatedAt = Timestamp.zero

    // Losses as reported, until there are enough to judge by.
    private var lost: Int64 = 0
    private var expected: Int64 = 0
    /// The next report is of what NACKs have told already.
    private var isForewarned = false

    // What was sent since the window began.
    private var windowStart: Timestamp?
    private var sentPackets: Int64 = 0
    private var sentBytes: Int64 = 0
    private var nackedPackets: Int64 = 0
    /// What is really sent.
    private var sentRate: Int64?

    private var roundTrip = TimeDelta.zero
    private var recentShortest: TimeDelta?
    private var formerShortest: TimeDelta?
    private var roundTripStart = Timestamp.zero

    private var lastReduction: Timestamp?
    /// When the rate last grew or could have.
    private var lastGrowth: Timestamp?
    /// When there were last more than few losses.
    private var lastLoss: Timestamp?

    /// A brake that knows nothing yet.
    public init(settings: RateBrakeSettings = RateBrakeSettings()) {
        var settings = settings
        settings.ceiling = min(max(settings.ceiling, 1), AllocationLimits.layerBitrate)
        settings.floor = min(settings.floor, settings.ceiling)
        settings.initial = min(max(settings.initial, settings.floor), settings.ceiling)
        self.settings = settings
        rate = settings.initial
        brake = Int64(settings.initial)
    }

    // MARK: What happens

    /// Media was sent.
    public mutating func noteSent(packets: Int, bytes: Int) {
        sentPackets = Self.sum(sentPackets, packets)
        sentBytes = Self.sum(sentBytes, bytes)
    }

    /// Packets were asked for that had not been asked for before.
    public mutating func noteNacked(packets: Int) { nackedPackets = Self.sum(nackedPackets, packets) }

    /// The receiver has said what it can take (REMB); zero and 2^63 are as good as any other number.
    public mutating func handleEstimate(_ bitsPerSecond: UInt64, at now: Timestamp) {
        let bounded = Int64(min(max(bitsPerSecond, settings.floor), settings.ceiling))
        estimate = bounded
        estimatedAt = now
        if !isBraking || brake >= bounded { follow(bounded) }
        publish()
    }

    /// A receiver report came.
    /// - Parameters:
    ///   - lost: packets lost since the last one, over all its blocks; may be negative, where duplicates came.
    ///   - expected: packets that should have come since.
    ///   - roundTrip: as computed from it; `nil` if it allows none.
    public mutating func handleReport(lost: Int, expected: Int, roundTrip: TimeDelta?, at now: Timestamp) {
        if let roundTrip { note(roundTrip, at: now) }
        self.expected = Self.sum(self.expected, expected)
        self.lost = min(Self.sum(self.lost, lost), self.expected)
        if isCongested { reduce(by: 1_000 - RateBrakeSettings.congestionFactor, at: now) }
        if self.expected >= RateBrakeSettings.judgedPackets, !Self.mayBeChance(self.lost, of: self.expected) {
            let loss = self.lost * 1_000 / self.expected
            (self.lost, self.expected) = (0, 0)
            judge(loss, at: now)
        }
        publish()
    }

    /// Looks at what was sent and asked for again; to be called a few times a second while media is sent.
    public mutating func update(at now: Timestamp) {
        if estimate != nil, now - estimatedAt > RateBrakeSettings.estimateLifetime { estimate = nil }
        defer { publish() }
        guard let start = windowStart else { return begin(at: now) }
        let length = now - start
        guard length >= RateBrakeSettings.window else { return }
        let milliseconds = max(length.milliseconds, 1)
        sentRate = min(sentBytes, 1 << 40) * 8_000 / milliseconds
        if sentPackets >= RateBrakeSettings.nackedPackets {
            let lost = min(nackedPackets, sentPackets)
            let loss = lost * 1_000 / sentPackets
            if loss > RateBrakeSettings.manyLosses, !Self.mayBeChance(lost, of: sentPackets) {
                lastLoss = now
                if reduce(by: loss / 2, at: now) { isForewarned = true }
            }
        }
        begin(at: now)
    }

    // MARK: Steps

    /// Whether many losses were reported that may as well be few ones come together; the next report will tell. Three
    /// standard deviations beyond what is just not too many are no chance.
    private static func mayBeChance(_ lost: Int64, of expected: Int64) -> Bool {
        let many = RateBrakeSettings.manyLosses
        guard expected < RateBrakeSettings.manyPackets, lost * 1_000 > expected * many else { return false }
        let excess = lost * 1_000 - expected * many
        return excess * excess <= 9 * expected * many * (1_000 - many)
    }

    private mutating func begin(at now: Timestamp) {
        windowStart = now
        (sentPackets, sentBytes, nackedPackets) = (0, 0, 0)
    }

    /// - Parameter loss: in thousandths.
    private mutating func judge(_ loss: Int64, at now: Timestamp) {
        let wasForewarned = isForewarned
        isForewarned = false
        if loss >= RateBrakeSettings.fewLosses { lastLoss = now }
        if loss > RateBrakeSettings.manyLosses {
            if !wasForewarned { reduce(by: loss / 2, at: now) }
        } else if loss < RateBrakeSettings.fewLosses {
            return grow(at: now)
        }
        lastGrowth = now
    }

    private mutating func grow(at now: Timestamp) {
        let isCalm = lastLoss.map { now - $0 >= RateBrakeSettings.calmTime } ?? true
        defer { lastGrowth = now }
        guard isCalm, !isQueueing, let lastGrowth else { return }
        let milliseconds = min(max((now - lastGrowth).milliseconds, 0), 1_000)
        let step = (brake / 1_000 * RateBrakeSettings.growth + RateBrakeSettings.addedGrowth) * milliseconds / 1_000
        var most = Int64(settings.ceiling)
        if let estimate {
            most = estimate
        } else if let sentRate {
            // Half as much again is not proven, but near.
            most = max(sentRate + sentRate / 2, Int64(settings.initial))
        }
        if brake < most { brake = min(brake + step, most) }
        if let estimate, brake >= estimate { follow(estimate) }
    }

    /// - Parameter part: of what is sent, in thousandths.
    /// - Returns: whether it was time for it.
    @discardableResult
    private mutating func reduce(by part: Int64, at now: Timestamp) -> Bool {
        if let lastReduction, now - lastReduction < RateBrakeSettings.reductionInterval + roundTrip { return false }
        guard brake > RateBrakeSettings.leastReduced else { return false }
        lastReduction = now
        isBraking = true
        // Losses are those of what is sent. Where that is next to nothing they say little, so by half at most.
        let proven = min(brake, max(sentRate ?? brake, brake / 2))
        brake = proven - proven / 1_000 * min(max(part, 0), 1_000)
        return true
    }

    /// The receiver's own estimate is what counts.
    private mutating func follow(_ estimate: Int64) {
        brake = estimate
        isBraking = false
    }

    private mutating func note(_ roundTrip: TimeDelta, at now: Timestamp) {
        // Clocks of others make any number of it.
        guard roundTrip >= .zero, roundTrip <= RateBrakeSettings.longestRoundTrip else { return }
        self.roundTrip = roundTrip
        if now - roundTripStart >= RateBrakeSettings.roundTripMemory {
            formerShortest = recentShortest
            recentShortest = nil
            roundTripStart = now
        }
        recentShortest = minimum(recentShortest, roundTrip)
    }

    private var queue: TimeDelta { roundTrip - (shortestRoundTrip ?? roundTrip) }
    private var isQueueing: Bool { queue > RateBrakeSettings.queueing }
    private var isCongested: Bool { queue > RateBrakeSettings.congestion }

    private mutating func publish() {
        brake = min(max(brake, Int64(settings.floor)), Int64(settings.ceiling))
        rate = UInt64(min(brake, estimate ?? brake))
    }

    private func minimum(_ a: TimeDelta?, _ b: TimeDelta?) -> TimeDelta? {
        guard let a, let b else { return a ?? b }
        return min(a, b)
    }

    /// A count and what is added to it: whatever that is, neither below nothing nor beyond what can be computed with.
    private static func sum(_ a: Int64, _ b: Int) -> Int64 { min(max(a + min(Int64(b), 1 << 40), 0), 1 << 40) }
}
