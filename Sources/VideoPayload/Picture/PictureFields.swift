// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where a VP8 or VP9 payload descriptor keeps the numbers that a bridge rewrites, counted from the start of the
/// payload. Small enough to keep with a packet, so that patching it for each receiver reads nothing again.
public struct PictureFields: BitwiseCopyable, Hashable, Sendable {
    /// Where the picture id starts; 0, where no descriptor keeps it, when absent.
    public var pictureIDOffset: UInt8
    /// Where TL0PICIDX lies; 0 when absent.
    public var tl0Offset: UInt8
    /// M: the picture id has 15 bits, not seven.
    public var hasLongPictureID: Bool

    /// Nothing to rewrite, unless it is said otherwise.
    @inlinable
    public init(pictureIDOffset: UInt8 = 0, tl0Offset: UInt8 = 0, hasLongPictureID: Bool = false) {
        self.pictureIDOffset = pictureIDOffset
        self.tl0Offset = tl0Offset
        self.hasLongPictureID = hasLongPictureID
    }

    /// The largest picture id that this descriptor can hold: picture ids count modulo one more than this.
    @inlinable public var pictureIDMask: UInt16 { hasLongPictureID ? 0x7FFF : 0x7F }

    /// Overwrites what there is of the two numbers; widths stay as they are, so the payload keeps its length.
    /// - Parameters:
    ///   - pictureID: the new picture id; only as many bits as the descriptor has room for are used.
    ///   - tl0PictureIndex: the new TL0PICIDX.
    ///   - bytes: the packet.
    ///   - payload: where its payload starts.
    /// - Returns: `false`, with nothing written, when the fields lie outside `bytes`.
    @inlinable @discardableResult
    public func patch(
        pictureID: UInt16, tl0PictureIndex: UInt8, in bytes: inout MutableRawSpan, at payload: Int
    ) -> Bool {
        let last = max(Int(pictureIDOffset) + (hasLongPictureID ? 1 : 0), Int(tl0Offset))
        guard payload >= 0, payload <= bytes.byteCount, bytes.byteCount - payload > last else { return false }
        if pictureIDOffset > 0 {
            let position = payload + Int(pictureIDOffset)
            if hasLongPictureID {
                bytes.storeBytes(
                    of: UInt8(truncatingIfNeeded: pictureID >> 8) | 0x80, toByteOffset: position, as: UInt8.self)
                bytes.storeBytes(
                    of: UInt8(truncatingIfNeeded: pictureID), toByteOffset: position + 1, as: UInt8.self)
            } else {
                bytes.storeBytes(
                    of: UInt8(truncatingIfNeeded: pictureID) & 0x7F, toByteOffset: position, as: UInt8.self)
            }
        }
        if tl0Offset > 0 {
            bytes.storeBytes(of: tl0PictureIndex, toByteOffset: payload + Int(tl0Offset), as: UInt8.self)
        }
        return true
    }
}

extension VP8Descriptor {
    /// Where picture id and TL0PICIDX lie. They follow the byte that says which optional fields there are.
    @inlinable public var pictureFields: PictureFields {
        let width = pictureID < 0 ? 0 : hasLongPictureID ? 2 : 1
        return PictureFields(
            pictureIDOffset: pictureID < 0 ? 0 : 2,
            tl0Offset: tl0PictureIndex < 0 ? 0 : UInt8(2 + width),
            hasLongPictureID: hasLongPictureID
        )
    }
}

extension VP9Descriptor {
    /// Where picture id and TL0PICIDX lie. The picture id follows the first byte, TL0PICIDX the layer indices.
    @inlinable public var pictureFields: PictureFields {
        let width = pictureID < 0 ? 0 : hasLongPictureID ? 2 : 1
        return PictureFields(
            pictureIDOffset: pictureID < 0 ? 0 : 1,
            tl0Offset: tl0PictureIndex < 0 ? 0 : UInt8(2 + width),
            hasLongPictureID: hasLongPictureID
        )
    }
}
