// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Serial-number arithmetic on 16-bit RTP sequence numbers (RFC 1982, RFC 3550).
public enum SequenceNumber {
    /// Signed distance from `b` to `a`, −32,768…32,767; positive when `a` is newer.
    @inlinable @inline(__always)
    public static func delta(_ a: UInt16, _ b: UInt16) -> Int {
        Int(Int16(bitPattern: a &- b))
    }
}

/// Turns 16-bit sequence numbers into ever-growing 64-bit ones; the first one seen keeps its value.
public struct SequenceUnwrapper: Sendable, BitwiseCopyable {
    /// The highest number seen, unwrapped; negative before the first.
    public private(set) var highest: Int64 = -1

    /// Nothing seen yet.
    public init() {}

    /// The unwrapped form of `sequence`, nearest to the highest seen so far.
    @inlinable @inline(__always)
    public mutating func unwrap(_ sequence: UInt16) -> Int64 {
        let value = peek(sequence)
        note(value)
        return value
    }

    /// As `unwrap`, but remembers nothing. May be negative for numbers from before the first one.
    @inlinable @inline(__always)
    public func peek(_ sequence: UInt16) -> Int64 {
        guard highest >= 0 else { return Int64(sequence) }
        return highest + Int64(Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: highest)))
    }

    @usableFromInline
    mutating func note(_ value: Int64) {
        if value > highest { highest = value }
    }
}
