// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import VideoPayload

/// The name that this had while it knew VP8 alone.
public typealias SimulcastView = LayerView

extension LayerView {
    /// How packets of a stream are understood. Another kind is another codec: it goes on from what went out last.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Nothing is known of frames: it begins anywhere.
        case plain
        /// H.264: a key frame is known, nothing else of frames.
        case h264
        /// VP8 and VP9 whose frames have no ids: likewise.
        case bareVP8, bareVP9
        /// AV1 without a dependency descriptor: likewise.
        case bareAV1
        /// VP8: temporal layers.
        case temporal
        /// VP9: spatial and temporal layers.
        case spatial
        /// AV1, and whatever else comes with a dependency descriptor: decode targets.
        case described
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
        /// The packet says which decode targets are active.
        public var namesTargets = false
        /// What the frame is to each decode target.
        public var indications = DecodeTargetIndications()
        /// The frames that it refers to: bit n for the one n before it. Bit 0 where one lies too far back.
        public var references: UInt64 = 0

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
        /// - Parameter frame: what ``FrameHistory/note(_:)`` said to the sighting of the same facts.
        public init(
            _ facts: PictureFacts, encoding: Int8, sequence: UInt16, timestamp: UInt32, frame: UInt32
        ) {
            self.init(
                encoding: encoding, sequence: sequence, timestamp: timestamp, frame: frame,
                temporal: UInt8(max(facts.temporalID, 0)), isStart: facts.flags.contains(.start),
                isKeyframe: facts.startsKeyPicture, base: UInt8(truncatingIfNeeded: max(facts.tl0PictureIndex, 0)))
            kind = .spatial
            spatial = UInt8(max(facts.spatialID, 0))
            isEnd = facts.flags.contains(.end)
            isPredicted = facts.flags.contains(.predicted)
            usesLowerLayer = facts.flags.contains(.usesLowerLayer)
            isUnreferenced = facts.flags.contains(.unreferenced)
        }

        /// A packet with a dependency descriptor.
        /// - Parameter frame: what ``FrameHistory/note(_:by:)`` said to the same descriptor.
        public init(
            _ descriptor: DependencyDescriptor, encoding: Int8, sequence: UInt16, timestamp: UInt32, frame: UInt32
        ) {
            let sighting = FrameHistory.Sighting(descriptor)
            self.init(
                encoding: encoding, sequence: sequence, timestamp: timestamp, frame: frame,
                temporal: sighting.temporal, isStart: sighting.isStart, isKeyframe: sighting.isKeyframe, base: 0)
            kind = .described
            spatial = sighting.spatial
            isEnd = sighting.isEnd
            namesTargets = descriptor.hasActiveTargets
            indications = descriptor.indications
            for index in 0..<descriptor.differences.count {
                let difference = descriptor.differences[index]
                references |= difference < 64 ? 1 << UInt64(difference) : 1
            }
            isPredicted = descriptor.differences.greatest > UInt16(sighting.spatial)
        }
    }

    /// How a packet leaves.
    public struct Outgoing: BitwiseCopyable, Hashable, Sendable {
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Not cut to 7 or 15 bits. Of a dependency descriptor the frame number.
        public var pictureID: UInt16
        /// TL0PICIDX.
        public var base: UInt8
        /// The marker bit is to be set, since nothing of the picture comes behind it; otherwise it stays as it is.
        public var setsMarker = false
        /// Added to template ids, modulo 64, where there is a dependency descriptor
        /// (``VideoPayload/DependencyDescriptor/rewrite(_:from:to:templateDelta:frameDelta:activeTargets:to:)``).
        public var templateDelta: UInt8 = 0
        /// The decode targets that the receiver is to be told are active; 0: what the descriptor says stays.
        public var activeTargets: UInt32 = 0
    }
}

extension FrameHistory.Sighting {
    /// What a packet of VP9 says.
    public init(_ facts: PictureFacts) {
        self.init(
            pictureID: UInt16(max(facts.pictureID, 0)), isLong: facts.fields.hasLongPictureID,
            temporal: UInt8(max(facts.temporalID, 0)), isStart: facts.flags.contains(.start),
            isEnd: facts.flags.contains(.end), isKeyframe: facts.startsKeyPicture)
        kind = .spatial
        spatial = UInt8(max(facts.spatialID, 0))
        spatialLayers = facts.spatialLayers
    }
}
