// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What a VP9 stream says about its layers (RFC 9628 4.2.1), as far as a bridge needs it: sizes, and how often each
/// temporal layer comes.
public struct VP9ScalabilityStructure: BitwiseCopyable, Sendable {
    /// N_S + 1: how many spatial layers there are, 1…8.
    public var spatialLayers = 1
    /// Y: sizes are told.
    public var hasResolutions = false
    /// Width of each spatial layer in pixels; 0 when untold.
    public var widths = InlineArray<8, UInt16>(repeating: 0)
    /// Height of each spatial layer in pixels; 0 when untold.
    public var heights = InlineArray<8, UInt16>(repeating: 0)
    /// G: a group of pictures is described.
    public var hasPictureGroup = false
    /// N_G: how many pictures the group has.
    public var groupPictures = 0
    /// How many pictures of the group each temporal id has.
    public var picturesPerTemporalID = InlineArray<8, UInt8>(repeating: 0)
    /// Length in bytes.
    public var byteCount = 1

    /// One spatial layer, nothing told.
    public init() {}

    /// Reads the structure at `offset` of `bytes`; `nil` when it is cut off before `end`.
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let first = bytes.uint8(at: offset)
        spatialLayers = Int(first >> 5) + 1
        hasResolutions = first & 0x10 != 0
        hasPictureGroup = first & 0x08 != 0
        var position = offset + 1
        if hasResolutions {
            guard end - position >= spatialLayers * 4 else { return nil }
            for layer in 0..<spatialLayers {
                widths[layer] = bytes.uint16(at: position)
                heights[layer] = bytes.uint16(at: position + 2)
                position += 4
            }
        }
        if hasPictureGroup {
            guard position < end else { return nil }
            groupPictures = Int(bytes.uint8(at: position))
            position += 1
            // Ends: the number has eight bits.
            for _ in 0..<groupPictures {
                guard position < end else { return nil }
                let picture = bytes.uint8(at: position)
                position += 1 + Int(picture >> 2 & 0x03)
                picturesPerTemporalID[Int(picture >> 5)] += 1
            }
            guard position <= end else { return nil }
        }
        byteCount = position - offset
    }

    /// Length of the structure at `offset`; `nil` when it is cut off before `end`.
    @usableFromInline
    static func byteCount(_ bytes: RawSpan, from offset: Int, to end: Int) -> Int? {
        Self(bytes, from: offset, to: end)?.byteCount
    }

    /// How many temporal layers the group shows; 1 without a group.
    public var temporalLayers: Int {
        for temporalID in stride(from: VideoPayloadLimits.vp9TemporalLayers - 1, to: 0, by: -1)
        where picturesPerTemporalID[temporalID] > 0 {
            return temporalID + 1
        }
        return 1
    }

    /// The smaller side of spatial layer `layer`, which is its height however the camera is held; 0 when untold.
    public func height(ofLayer layer: Int) -> UInt16 {
        guard layer >= 0, layer < spatialLayers else { return 0 }
        return min(widths[layer], heights[layer])
    }

    /// How many of the ``groupPictures`` belong to `temporalID` or a lower one.
    public func pictures(upTo temporalID: Int) -> Int {
        guard temporalID >= 0 else { return 0 }
        var count = 0
        for index in 0...min(temporalID, VideoPayloadLimits.vp9TemporalLayers - 1) {
            count += Int(picturesPerTemporalID[index])
        }
        return count
    }

    /// Writes a structure of as many spatial layers as there are `resolutions`.
    /// - Parameters:
    ///   - resolutions: width and height of each layer, 1…8 of them.
    ///   - group: its pictures, at most 255; none leaves the group out.
    ///   - writer: where it goes.
    public static func write(
        resolutions: [(width: UInt16, height: UInt16)], group: [VP9GroupPicture], to writer: inout BufferWriter
    ) {
        let layers = resolutions.prefix(VideoPayloadLimits.vp9SpatialLayers)
        let pictures = group.prefix(VideoPayloadLimits.vp9GroupPictures)
        writer.uint8(UInt8(max(layers.count, 1) - 1) << 5 | (layers.isEmpty ? 0 : 0x10) | (pictures.isEmpty ? 0 : 0x08))
        for layer in layers {
            writer.uint16(layer.width)
            writer.uint16(layer.height)
        }
        guard !pictures.isEmpty else { return }
        writer.uint8(UInt8(pictures.count))
        for picture in pictures {
            let differences = picture.differences.prefix(VideoPayloadLimits.vp9References)
            let flags: UInt8 = picture.isSwitchingUpPoint ? 0x10 : 0
            writer.uint8((picture.temporalID & 7) << 5 | flags | UInt8(differences.count) << 2)
            for difference in differences { writer.uint8(difference) }
        }
    }
}
