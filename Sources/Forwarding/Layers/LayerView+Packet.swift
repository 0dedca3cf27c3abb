// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import VideoPayload

/// The name that this had while it knew VP8 alone.
public typealias SimulcastView = LayerView

extension LayerView {
    /// How packets of a stream are understood. Another kind is another codec: it goes on from what went out last.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Nothing is known of frames but, perhaps, where one can begin.
        case plain
        /// VP8: temporal layers.
        case temporal
        /// VP9: spatial and temporal layers.
        case spatial
    }

    /// A packet of the source.
    public struct Packet: BitwiseCopyable, Sendable {
        /// How it is understood.
        public var kind = Kind.temporal
        /// Which encoding, 0 the smallest.
        public var encoding: Int8
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Its frame's number (``FrameHistory/note(_:)``).
        public var frame: UInt32
        public var spatial: UInt8 = 0
        public var temporal: UInt8
        /// It is the first packet of its frame.
        public var isStart: Bool
        /// It is the last packet of its frame; need not be said of VP8.
        public var isEnd = false
        /// It is the first packet of a key frame.
        public var isKeyframe: Bool
        /// Its layer frame refers to earlier pictures.
        public var isPredicted = false
        /// Its layer frame refers to the next lower one of its picture.
        public var usesLowerLayer = false
        /// No higher layer frame of its picture refers to its own.
        public var isUnreferenced = false
        /// TL0PICIDX.
        public var base: UInt8

        /// A packet of VP8.
        /// - Parameter base: TL0PICIDX.
        public init(
            encoding: Int8, sequence: UInt16, timestamp: UInt32, frame: UInt32, temporal: UInt8, isStart: Bool,
            isKeyframe: Bool, base: UInt8
        ) {
            self.encoding = encoding
            self.sequence = sequence
            self.timestamp = timestamp
            self.frame = frame
            self.temporal = temporal
            self.isStart = isStart
            self.isKeyframe = isKeyframe
            self.base = base
        }

        /// A packet of VP9.
        /// - Parameter frame: what ``FrameHistory/note(_:)`` said to the sighting of the same descriptor.
        public init(
            _ descriptor: VP9Descriptor, encoding: Int8, sequence: UInt16, timestamp: UInt32, frame: UInt32
        ) {
            let sighting = FrameHistory.Sighting(descriptor, spatialLayers: 0)
            self.init(
                encoding: encoding, sequence: sequence, timestamp: timestamp, frame: frame,
                temporal: sighting.temporal, isStart: sighting.isStart, isKeyframe: sighting.isKeyframe,
                base: UInt8(truncatingIfNeeded: max(descriptor.tl0PictureIndex, 0)))
            kind = .spatial
            spatial = UInt8(max(sighting.spatial, 0))
            isEnd = sighting.isEnd
            isPredicted = descriptor.isInterPicturePredicted
            usesLowerLayer = descriptor.usesInterLayerDependency
            isUnreferenced = descriptor.isNotReferenceForUpperLayers
        }
    }

    /// How a packet leaves.
    public struct Outgoing: BitwiseCopyable, Hashable, Sendable {
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Not cut to 7 or 15 bits.
        public var pictureID: UInt16
        /// TL0PICIDX.
        public var base: UInt8
        /// The marker bit is to be set, since nothing of the picture comes behind it; otherwise it stays as it is.
        public var setsMarker = false
    }
}

extension FrameHistory.Sighting {
    /// What a packet of VP9 says.
    /// - Parameter spatialLayers: how many there are (``VideoPayload/VP9ScalabilityStructure/spatialLayers``) when the
    ///   packet has a scalability structure; otherwise 0.
    public init(_ descriptor: VP9Descriptor, spatialLayers: Int) {
        self.init(
            pictureID: UInt16(max(descriptor.pictureID, 0)), isLong: descriptor.hasLongPictureID,
            temporal: UInt8(max(descriptor.temporalID, 0)), isStart: descriptor.isStartOfFrame,
            isEnd: descriptor.isEndOfFrame,
            isKeyframe: descriptor.isStartOfFrame && !descriptor.isInterPicturePredicted && descriptor.spatialID <= 0)
        spatial = max(descriptor.spatialID, 0)
        self.spatialLayers = UInt8(truncatingIfNeeded: min(max(spatialLayers, 0), 8))
    }
}
