// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which TSNs of the peer's are here: all up to ``cumulative`` and a few runs above it.
struct ReceivedTSNs: Sendable {
    /// A run of consecutive TSNs.
    struct Run: BitwiseCopyable, Sendable {
        var first: UInt64
        var last: UInt64
    }

    /// What became of a TSN.
    enum Outcome {
        case new
        case known
        case noRoom
    }

    /// The last TSN before the first missing one.
    private(set) var cumulative: UInt64
    /// Runs above it, in order, never touching each other.
    private(set) var runs: [Run] = []

    /// Nothing is here yet and `next` comes first.
    init(next: UInt64) {
        cumulative = next - 1
    }

    /// Whether `tsn` is here.
    func contains(_ tsn: UInt64) -> Bool {
        if tsn <= cumulative { return true }
        let index = firstRun(endingAtOrAfter: tsn)
        return index < runs.count && runs[index].first <= tsn
    }

    /// Notes a TSN.
    mutating func insert(_ tsn: UInt64) -> Outcome {
        if tsn <= cumulative { return .known }
        if tsn == cumulative + 1 {
            cumulative = tsn
            joinCumulative()
            return .new
        }
        let index = firstRun(endingAtOrAfter: tsn)
        if index < runs.count, runs[index].first <= tsn { return .known }
        let touchesBefore = index > 0 && runs[index - 1].last + 1 == tsn
        let touchesAfter = index < runs.count && runs[index].first == tsn + 1
        switch (touchesBefore, touchesAfter) {
        case (true, true):
            runs[index - 1].last = runs[index].last
            runs.remove(at: index)
        case (true, false): runs[index - 1].last = tsn
        case (false, true): runs[index].first = tsn
        case (false, false):
            guard runs.count < SCTPLimits.receivedRanges else { return .noRoom }
            runs.insert(Run(first: tsn, last: tsn), at: index)
        }
        return .new
    }

    /// Takes all up to `tsn` as received: the peer gave it up (RFC 3758 §3.6).
    mutating func advance(to tsn: UInt64) {
        guard tsn > cumulative else { return }
        cumulative = tsn
        let kept = firstRun(endingAtOrAfter: tsn + 1)
        runs.removeSubrange(0..<kept)
        if let run = runs.first, run.first <= tsn + 1 {
            cumulative = run.last
            runs.remove(at: 0)
        }
        release()
    }

    private mutating func joinCumulative() {
        guard let run = runs.first, run.first == cumulative + 1 else { return }
        cumulative = run.last
        runs.remove(at: 0)
        release()
    }

    /// Gives the memory back: an idle association has no gaps.
    private mutating func release() {
        if runs.isEmpty { runs = [] }
    }

    private func firstRun(endingAtOrAfter tsn: UInt64) -> Int {
        runs.firstIndex(notBefore: { $0.last < tsn })
    }
}
