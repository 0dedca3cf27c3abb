// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What is known of the last frames of one encoding: kept once for all receivers, who each remember only whether they
/// got a frame (``LayerView``).
///
/// Frames are told apart by their picture ids (media-plane.md 5.4), which are made into numbers that do not wrap: of a
/// stream with spatial layers four for each picture, one for each layer frame. A sender that begins its ids anew goes
/// on with the next number: whether its *stream* began anew is decided by sequence numbers, before.
public struct FrameHistory: BitwiseCopyable, Sendable {
    /// A frame, or layer frame, of which a packet came.
    struct Frame: BitwiseCopyable {
        /// The low bits of its number say whether the entry is still this frame's.
        var number: UInt32 = 0
        var spatial: UInt8 = 0
        var temporal: UInt8 = 0
        var isKnown = false
        var isKeyframe = false
        var hasStart = false
        var hasEnd = false
        /// Others of its packets came before the first: who begins with that has missed them.
        var isStartLate = false
    }

    /// What a packet says of its frame.
    public struct Sighting: BitwiseCopyable, Sendable {
        /// How the stream is understood.
        public var kind = LayerView.Kind.temporal
        /// As it stands in the packet; of a dependency descriptor the frame number.
        public var pictureID: UInt16
        /// Whether that has 15 bits; otherwise 7.
        public var isLong: Bool
        /// SID, of a stream that may have spatial layers.
        public var spatial: UInt8 = 0
        /// TID, 0 for streams without.
        public var temporal: UInt8
        /// How many spatial layers the packet says there are; 0 when it does not say.
        public var spatialLayers: UInt8 = 0
        /// It is the first packet of its frame.
        public var isStart: Bool
        /// It is the last one.
        public var isEnd: Bool
        /// It is the first packet of a key frame.
        public var isKeyframe: Bool

        /// - Parameter temporal: TID; 0 for streams without.
        public init(
            pictureID: UInt16, isLong: Bool, temporal: UInt8, isStart: Bool, isEnd: Bool, isKeyframe: Bool = false
        ) {
            self.pictureID = pictureID
            self.isLong = isLong
            self.temporal = temporal
            self.isStart = isStart
            self.isEnd = isEnd
            self.isKeyframe = isKeyframe
        }
    }

    /// What is known of the stream, apart from single frames.
    struct Stream: BitwiseCopyable {
        /// The newest picture's number, and its id.
        var newest: UInt32 = 1 << 16
        /// The newest frame on which all layers build.
        var newestBase: UInt32 = 0
        var newestID: UInt16 = 0
        var hasAny = false
        var kind = LayerView.Kind.temporal
        /// The numbers of a picture are told apart by so many bits.
        var layerBits: UInt8 = 0
        /// How many spatial layers the stream says it has; 0: it did not.
        var spatialLayers: UInt8 = 0
    }

    // ``Glance`` reads these where they lie, one behind the other.
    private var stream = Stream()
    /// What the stream's dependency structure says of its decode targets.
    var targets = DecodeTargets()
    private var frames = InlineArray<64, Frame>(repeating: Frame())

    /// No frame seen yet.
    public init() {}

    /// Takes in what a packet says.
    /// - Returns: the number of its frame; `nil` when that lies too far back to be known, or in a spatial layer beyond
    ///   those that are told apart.
    public mutating func note(_ sighting: Sighting) -> UInt32? {
        guard sighting.spatial < ForwardingLimits.spatialLayers else { return nil }
        begin(sighting.kind)
        let mask: UInt16 = stream.kind == .described ? .max : sighting.isLong ? 0x7FFF : 0x7F
        var distance = 1
        if stream.hasAny {
            let raw = Int((sighting.pictureID &- stream.newestID) & mask)
            distance = raw > Int(mask) / 2 ? raw - Int(mask) - 1 : raw
            // So far forward is a new beginning of the ids; so far back is too late, or one as well (5.4).
            if distance > ForwardingLimits.pictureJump || distance < -ForwardingLimits.pictureJump { distance = 1 }
            guard distance > -frames.count >> Int(stream.layerBits) else { return nil }
        }
        let picture = distance > 0 ? stream.newest &+ UInt32(distance) : stream.newest &- UInt32(-distance)
        if distance > 0 {
            stream.hasAny = true
            stream.newest = picture
            stream.newestID = sighting.pictureID & mask
        }
        if distance >= 0, sighting.spatialLayers > 0 { stream.spatialLayers = sighting.spatialLayers }
        let number = stream.kind == .spatial ? picture << 2 | UInt32(sighting.spatial) : picture
        note(number, sighting)
        return number
    }

    private mutating func note(_ number: UInt32, _ sighting: Sighting) {
        let place = Int(number & 63)
        if !frames[place].isKnown || frames[place].number != number {
            frames[place] = Frame(
                number: number, spatial: sighting.spatial, temporal: sighting.temporal, isKnown: true)
        }
        let isBase = sighting.temporal == 0 && sighting.spatial == 0
        if isBase, Int32(bitPattern: number &- stream.newestBase) > 0 { stream.newestBase = number }
        if sighting.isStart {
            frames[place].hasStart = true
        } else if !frames[place].hasStart {
            frames[place].isStartLate = true
        }
        if sighting.isEnd { frames[place].hasEnd = true }
        if sighting.isKeyframe { frames[place].isKeyframe = true }
    }

    /// Another codec comes: its picture ids, also those that seem to be late, are of another stream.
    public mutating func restart() { restart(as: stream.kind) }

    /// With another codec nothing of what was known is of it. Numbers go on, behind all that were given.
    mutating func begin(_ kind: LayerView.Kind) {
        if kind != stream.kind { restart(as: kind) }
    }

    private mutating func restart(as kind: LayerView.Kind) {
        let next = (stream.newest &+ 1) << UInt32(stream.layerBits) &+ UInt32(frames.count)
        self = Self()
        stream.kind = kind
        stream.layerBits = kind == .spatial ? 2 : 0
        stream.newest = next >> UInt32(stream.layerBits) &+ 1
        stream.newestBase = stream.newest << UInt32(stream.layerBits) &- 1
    }

    /// Reads a history where it lies. Its size would be copied otherwise, for each receiver and packet.
    struct Glance: BitwiseCopyable {
        private let stream: Stream
        private let frames: UnsafePointer<Frame>
        let targets: UnsafePointer<DecodeTargets>

        /// - Parameter history: has to stay where it is, unchanged, as long as this is used.
        init(_ history: UnsafePointer<FrameHistory>) {
            let start = UnsafeRawPointer(history)
            stream = start.load(as: Stream.self)
            let offset = MemoryLayout<FrameHistory>.stride - 64 * MemoryLayout<Frame>.stride
            frames = (start + offset).assumingMemoryBound(to: Frame.self)
            targets = (start + offset - MemoryLayout<DecodeTargets>.stride).assumingMemoryBound(to: DecodeTargets.self)
        }

        /// How many spatial layers the stream says it has; 0: it did not.
        var spatialLayers: UInt8 { stream.spatialLayers }

        /// The frame with this number, as far as it is known.
        func frame(_ number: UInt32) -> Frame? {
            let frame = frames[Int(number & 63)]
            return frame.isKnown && frame.number == number ? frame : nil
        }

        /// Whether a frame on which everything builds came after this one.
        func isOvertaken(_ number: UInt32) -> Bool { Int32(bitPattern: stream.newestBase &- number) > 0 }

        /// How far apart the numbers of two pictures' frames of one spatial layer lie.
        var pictureStep: UInt32 { 1 << UInt32(stream.layerBits) }

        /// The number of the frame that directly comes before this one.
        func number(before number: UInt32) -> UInt32 {
            guard stream.layerBits > 0, number & 3 == 0 else { return number &- 1 }
            return number &- 4 &+ UInt32(min(max(stream.spatialLayers, 1), 4) - 1)
        }
    }

    /// Where a ``Glance`` looks for the frames, and for the targets.
    static var offsets: (frames: Int?, targets: Int?, used: [Int]) {
        let frames = MemoryLayout<FrameHistory>.stride - 64 * MemoryLayout<Frame>.stride
        return (
            MemoryLayout<FrameHistory>.offset(of: \.frames), MemoryLayout<FrameHistory>.offset(of: \.targets),
            [frames, frames - MemoryLayout<DecodeTargets>.stride]
        )
    }
}
