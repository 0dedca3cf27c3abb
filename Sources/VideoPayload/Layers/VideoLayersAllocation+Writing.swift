// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension VideoLayersAllocation {
    /// What a sender with these layers says on its stream `stream`.
    ///
    /// - Parameters:
    ///   - stream: the stream that the packet belongs to, 0…3.
    ///   - layers: the layers that are sent, in the order of streams and in each of spatial layers; the last stream
    ///     that the sender has must be among them.
    ///   - hasResolutions: whether sizes and frame rates are told.
    /// - Returns: `nil` when the order is another or a value beyond its field.
    public init?(stream: Int, layers: [Layer], hasResolutions: Bool) {
        let streams = VideoPayloadLimits.allocationStreams
        guard (0..<streams).contains(stream) else { return nil }
        var last = -1
        for layer in layers {
            let place = Int(layer.stream) * VideoPayloadLimits.allocationSpatialLayers + Int(layer.spatialID)
            guard place > last, layer.stream < streams,
                layer.spatialID < VideoPayloadLimits.allocationSpatialLayers,
                (1...VideoPayloadLimits.allocationTemporalLayers).contains(Int(layer.temporalLayers)),
                (0..<Int(layer.temporalLayers)).allSatisfy({ layer.rates[$0] <= VideoPayloadLimits.allocationRate })
            else { return nil }
            if hasResolutions {
                guard (1...65_536).contains(layer.width), (1...65_536).contains(layer.height) else { return nil }
            }
            last = place
        }
        guard let highest = layers.last else {
            guard stream == 0, !hasResolutions else { return nil }
            self.init()
            return
        }
        guard stream <= highest.stream else { return nil }
        self.init()
        self.stream = UInt8(stream)
        streamCount = Int(highest.stream) + 1
        for layer in layers {
            self.layers[layerCount] = layer
            layerCount += 1
        }
        self.hasResolutions = hasResolutions
    }

    /// Writes the extension's value.
    public func write(to writer: inout BufferWriter) {
        guard layerCount > 0 else {
            writer.uint8(0)
            return
        }
        var masks = InlineArray<4, UInt8>(repeating: 0)
        for index in 0..<layerCount { masks[Int(layers[index].stream)] |= 1 << layers[index].spatialID }
        let isShared = (1..<streamCount).allSatisfy { masks[$0] == masks[0] } && masks[0] != 0
        writer.uint8(stream << 6 | UInt8(streamCount - 1) << 4 | (isShared ? masks[0] : 0))
        var bits = BitWriter()
        if !isShared {
            for index in 0..<streamCount { bits.bits(UInt32(masks[index]), 4, to: &writer) }
            bits.pad(to: &writer)
        }
        bits = BitWriter()
        for index in 0..<layerCount { bits.bits(UInt32(layers[index].temporalLayers - 1), 2, to: &writer) }
        bits.pad(to: &writer)
        for index in 0..<layerCount {
            for temporalID in 0..<Int(layers[index].temporalLayers) {
                var rest = layers[index].rates[temporalID]
                while rest > 0x7F {
                    writer.uint8(0x80 | UInt8(truncatingIfNeeded: rest))
                    rest >>= 7
                }
                writer.uint8(UInt8(truncatingIfNeeded: rest))
            }
        }
        guard hasResolutions else { return }
        for index in 0..<layerCount {
            writer.uint16(UInt16(truncatingIfNeeded: layers[index].width &- 1))
            writer.uint16(UInt16(truncatingIfNeeded: layers[index].height &- 1))
            writer.uint8(layers[index].frameRate)
        }
    }
}

extension VideoLayersAllocation: Equatable {
    public static func == (one: Self, other: Self) -> Bool {
        guard one.stream == other.stream, one.streamCount == other.streamCount, one.layerCount == other.layerCount,
            one.hasResolutions == other.hasResolutions
        else { return false }
        return (0..<one.layerCount).allSatisfy { one.layers[$0] == other.layers[$0] }
    }
}

extension VideoLayersAllocation.Layer: Equatable {
    public static func == (one: Self, other: Self) -> Bool {
        guard one.stream == other.stream, one.spatialID == other.spatialID,
            one.temporalLayers == other.temporalLayers, one.width == other.width, one.height == other.height,
            one.frameRate == other.frameRate
        else { return false }
        return (0..<Int(one.temporalLayers)).allSatisfy { one.rates[$0] == other.rates[$0] }
    }
}
