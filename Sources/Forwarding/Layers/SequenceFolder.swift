// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// One receiver's numbers for a stream of which it does not get everything: what is left out leaves no gap, what is
/// missing does (media-plane.md 5.4).
///
/// The same thought as ``SequenceGapCloser``, in a cache line, per receiver and behind it. A packet that is left out
/// late, when a newer one has its number already, changes nothing: the gap may have been seen.
struct SequenceFolder: BitwiseCopyable {
    /// How far back positions are remembered.
    static let window = 384

    /// Bit `n % 384`: position n, counted without wrap, was folded away.
    private var folded = InlineArray<6, UInt64>(repeating: 0)
    /// The newest position, its low bits the sequence number.
    private var newest: UInt64 = 1 << 32
    /// Taken off positions to make the receiver's numbers.
    private var delta: UInt16 = 0
    /// How far back this stream goes; what is older belongs to another.
    private var reach: UInt16 = 0

    /// Begins anew.
    /// - Parameter outgoing: the number that the receiver gets for the packet numbered `sequence`.
    init(_ sequence: UInt16, outgoing: UInt16) {
        newest = newest & ~0xFFFF | UInt64(sequence)
        delta = sequence &- outgoing
    }

    /// The newest number, as the sender gave it.
    var newestSequence: UInt16 { UInt16(truncatingIfNeeded: newest) }

    /// The newest number that a receiver has, or could have had.
    var newestOutgoing: UInt16 { newestSequence &- delta }

    /// The number under which a packet goes out; `nil` when there is none for it.
    mutating func keep(_ sequence: UInt16) -> UInt16? {
        let distance = advance(to: sequence)
        guard distance < 0 else { return sequence &- delta }
        guard distance >= -Int(reach), distance > -Self.window, !isFolded(newest - UInt64(-distance)) else {
            return nil
        }
        var later: UInt16 = 0
        // Ends: fewer than the window. Late packets are few.
        for back in 0..<UInt64(-distance) where isFolded(newest - back) { later &+= 1 }
        return sequence &- delta &+ later
    }

    /// Leaves a packet out.
    mutating func leaveOut(_ sequence: UInt16) {
        guard advance(to: sequence) > 0 else { return }
        fold(newest)
    }

    /// The next `count` numbers are never asked for: what they carry was left out with the rest of its frame.
    mutating func leaveOutMissing(_ count: Int) {
        for _ in 0..<count { leaveOut(newestSequence &+ 1) }
    }

    private mutating func advance(to sequence: UInt16) -> Int {
        let distance = Int(Int16(bitPattern: sequence &- newestSequence))
        guard distance > 0 else { return distance }
        for step in 1...UInt64(min(distance, Self.window)) { unfold(newest + step) }
        newest += UInt64(distance)
        reach = UInt16(min(Int(reach) + distance, Int(Int16.max)))
        return distance
    }

    private mutating func fold(_ position: UInt64) {
        let bit = Int(position % UInt64(Self.window))
        folded[bit >> 6] |= 1 << UInt64(bit & 63)
        delta &+= 1
    }

    private mutating func unfold(_ position: UInt64) {
        let bit = Int(position % UInt64(Self.window))
        folded[bit >> 6] &= ~(1 << UInt64(bit & 63))
    }

    private func isFolded(_ position: UInt64) -> Bool {
        let bit = Int(position % UInt64(Self.window))
        return folded[bit >> 6] & (1 << UInt64(bit & 63)) != 0
    }
}
