// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Writes big-endian bit fields to a `BufferWriter`.
struct BitWriter: BitwiseCopyable {
    /// Bits that fill no byte yet, right-aligned.
    private var pending: UInt64 = 0
    private var pendingCount = 0

    init() {}

    /// Writes the low `count` bits of `value`, at most 32.
    mutating func bits(_ value: UInt32, _ count: Int, to writer: inout BufferWriter) {
        guard count > 0, count <= 32 else { return }
        pending = pending << UInt64(count) | UInt64(value) & ((1 << UInt64(count)) - 1)
        pendingCount += count
        while pendingCount >= 8 {
            pendingCount -= 8
            writer.uint8(UInt8(truncatingIfNeeded: pending >> UInt64(pendingCount)))
        }
    }

    /// Writes one bit.
    mutating func flag(_ value: Bool, to writer: inout BufferWriter) { bits(value ? 1 : 0, 1, to: &writer) }

    /// Writes `value`, which is below `limit`, in the form ns(n) of the AV1 specification (4.10.7).
    mutating func number(_ value: Int, below limit: Int, to writer: inout BufferWriter) {
        guard limit > 1 else { return }
        let width = Int.bitWidth - limit.leadingZeroBitCount
        let short = (1 << width) - limit
        if value < short {
            bits(UInt32(truncatingIfNeeded: value), width - 1, to: &writer)
        } else {
            bits(UInt32(truncatingIfNeeded: value + short), width, to: &writer)
        }
    }

    /// Copies the bits from `start` up to `end` of `bytes`, which must lie in them.
    mutating func copy(_ bytes: RawSpan, from start: Int, to end: Int, to writer: inout BufferWriter) {
        var reader = BitReader(from: 0, to: bytes.byteCount)
        reader.skip(to: start)
        while reader.position < end {
            let count = min(32, end - reader.position)
            bits(reader.bits(count, in: bytes), count, to: &writer)
            if reader.isExhausted { return }
        }
    }

    /// Fills the last byte with zeros.
    mutating func pad(to writer: inout BufferWriter) {
        if pendingCount > 0 { bits(0, 8 - pendingCount, to: &writer) }
    }
}
