// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// When the layers of one receiver are to be chosen anew (media-plane.md 9.5): after a change of what it wants or of
/// what there is, when its rate is really another one, when a source may rise, and now and then in any case, as layers
/// cost more or less from second to second.
///
/// Plain data; the caller's clock. Runs asked for in a row become one, ``AllocationLimits/runInterval`` after the last.
public struct AllocationSchedule: Hashable, Sendable, BitwiseCopyable {
    /// The longest time between two runs (`cc.max-time-between-calculations`).
    public var maxInterval = TimeDelta.seconds(Int64(5))
    /// A rate counts as another one beyond this part of the last one that was used, in thousandths
    /// (`cc.bwe-change-threshold`).
    public var changeThreshold: UInt64 = 150
    /// The rate that the last run used; `nil` before the first.
    public private(set) var usedRate: AvailableRate?
    private var lastRun: Timestamp?
    private var nextRise: Timestamp?
    private var isForced = true

    /// Of a receiver for which nothing was chosen yet: a run is due.
    public init() {}

    /// What it wants, the order of sources or their layers are others now.
    public mutating func force() { isForced = true }

    /// What can be sent to it now.
    /// - Returns: whether that is another rate than the last run used, so that a run is due.
    @discardableResult
    public mutating func note(_ rate: AvailableRate) -> Bool {
        guard let usedRate, isNews(rate, after: usedRate) else { return false }
        isForced = true
        return true
    }

    private func isNews(_ rate: AvailableRate, after used: AvailableRate) -> Bool {
        guard case .limited(let new) = rate, case .limited(let old) = used else { return rate != used }
        let difference = new > old ? new - old : old - new
        guard difference >= AllocationLimits.leastRateStep else { return false }
        // Both could be anything: no product may run over.
        let (scaled, isOver) = old.multipliedReportingOverflow(by: changeThreshold)
        return difference > (isOver ? old / 1_000 * min(changeThreshold, 1_000) : scaled / 1_000)
    }

    /// A run is due as soon as one may be, not by the passing of time alone.
    public var isPressing: Bool { isForced }

    /// When the next run is due, if nothing happens until then; may be past.
    public var deadline: Timestamp {
        guard let lastRun else { return .zero }
        if isForced { return lastRun + AllocationLimits.runInterval }
        return max(min(lastRun + maxInterval, nextRise ?? .distantFuture), lastRun + AllocationLimits.runInterval)
    }

    /// Whether a run is due.
    public func isDue(at now: Timestamp) -> Bool { lastRun == nil || now >= deadline }

    /// A run was made.
    public mutating func ran(at now: Timestamp, rate: AvailableRate, _ outcome: AllocationOutcome) {
        lastRun = now
        usedRate = rate
        nextRise = outcome.nextRise
        isForced = false
    }
}
