// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A cheap look at a datagram from an unknown address: whose session does it want? Allocates nothing, proves nothing.
///
/// The user fragment routes the datagram to an agent; only the agent decides whether the sender is who it claims.
public enum STUNPeek {
    /// Where the local user fragment (USERNAME up to the first colon) lies in `datagram`.
    /// - Returns: `nil` unless the datagram looks like a Binding request with such a name.
    public static func localUfragRange(of datagram: RawSpan) -> Range<Int>? {
        let size = datagram.byteCount
        guard size >= STUNHeader.byteCount, size <= ICELimits.messageBytes,
            datagram.uint16(at: 0) == STUNHeader.bindingMethod, datagram.uint32(at: 4) == STUNHeader.cookie,
            Int(datagram.uint16(at: 2)) + STUNHeader.byteCount == size
        else { return nil }
        var offset = STUNHeader.byteCount
        while offset + 4 <= size {
            let length = Int(datagram.uint16(at: offset + 2))
            let start = offset + 4
            guard start + length <= size else { return nil }
            if datagram.uint16(at: offset) == STUNAttribute.username {
                return textBeforeColon(in: datagram, start..<(start + length))
            }
            offset = start + (length + 3) & ~3
        }
        return nil
    }

    /// Who asked what `datagram` answers, as its transaction number says.
    /// - Returns: `nil` unless the datagram looks like a Binding response.
    public static func responseOwner(of datagram: RawSpan) -> TransactionOwner? {
        let size = datagram.byteCount
        guard size >= STUNHeader.byteCount, size <= ICELimits.messageBytes,
            datagram.uint32(at: 4) == STUNHeader.cookie, Int(datagram.uint16(at: 2)) + STUNHeader.byteCount == size
        else { return nil }
        let type = datagram.uint16(at: 0)
        guard
            type == STUNHeader.bindingMethod | STUNClass.success.rawValue
                || type == STUNHeader.bindingMethod | STUNClass.error.rawValue
        else { return nil }
        return TransactionID(high: datagram.uint32(at: 8), low: 0).owner
    }

    /// The local user fragment itself.
    @_lifetime(copy datagram)
    public static func localUfrag(of datagram: RawSpan) -> RawSpan? {
        guard let range = localUfragRange(of: datagram) else { return nil }
        return datagram.slice(range.lowerBound, count: range.count)
    }

    private static func textBeforeColon(in datagram: RawSpan, _ range: Range<Int>) -> Range<Int>? {
        for index in range where datagram.uint8(at: index) == UInt8(ascii: ":") {
            let length = index - range.lowerBound
            guard length > 0, length <= ICELimits.credentialBytes else { return nil }
            return range.lowerBound..<index
        }
        return nil
    }
}
