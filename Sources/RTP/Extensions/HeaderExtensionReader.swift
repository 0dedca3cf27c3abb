// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Walks the elements of a packet's header extension block, in either form of RFC 8285.
///
/// An element that reaches beyond the block ends the walk; so do id 15 of the one-byte form (and
/// its id 0 with a length) and ``RTPLimits/extensionElements``. Blocks of another profile have no elements.
public struct HeaderExtensionReader: BitwiseCopyable {
    @usableFromInline var position: Int
    @usableFromInline let end: Int
    @usableFromInline let isOneByte: Bool
    @usableFromInline var budget = RTPLimits.extensionElements

    /// Starts at the first element of the block that `header` describes.
    @inlinable
    public init(_ header: RTPHeader) {
        position = header.extensionOffset
        if let form = HeaderExtensionForm(profile: header.extensionProfile) {
            isOneByte = form == .oneByte
            end = header.extensionOffset + header.extensionByteCount
        } else {
            isOneByte = true
            end = position
        }
    }

    /// The next element of `packet`, which must be the packet the header was read from; `nil` at the end.
    @inlinable
    public mutating func next(in packet: RawSpan) -> HeaderExtensionElement? {
        let end = min(end, packet.byteCount)
        // Ends: every turn moves the position by at least one byte.
        while position < end {
            let first = packet.uint8(at: position)
            if first == 0 {
                position += 1
                continue
            }
            guard budget > 0 else { return nil }
            budget -= 1
            let element: HeaderExtensionElement
            if isOneByte {
                let id = first >> 4
                // Both end the block: id 15, and id 0 with a length (RFC 8285 4.2).
                guard id != 0, id != 15 else { break }
                element = HeaderExtensionElement(id: id, offset: position + 1, byteCount: Int(first & 15) + 1)
            } else {
                guard position + 2 <= end else { break }
                let size = Int(packet.uint8(at: position + 1))
                element = HeaderExtensionElement(id: first, offset: position + 2, byteCount: size)
            }
            guard element.offset + element.byteCount <= end else { break }
            position = element.offset + element.byteCount
            return element
        }
        position = end
        return nil
    }
}
