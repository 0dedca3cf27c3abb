// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// How many receivers want a source in which height, and the most that anybody wants (media-plane.md 9.6): what its
/// sender is told, so that nobody sends what nobody may see.
///
/// What counts is what receivers asked for within their last-N, not what their rates allow, as nobody could rise to
/// layers that do not come. A relay counts as one receiver.
///
/// A change costs a search among the heights that are wanted and, where one is new or gone, a move of those above it:
/// constant while clients ask for the usual handful of heights, some thousand bytes moved when a thousand receivers
/// each ask for another. Memory grows with the number of different heights that are wanted at one time.
public struct HeightDemand: ~Copyable {
    /// The lowest first.
    private var entries = GrowableBuffer<HeightCount>()

    /// Nobody wants anything.
    public init() {}

    /// The most that anybody wants; -1 is no limit, 0 nothing.
    public var maxHeight: Int32 {
        guard !entries.isEmpty else { return 0 }
        let rank = entries[entries.count - 1].rank
        return rank == .max ? -1 : Int32(bitPattern: rank)
    }

    /// A receiver wants another height than before; 0 is nothing, negative no limit.
    /// - Returns: whether the most that anybody wants is another now.
    @discardableResult
    public mutating func exchange(_ old: Int32, for new: Int32) -> Bool {
        let before = maxHeight
        guard Self.rank(old) != Self.rank(new) else { return false }
        if new != 0 { add(Self.rank(new)) }
        if old != 0 { subtract(Self.rank(old)) }
        return maxHeight != before
    }

    /// Without a limit is more than any height.
    private static func rank(_ height: Int32) -> UInt32 { height < 0 ? .max : UInt32(height) }

    /// Where a height is or would be.
    private func place(of rank: UInt32) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].rank < rank { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private mutating func add(_ rank: UInt32) {
        let place = place(of: rank)
        if place < entries.count, entries[place].rank == rank {
            entries[place].receivers += 1
            return
        }
        let entry = HeightCount(rank: rank, receivers: 1)
        entries.append(entry)
        var position = entries.count - 1
        while position > place {
            entries[position] = entries[position - 1]
            position -= 1
        }
        entries[place] = entry
    }

    private mutating func subtract(_ rank: UInt32) {
        let place = place(of: rank)
        // What nobody had asked for cannot be taken back.
        guard place < entries.count, entries[place].rank == rank else { return }
        entries[place].receivers -= 1
        guard entries[place].receivers == 0 else { return }
        for position in place..<entries.count - 1 { entries[position] = entries[position + 1] }
        _ = entries.popLast()
    }
}

/// Those who want one height. Not nested and private: Swift 6.3.1 then makes a module that its own verifier refuses.
struct HeightCount: BitwiseCopyable {
    let rank: UInt32
    var receivers: UInt32
}
