// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// The retransmission time-out (RFC 9260 §6.3.1).
struct RetransmissionTimeout: BitwiseCopyable, Sendable {
    /// The time-out in force, back-off included.
    private(set) var value = SCTPLimits.initialTimeout
    /// The smoothed round trip, once there is one.
    private(set) var smoothed: TimeDelta?
    private var variance = TimeDelta.zero

    /// Takes a measured round trip in.
    mutating func measure(_ roundTrip: TimeDelta) {
        let sample = max(roundTrip, .zero)
        if let smoothed {
            let error = TimeDelta(nanoseconds: abs(smoothed.nanoseconds - sample.nanoseconds))
            variance = (variance * 3 + error) / 4
            self.smoothed = (smoothed * 7 + sample) / 8
        } else {
            smoothed = sample
            variance = sample / 2
        }
        value = clamp((smoothed ?? sample) + variance * 4)
    }

    /// Doubles after a time-out, up to ``SCTPLimits/greatestTimeout``.
    mutating func backOff() {
        value = clamp(value * 2)
    }

    private func clamp(_ time: TimeDelta) -> TimeDelta {
        min(max(time, SCTPLimits.leastTimeout), SCTPLimits.greatestTimeout)
    }
}
