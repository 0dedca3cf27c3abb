// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// One receiver's numbers for a stream of which it does not get everything: what is left out leaves no gap, what is
/// missing does (media-plane.md 5.4).
///
/// The same thought as ``SequenceGapCloser``, in five bytes and half a cache line, per receiver and behind it. A packet
/// that is left out late, when a newer one has its number already, changes nothing: the gap may have been seen. The
/// ``FoldedPositions`` stand apart, so that a stream of which nothing is left out hardly touches them.
struct SequenceFolder: BitwiseCopyable {
    /// The newest position.
    private(set) var newest: UInt16
    /// Taken off positions to make the receiver's numbers.
    private var delta: UInt16
    /// How far back this stream goes; what is older belongs to another.
    private var reach: UInt8 = 0

    /// Begins anew.
    /// - Parameter outgoing: the number that the receiver gets for the packet numbered `sequence`.
    init(_ sequence: UInt16, outgoing: UInt16) {
        newest = sequence
        delta = sequence &- outgoing
    }

    /// The newest number that a receiver has, or could have had.
    var newestOutgoing: UInt16 { newest &- delta }

    /// How far a packet lies ahead of the newest one; negative: behind.
    func distance(to sequence: UInt16) -> Int { Int(Int16(bitPattern: sequence &- newest)) }

    /// The number under which a packet goes out; `nil` when there is none for it.
    mutating func keep(_ sequence: UInt16, _ folded: inout FoldedPositions) -> UInt16? {
        let distance = advance(to: sequence, &folded)
        guard distance < 0 else { return sequence &- delta }
        guard distance >= -Int(reach), !folded.contains(sequence) else { return nil }
        // Late packets are few.
        let later = folded.count(-distance, upTo: newest)
        return sequence &- delta &+ UInt16(truncatingIfNeeded: later)
    }

    /// Leaves a packet out.
    mutating func leaveOut(_ sequence: UInt16, _ folded: inout FoldedPositions) {
        guard advance(to: sequence, &folded) > 0 else { return }
        folded.insert(newest)
        delta &+= 1
    }

    /// The next `count` numbers are never asked for: what they carry was left out with the rest of its frame.
    mutating func leaveOutMissing(_ count: Int, _ folded: inout FoldedPositions) {
        for _ in 0..<count { leaveOut(newest &+ 1, &folded) }
    }

    private mutating func advance(to sequence: UInt16, _ folded: inout FoldedPositions) -> Int {
        let distance = distance(to: sequence)
        guard distance > 0 else { return distance }
        // What lies there is of a round before.
        for step in 1...min(distance, FoldedPositions.count) {
            folded.remove(newest &+ UInt16(truncatingIfNeeded: step))
        }
        newest = sequence
        reach = UInt8(truncatingIfNeeded: min(Int(reach) + distance, FoldedPositions.count - 1))
        return distance
    }
}
