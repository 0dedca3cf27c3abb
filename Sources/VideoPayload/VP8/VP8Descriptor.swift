// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The payload descriptor in front of each piece of a VP8 frame (RFC 7741 4.2).
public struct VP8Descriptor: BitwiseCopyable, Hashable, Sendable {
    /// N: the frame may be dropped without harm to others.
    public var isNonReference = false
    /// S: the payload starts a partition.
    public var isPartitionStart = false
    /// PID: number of that partition, 0…7.
    public var partition: UInt8 = 0
    /// Picture id, 0…127 or 0…32,767; -1 when absent.
    public var pictureID: Int16 = -1
    /// M: the picture id has 15 bits.
    public var hasLongPictureID = false
    /// TL0PICIDX, 0…255; -1 when absent.
    public var tl0PictureIndex: Int16 = -1
    /// TID, 0…3; -1 when absent.
    public var temporalID: Int8 = -1
    /// Y: the frame depends on the base layer alone. Meaningful with a temporal id.
    public var isLayerSync = false
    /// KEYIDX, 0…31; -1 when absent.
    public var keyIndex: Int8 = -1
    /// Length of the descriptor in bytes: where the VP8 payload starts.
    public var byteCount = 1

    /// A descriptor without optional fields.
    public init() {}

    /// Reads the descriptor at `offset` of `bytes`; `nil` when it is cut off before `end`.
    @inlinable
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let first = bytes.uint8(at: offset)
        isNonReference = first & 0x20 != 0
        isPartitionStart = first & 0x10 != 0
        partition = first & 0x07
        var position = offset + 1
        guard first & 0x80 != 0 else { return }
        guard position < end else { return nil }
        let flags = bytes.uint8(at: position)
        position += 1
        if flags & 0x80 != 0 {
            guard let id = bytes.pictureID(at: &position, to: end) else { return nil }
            (pictureID, hasLongPictureID) = id
        }
        if flags & 0x40 != 0 {
            guard position < end else { return nil }
            tl0PictureIndex = Int16(bytes.uint8(at: position))
            position += 1
        }
        if flags & 0x30 != 0 {
            guard position < end else { return nil }
            let field = bytes.uint8(at: position)
            position += 1
            if flags & 0x20 != 0 {
                temporalID = Int8(field >> 6)
                isLayerSync = field & 0x20 != 0
            }
            if flags & 0x10 != 0 { keyIndex = Int8(field & 0x1F) }
        }
        byteCount = position - offset
    }

    /// Whether the packet is the first of its frame: S is set and the partition is 0.
    @inlinable public var isStartOfFrame: Bool { isPartitionStart && partition == 0 }

    /// Writes the descriptor. Which optional fields there are follows from their values; `byteCount` is not looked at.
    public func write(to writer: inout BufferWriter) {
        let hasPictureID = pictureID >= 0
        let hasTL0 = tl0PictureIndex >= 0
        let hasTemporal = temporalID >= 0
        let hasKey = keyIndex >= 0
        let isExtended = hasPictureID || hasTL0 || hasTemporal || hasKey
        writer.uint8(
            (isExtended ? 0x80 : 0) | (isNonReference ? 0x20 : 0) | (isPartitionStart ? 0x10 : 0) | (partition & 7))
        guard isExtended else { return }
        writer.uint8(
            (hasPictureID ? 0x80 : 0) | (hasTL0 ? 0x40 : 0) | (hasTemporal ? 0x20 : 0) | (hasKey ? 0x10 : 0))
        if hasPictureID {
            if hasLongPictureID {
                writer.uint16(0x8000 | UInt16(bitPattern: pictureID))
            } else {
                writer.uint8(UInt8(truncatingIfNeeded: pictureID) & 0x7F)
            }
        }
        if hasTL0 { writer.uint8(UInt8(truncatingIfNeeded: tl0PictureIndex)) }
        if hasTemporal || hasKey {
            let temporal = hasTemporal ? UInt8(temporalID & 3) << 6 | (isLayerSync ? 0x20 : 0) : 0
            writer.uint8(temporal | (hasKey ? UInt8(keyIndex & 0x1F) : 0))
        }
    }
}
