// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// So much a second, and so much at once: a bucket that is kept as the moment at which it will be full again.
struct Budget: Sendable {
    private let perSecond: Int64
    /// How long it takes to fill it.
    private let depth: TimeDelta
    private var fullAgain = Timestamp.zero

    /// A full bucket. Both numbers below 2^32, so that no product of them with a second overflows.
    init(perSecond: Int64, burst: Int64) {
        self.perSecond = perSecond
        depth = .nanoseconds(burst * 1_000_000_000 / perSecond)
    }

    /// Takes out an amount, or nothing when so much is not in it.
    mutating func take(_ amount: Int, at now: Timestamp) -> Bool {
        guard amount < 1 << 32 else { return false }
        let later = max(fullAgain, now) + .nanoseconds(Int64(amount) * 1_000_000_000 / perSecond)
        guard later - now <= depth else { return false }
        fullAgain = later
        return true
    }
}
