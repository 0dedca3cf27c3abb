// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Reads big-endian bit fields of somebody else's bytes. Behind the end it reads zeros and remembers that it did, so
/// that a run of fields needs one check.
struct BitReader: BitwiseCopyable {
    /// The next bit, counted from the start of the bytes.
    private(set) var position: Int
    /// The first bit that is not to be read.
    let end: Int
    /// Whether something was read that is not there; what was read is then not to be used.
    private(set) var isExhausted = false

    /// Reads from byte `start` up to byte `end`; both must lie in the bytes that are read later.
    init(from start: Int, to end: Int) {
        position = start * 8
        self.end = end * 8
    }

    /// The next `count` bits, at most 32.
    mutating func bits(_ count: Int, in bytes: RawSpan) -> UInt32 {
        guard count > 0, count <= 32 else { return 0 }
        guard end - position >= count else {
            isExhausted = true
            position = end
            return 0
        }
        var value: UInt64 = 0
        let first = position >> 3
        let last = (position + count - 1) >> 3
        for index in first...last { value = value << 8 | UInt64(bytes.uint8(at: index)) }
        position += count
        let behind = (last + 1) * 8 - position
        return UInt32(truncatingIfNeeded: (value >> UInt64(behind)) & ((1 << UInt64(count)) - 1))
    }

    /// Goes to bit `place`, counted from the start of the bytes.
    mutating func skip(to place: Int) { position = min(max(place, 0), end) }

    /// The next bit as a flag.
    mutating func flag(in bytes: RawSpan) -> Bool { bits(1, in: bytes) != 0 }

    /// The next number below `limit` in the form ns(n) of the AV1 specification (4.10.7): the lower ones are a bit
    /// shorter where `limit` is no power of two.
    mutating func number(below limit: Int, in bytes: RawSpan) -> Int {
        guard limit > 1 else { return 0 }
        let width = Int.bitWidth - limit.leadingZeroBitCount
        let short = (1 << width) - limit
        let value = Int(bits(width - 1, in: bytes))
        guard value >= short else { return value }
        return (value << 1) - short + Int(bits(1, in: bytes))
    }
}
