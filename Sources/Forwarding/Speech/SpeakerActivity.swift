// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What one member's recent levels are and amount to (media-plane.md 10.2). Levels here are 0 (silent) to 127 (loud).
///
/// A packet costs a byte in a ring and a few comparisons; the counts behind the scores are made when somebody decides.
/// Where no packets come there are silent levels instead, one for every ``ForwardingLimits/levelTimeout``; they are
/// filled in when the ring is looked at, so that silence costs no timer.
public struct SpeakerActivity: BitwiseCopyable, Sendable {
    /// The newest 50 are looked at.
    private var levels = InlineArray<64, UInt8>(repeating: 0)
    private var newest: UInt8 = 0
    /// The least level of this member that was not silence, which stands for "says nothing"; 0 while there is none.
    public private(set) var minLevel: UInt8 = 0
    private var nextMinLevel: UInt8 = 0
    private var nextMinCount: UInt16 = 0
    /// Loudness of the newest level in steps of ten; loud ones among the newest five; groups of five that were loud
    /// throughout. Of the last ``evaluate(at:)``.
    public private(set) var immediate: UInt8 = 0
    /// See ``immediate``.
    public private(set) var medium: UInt8 = 0
    /// See ``immediate``.
    public private(set) var long: UInt8 = 0
    /// Silent levels filled in since the last packet; more than the ring has are not counted.
    private var filled: UInt8 = 0
    /// Whether anything was heard since the member came.
    public private(set) var isKnown = false
    /// Smoothed loudness, for the ranking (media-plane.md 10.3).
    public private(set) var energy: Int32 = 0
    /// When the last level came.
    public private(set) var lastLevelAt = Timestamp.zero
    /// Since when ``long`` is 0.
    private var quietSince = Timestamp.zero
    /// When the next level would be due if they came at the highest rate that counts.
    private var dueAt = Timestamp.zero

    /// Nothing was heard yet.
    public init() {}

    /// Takes a level in.
    ///
    /// What comes faster than ``ForwardingLimits/levelInterval`` for longer than a few packets may lie bunched in a
    /// network is left out: however many packets a member sends, its history covers time.
    public mutating func note(_ level: UInt8, at now: Timestamp, alpha: Int) {
        guard isKnown else { return begin(level, at: now, alpha: alpha) }
        guard now + ForwardingLimits.levelBurst >= dueAt else { return }
        dueAt = max(dueAt, now) + ForwardingLimits.levelInterval
        fill(until: now)
        filled = 0
        lastLevelAt = now
        take(level, alpha: alpha)
    }

    private mutating func begin(_ level: UInt8, at now: Timestamp, alpha: Int) {
        isKnown = true
        lastLevelAt = now
        quietSince = now
        dueAt = now + ForwardingLimits.levelInterval
        take(level, alpha: alpha)
    }

    private mutating func take(_ level: UInt8, alpha: Int) {
        push(level)
        if level != 0 { adapt(to: level) }
        let loudness = level >= threshold ? Int(level) : 0
        energy = Int32((alpha * loudness + (100 - alpha) * Int(energy) + 50) / 100)
    }

    /// Counts anew what the scores are made of.
    public mutating func evaluate(at now: Timestamp) {
        fill(until: now)
        immediate = step(0)
        let hadLong = long > 0
        (medium, long) = (0, 0)
        for group in 0..<10 {
            var loud: UInt8 = 0
            for position in group * 5..<group * 5 + 5 where step(position) > 7 { loud += 1 }
            if group == 0 { medium = loud }
            if loud > 4 { long += 1 }
        }
        if long == 0, hadLong { quietSince = now }
    }

    /// Whether nothing was said for longer than `timeout`, as of the last ``evaluate(at:)``.
    public func isQuiet(for timeout: TimeDelta, at now: Timestamp) -> Bool {
        long == 0 && now - quietSince > timeout
    }

    /// Whether the logarithms of its scores are above those of `other` by what it takes to follow it as the dominant
    /// speaker.
    /// - Returns: by how much the medium one is; `nil` when it does not take over.
    public func lead(over other: SpeakerActivity) -> Double? {
        guard SpeechScore.logImmediate(immediate) - SpeechScore.logImmediate(other.immediate) > 3 else { return nil }
        let lead = SpeechScore.logMedium(medium) - SpeechScore.logMedium(other.medium)
        guard lead > 2, SpeechScore.logLong(long) - SpeechScore.logLong(other.long) > 0 else { return nil }
        return lead
    }

    /// Levels below count as silence.
    private var threshold: UInt8 { min(minLevel, 127) + 10 }

    /// Loudness of the level before `back` others, in steps of ten.
    @inline(__always)
    private func step(_ back: Int) -> UInt8 {
        let level = levels[(Int(newest) - back) & 63]
        return level < threshold ? 0 : level / 10
    }

    private mutating func push(_ level: UInt8) {
        newest = (newest + 1) & 63
        levels[Int(newest)] = level
    }

    /// Puts silence where nothing came.
    private mutating func fill(until now: Timestamp) {
        let timeout = ForwardingLimits.levelTimeout
        guard now - lastLevelAt > timeout else { return }
        let due = ((now - lastLevelAt).nanoseconds - 1) / timeout.nanoseconds
        // Ends: the ring is silent then.
        while Int64(filled) < min(due, 50) {
            push(0)
            filled += 1
        }
    }

    /// The least level follows the member's down at once, and up slowly: a fan that was switched on counts as silence
    /// after a while.
    private mutating func adapt(to level: UInt8) {
        if minLevel == 0 || level < minLevel {
            minLevel = level
            (nextMinLevel, nextMinCount) = (0, 0)
            return
        }
        nextMinLevel = nextMinCount == 0 ? level : min(nextMinLevel, level)
        nextMinCount += 1
        guard nextMinCount >= UInt16(ForwardingLimits.minLevelWindow) else { return }
        minLevel = UInt8((Double(minLevel) * Double(nextMinLevel)).squareRoot())
        (nextMinLevel, nextMinCount) = (0, 0)
    }
}
