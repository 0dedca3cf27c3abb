// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Forwarding

/// What senders without transport-wide feedback are told (media-plane.md 8.4).
@Suite("Sender estimate")
struct SenderEstimateTests {
    /// A sender behind a link of a certain rate with an endless queue, reported on every 500 ms.
    private struct Link {
        var estimate = SenderEstimate(.init(initial: 1_000_000, floor: 30_000, ceiling: 10_000_000))
        var capacity: Int64
        /// Thousandths.
        var loss = 0
        var random = Random(seed: 3)
        var now = Timestamp(nanoseconds: 5_000_000_000)
        private var busyUntil = Timestamp.zero
        /// Added to the sender's clock, in 2^-18 s.
        var clock: UInt32 = 0xFF_0000

        init(capacity: Int64) { self.capacity = capacity }

        /// Sends at the estimated rate, or at `rate`.
        /// - Returns: the longest wait in the link.
        mutating func run(seconds: Int, rate: UInt64? = nil) -> TimeDelta {
            var longest = TimeDelta.zero
            for _ in 0..<seconds * 2 {
                var (lost, expected) = (0, 0)
                let bits = Int64(rate ?? estimate.bitrate)
                let interval = TimeDelta.nanoseconds(1_200 * 8 * 1_000_000_000 / max(bits, 1))
                let end = now + .milliseconds(500)
                while now < end {
                    expected += 1
                    busyUntil = max(busyUntil, now) + .nanoseconds(1_200 * 8 * 1_000_000_000 / capacity)
                    longest = max(longest, busyUntil - now)
                    if random.int(in: 0...999) < loss {
                        lost += 1
                    } else {
                        let sent = (AbsoluteSendTime(now).value &+ clock) & 0xFF_FFFF
                        estimate.note(bytes: 1_200, sendTime: sent, at: busyUntil + .milliseconds(20))
                    }
                    now = now + interval
                }
                _ = estimate.estimate(lost: lost, expected: expected, at: max(now, busyUntil + .milliseconds(20)))
            }
            return longest
        }
    }

    @Test("it grows with what comes, over the wraps of the sender's clock, up to the link and not far into its queue")
    func link() {
        var link = Link(capacity: 3_000_000)
        _ = link.run(seconds: 60)
        let queued = link.run(seconds: 60)
        #expect(link.estimate.bitrate > 1_800_000 && link.estimate.bitrate < 3_600_000)
        #expect(queued < .milliseconds(700), "\(queued)")
    }

    @Test("it does not grow far beyond what comes")
    func idle() {
        var link = Link(capacity: 100_000_000)
        _ = link.run(seconds: 60, rate: 200_000)
        #expect(link.estimate.bitrate == 1_000_000)
        _ = link.run(seconds: 60, rate: 2_000_000)
        #expect(link.estimate.bitrate > 2_500_000 && link.estimate.bitrate <= 3_100_000)
    }

    @Test("losses of more than a tenth lower it below what comes, some leave it, few let it grow")
    func losses() {
        var rates: [UInt64] = []
        for loss in [300, 60, 5] {
            var link = Link(capacity: 100_000_000)
            link.loss = loss
            _ = link.run(seconds: 10)
            rates.append(link.estimate.bitrate)
        }
        #expect(rates[0] < 300_000)
        #expect(rates[1] >= 600_000 && rates[1] <= 1_200_000, "\(rates)")
        #expect(rates[2] > 1_400_000)
    }

    @Test("whatever send times say: within the bounds, and without trapping; silence says nothing")
    func hostile() {
        var random = Random(seed: 11)
        var estimate = SenderEstimate(.init(initial: 1, floor: 50_000, ceiling: 40_000))
        #expect(estimate.bitrate == 40_000)
        #expect(estimate.estimate(lost: 0, expected: 0, at: .zero) == nil)
        var now = Timestamp(nanoseconds: 1)
        for _ in 0..<20_000 {
            let time: UInt32? = random.int(in: 0...3) == 0 ? nil : UInt32(truncatingIfNeeded: random.next())
            estimate.note(bytes: random.int(in: -5...100_000), sendTime: time.map { $0 & 0x1FF_FFFF }, at: now)
            if random.int(in: 0...20) == 0 {
                let rate = estimate.estimate(
                    lost: random.int(in: 0...20) == 0 ? .min / 2 : random.int(in: -1_000_000...1_000_000),
                    expected: random.int(in: 0...20) == 0 ? .max / 2 : random.int(in: -10...1_000), at: now)
                #expect(rate == nil || rate == 40_000)
            }
            // Clocks of hosts may stand still, or run back a little.
            now = Timestamp(nanoseconds: max(0, now.nanoseconds + Int64(random.int(in: -10_000...2_000_000_000))))
        }
    }
}
