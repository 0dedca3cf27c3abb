// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Renumbers a stream from which packets are discarded, so that they leave no gap (media-plane.md 6.6).
///
/// Real losses stay visible. Positions of discarded packets are kept for the last ``ForwardingLimits/gapHistory``
/// numbers, so that a late packet gets the number that is free for it. One per incoming SSRC, before the fan-out.
public struct SequenceGapCloser: BitwiseCopyable, Sendable {
    /// Bit `n & 1023`: number n, one of the last 1,024, was discarded.
    private var discarded = InlineArray<16, UInt64>(repeating: 0)
    private var highest: UInt16 = 0
    private var delta: UInt16 = 0
    private var hasStarted = false
    private var hasDiscarded = false

    /// A stream that has not begun.
    public init() {}

    /// The number under which an accepted packet leaves; `nil` for a late packet that must be dropped, because its
    /// number was given away or it is older than the history.
    public mutating func accept(_ sequence: UInt16) -> UInt16? {
        let distance = advance(to: sequence)
        guard hasDiscarded, distance < 0 else { return sequence &- delta }
        guard distance > -ForwardingLimits.gapHistory, !isDiscarded(sequence) else { return nil }
        return sequence &- delta &+ discardedCount(after: sequence, count: -distance)
    }

    /// Takes the number of a discarded packet out. Late ones change nothing: their gap may have been seen.
    public mutating func discard(_ sequence: UInt16) {
        let isFirst = !hasStarted
        guard advance(to: sequence) > 0 || isFirst else { return }
        hasDiscarded = true
        delta &+= 1
        discarded[Int(sequence & 1_023) >> 6] |= 1 << UInt64(sequence & 63)
    }

    /// The sender began a new sequence: `sequence` shall leave with ``ForwardingLimits/restartHole`` numbers free
    /// behind what left so far. The hole keeps receivers from joining two halves of different frames (media-plane.md
    /// 16.1.2), and it is as large as the replay window, so that whatever comes late of the new sequence has its
    /// number there. Older packets are dropped from now on. Accept the packet afterwards.
    public mutating func restart(at sequence: UInt16) {
        guard hasStarted else { return }
        let hole = ForwardingLimits.restartHole
        let outgoing = highest &- delta &+ 1 &+ UInt16(hole)
        delta = sequence &- outgoing
        highest = sequence
        hasDiscarded = true
        // Everything from before counts as discarded, except the numbers that fill the hole.
        discarded = InlineArray(repeating: .max)
        clear(after: sequence &- UInt16(hole) &- 1, count: hole + 1)
    }

    /// Moves `highest` forward and forgets what the new positions meant before.
    /// - Returns: distance from the former highest number.
    private mutating func advance(to sequence: UInt16) -> Int {
        guard hasStarted else {
            hasStarted = true
            highest = sequence
            return 0
        }
        let distance = SequenceNumber.delta(sequence, highest)
        guard distance > 0 else { return distance }
        if hasDiscarded {
            if distance >= ForwardingLimits.gapHistory {
                discarded = InlineArray(repeating: 0)
            } else {
                clear(after: highest, count: distance)
            }
        }
        highest = sequence
        return distance
    }

    private mutating func clear(after sequence: UInt16, count: Int) {
        var position = Int((sequence &+ 1) & 1_023)
        var left = count
        // Ends: every turn finishes a word; count is below 1,024.
        while left > 0 {
            let bits = min(left, 64 - position & 63)
            discarded[position >> 6] &= ~Self.mask(from: position & 63, count: bits)
            position = (position + bits) & 1_023
            left -= bits
        }
    }

    private func discardedCount(after sequence: UInt16, count: Int) -> UInt16 {
        var position = Int((sequence &+ 1) & 1_023)
        var left = count
        var sum = 0
        // Ends: as above.
        while left > 0 {
            let bits = min(left, 64 - position & 63)
            sum += (discarded[position >> 6] & Self.mask(from: position & 63, count: bits)).nonzeroBitCount
            position = (position + bits) & 1_023
            left -= bits
        }
        return UInt16(truncatingIfNeeded: sum)
    }

    private func isDiscarded(_ sequence: UInt16) -> Bool {
        discarded[Int(sequence & 1_023) >> 6] & (1 << UInt64(sequence & 63)) != 0
    }

    private static func mask(from bit: Int, count: Int) -> UInt64 {
        count == 64 ? .max : ((1 << UInt64(count)) - 1) << UInt64(bit)
    }
}
