// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which of the last positions of a stream a receiver does not know of (``SequenceFolder``).
///
/// A position is a sequence number: their number is a multiple of ``count``, so the places go round with them.
struct FoldedPositions: BitwiseCopyable {
    /// How far back positions are remembered.
    static let count = 256

    private var words = InlineArray<4, UInt64>(repeating: 0)

    /// Whether a position was folded away.
    func contains(_ position: UInt16) -> Bool {
        words[Int(position >> 6 & 3)] & (1 << UInt64(position & 63)) != 0
    }

    mutating func insert(_ position: UInt16) {
        words[Int(position >> 6 & 3)] |= 1 << UInt64(position & 63)
    }

    mutating func remove(_ position: UInt16) {
        words[Int(position >> 6 & 3)] &= ~(1 << UInt64(position & 63))
    }

    /// How many of the `count` positions that end with `last` were folded away; at most all that are remembered.
    func count(_ count: Int, upTo last: UInt16) -> Int {
        var result = 0
        // Ends: no more than are remembered.
        for back in 0..<min(max(count, 0), Self.count) where contains(last &- UInt16(truncatingIfNeeded: back)) {
            result += 1
        }
        return result
    }
}
