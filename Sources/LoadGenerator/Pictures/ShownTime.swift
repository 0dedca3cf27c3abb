// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// How long one receiver's picture of one source stood still, and how long it was what had been asked for. Times are
/// nanoseconds of the monotonic clock.
struct ShownTime: BitwiseCopyable {
    /// The encoding asked for; negative: none.
    private(set) var wanted = -1
    /// The encoding of the picture shown last; negative: none yet.
    private(set) var current = -1
    /// When a picture was shown last since it was asked for; negative: not yet.
    private var shownAt: Int64 = -1
    /// When what is not shown yet was asked for; negative: nothing waits.
    private var askedAt: Int64 = -1
    /// Until when ``watched`` and ``atLayer`` are up to date.
    private var countedAt: Int64 = 0

    /// How long this program stood still itself, all in all: while it does, no sender sends, and nobody can tell what
    /// the bridge would have done.
    var stalled: Int64 = 0
    /// ``stalled`` when a picture was shown last.
    private var stalledAtShown: Int64 = 0

    private(set) var longestGap: Int64 = 0
    private(set) var freezes: UInt64 = 0
    private(set) var watched: Int64 = 0
    private(set) var atLayer: Int64 = 0

    /// What a picture that is shown ended.
    enum Wait: Equatable {
        /// The wait for any picture of the source.
        case source(Int64)
        /// The wait for another encoding.
        case layer(Int64)
    }

    /// The receiver asks for an encoding, or with `nil` for none.
    mutating func want(_ encoding: Int?, at now: Int64) {
        let next = encoding ?? -1
        guard next != wanted else { return }
        count(until: now)
        if next < 0 {
            noteGap(until: now)
            shownAt = -1
        }
        askedAt = next >= 0 && (shownAt < 0 || next != current) ? now : -1
        wanted = next
    }

    /// The call begins: what was before it does not count.
    mutating func begin(at now: Int64) {
        (longestGap, freezes, watched, atLayer) = (0, 0, 0, 0)
        countedAt = now
        if shownAt >= 0 { shownAt = now }
        stalledAtShown = stalled
    }

    /// A picture of `encoding` is shown.
    mutating func show(_ encoding: Int, at now: Int64) -> Wait? {
        count(until: now)
        let isFirst = shownAt < 0
        current = encoding
        guard wanted >= 0 else { return nil }
        noteGap(until: now)
        shownAt = max(now, shownAt)
        stalledAtShown = stalled
        guard askedAt >= 0, isFirst || encoding == wanted else { return nil }
        let waited = max(now - askedAt, 0)
        if encoding == wanted { askedAt = -1 }
        return isFirst ? .source(waited) : .layer(waited)
    }

    /// The call ends.
    mutating func end(at now: Int64) {
        count(until: now)
        noteGap(until: now)
    }

    private mutating func noteGap(until now: Int64) {
        guard shownAt >= 0 else { return }
        let gap = now - shownAt - (stalled - stalledAtShown)
        longestGap = max(longestGap, gap)
        if gap > LoadGeneratorLimits.freeze.nanoseconds { freezes += 1 }
    }

    private mutating func count(until now: Int64) {
        let passed = now - countedAt
        guard passed > 0 else { return }
        countedAt = now
        guard wanted >= 0 else { return }
        watched += passed
        if shownAt >= 0, current == wanted { atLayer += passed }
    }
}
