// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What a sender says of the layers that it sends: the extension "video layers allocation", version 0.
public struct VideoLayersAllocation: BitwiseCopyable, Sendable {
    /// One spatial layer of one RTP stream.
    public struct Layer: BitwiseCopyable, Sendable {
        /// Which of the sender's streams, 0…3.
        public var stream: UInt8 = 0
        /// Which spatial layer of the stream, 0…3.
        public var spatialID: UInt8 = 0
        /// How many temporal layers it has, 1…4.
        public var temporalLayers: UInt8 = 1
        /// The rate with which a receiver gets it up to each temporal layer, in kilobits per second.
        public var rates = InlineArray<4, UInt32>(repeating: 0)
        /// Width in pixels; 0 when untold.
        public var width: UInt32 = 0
        /// Height in pixels; 0 when untold.
        public var height: UInt32 = 0
        /// Highest frame rate; 0 when untold.
        public var frameRate: UInt8 = 0

        /// A layer of one temporal layer and no rate.
        public init() {}
    }

    /// Which of the sender's streams the packet belongs to, 0…3.
    public internal(set) var stream: UInt8 = 0
    /// How many streams the sender has; 0 when it sends none.
    public internal(set) var streamCount = 0
    /// How many of ``layers`` are filled.
    public internal(set) var layerCount = 0
    /// The layers that are sent, in the order of streams and in each of spatial layers.
    public internal(set) var layers = InlineArray<16, Layer>(repeating: Layer())
    /// Whether sizes and frame rates are told.
    public internal(set) var hasResolutions = false

    /// Nothing is sent.
    public init() {}

    /// Reads the extension's value at `offset` of `bytes`; `nil` when it is cut off before `end`, has bytes to spare
    /// that are no sizes, tells a rate that no stream has, or contradicts itself.
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let first = bytes.uint8(at: offset)
        // One zero byte: nothing is sent.
        if first == 0, end - offset == 1 { return }
        stream = first >> 6
        streamCount = Int(first >> 4 & 0x03) + 1
        guard Int(stream) < streamCount else { return nil }
        var position = offset + 1
        guard readLayers(shared: first & 0x0F, bytes, &position, to: end),
            readRates(bytes, &position, to: end), readResolutions(bytes, &position, to: end)
        else { return nil }
    }

    /// Reads which layers there are, and how many temporal layers each has.
    private mutating func readLayers(shared: UInt8, _ bytes: RawSpan, _ position: inout Int, to end: Int) -> Bool {
        let masks = position
        if shared == 0 { position += (streamCount + 1) / 2 }
        guard position <= end else { return false }
        for index in 0..<streamCount {
            var mask = shared
            if mask == 0 {
                let pair = bytes.uint8(at: masks + index / 2)
                mask = index & 1 == 0 ? pair >> 4 : pair & 0x0F
            }
            for spatialID in 0..<VideoPayloadLimits.allocationSpatialLayers where mask & 1 << UInt8(spatialID) != 0 {
                layers[layerCount].stream = UInt8(index)
                layers[layerCount].spatialID = UInt8(spatialID)
                layerCount += 1
            }
        }
        let counts = position
        position += (layerCount + 3) / 4
        // Who sends nothing has a form of its own to say so.
        guard layerCount > 0, position <= end else { return false }
        for index in 0..<layerCount {
            let four = bytes.uint8(at: counts + index / 4)
            layers[index].temporalLayers = (four >> UInt8(6 - index % 4 * 2) & 0x03) + 1
        }
        return true
    }

    private mutating func readRates(_ bytes: RawSpan, _ position: inout Int, to end: Int) -> Bool {
        for index in 0..<layerCount {
            for temporalID in 0..<Int(layers[index].temporalLayers) {
                guard let rate = Self.readRate(bytes, &position, to: end) else { return false }
                layers[index].rates[temporalID] = rate
            }
        }
        return true
    }

    /// Reads a number in the form leb128 of the AV1 specification (4.10.5): seven bits a byte, the lowest first.
    private static func readRate(_ bytes: RawSpan, _ position: inout Int, to end: Int) -> UInt32? {
        var value: UInt64 = 0
        for index in 0..<VideoPayloadLimits.allocationRateBytes {
            guard position < end else { return nil }
            let field = bytes.uint8(at: position)
            position += 1
            value |= UInt64(field & 0x7F) << UInt64(7 * index)
            if field & 0x80 == 0 {
                return value <= UInt64(VideoPayloadLimits.allocationRate) ? UInt32(value) : nil
            }
        }
        return nil
    }

    private mutating func readResolutions(_ bytes: RawSpan, _ position: inout Int, to end: Int) -> Bool {
        guard position < end else { return true }
        guard end - position == layerCount * 5 else { return false }
        hasResolutions = true
        for index in 0..<layerCount {
            layers[index].width = UInt32(bytes.uint16(at: position)) + 1
            layers[index].height = UInt32(bytes.uint16(at: position + 2)) + 1
            layers[index].frameRate = bytes.uint8(at: position + 4)
            position += 5
        }
        return true
    }

    /// The layer `spatialID` of `stream`; `nil` when it is not sent.
    public func layer(_ spatialID: Int, ofStream stream: Int) -> Layer? {
        for index in 0..<layerCount
        where Int(layers[index].stream) == stream && Int(layers[index].spatialID) == spatialID {
            return layers[index]
        }
        return nil
    }
}
