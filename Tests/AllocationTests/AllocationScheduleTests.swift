// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Primitives
import Testing

/// When layers are chosen anew (media-plane.md 9.5).
@Suite("Schedule")
struct AllocationScheduleTests {
    private let start = Timestamp(nanoseconds: 50_000_000_000)

    private func ran(_ rate: AvailableRate, nextRise: Timestamp? = nil) -> AllocationSchedule {
        var schedule = AllocationSchedule()
        var outcome = AllocationOutcome()
        outcome.nextRise = nextRise
        schedule.ran(at: start, rate: rate, outcome)
        return schedule
    }

    @Test("the first run is due at once, the next after five seconds")
    func interval() {
        #expect(AllocationSchedule().isDue(at: .zero))
        let schedule = ran(.unlimited)
        #expect(schedule.deadline == start + .seconds(Int64(5)))
        #expect(!schedule.isDue(at: start + .milliseconds(4_999)))
        #expect(schedule.isDue(at: start + .seconds(Int64(5))))
    }

    @Test("a change is followed at once, many in a row no more often than a receiver bears")
    func forced() {
        var schedule = ran(.unlimited)
        schedule.force()
        #expect(schedule.isDue(at: start + .seconds(Int64(1))))
        #expect(schedule.deadline == start + AllocationLimits.runInterval)
        var runs = 0
        for step in 0..<1_000 {
            let now = start + .milliseconds(Int64(step))
            schedule.force()
            guard schedule.isDue(at: now) else { continue }
            runs += 1
            schedule.ran(at: now, rate: .unlimited, AllocationOutcome())
        }
        #expect(runs == 99)
    }

    private static let rates: [(used: UInt64, new: UInt64, isNews: Bool)] = [
        (1_000_000, 1_150_000, false), (1_000_000, 1_150_001, true), (1_000_000, 850_000, false),
        (1_000_000, 849_999, true), (0, 500, false), (0, 5_000, true), (5_000, 0, true), (100, 900, false),
        (1 << 63, 1 << 63, false), (1 << 63, .max, true), (.max, 1 << 63, true), (.max, .max - 5_000, false),
    ]

    @Test(
        "a rate is another one beyond 15 per cent of the last that was used, or where there is one and was none",
        arguments: rates)
    func threshold(used: UInt64, new: UInt64, isNews: Bool) {
        var schedule = ran(.limited(used))
        #expect(schedule.note(.limited(new)) == isNews)
        #expect(schedule.isDue(at: start + .seconds(Int64(1))) == isNews)
    }

    @Test("a limit that comes or goes is another rate")
    func limits() {
        var schedule = ran(.unlimited)
        #expect(schedule.note(.unlimited) == false)
        #expect(schedule.note(.limited(.max)) == true)
        schedule = ran(.limited(.max))
        #expect(schedule.note(.unlimited) == true)
    }

    @Test("small steps add up: what counts is the rate that was used")
    func drift() {
        var schedule = ran(.limited(1_000_000))
        var news: [UInt64] = []
        for rate in stride(from: UInt64(1_000_000), through: 1_400_000, by: 10_000) {
            guard schedule.note(.limited(rate)) else { continue }
            news.append(rate)
            schedule.ran(at: start, rate: .limited(rate), AllocationOutcome())
        }
        #expect(news == [1_160_000, 1_340_000])
    }

    @Test("a run is due when a source may rise, not before there may be another")
    func rises() {
        let later = ran(.limited(1), nextRise: start + .milliseconds(1_500))
        #expect(later.deadline == start + .milliseconds(1_500))
        let past = ran(.limited(1), nextRise: start - .milliseconds(5))
        #expect(past.deadline == start + AllocationLimits.runInterval)
        let far = ran(.limited(1), nextRise: start + .seconds(Int64(60)))
        #expect(far.deadline == start + .seconds(Int64(5)))
    }
}
