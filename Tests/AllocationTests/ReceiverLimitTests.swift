// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Primitives
import Testing

/// What limits there are before anything is allocated (media-plane.md 8.7, 9.1, 9.2, 9.4).
@Suite("Limits of a receiver")
struct ReceiverLimitTests {
    private let now = Timestamp(nanoseconds: 60_000_000_000)

    private func rate(
        _ policy: EstimatePolicy, estimate: UInt64? = 900, assumed: Int64 = -1, hasRetransmission: Bool = true,
        age: Int64? = 20
    ) -> AvailableRate {
        policy.rate(
            estimate: estimate, assumed: assumed, hasRetransmission: hasRetransmission,
            firstVideo: age.map { now - .seconds($0) }, at: now)
    }

    @Test("an estimate counts that is there and trusted, where it could be tried out, after its period")
    func trust() {
        var policy = EstimatePolicy()
        #expect(rate(policy) == .limited(900))
        #expect(rate(policy, estimate: nil) == .unlimited)
        #expect(rate(policy, hasRetransmission: false) == .unlimited)
        #expect(rate(policy, age: nil) == .unlimited)
        policy.ignorePeriod = .seconds(Int64(10))
        #expect(rate(policy, age: 9) == .unlimited)
        #expect(rate(policy, age: 10) == .limited(900))
        policy.trustsEstimates = false
        #expect(rate(policy) == .unlimited)
    }

    @Test("what a receiver assumes goes before, within its limit, and is nothing without one")
    func assumed() {
        var policy = EstimatePolicy()
        #expect(rate(policy, assumed: 500) == .limited(900))
        policy.assumedLimit = 700
        #expect(rate(policy, assumed: 500) == .limited(500))
        #expect(rate(policy, assumed: 0) == .limited(0))
        #expect(rate(policy, assumed: .max) == .limited(700))
        #expect(rate(policy, assumed: -1) == .limited(900))
        #expect(rate(policy, assumed: .min) == .limited(900))
        policy.trustsEstimates = false
        #expect(rate(policy, estimate: nil, assumed: 500, age: nil) == .limited(500))
    }

    @Test("last-N is the least of the receiver's, the bridge's, the conference's and what can be told apart")
    func lastN() {
        var limits = LastNLimits()
        #expect(limits.effective(wished: -1, candidates: 10) == 50)
        #expect(limits.effective(wished: 0, candidates: 10) == 0)
        #expect(limits.effective(wished: 60, candidates: 100) == 50)
        limits.bridge = 8
        #expect(limits.effective(wished: -1, candidates: 10) == 8)
        #expect(limits.effective(wished: 3, candidates: 10) == 3)
        limits.bySize = [.init(size: 5, lastN: 6), .init(size: 20, lastN: 2), .init(size: 50, lastN: -1)]
        // The size counts the receiver, too.
        #expect(limits.effective(wished: -1, candidates: 3) == 8)
        #expect(limits.effective(wished: -1, candidates: 4) == 6)
        #expect(limits.effective(wished: -1, candidates: 18) == 6)
        #expect(limits.effective(wished: -1, candidates: 19) == 2)
        #expect(limits.effective(wished: -1, candidates: 49) == 8)
        #expect(limits.effective(wished: .min, candidates: .max / 2) == 8)
        limits.slots = -3
        #expect(limits.effective(wished: -1, candidates: 0) == 0)
    }
}
