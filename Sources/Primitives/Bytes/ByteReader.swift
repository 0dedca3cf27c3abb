// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads big-endian fields from a span, one after the other; every read says `nil` at the end instead of trapping.
public struct ByteReader: ~Escapable {
    /// The bytes being read.
    public let bytes: RawSpan
    /// How far reading has come, in bytes from the start.
    public private(set) var offset = 0

    /// Starts at the first byte of `bytes`.
    @_lifetime(copy bytes)
    public init(_ bytes: RawSpan) {
        self.bytes = bytes
    }

    /// Bytes not read yet.
    public var remaining: Int { bytes.byteCount - offset }

    /// The next byte.
    public mutating func uint8() -> UInt8? {
        guard remaining >= 1 else { return nil }
        offset += 1
        return bytes.uint8(at: offset - 1)
    }

    /// The next two bytes as a number.
    public mutating func uint16() -> UInt16? {
        guard remaining >= 2 else { return nil }
        offset += 2
        return bytes.uint16(at: offset - 2)
    }

    /// The next four bytes as a number.
    public mutating func uint32() -> UInt32? {
        guard remaining >= 4 else { return nil }
        offset += 4
        return bytes.uint32(at: offset - 4)
    }

    /// The next eight bytes as a number.
    public mutating func uint64() -> UInt64? {
        guard remaining >= 8 else { return nil }
        offset += 8
        return bytes.uint64(at: offset - 8)
    }

    /// The offset of the next `count` bytes, which are skipped; `nil` (and no movement) when they are not all there.
    public mutating func skip(_ count: Int) -> Int? {
        guard count >= 0, remaining >= count else { return nil }
        offset += count
        return offset - count
    }

    /// A copy of the next `count` bytes.
    public mutating func array(_ count: Int) -> [UInt8]? {
        guard let start = skip(count) else { return nil }
        return bytes.slice(start, count: count).toArray()
    }
}
