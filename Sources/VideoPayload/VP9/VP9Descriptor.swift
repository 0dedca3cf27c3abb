// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The payload descriptor in front of each piece of a VP9 layer frame (RFC 9628 4.2).
///
/// In VP9 a picture is what is shown at one moment, and a layer frame is what one spatial layer adds to it.
public struct VP9Descriptor: BitwiseCopyable, Sendable {
    /// P: the layer frame refers to earlier pictures.
    public var isInterPicturePredicted = false
    /// F: each packet names the pictures that it refers to; without, the scalability structure does.
    public var isFlexible = false
    /// B: first packet of a layer frame.
    public var isStartOfFrame = false
    /// E: last packet of a layer frame.
    public var isEndOfFrame = false
    /// Z: no higher spatial layer refers to this one.
    public var isNotReferenceForUpperLayers = false
    /// V: a scalability structure stands at ``structureOffset``.
    public var hasScalabilityStructure = false
    /// Picture id, 0…127 or 0…32,767; -1 when absent.
    public var pictureID: Int16 = -1
    /// M: the picture id has 15 bits.
    public var hasLongPictureID = false
    /// TID, 0…7; -1 when the layer indices are absent.
    public var temporalID: Int8 = -1
    /// SID, 0…7; -1 when the layer indices are absent.
    public var spatialID: Int8 = -1
    /// U: from this picture on, a receiver may take higher temporal layers.
    public var isSwitchingUpPoint = false
    /// D: the layer frame refers to the next lower spatial layer of its picture.
    public var usesInterLayerDependency = false
    /// TL0PICIDX, 0…255; -1 when absent. Never there in flexible mode.
    public var tl0PictureIndex: Int16 = -1
    /// How many of ``differences`` are filled.
    public var differenceCount: UInt8 = 0
    /// P_DIFF: how far back the pictures lie that the layer frame refers to. In flexible mode alone.
    public var differences = InlineArray<3, UInt8>(repeating: 0)
    /// Where the scalability structure starts, from the start of the descriptor; 0 without.
    public var structureOffset = 0
    /// Length of the descriptor in bytes, scalability structure and all: where the VP9 payload starts.
    public var byteCount = 1

    /// A descriptor without optional fields.
    public init() {}

    /// Reads the descriptor at `offset` of `bytes`; `nil` when it is cut off before `end` or names too many pictures.
    @inlinable
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let first = bytes.uint8(at: offset)
        isInterPicturePredicted = first & 0x40 != 0
        isFlexible = first & 0x10 != 0
        isStartOfFrame = first & 0x08 != 0
        isEndOfFrame = first & 0x04 != 0
        hasScalabilityStructure = first & 0x02 != 0
        isNotReferenceForUpperLayers = first & 0x01 != 0
        var position = offset + 1
        if first & 0x80 != 0 {
            guard let id = bytes.pictureID(at: &position, to: end) else { return nil }
            (pictureID, hasLongPictureID) = id
        }
        if first & 0x20 != 0 {
            guard end - position >= (isFlexible ? 1 : 2) else { return nil }
            let layer = bytes.uint8(at: position)
            temporalID = Int8(layer >> 5)
            isSwitchingUpPoint = layer & 0x10 != 0
            spatialID = Int8(layer >> 1 & 0x07)
            usesInterLayerDependency = layer & 0x01 != 0
            position += 1
            if !isFlexible {
                tl0PictureIndex = Int16(bytes.uint8(at: position))
                position += 1
            }
        }
        if isFlexible, isInterPicturePredicted {
            guard let next = readDifferences(bytes, from: position, to: end) else { return nil }
            position = next
        }
        if hasScalabilityStructure {
            guard let count = VP9ScalabilityStructure.byteCount(bytes, from: position, to: end) else { return nil }
            structureOffset = position - offset
            position += count
        }
        byteCount = position - offset
    }

    /// Reads P_DIFF after P_DIFF, as long as each says that another follows.
    /// - Returns: where the next field starts; `nil` when they are cut off or too many.
    @usableFromInline
    mutating func readDifferences(_ bytes: RawSpan, from offset: Int, to end: Int) -> Int? {
        var position = offset
        for index in 0..<VideoPayloadLimits.vp9References {
            guard position < end else { return nil }
            let field = bytes.uint8(at: position)
            position += 1
            differences[index] = field >> 1
            differenceCount += 1
            if field & 1 == 0 { return position }
        }
        return nil
    }

    /// Whether the layer frame belongs to a picture that needs no earlier one and is not built on another layer, or is
    /// the lowest layer of such a picture. Upper layers of a key picture are none: they need its lower ones.
    @inlinable public var isKeyframe: Bool {
        !isInterPicturePredicted && (spatialID <= 0 || !usesInterLayerDependency)
    }

    /// Writes the descriptor but for the scalability structure, which comes next when ``hasScalabilityStructure`` says
    /// so. Which other optional fields there are follows from their values.
    public func write(to writer: inout BufferWriter) {
        let hasPictureID = pictureID >= 0
        let hasLayers = temporalID >= 0 || spatialID >= 0
        var first: UInt8 = (hasPictureID ? 0x80 : 0) | (isInterPicturePredicted ? 0x40 : 0) | (hasLayers ? 0x20 : 0)
        first |= (isFlexible ? 0x10 : 0) | (isStartOfFrame ? 0x08 : 0) | (isEndOfFrame ? 0x04 : 0)
        first |= (hasScalabilityStructure ? 0x02 : 0) | (isNotReferenceForUpperLayers ? 0x01 : 0)
        writer.uint8(first)
        if hasPictureID {
            if hasLongPictureID {
                writer.uint16(0x8000 | UInt16(bitPattern: pictureID))
            } else {
                writer.uint8(UInt8(truncatingIfNeeded: pictureID) & 0x7F)
            }
        }
        if hasLayers {
            let temporal = UInt8(max(temporalID, 0) & 7) << 5 | (isSwitchingUpPoint ? 0x10 : 0)
            writer.uint8(temporal | UInt8(max(spatialID, 0) & 7) << 1 | (usesInterLayerDependency ? 0x01 : 0))
            if !isFlexible { writer.uint8(UInt8(truncatingIfNeeded: max(tl0PictureIndex, 0))) }
        }
        if isFlexible, isInterPicturePredicted {
            // The form has no room for "none": a frame that refers to nothing is not predicted.
            let count = min(max(Int(differenceCount), 1), VideoPayloadLimits.vp9References)
            for index in 0..<count { writer.uint8(differences[index] << 1 | (index + 1 < count ? 1 : 0)) }
        }
    }
}

extension VP9Descriptor: Equatable {
    public static func == (one: Self, other: Self) -> Bool {
        guard one.isInterPicturePredicted == other.isInterPicturePredicted, one.isFlexible == other.isFlexible,
            one.isStartOfFrame == other.isStartOfFrame, one.isEndOfFrame == other.isEndOfFrame,
            one.isNotReferenceForUpperLayers == other.isNotReferenceForUpperLayers,
            one.hasScalabilityStructure == other.hasScalabilityStructure, one.pictureID == other.pictureID,
            one.hasLongPictureID == other.hasLongPictureID, one.temporalID == other.temporalID,
            one.spatialID == other.spatialID, one.isSwitchingUpPoint == other.isSwitchingUpPoint,
            one.usesInterLayerDependency == other.usesInterLayerDependency,
            one.tl0PictureIndex == other.tl0PictureIndex, one.differenceCount == other.differenceCount,
            one.structureOffset == other.structureOffset, one.byteCount == other.byteCount
        else { return false }
        let count = min(Int(one.differenceCount), VideoPayloadLimits.vp9References)
        return (0..<count).allSatisfy { one.differences[$0] == other.differences[$0] }
    }
}
