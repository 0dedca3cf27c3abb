// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Keeps something to a rate with bursts: plain data of eight bytes (the leaky bucket of ITU-T I.371, "GCRA").
struct RateBucket: BitwiseCopyable {
    /// When everything that was taken will have been earned.
    private var settledAt = Timestamp.zero

    /// Takes `amount` if it is within `perSecond` and `burst`.
    mutating func take(_ amount: Int, perSecond: Int, burst: Int, at now: Timestamp) -> Bool {
        let rate = Int64(max(perSecond, 1))
        let settled = max(settledAt, now) + .nanoseconds(Int64(amount) * 1_000_000_000 / rate)
        guard settled - now <= .nanoseconds(Int64(burst) * 1_000_000_000 / rate) else { return false }
        settledAt = settled
        return true
    }
}
