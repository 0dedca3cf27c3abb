// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import VideoPayload

/// Reads the dependency descriptors of one encoding, each once for all receivers.
struct DescriptorReader: ~Copyable {
    private(set) var history = DependencyHistory()
    /// What the packet said that was read last.
    private(set) var last = DependencyDescriptor()
    /// The number of the newest packet, unwrapped.
    private var newest: Int64 = 0

    init() {}

    /// Reads the descriptor of a packet.
    /// - Parameters:
    ///   - bytes: the packet.
    ///   - element: where it lies in it.
    ///   - sequence: the packet's number, as it came.
    /// - Returns: whether all of it is understood; ``last`` is then what it says.
    mutating func read(_ bytes: RawSpan, _ element: PacketInfo.KeptExtension, sequence: UInt16) -> Bool {
        var number = newest + Int64(Int16(bitPattern: sequence &- UInt16(truncatingIfNeeded: newest)))
        // From so far back nothing comes: the sender counts anew.
        if number < newest - Int64(ConferencingLimits.descriptorReach) { number += 1 << 16 }
        newest = max(newest, number)
        let offset = Int(element.offset)
        guard
            let descriptor = try? history.read(
                bytes, from: offset, to: offset + Int(element.byteCount), sequence: number)
        else { return false }
        last = descriptor
        return descriptor.resolution == .resolved
    }

    /// Takes in with a frame's history what was read last.
    /// - Returns: the number of its frame; `nil` when that lies too far back to be known.
    func note(in frames: UnsafeMutablePointer<FrameHistory>) -> UInt32? { frames.pointee.note(last, by: history) }

    /// The stream changes its codec.
    mutating func reset() { history.reset() }
}

/// What reads the descriptors of each encoding of a source: memory that is taken with the first one.
struct DescriptorReaders: ~Copyable {
    private var base: UnsafeMutablePointer<DescriptorReader>?

    init() {}

    deinit {
        base?.deinitialize(count: ShardMessagesLimits.streamsPerSource)
        base?.deallocate()
    }

    /// The reader of an encoding.
    @inline(__always)
    mutating func pointer(at encoding: UInt8) -> UnsafeMutablePointer<DescriptorReader> {
        precondition(encoding < ShardMessagesLimits.streamsPerSource, "no such encoding")
        if let base { return base + Int(encoding) }
        return begin() + Int(encoding)
    }

    /// What comes of an encoding from now on is of another codec.
    func reset(_ encoding: UInt8) {
        guard let base, encoding < ShardMessagesLimits.streamsPerSource else { return }
        base[Int(encoding)].reset()
    }

    @inline(never)
    private mutating func begin() -> UnsafeMutablePointer<DescriptorReader> {
        let fresh = UnsafeMutablePointer<DescriptorReader>.allocate(capacity: ShardMessagesLimits.streamsPerSource)
        for position in 0..<ShardMessagesLimits.streamsPerSource {
            (fresh + position).initialize(to: DescriptorReader())
        }
        base = fresh
        return fresh
    }
}
