// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import VideoPayload

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
    public init(_ facts: PictureFacts) {
        self.init(
            pictureID: UInt16(max(facts.pictureID, 0)), isLong: facts.fields.hasLongPictureID,
            temporal: UInt8(max(facts.temporalID, 0)), isStart: facts.flags.contains(.start),
            isEnd: facts.flags.contains(.end), isKeyframe: facts.startsKeyPicture)
        spatial = max(facts.spatialID, 0)
        spatialLayers = facts.spatialLayers
    }
}
