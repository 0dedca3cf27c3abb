// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import VideoPayload

/// What a VP8, VP9 or dependency descriptor says of a packet's frame and layer, small enough for ``PacketInfo``.
public struct PictureFacts: BitwiseCopyable, Hashable, Sendable {
    /// What is said of a layer frame of VP9.
    public struct Flags: OptionSet, BitwiseCopyable, Hashable, Sendable {
        /// The bits.
        public let rawValue: UInt8
        /// The flags with these bits.
        @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The packet is the first one of its layer frame.
        @inlinable public static var start: Flags { Flags(rawValue: 1) }
        /// It is the last one.
        @inlinable public static var end: Flags { Flags(rawValue: 2) }
        /// The layer frame refers to earlier pictures.
        @inlinable public static var predicted: Flags { Flags(rawValue: 4) }
        /// It refers to the next lower one of its picture.
        @inlinable public static var usesLowerLayer: Flags { Flags(rawValue: 8) }
        /// No higher one of its picture refers to it.
        @inlinable public static var unreferenced: Flags { Flags(rawValue: 16) }
        /// A dependency descriptor says all this, in the place of a payload's own.
        @inlinable public static var described: Flags { Flags(rawValue: 32) }
        /// There is a dependency descriptor that nobody can read, or not without a key frame.
        @inlinable public static var unplaced: Flags { Flags(rawValue: 64) }
    }

    /// Picture id, 0…127 or 0…32,767; -1 when absent.
    public var pictureID: Int16 = -1
    /// TL0PICIDX, 0…255; -1 when absent.
    public var tl0PictureIndex: Int16 = -1
    /// TID, 0…3 of VP8, 0…7 of VP9; -1 when absent.
    public var temporalID: Int8 = -1
    /// SID, 0…7, of VP9; -1 when absent.
    public var spatialID: Int8 = -1
    /// How many spatial layers the packet says there are, 1…8; 0 when it does not say.
    public var spatialLayers: UInt8 = 0
    /// Of VP9 alone.
    public var flags: Flags = []
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

    /// What `descriptor` says.
    /// - Parameter spatialLayers: how many there are (``VideoPayload/VP9ScalabilityStructure/spatialLayers``) when the
    ///   packet has a scalability structure; otherwise 0.
    @inlinable
    public init(_ descriptor: VP9Descriptor, spatialLayers: Int) {
        pictureID = descriptor.pictureID
        tl0PictureIndex = descriptor.tl0PictureIndex
        temporalID = descriptor.temporalID
        spatialID = descriptor.spatialID
        self.spatialLayers = UInt8(truncatingIfNeeded: min(max(spatialLayers, 0), VideoPayloadLimits.vp9SpatialLayers))
        if descriptor.isStartOfFrame { flags.insert(.start) }
        if descriptor.isEndOfFrame { flags.insert(.end) }
        if descriptor.isInterPicturePredicted { flags.insert(.predicted) }
        if descriptor.usesInterLayerDependency { flags.insert(.usesLowerLayer) }
        if descriptor.isNotReferenceForUpperLayers { flags.insert(.unreferenced) }
        fields = descriptor.pictureFields
    }

    /// What a dependency descriptor says that is understood.
    public init(_ descriptor: DependencyDescriptor) {
        pictureID = Int16(bitPattern: descriptor.frameNumber & 0x7FFF)
        temporalID = Int8(truncatingIfNeeded: descriptor.temporalID)
        spatialID = Int8(truncatingIfNeeded: descriptor.spatialID)
        flags = .described
        if descriptor.isStartOfFrame { flags.insert(.start) }
        if descriptor.isEndOfFrame { flags.insert(.end) }
        // Within a picture frame numbers count its layers.
        if descriptor.differences.greatest > UInt16(descriptor.spatialID) { flags.insert(.predicted) }
        for index in 0..<descriptor.differences.count
        where descriptor.differences[index] <= UInt16(descriptor.spatialID) {
            flags.insert(.usesLowerLayer)
        }
    }

    /// Whether frames can be told apart and chosen by layer: VP8 without either is forwarded as it comes
    /// (media-plane.md 5.2).
    @inlinable public var hasLayers: Bool { pictureID >= 0 && temporalID >= 0 }

    /// Of VP9: a receiver can begin here, at the lowest layer frame of a key picture.
    @inlinable public var startsKeyPicture: Bool {
        flags.contains(.start) && !flags.contains(.predicted) && spatialID <= 0
    }
}
