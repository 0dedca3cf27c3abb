// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

extension DependencyStructure {
    /// How the layer of a template follows from the one before it.
    private enum NextLayer {
        static let same: UInt32 = 0
        static let nextTemporal: UInt32 = 1
        static let nextSpatial: UInt32 = 2
        static let noMore: UInt32 = 3
    }

    /// Reads a structure where `reader` stands, in place of what this one says. When that fails, it says nothing.
    mutating func read(_ reader: inout BitReader, in bytes: RawSpan) throws(DependencyError) {
        templates.removeAll()
        targets.removeAll()
        widths = InlineArray(repeating: 0)
        heights = InlineArray(repeating: 0)
        templateIDOffset = UInt8(reader.bits(6, in: bytes))
        for _ in 0...reader.bits(5, in: bytes) { targets.append(DecodeTarget()) }
        try readLayers(&reader, in: bytes)
        for index in 0..<templates.count {
            templates[index].indications = reader.indications(targets.count, in: bytes)
        }
        try readDifferences(&reader, in: bytes)
        readChains(&reader, in: bytes)
        hasResolutions = reader.flag(in: bytes)
        if hasResolutions {
            for layer in 0..<spatialLayers {
                widths[layer] = reader.bits(16, in: bytes) + 1
                heights[layer] = reader.bits(16, in: bytes) + 1
            }
        }
        guard !reader.isExhausted else { throw .truncated }
        deriveTargetLayers()
    }

    private mutating func readLayers(_ reader: inout BitReader, in bytes: RawSpan) throws(DependencyError) {
        var (spatialID, temporalID) = (0, 0)
        repeat {
            guard templates.count < VideoPayloadLimits.dependencyTemplates,
                spatialID < VideoPayloadLimits.dependencySpatialLayers,
                temporalID < VideoPayloadLimits.dependencyTemporalLayers
            else { throw .impossible }
            templates.append(DependencyTemplate(spatialID: UInt8(spatialID), temporalID: UInt8(temporalID)))
            switch reader.bits(2, in: bytes) {
            case NextLayer.nextTemporal:
                temporalID += 1
            case NextLayer.nextSpatial:
                temporalID = 0
                spatialID += 1
            case NextLayer.noMore:
                return
            default:
                break
            }
        } while !reader.isExhausted
        throw .truncated
    }

    private mutating func readDifferences(_ reader: inout BitReader, in bytes: RawSpan) throws(DependencyError) {
        for index in 0..<templates.count {
            // Ends: there is room for few, and behind the end the flag is 0.
            while reader.flag(in: bytes) {
                guard templates[index].differences.append(UInt16(reader.bits(4, in: bytes)) + 1) else {
                    throw .impossible
                }
            }
        }
    }

    private mutating func readChains(_ reader: inout BitReader, in bytes: RawSpan) {
        chainCount = reader.number(below: targets.count + 1, in: bytes)
        guard chainCount > 0 else { return }
        for target in 0..<targets.count {
            targets[target].chain = UInt8(reader.number(below: chainCount, in: bytes))
        }
        for index in 0..<templates.count {
            for chain in 0..<chainCount {
                templates[index].chainDifferences[chain] = UInt8(reader.bits(4, in: bytes))
            }
        }
    }

    /// Writes the structure.
    func write(_ bits: inout BitWriter, to writer: inout BufferWriter) {
        bits.bits(UInt32(templateIDOffset), 6, to: &writer)
        bits.bits(UInt32(targets.count - 1), 5, to: &writer)
        for index in 0..<templates.count {
            bits.bits(nextLayer(after: index), 2, to: &writer)
        }
        for index in 0..<templates.count {
            bits.indications(templates[index].indications, targets.count, to: &writer)
        }
        for index in 0..<templates.count {
            for place in 0..<templates[index].differences.count {
                bits.bits(0x10 | UInt32(templates[index].differences[place] &- 1) & 0x0F, 5, to: &writer)
            }
            bits.flag(false, to: &writer)
        }
        bits.number(chainCount, below: targets.count + 1, to: &writer)
        if chainCount > 0 {
            for target in 0..<targets.count {
                bits.number(Int(targets[target].chain), below: chainCount, to: &writer)
            }
            for index in 0..<templates.count {
                for chain in 0..<chainCount {
                    bits.bits(UInt32(templates[index].chainDifferences[chain]), 4, to: &writer)
                }
            }
        }
        bits.flag(hasResolutions, to: &writer)
        guard hasResolutions else { return }
        for layer in 0..<spatialLayers {
            bits.bits(widths[layer] &- 1, 16, to: &writer)
            bits.bits(heights[layer] &- 1, 16, to: &writer)
        }
    }

    private func nextLayer(after index: Int) -> UInt32 {
        guard index + 1 < templates.count else { return NextLayer.noMore }
        if templates[index + 1].spatialID != templates[index].spatialID { return NextLayer.nextSpatial }
        return templates[index + 1].temporalID == templates[index].temporalID
            ? NextLayer.same : NextLayer.nextTemporal
    }
}

extension BitReader {
    /// The next indications, of `count` decode targets.
    mutating func indications(_ count: Int, in bytes: RawSpan) -> DecodeTargetIndications {
        let first = bits(2 * min(count, 16), in: bytes)
        let second = bits(2 * max(count - 16, 0), in: bytes)
        let value =
            UInt64(first) << UInt64(64 - 2 * min(count, 16))
            | (count > 16 ? UInt64(second) << UInt64(32 - 2 * (count - 16)) : 0)
        return DecodeTargetIndications(rawValue: value)
    }
}

extension BitWriter {
    /// Writes the indications of `count` decode targets.
    mutating func indications(
        _ indications: DecodeTargetIndications, _ count: Int, to writer: inout BufferWriter
    ) {
        for target in 0..<count { bits(UInt32(indications[target].rawValue), 2, to: &writer) }
    }
}
