// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which of the last 128 sequence numbers of a stream have arrived: finds duplicates.
public struct DuplicateFilter: BitwiseCopyable, Sendable {
    /// How many numbers are remembered.
    public static let size = 128

    /// Bit i: number `highest - i` has arrived.
    private var recent: UInt64 = 0
    private var older: UInt64 = 0
    private var highest: UInt16 = 0

    /// Nothing has arrived.
    public init() {}

    /// Remembers `sequence`.
    /// - Returns: `false` when it had arrived before. Numbers too old to tell count as new.
    public mutating func insert(_ sequence: UInt16) -> Bool {
        let isEmpty = recent == 0
        let distance = isEmpty ? 0 : SequenceNumber.delta(sequence, highest)
        if isEmpty || distance > 0 {
            shift(by: isEmpty ? Self.size : distance)
            highest = sequence
            recent |= 1
            return true
        }
        let age = -distance
        guard age < Self.size else { return true }
        let bit: UInt64 = 1 << UInt64(age & 63)
        if age < 64 {
            defer { recent |= bit }
            return recent & bit == 0
        }
        defer { older |= bit }
        return older & bit == 0
    }

    private mutating func shift(by distance: Int) {
        // Smart shifts: 64 and more leave nothing.
        if distance < 64 {
            older = older << UInt64(distance) | recent >> UInt64(64 - distance)
        } else {
            older = distance < Self.size ? recent << UInt64(distance - 64) : 0
        }
        recent = recent << UInt64(distance)
    }
}
