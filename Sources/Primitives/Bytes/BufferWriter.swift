// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Writes big-endian fields into memory that somebody else owns; a field that does not fit is left out and remembered
/// in ``isTruncated``. Never allocates, so it serves feedback and packet headers.
///
/// The memory must outlive the writer.
public struct BufferWriter: BitwiseCopyable {
    @usableFromInline let buffer: UnsafeMutableRawBufferPointer
    @usableFromInline var written = 0
    @usableFromInline var overflowed = false

    /// How many bytes have been written.
    @inlinable public var count: Int { written }
    /// Whether something did not fit; what was written is then not to be used.
    @inlinable public var isTruncated: Bool { overflowed }

    /// Starts at the first byte of `buffer`.
    @inlinable
    public init(_ buffer: UnsafeMutableRawBufferPointer) {
        self.buffer = buffer
    }

    /// Room that is left, in bytes.
    @inlinable public var remaining: Int { buffer.count - count }

    @inlinable @inline(__always)
    mutating func take(_ size: Int) -> Int? {
        guard !overflowed, buffer.count - written >= size else {
            overflowed = true
            return nil
        }
        written += size
        return written - size
    }

    /// Writes one byte.
    @inlinable @inline(__always)
    public mutating func uint8(_ value: UInt8) {
        guard let offset = take(1) else { return }
        buffer.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Writes two bytes.
    @inlinable @inline(__always)
    public mutating func uint16(_ value: UInt16) {
        guard let offset = take(2) else { return }
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// Writes the low three bytes of `value`.
    @inlinable @inline(__always)
    public mutating func uint24(_ value: UInt32) {
        uint8(UInt8(truncatingIfNeeded: value >> 16))
        uint16(UInt16(truncatingIfNeeded: value))
    }

    /// Writes four bytes.
    @inlinable @inline(__always)
    public mutating func uint32(_ value: UInt32) {
        guard let offset = take(4) else { return }
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// Writes eight bytes.
    @inlinable @inline(__always)
    public mutating func uint64(_ value: UInt64) {
        guard let offset = take(8) else { return }
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
    }

    /// Copies `bytes`.
    @inlinable @inline(__always)
    public mutating func append(_ bytes: RawSpan) {
        let size = bytes.byteCount
        guard size > 0, let offset = take(size) else { return }
        bytes.withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<(offset + size)]).copyMemory(from: $0)
        }
    }

    /// Overwrites one byte that was written before; elsewhere it does nothing.
    @inlinable @inline(__always)
    public mutating func patch8(_ value: UInt8, at offset: Int) {
        guard offset >= 0, offset < count else { return }
        buffer.storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }

    /// Overwrites two bytes that were written before; elsewhere it does nothing.
    @inlinable @inline(__always)
    public mutating func patch16(_ value: UInt16, at offset: Int) {
        guard offset >= 0, count - offset >= 2 else { return }
        buffer.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
    }

    /// What `body` writes, as an array; empty when it did not fit in `capacity` bytes. Allocates: not for hot code.
    public static func array(capacity: Int, _ body: (inout BufferWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: capacity) { memory, count in
            var writer = BufferWriter(UnsafeMutableRawBufferPointer(memory))
            body(&writer)
            count = writer.isTruncated ? 0 : writer.count
        }
    }
}
