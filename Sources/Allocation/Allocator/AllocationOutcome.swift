// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What one run has decided altogether.
public struct AllocationOutcome: Hashable, Sendable, BitwiseCopyable {
    /// What the layers that are sent cost, in bits per second.
    public var targetRate: Int64 = 0
    /// What the ideal ones would.
    public var idealRate: Int64 = 0
    /// Sources that are sent.
    public var forwarded = 0
    /// Sources that the rate does not allow.
    public var suspended = 0
    /// Sources that last-N leaves out.
    public var beyondLastN = 0
    /// More is sent than the rate allows, for a screen on stage.
    public var isOversending = false
    /// Every source that the receiver wants is sent in its ideal layer.
    public var isIdeal = true
    /// A target or an ideal layer is another than before: the projections have to know.
    public var hasNewTargets = false
    /// Other sources are sent than before: the receiver has to know (ForwardedSources).
    public var hasNewForwarded = false
    /// A source's wish is another than before: its sender may have to know.
    public var hasNewWishes = false
    /// When a source that waits may rise: another run is due then.
    public var nextRise: Timestamp?

    /// Of a run over nothing.
    public init() {}

    /// How much may be sent besides, to find out whether there is more, in bits per second (media-plane.md 8.6).
    /// - Parameter estimate: what the receiver is taken to bear.
    public func paddingRate(estimate: AvailableRate) -> Int64 {
        guard case .limited = estimate, !isIdeal, idealRate > targetRate else { return 0 }
        let estimate = estimate.budget
        guard idealRate > estimate else { return 0 }
        return max(0, min(idealRate, estimate) - targetRate)
    }
}
