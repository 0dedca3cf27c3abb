// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension RawSpan {
    /// Reads a picture id as VP8 and VP9 write it (RFC 7741 4.2, RFC 9628 4.2): seven bits, or fifteen where M is set.
    /// - Parameter position: where it starts; afterwards where it ends.
    /// - Returns: `nil` when it is cut off before `end`.
    @inlinable @inline(__always)
    func pictureID(at position: inout Int, to end: Int) -> (value: Int16, isLong: Bool)? {
        guard position < end else { return nil }
        let high = uint8(at: position)
        position += 1
        guard high & 0x80 != 0 else { return (Int16(high), false) }
        guard position < end else { return nil }
        let low = uint8(at: position)
        position += 1
        return (Int16(high & 0x7F) << 8 | Int16(low), true)
    }
}
