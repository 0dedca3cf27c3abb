// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The packets of one video source that one receiver misses, and when it asks for them (again): at once, then after
/// each round trip, ten times at most (media-plane.md 6.1).
struct GapList {
    private struct Gap: BitwiseCopyable {
        var number: Int64
        /// When it was noticed.
        var since: Timestamp
        /// When it was asked for last.
        var askedAt: Timestamp
        var attempts: UInt8
    }

    /// In the order of their numbers.
    private var gaps: [Gap] = []
    private var highest: Int64 = -1

    init() {}

    /// How many are missing.
    var count: Int { gaps.count }

    /// A packet came that did not come before.
    /// - Parameters:
    ///   - isRepair: whether in a retransmission.
    ///   - roundTrip: a guess that the answers improve.
    /// - Returns: whether packets are missing that have to be asked for at once.
    mutating func take(
        _ number: Int64, isRepair: Bool, roundTrip: inout TimeDelta, at now: Timestamp,
        _ statistics: inout RepairStatistics
    ) -> Bool {
        guard highest >= 0 else {
            highest = number
            return false
        }
        guard number > highest else {
            close(number, isRepair, &roundTrip, at: now, &statistics)
            return false
        }
        let missing = Int(number - highest - 1)
        defer { highest = number }
        guard missing > 0 else { return false }
        statistics.missed += UInt64(missing)
        guard missing < LoadGeneratorLimits.longestGap, gaps.count + missing <= LoadGeneratorLimits.gaps else {
            statistics.givenUp += UInt64(missing + gaps.count)
            gaps.removeAll(keepingCapacity: true)
            return false
        }
        for lost in highest + 1..<number {
            gaps.append(Gap(number: lost, since: now, askedAt: .zero, attempts: 0))
        }
        return true
    }

    private mutating func close(
        _ number: Int64, _ isRepair: Bool, _ roundTrip: inout TimeDelta, at now: Timestamp,
        _ statistics: inout RepairStatistics
    ) {
        guard let index = gaps.firstIndex(where: { $0.number == number }) else {
            statistics.cameTooLate += 1
            return
        }
        let gap = gaps.remove(at: index)
        guard isRepair else {
            statistics.cameLate += 1
            return
        }
        statistics.repaired += 1
        statistics.repairTime.note((now - gap.since).nanoseconds)
        guard gap.attempts == 1 else { return }
        let found = now - gap.askedAt
        roundTrip = max(
            .nanoseconds((roundTrip.nanoseconds * 7 + found.nanoseconds) / 8), LoadGeneratorLimits.leastRepeat)
    }

    /// Nobody waits for packets before `number` any more.
    mutating func settle(before number: Int64, _ statistics: inout RepairStatistics) {
        guard let first = gaps.first, first.number < number else { return }
        let passed = gaps.prefix { $0.number < number }.count
        statistics.passedOver += UInt64(passed)
        gaps.removeFirst(passed)
    }

    /// When packets are to be asked for; `nil` when none is missing.
    func due(roundTrip: TimeDelta) -> Timestamp? {
        gaps.lazy.map { $0.attempts == 0 ? $0.since : $0.askedAt + roundTrip }.min()
    }

    /// The numbers that are to be asked for now, appended to `numbers`.
    mutating func ask(
        roundTrip: TimeDelta, at now: Timestamp, into numbers: inout [UInt16], _ statistics: inout RepairStatistics
    ) {
        for index in gaps.indices where gaps[index].attempts == 0 || gaps[index].askedAt + roundTrip <= now {
            gaps[index].attempts += 1
            gaps[index].askedAt = now
            guard gaps[index].attempts <= LoadGeneratorLimits.repairAttempts else { continue }
            numbers.append(UInt16(truncatingIfNeeded: gaps[index].number))
        }
        let before = gaps.count
        gaps.removeAll { $0.attempts > LoadGeneratorLimits.repairAttempts }
        statistics.givenUp += UInt64(before - gaps.count)
    }
}
