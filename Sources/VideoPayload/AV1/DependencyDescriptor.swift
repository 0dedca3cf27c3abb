// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What the dependency descriptor extension of a packet says about its frame (AV1 RTP specification, appendix A). Made
/// by ``DependencyHistory``, which knows the structure that it refers to; or by hand, to be written.
public struct DependencyDescriptor: BitwiseCopyable, Sendable {
    /// How much of a descriptor could be understood.
    public enum Resolution: UInt8, BitwiseCopyable, Sendable {
        /// All of it.
        case resolved
        /// Its template is none of the stream's structure, as after a missed key frame: only the first three bytes and
        /// the flags are known.
        case unknownTemplate
        /// The stream has shown no structure that the packet could refer to: no more is known.
        case noStructure
    }

    /// The packet is the first of its frame.
    public var isStartOfFrame = false
    /// The packet is the last of its frame.
    public var isEndOfFrame = false
    /// The template of the frame, 0…63.
    public var templateID: UInt8 = 0
    /// Counts the frames of the stream, modulo 65,536.
    public var frameNumber: UInt16 = 0

    /// The packet carries a structure: it belongs to a key frame.
    public var hasStructure = false
    /// The packet says which decode targets are active.
    public var hasActiveTargets = false
    /// The indications are the frame's own.
    public var hasCustomIndications = false
    /// The differences are the frame's own.
    public var hasCustomDifferences = false
    /// The chain differences are the frame's own.
    public var hasCustomChains = false

    /// How much is known of what follows.
    public internal(set) var resolution = Resolution.noStructure
    /// Which structure the descriptor refers to: a number that is new for each other structure of a stream.
    public internal(set) var generation: UInt32 = 0
    /// The active decode targets, the first in bit 0, when the packet names them; all when it has a structure and does
    /// not; 0 otherwise, which means "as before". Known when resolved.
    public var activeTargets: UInt32 = 0
    /// Spatial layer of the frame, when resolved.
    public internal(set) var spatialID: UInt8 = 0
    /// Temporal layer of the frame, when resolved.
    public internal(set) var temporalID: UInt8 = 0
    /// What the frame is to each decode target, when resolved.
    public var indications = DecodeTargetIndications()
    /// The frames that the frame refers to, when resolved.
    public var differences = FrameDifferences()
    /// For each chain how far back the frame before lies in it, when ``hasCustomChains`` says so.
    public var customChains = InlineArray<32, UInt8>(repeating: 0)

    // Where the fields lie, in bits from the start of the descriptor, so that rewriting can copy what stays.
    /// Behind the flags and the structure: where the mask of active decode targets lies or would lie.
    var maskPosition: UInt16 = 0
    /// Behind the mask: the frame's own indications, differences and chains.
    var customPosition: UInt16 = 0
    /// Behind those: padding.
    var endPosition: UInt16 = 0
    /// How many decode targets the structure has; 0 unless resolved.
    var targetCount: UInt8 = 0

    /// A descriptor to be filled and written.
    public init() {}

    /// Reads the fields that every descriptor has, from three bytes at `offset`.
    init(_ bytes: RawSpan, at offset: Int) {
        let first = bytes.uint8(at: offset)
        isStartOfFrame = first & 0x80 != 0
        isEndOfFrame = first & 0x40 != 0
        templateID = first & 0x3F
        frameNumber = bytes.uint16(at: offset + 1)
    }

    /// Whether the packet carries more than the three bytes that every descriptor has.
    var isExtended: Bool {
        hasStructure || hasActiveTargets || hasCustomIndications || hasCustomDifferences || hasCustomChains
    }

    /// Reads the flags of the extended form, which follow the first three bytes.
    mutating func readFlags(_ reader: inout BitReader, in bytes: RawSpan) {
        hasStructure = reader.flag(in: bytes)
        hasActiveTargets = reader.flag(in: bytes)
        hasCustomIndications = reader.flag(in: bytes)
        hasCustomDifferences = reader.flag(in: bytes)
        hasCustomChains = reader.flag(in: bytes)
    }

    /// Reads what follows the structure, or the flags where there is none, by `structure`.
    mutating func readFrame(
        _ reader: inout BitReader, in bytes: RawSpan, _ structure: borrowing DependencyStructure, origin: Int
    ) throws(DependencyError) {
        guard let index = structure.templateIndex(ofID: templateID) else {
            if hasStructure { throw .impossible }
            // It refers to another structure, so nobody knows how long its fields are.
            resolution = .unknownTemplate
            return
        }
        resolution = .resolved
        spatialID = structure.templates[index].spatialID
        temporalID = structure.templates[index].temporalID
        indications = structure.templates[index].indications
        differences = structure.templates[index].differences
        targetCount = UInt8(structure.targets.count)
        maskPosition = UInt16(truncatingIfNeeded: reader.position - origin)
        if hasActiveTargets {
            activeTargets = reader.bits(structure.targets.count, in: bytes)
        } else if hasStructure {
            activeTargets = structure.allTargets
        }
        customPosition = UInt16(truncatingIfNeeded: reader.position - origin)
        if hasCustomIndications { indications = reader.indications(structure.targets.count, in: bytes) }
        if hasCustomDifferences { try readDifferences(&reader, in: bytes) }
        if hasCustomChains {
            for chain in 0..<structure.chainCount { customChains[chain] = UInt8(reader.bits(8, in: bytes)) }
        }
        guard !reader.isExhausted else { throw .truncated }
        endPosition = UInt16(truncatingIfNeeded: reader.position - origin)
    }

    private mutating func readDifferences(_ reader: inout BitReader, in bytes: RawSpan) throws(DependencyError) {
        differences = FrameDifferences()
        // Ends: there is room for few, and behind the end the size is 0.
        while true {
            let size = Int(reader.bits(2, in: bytes))
            guard size > 0 else { return }
            guard differences.append(UInt16(reader.bits(4 * size, in: bytes)) + 1) else { throw .impossible }
        }
    }
}

extension DependencyDescriptor: Equatable {
    /// Whether both say the same of their frames; how they were written does not matter.
    public static func == (one: Self, other: Self) -> Bool {
        guard one.isStartOfFrame == other.isStartOfFrame, one.isEndOfFrame == other.isEndOfFrame,
            one.templateID == other.templateID, one.frameNumber == other.frameNumber,
            one.hasStructure == other.hasStructure, one.hasActiveTargets == other.hasActiveTargets,
            one.hasCustomIndications == other.hasCustomIndications,
            one.hasCustomDifferences == other.hasCustomDifferences, one.hasCustomChains == other.hasCustomChains,
            one.resolution == other.resolution, one.activeTargets == other.activeTargets,
            one.spatialID == other.spatialID, one.temporalID == other.temporalID,
            one.indications == other.indications, one.differences == other.differences
        else { return false }
        for chain in 0..<VideoPayloadLimits.dependencyChains
        where one.customChains[chain] != other.customChains[chain] {
            return false
        }
        return true
    }
}
