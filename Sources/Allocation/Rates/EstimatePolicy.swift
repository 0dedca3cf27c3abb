// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// When the estimate of a receiver's rate is believed (media-plane.md 8.7, 9.1, 9.4).
public struct EstimatePolicy: Hashable, Sendable, BitwiseCopyable {
    /// Estimates count at all (`cc.trust-bwe`).
    public var trustsEstimates = true
    /// For so long after the first video packet to a receiver its estimate does not count.
    public var ignorePeriod = TimeDelta.zero
    /// The most that a receiver can say itself, in bits per second; `nil`: what it says is ignored
    /// (`cc.assumed-bandwidth-limit`).
    public var assumedLimit: UInt64?

    /// The defaults.
    public init() {}

    /// What can be sent to a receiver.
    /// - Parameters:
    ///   - estimate: in bits per second; `nil` while there is none.
    ///   - assumed: what the receiver says instead, in bits per second; negative for nothing.
    ///   - hasRetransmission: the receiver takes RTX, without which nothing can be tried out.
    ///   - firstVideo: when the first video packet left to it.
    public func rate(
        estimate: UInt64?, assumed: Int64, hasRetransmission: Bool, firstVideo: Timestamp?, at now: Timestamp
    ) -> AvailableRate {
        if assumed >= 0, let assumedLimit { return .limited(min(UInt64(assumed), assumedLimit)) }
        guard trustsEstimates, hasRetransmission, let estimate, let firstVideo, now - firstVideo >= ignorePeriod else {
            return .unlimited
        }
        return .limited(estimate)
    }
}
