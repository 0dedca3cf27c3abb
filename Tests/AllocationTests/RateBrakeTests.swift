// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// The rate of receivers without transport-wide feedback (media-plane.md 8.3, 8.5).
@Suite("Rate brake")
struct RateBrakeTests {
    /// A brake and its clock.
    private struct Line {
        var brake = RateBrake()
        var now = Timestamp(nanoseconds: 100_000_000_000)
        var roundTrip = TimeDelta.milliseconds(50)
        /// In bits per second; `nil`: as much as the brake allows.
        var sent: UInt64?

        /// Seconds with two reports each, over 500 packets.
        mutating func run(seconds: Int, lostOf500: Int) {
            for _ in 0..<seconds * 2 {
                now = now + .milliseconds(500)
                brake.noteSent(packets: 500, bytes: Int((sent ?? brake.rate) / 16))
                brake.update(at: now)
                brake.handleReport(lost: lostOf500, expected: 500, roundTrip: roundTrip, at: now)
            }
        }
    }

    @Test("it begins as configured, within its bounds")
    func begin() {
        #expect(RateBrake().rate == 2_500_000)
        var settings = RateBrakeSettings()
        settings.initial = 1
        #expect(RateBrake(settings: settings).rate == 30_000)
        settings.ceiling = 10
        #expect(RateBrake(settings: settings).rate == 10)
        settings = RateBrakeSettings()
        (settings.initial, settings.floor, settings.ceiling) = (.max, 0, .max)
        #expect(RateBrake(settings: settings).rate == AllocationLimits.layerBitrate)
    }

    @Test("it grows by eight per cent a second with few losses, up to its ceiling")
    func growth() {
        var line = Line()
        line.run(seconds: 1, lostOf500: 0)
        let before = line.brake.rate
        line.run(seconds: 10, lostOf500: 9)
        let factor = Double(line.brake.rate) / Double(before)
        #expect(factor > 2.15 && factor < 2.25)
        line.run(seconds: 60, lostOf500: 0)
        #expect(line.brake.rate == 20_000_000)
    }

    @Test("it stays with losses between two and ten per cent")
    func hold() {
        var line = Line()
        line.run(seconds: 2, lostOf500: 0)
        let before = line.brake.rate
        line.run(seconds: 10, lostOf500: 10)
        line.run(seconds: 10, lostOf500: 50)
        #expect(line.brake.rate == before)
        // And grows only when there were few for a second.
        line.now = line.now + .milliseconds(500)
        line.brake.handleReport(lost: 0, expected: 500, roundTrip: line.roundTrip, at: line.now)
        #expect(line.brake.rate == before)
        line.run(seconds: 2, lostOf500: 0)
        #expect(line.brake.rate > before)
    }

    @Test("it falls by half of what was lost, once per 300 ms and a round trip")
    func backOff() {
        var brake = RateBrake()
        let now = Timestamp(nanoseconds: 1_000_000_000_000)
        brake.handleReport(lost: 100, expected: 500, roundTrip: .milliseconds(100), at: now)
        #expect(brake.rate == 2_250_000)
        brake.handleReport(lost: 100, expected: 500, roundTrip: .milliseconds(100), at: now + .milliseconds(399))
        #expect(brake.rate == 2_250_000)
        brake.handleReport(lost: 100, expected: 500, roundTrip: .milliseconds(100), at: now + .milliseconds(400))
        #expect(brake.rate == 2_025_000)
        brake.handleReport(lost: 500, expected: 500, roundTrip: .milliseconds(100), at: now + .seconds(Int64(2)))
        #expect(brake.rate == 1_012_500)
    }

    @Test("it does not fall for little, and never below its floor")
    func floor() {
        var line = Line()
        line.run(seconds: 60, lostOf500: 500)
        #expect(line.brake.rate <= 100_000 && line.brake.rate >= 30_000)
    }

    @Test("a few packets say nothing: reports add up until there are enough")
    func fewPackets() {
        var brake = RateBrake()
        let now = Timestamp(nanoseconds: 1_000_000_000_000)
        brake.handleReport(lost: 10, expected: 19, roundTrip: nil, at: now)
        #expect(brake.rate == 2_500_000)
        brake.handleReport(lost: 0, expected: 1, roundTrip: nil, at: now)
        #expect(brake.rate == 1_875_000)
    }

    @Test(
        "a twentieth that is lost at random is not taken for more; a fifth is, within seconds",
        arguments: [20, 70, 200])
    func chance(packets: Int) {
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = Random(seed: seed)
            var line = Line()
            func run(_ line: inout Line, seconds: Int, percent: Int) {
                for _ in 0..<seconds {
                    var lost = 0
                    for _ in 0..<packets where random.next() % 100 < UInt64(percent) { lost += 1 }
                    line.now = line.now + .seconds(1.0)
                    line.brake.noteSent(packets: packets, bytes: packets * 1_000)
                    line.brake.update(at: line.now)
                    line.brake.handleReport(
                        lost: lost, expected: packets, roundTrip: line.roundTrip, at: line.now)
                }
            }
            run(&line, seconds: 30, percent: 5)
            #expect(line.brake.rate >= 2_500_000, "seed \(seed)")
            run(&line, seconds: 15, percent: 20)
            #expect(line.brake.rate < 2_500_000, "seed \(seed)")
        }
    }

    @Test("losses are those of what is sent, not of what might be")
    func sentRate() {
        var line = Line()
        line.run(seconds: 40, lostOf500: 0)
        #expect(line.brake.rate == 20_000_000)
        line.sent = 1_000_000
        // Some seconds are enough to come down to what is really sent.
        line.run(seconds: 4, lostOf500: 100)
        #expect(line.brake.rate < 1_500_000)
        // One second of losses while next to nothing is sent does not take everything.
        var quiet = Line()
        quiet.sent = 20_000
        quiet.run(seconds: 1, lostOf500: 100)
        #expect(quiet.brake.rate > 500_000)
    }

    @Test("it does not grow far beyond what is sent")
    func unproven() {
        var line = Line()
        line.sent = 3_000_000
        line.run(seconds: 120, lostOf500: 0)
        #expect(line.brake.rate == 4_500_000)
        line.sent = 0
        var idle = Line()
        idle.sent = 0
        idle.run(seconds: 120, lostOf500: 0)
        #expect(idle.brake.rate == 2_500_000)
    }

    @Test("a round trip that grows is a queue: at first no growth, then less")
    func queue() {
        var line = Line()
        line.run(seconds: 2, lostOf500: 0)
        let before = line.brake.rate
        line.roundTrip = .milliseconds(200)
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate == before)
        line.roundTrip = .milliseconds(400)
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate < before / 2)
        let low = line.brake.rate
        line.roundTrip = .milliseconds(60)
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate > low)
        // A path that is simply longer is no queue for ever.
        line.roundTrip = .milliseconds(600)
        line.run(seconds: 70, lostOf500: 0)
        let settled = line.brake.rate
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate > settled)
        #expect(line.brake.shortestRoundTrip == .milliseconds(600))
    }

    @Test("round trips that nobody can have are not believed")
    func roundTrips() {
        var brake = RateBrake()
        for roundTrip in [Int64.min, -1, 10_000_000_001, .max] {
            brake.handleReport(
                lost: 0, expected: 100, roundTrip: TimeDelta(nanoseconds: roundTrip), at: Timestamp(nanoseconds: 1))
        }
        #expect(brake.shortestRoundTrip == nil)
        #expect(brake.rate == 2_500_000)
    }

    @Test("NACKs brake before a report comes, and its losses are not counted again")
    func nacks() {
        var brake = RateBrake()
        var now = Timestamp(nanoseconds: 1_000_000_000_000)
        brake.update(at: now)
        brake.noteSent(packets: 200, bytes: 200_000)
        brake.noteNacked(packets: 40)
        now = now + .milliseconds(499)
        brake.update(at: now)
        #expect(brake.rate == 2_500_000)
        now = now + .milliseconds(1)
        brake.update(at: now)
        #expect(brake.rate == 2_250_000)
        now = now + .seconds(Int64(1))
        brake.handleReport(lost: 40, expected: 200, roundTrip: nil, at: now)
        #expect(brake.rate == 2_250_000)
        now = now + .seconds(Int64(1))
        brake.handleReport(lost: 40, expected: 200, roundTrip: nil, at: now)
        #expect(brake.rate == 2_025_000)
    }

    @Test("what NACKs tell of a hundred packets may be chance; of many losses it is not")
    func nackedChance() {
        for (nacked, isBraking) in [(12, false), (18, false), (22, true)] {
            var brake = RateBrake()
            var now = Timestamp(nanoseconds: 1_000_000_000_000)
            brake.update(at: now)
            brake.noteSent(packets: 100, bytes: 100_000)
            brake.noteNacked(packets: nacked)
            now = now + .milliseconds(500)
            brake.update(at: now)
            #expect(brake.hasEvidence == isBraking)
        }
    }

    @Test("few NACKs, or NACKs for few packets, do not brake")
    func fewNacks() {
        var brake = RateBrake()
        var now = Timestamp(nanoseconds: 1_000_000_000_000)
        brake.update(at: now)
        for (sent, nacked) in [(200, 20), (49, 49), (0, 1_000)] {
            brake.noteSent(packets: sent, bytes: sent * 1_000)
            brake.noteNacked(packets: nacked)
            now = now + .seconds(Int64(1))
            brake.update(at: now)
        }
        #expect(brake.rate == 2_500_000)
    }

    // MARK: The receiver's own estimate

    @Test("the receiver's own estimate is what counts, up and down")
    func ownEstimate() {
        var line = Line()
        line.brake.handleEstimate(5_000_000, at: line.now)
        #expect(line.brake.rate == 5_000_000)
        line.brake.handleEstimate(700_000, at: line.now)
        #expect(line.brake.rate == 700_000)
        line.run(seconds: 3, lostOf500: 0)
        #expect(line.brake.rate == 700_000)
        line.brake.handleEstimate(6_000_000, at: line.now)
        #expect(line.brake.rate == 6_000_000)
    }

    @Test("zero and 2^63 are bounded", arguments: [(0, 30_000), (1 << 63, 20_000_000), (.max, 20_000_000)])
    func bounded(estimate: UInt64, expected: UInt64) {
        var brake = RateBrake()
        brake.handleEstimate(estimate, at: .zero)
        #expect(brake.rate == expected)
    }

    @Test("losses brake below it, until the brake has grown back")
    func brakedEstimate() {
        var line = Line()
        line.brake.handleEstimate(4_000_000, at: line.now)
        line.run(seconds: 1, lostOf500: 200)
        let braked = line.brake.rate
        #expect(braked < 3_000_000)
        line.brake.handleEstimate(4_000_000, at: line.now)
        #expect(line.brake.rate == braked)
        for _ in 0..<20 {
            line.run(seconds: 1, lostOf500: 0)
            line.brake.handleEstimate(4_000_000, at: line.now)
        }
        #expect(line.brake.rate == 4_000_000)
        line.brake.handleEstimate(9_000_000, at: line.now)
        #expect(line.brake.rate == 9_000_000)
    }

    @Test("it holds for five seconds; then the brake goes on from there")
    func outdated() {
        var line = Line()
        line.brake.handleEstimate(3_000_000, at: line.now)
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate == 3_000_000)
        line.run(seconds: 5, lostOf500: 0)
        #expect(line.brake.rate > 3_000_000)
        #expect(line.brake.rate < 5_000_000)
    }

    @Test("whatever is reported: within the bounds, and without trapping")
    func nonsense() {
        let failure = checkProperty(cases: 500) { random in
            var brake = RateBrake()
            var now = Timestamp(nanoseconds: Int64(random.int(in: 0...1_000_000_000)))
            let numbers = [Int.min, -1, 0, 1, 19, 20, 1_000, .max]
            func number() -> Int { numbers.randomElement(using: &random) ?? 0 }
            for _ in 0..<100 {
                now = now + .milliseconds(Int64(random.int(in: -100...1_000)))
                switch random.int(in: 0...4) {
                case 0: brake.noteSent(packets: number(), bytes: number())
                case 1: brake.noteNacked(packets: number())
                case 2: brake.handleEstimate(random.next() >> UInt64(random.int(in: 0...63)), at: now)
                case 3:
                    let roundTrip = TimeDelta(nanoseconds: Int64(truncatingIfNeeded: random.next()))
                    brake.handleReport(lost: number(), expected: number(), roundTrip: roundTrip, at: now)
                default: brake.update(at: now)
                }
                guard (30_000...20_000_000).contains(brake.rate) else { return "\(brake.rate)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
