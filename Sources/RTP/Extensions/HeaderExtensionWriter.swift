// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Writes a header extension block element by element.
///
/// Choose the form first: one-byte unless some element does not fit it, then two-byte for all, and that only towards a
/// peer that negotiated `extmap-allow-mixed` (``HeaderExtensionForm/fitsOneByte(id:byteCount:)`` tells). Elements that
/// do not fit the form are left out.
public struct HeaderExtensionWriter: BitwiseCopyable {
    @usableFromInline let start: Int
    @usableFromInline let isOneByte: Bool

    /// Writes the block's four-byte head.
    @inlinable
    public init(_ form: HeaderExtensionForm, to writer: inout BufferWriter) {
        start = writer.count
        isOneByte = form == .oneByte
        writer.uint16(form.profile)
        writer.uint16(0)
    }

    /// Writes one element.
    /// - Returns: `false` when it does not fit the form; nothing is written then.
    @inlinable @discardableResult
    public func append(id: UInt8, _ value: RawSpan, to writer: inout BufferWriter) -> Bool {
        guard head(id: id, byteCount: value.byteCount, to: &writer) else { return false }
        writer.append(value)
        return true
    }

    /// Writes one element of three bytes: the low three of `value`.
    /// - Returns: `false` when it does not fit the form; nothing is written then.
    @inlinable @discardableResult
    public func append(id: UInt8, uint24 value: UInt32, to writer: inout BufferWriter) -> Bool {
        guard head(id: id, byteCount: 3, to: &writer) else { return false }
        writer.uint24(value)
        return true
    }

    @inlinable
    func head(id: UInt8, byteCount: Int, to writer: inout BufferWriter) -> Bool {
        if isOneByte {
            guard HeaderExtensionForm.fitsOneByte(id: id, byteCount: byteCount) else { return false }
            writer.uint8(id << 4 | UInt8(truncatingIfNeeded: byteCount - 1))
        } else {
            guard id > 0, byteCount <= 255 else { return false }
            writer.uint8(id)
            writer.uint8(UInt8(truncatingIfNeeded: byteCount))
        }
        return true
    }

    /// Pads the block to four bytes and fills in its length.
    @inlinable
    public func finish(_ writer: inout BufferWriter) {
        // Ends: at most three turns, or at once when the buffer is full.
        while (writer.count - start) & 3 != 0, !writer.isTruncated { writer.uint8(0) }
        writer.patch16(UInt16(truncatingIfNeeded: (writer.count - start) / 4 - 1), at: start + 2)
    }
}
