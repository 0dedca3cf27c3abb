// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads the dependency descriptors of one RTP stream: keeps the structures that they refer to.
///
/// A structure comes with key frames alone and holds for the packets after it, in the order of sequence numbers. Two
/// are kept, so that packets which arrive late, from before the newest one, are still understood. Memory is allocated
/// when a structure is larger than those before it, not by other packets.
public struct DependencyHistory: ~Copyable {
    /// The newest structure; meaningful once ``generation`` is not 0.
    public private(set) var newest = DependencyStructure()
    private var older = DependencyStructure()
    /// Where a structure is read to, before it is known whether it is one and where it belongs.
    private var arriving = DependencyStructure()
    /// The first and the last packet that told the newest structure, and the first that told the older one.
    private var newestSequence: Int64 = 0
    private var newestRepeat: Int64 = 0
    private var olderSequence: Int64 = 0
    private var olderGeneration: UInt32 = 0
    private var lastGeneration: UInt32 = 0
    private var targetsSequence = Int64.min

    /// Number of the newest structure; another one for each structure that differs from the one before. 0: none yet.
    public private(set) var generation: UInt32 = 0
    /// The decode targets that the stream sends, as the newest packet that says so has it.
    public private(set) var activeTargets: UInt32 = 0

    /// Nothing seen yet.
    public init() {}

    /// Forgets everything, as when the stream changes its codec or starts again elsewhere. Generations go on.
    public mutating func reset() {
        generation = 0
        olderGeneration = 0
        activeTargets = 0
        targetsSequence = .min
    }

    /// Reads the descriptor of one packet and takes in a structure that it carries.
    ///
    /// - Parameters:
    ///   - bytes: the packet.
    ///   - offset: where the descriptor starts.
    ///   - end: where it ends.
    ///   - sequence: the packet's sequence number, unwrapped.
    /// - Returns: what is known of the frame; see ``DependencyDescriptor/resolution``.
    public mutating func read(
        _ bytes: RawSpan, from offset: Int, to end: Int, sequence: Int64
    ) throws(DependencyError) -> DependencyDescriptor {
        guard offset >= 0, end <= bytes.byteCount, offset < end, end - offset >= 3 else { throw .truncated }
        guard end - offset <= VideoPayloadLimits.dependencyDescriptorBytes else { throw .impossible }
        var descriptor = DependencyDescriptor(bytes, at: offset)
        var reader = BitReader(from: offset, to: end)
        reader.skip(to: (offset + 3) * 8)
        let origin = offset * 8
        if end - offset > 3 { descriptor.readFlags(&reader, in: bytes) }
        if descriptor.hasStructure {
            try arriving.read(&reader, in: bytes)
            try descriptor.readFrame(&reader, in: bytes, arriving, origin: origin)
            descriptor.generation = takeArriving(sequence: sequence)
        } else if generation != 0, sequence >= newestSequence {
            descriptor.generation = generation
            try descriptor.readFrame(&reader, in: bytes, newest, origin: origin)
        } else if olderGeneration != 0, sequence >= olderSequence {
            descriptor.generation = olderGeneration
            try descriptor.readFrame(&reader, in: bytes, older, origin: origin)
        }
        if descriptor.resolution == .resolved, descriptor.hasStructure || descriptor.hasActiveTargets,
            descriptor.generation == generation, sequence >= targetsSequence
        {
            activeTargets = descriptor.activeTargets
            targetsSequence = sequence
        }
        return descriptor
    }

    /// Takes in the structure that arrived, where it belongs in the order of packets.
    /// - Returns: its generation.
    private mutating func takeArriving(sequence: Int64) -> UInt32 {
        if generation != 0, arriving.isSame(as: newest) {
            // Said again, or a packet from before the one that told it first.
            newestSequence = min(newestSequence, sequence)
            newestRepeat = max(newestRepeat, sequence)
            return generation
        }
        if generation == 0 || sequence > newestRepeat {
            swap(&older, &newest)
            olderSequence = newestSequence
            olderGeneration = generation
            swap(&newest, &arriving)
            newestSequence = sequence
            newestRepeat = sequence
            generation = nextGeneration()
            return generation
        }
        // Late. Between two packets that tell the newest structure, the first of them told it for others.
        if sequence > newestSequence { newestSequence = newestRepeat }
        if olderGeneration != 0, arriving.isSame(as: older) {
            olderSequence = min(olderSequence, sequence)
            return olderGeneration
        }
        // Older than what is kept, it is good for its own packet alone.
        guard olderGeneration == 0 || sequence > olderSequence else { return nextGeneration() }
        swap(&older, &arriving)
        olderSequence = sequence
        olderGeneration = nextGeneration()
        return olderGeneration
    }

    private mutating func nextGeneration() -> UInt32 {
        lastGeneration = lastGeneration == .max ? 1 : lastGeneration + 1
        return lastGeneration
    }
}
