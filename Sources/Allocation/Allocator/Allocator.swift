// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Turns what a receiver can take into the layers it gets (media-plane.md 9.2 to 9.5).
///
/// Values in, values out: the order of sources, the limits that hold for each, the layers that come into question, and
/// the rate given out in rounds. Sources on stage are served first, the others step by step. Nothing is remembered here
/// from run to run, so one allocator serves all receivers of a worker: what must be remembered of a pair is in its
/// ``SourceAllocation``, and when to run in the receiver's ``AllocationSchedule``.
///
/// - Memory: scratch that grows to the largest conference once; runs of that size allocate nothing.
/// - Cost: linear in the sources and in the layers of those that the receiver gets; sorting is needed only where the
///   caller did not.
public struct Allocator: ~Copyable {
    /// How.
    public var settings: AllocationSettings

    /// By source: the place of the receiver's wish for it; `.max` for the default.
    var wishPlaces: GrowableBuffer<UInt32>
    /// Sources that are on stage or selected.
    var named: GrowableBuffer<RankedSource>
    /// Other sources that are wanted and have something to see.
    var others: GrowableBuffer<RankedSource>
    /// Those that the receiver may get, in their order.
    var wanted: GrowableBuffer<WantedSource>
    /// The candidates among their layers, those of a source side by side, each better and dearer than the one before.
    var candidates: GrowableBuffer<CandidateLayer>

    /// An allocator with room for a conference; a larger one makes it grow.
    public init(settings: AllocationSettings, sources: Int = 0, layers: Int = 0) {
        self.settings = settings
        wishPlaces = GrowableBuffer(capacity: sources)
        named = GrowableBuffer(capacity: sources)
        others = GrowableBuffer(capacity: sources)
        wanted = GrowableBuffer(capacity: sources)
        candidates = GrowableBuffer(capacity: layers)
    }

    /// Decides which layers a receiver gets.
    /// - Parameters:
    ///   - video: all there is, its own included.
    ///   - wishes: what it asks of the sources that it named.
    ///   - results: by source, in the order of `video`: what the last run decided, or a new value where there was none;
    ///     replaced by what this one decides. Sources without a place here are left out. A source that is in `video`
    ///     no more is the caller's to suspend.
    public mutating func allocate(
        _ video: borrowing ConferenceVideo, wishes: Span<NamedWish>, for receiver: ReceiverDemand, at now: Timestamp,
        into results: inout MutableSpan<SourceAllocation>
    ) -> AllocationOutcome {
        let count = min(video.sources.count, results.count)
        var outcome = AllocationOutcome()
        order(video, wishes, for: receiver, count: count, into: &results, &outcome)
        choose(video, wishes, for: receiver)
        let isOver = distribute(receiver.rate.budget)
        outcome.isOversending = isOver
        for place in 0..<wanted.count {
            var news = decide(place, video, results[wanted[place].source], for: receiver, at: now, &outcome)
            news.isOversent = isOver && place == 0
            record(news, at: wanted[place].source, into: &results, &outcome)
        }
        return outcome
    }

    /// Writes down what was decided of a source.
    func record(
        _ allocation: SourceAllocation, at place: Int, into results: inout MutableSpan<SourceAllocation>,
        _ outcome: inout AllocationOutcome
    ) {
        let before = results[place]
        let isSame = before.key == allocation.key
        // Of another source that had this place nothing was told.
        let (target, ideal) = isSame ? (before.target, before.ideal) : (.none, .none)
        if allocation.target != target || allocation.ideal != ideal { outcome.hasNewTargets = true }
        if allocation.target.isLayer != target.isLayer { outcome.hasNewForwarded = true }
        if allocation.wish != (isSame ? before.wish : .nothing) { outcome.hasNewWishes = true }
        switch allocation.state {
        case .forwarded: outcome.forwarded += 1
        case .suspended: outcome.suspended += 1
        case .beyondLastN: outcome.beyondLastN += 1
        case .new, .own, .disabled, .unwanted, .withoutLayers, .inactive: break
        }
        results[place] = allocation
    }
}
