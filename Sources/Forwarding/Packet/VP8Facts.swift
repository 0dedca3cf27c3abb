// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import VideoPayload

/// What a VP8 descriptor says of a packet's frame and layer, small enough to stand in ``PacketInfo``.
public struct VP8Facts: BitwiseCopyable, Hashable, Sendable {
    /// Picture id, 0…127 or 0…32,767; -1 when absent.
    public var pictureID: Int16 = -1
    /// TL0PICIDX, 0…255; -1 when absent.
    public var tl0PictureIndex: Int16 = -1
    /// TID, 0…3; -1 when absent.
    public var temporalID: Int8 = -1
    /// Where picture id and TL0PICIDX stand, and how wide the former is.
    public var fields = PictureFields()

    /// Nothing is known.
    @inlinable public init() {}

    /// What `descriptor` says.
    @inlinable
    public init(_ descriptor: VP8Descriptor) {
        pictureID = descriptor.pictureID
        tl0PictureIndex = descriptor.tl0PictureIndex
        temporalID = descriptor.temporalID
        fields = descriptor.pictureFields
    }

    /// Whether frames can be told apart and chosen by layer: VP8 without either is forwarded as it comes
    /// (media-plane.md 5.2).
    @inlinable public var hasLayers: Bool { pictureID >= 0 && temporalID >= 0 }
}
