// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A source in the order of one receiver.
struct RankedSource: BitwiseCopyable {
    let rank: UInt32
    let speakerPlace: UInt32
    let position: UInt32
    /// Its place in ``ConferenceVideo/sources``.
    let source: UInt32
    let key: UInt64

    func comes(before other: RankedSource) -> Bool {
        if rank != other.rank { return rank < other.rank }
        if speakerPlace != other.speakerPlace { return speakerPlace < other.speakerPlace }
        if position != other.position { return position < other.position }
        if key != other.key { return key < other.key }
        return source < other.source
    }
}

extension GrowableBuffer where Element == RankedSource {
    /// Sorts in place without memory of its own; what is in order already costs one look.
    mutating func sortByRank() {
        guard !isInOrder else { return }
        var root = count / 2
        while root > 0 {
            root -= 1
            sink(root, end: count)
        }
        var end = count
        while end > 1 {
            end -= 1
            let last = self[end]
            self[end] = self[0]
            self[0] = last
            sink(0, end: end)
        }
    }

    private var isInOrder: Bool {
        guard count > 1 else { return true }
        for position in 1..<count where self[position].comes(before: self[position - 1]) { return false }
        return true
    }

    /// Moves an element of a heap down to where it belongs.
    private mutating func sink(_ start: Int, end: Int) {
        let element = self[start]
        var hole = start
        while 2 * hole + 1 < end {
            var child = 2 * hole + 1
            if child + 1 < end, self[child].comes(before: self[child + 1]) { child += 1 }
            guard element.comes(before: self[child]) else { break }
            self[hole] = self[child]
            hole = child
        }
        self[hole] = element
    }
}
