// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The name that this had while it knew VP8 alone.
public typealias SimulcastView = LayerView

extension LayerView {
    /// How packets of a stream are understood. Another kind is another codec: it goes on from what went out last.
    public enum Kind: UInt8, BitwiseCopyable, Sendable {
        /// Nothing is known of frames but, perhaps, where one can begin.
        case plain
        /// VP8: temporal layers.
        case temporal
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
        public var temporal: UInt8
        /// It is the first packet of its frame.
        public var isStart: Bool
        /// It is the first packet of a key frame.
        public var isKeyframe: Bool
        /// TL0PICIDX.
        public var base: UInt8

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
    }

    /// How a packet leaves.
    public struct Outgoing: BitwiseCopyable, Hashable, Sendable {
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Not cut to 7 or 15 bits.
        public var pictureID: UInt16
        /// TL0PICIDX.
        public var base: UInt8
    }
}
