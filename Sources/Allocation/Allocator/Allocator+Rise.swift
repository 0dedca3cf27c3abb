// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

// What was given becomes what is sent (media-plane.md 9.5): down at once, up when it has fitted for a while.

extension Allocator {
    /// What becomes of a source that the receiver may get.
    /// - Parameter before: what the last run decided of it.
    func decide(
        _ place: Int, _ video: borrowing ConferenceVideo, _ before: SourceAllocation, for receiver: ReceiverDemand,
        at now: Timestamp, _ outcome: inout AllocationOutcome
    ) -> SourceAllocation {
        let source = wanted[place]
        var result = SourceAllocation(key: video.sources[source.source].key, state: .withoutLayers)
        result.wish = source.wish
        guard source.count > 0 else { return result }
        var target = source.target
        if let held = held(place, before, result, for: receiver) {
            target = rise(place, from: held, before, &result, at: now, &outcome)
        }
        let ideal = candidates[source.first + source.count - 1]
        result.ideal = ideal.index
        outcome.idealRate += ideal.cost
        if target != source.count - 1 { outcome.isIdeal = false }
        if target >= 0 {
            result.state = .forwarded
            result.target = candidates[source.first + target].index
            outcome.targetRate += candidates[source.first + target].cost
        } else {
            result.state = source.isActive ? .suspended : .inactive
        }
        return result
    }

    /// Where a source has to wait before it rises; `nil` if it does not.
    ///
    /// It waits only where the rate has held it back and still counts. Where the receiver asked for something else, or
    /// where it had all there was, there is nothing to wait for.
    private func held(
        _ place: Int, _ before: SourceAllocation, _ result: SourceAllocation, for receiver: ReceiverDemand
    ) -> Int? {
        let source = wanted[place]
        guard settings.riseDelay > .zero, receiver.rate != .unlimited, !source.isOnStage, before.key == result.key,
            before.wish == result.wish, before.isHeldBack
        else { return nil }
        guard before.target.isLayer else { return source.target >= 0 ? -1 : nil }
        let held = candidate(before.target, of: source)
        guard let held, held < source.target else { return nil }
        return held
    }

    /// The candidate that a source gets that waits to rise.
    private func rise(
        _ place: Int, from held: Int, _ before: SourceAllocation, _ result: inout SourceAllocation, at now: Timestamp,
        _ outcome: inout AllocationOutcome
    ) -> Int {
        let source = wanted[place]
        var goal = source.target
        var since = now
        // The least that fitted all the time is what may be had at the end.
        if before.rising.isLayer, let former = candidate(before.rising, of: source), former > held {
            goal = min(goal, former)
            since = min(now, before.risingSince)
        }
        var target = held
        if now - since >= settings.riseDelay {
            target = goal
            // More fits by now, but not for long enough: the wait for it begins.
            (goal, since) = (source.target, now)
        }
        guard target < goal else { return target }
        result.rising = candidates[source.first + goal].index
        result.risingSince = since
        outcome.nextRise = earlier(outcome.nextRise, since + settings.riseDelay)
        return target
    }

    private func candidate(_ index: LayerIndex, of source: WantedSource) -> Int? {
        for position in 0..<source.count where candidates[source.first + position].index == index { return position }
        return nil
    }
}
