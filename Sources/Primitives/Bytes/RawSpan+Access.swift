// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension RawSpan {
    /// The byte at `offset`; traps outside the span, so check `byteCount` first.
    @inlinable @inline(__always)
    public func uint8(at offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The big-endian 16-bit number at `offset` (any alignment).
    @inlinable @inline(__always)
    public func uint16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    /// The big-endian 24-bit number at `offset`.
    @inlinable @inline(__always)
    public func uint24(at offset: Int) -> UInt32 {
        UInt32(uint16(at: offset)) << 8 | UInt32(uint8(at: offset + 2))
    }

    /// The big-endian 32-bit number at `offset` (any alignment).
    @inlinable @inline(__always)
    public func uint32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// The big-endian 64-bit number at `offset` (any alignment).
    @inlinable @inline(__always)
    public func uint64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The part of the span from `offset`, `count` bytes long; traps when it does not fit.
    @inlinable @inline(__always)
    @_lifetime(copy self)
    public func slice(_ offset: Int, count: Int) -> RawSpan {
        extracting(offset..<(offset + count))
    }

    /// A copy of the bytes. Allocates: not for the packet path.
    public func toArray() -> [UInt8] {
        withUnsafeBytes { [UInt8]($0) }
    }

    /// Whether both spans hold the same bytes.
    public func elementsEqual(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        for index in 0..<byteCount where uint8(at: index) != other.uint8(at: index) { return false }
        return true
    }
}

extension Array where Element == UInt8 {
    /// The array's bytes as a span, for code that spells every unsafe step.
    @inlinable
    public var rawSpan: RawSpan {
        @_lifetime(borrow self)
        get { self.span.bytes }
    }
}
