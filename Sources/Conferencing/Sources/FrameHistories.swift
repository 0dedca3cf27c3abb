// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import ShardMessages

/// What is known of the last frames of each encoding of a source: memory that is taken with the first packet that tells
/// frames apart, so that voices, and cameras that are off, do without.
struct FrameHistories: ~Copyable {
    private var base: UnsafeMutablePointer<FrameHistory>?

    init() {}

    deinit { base?.deallocate() }

    /// The history of an encoding.
    @inline(__always)
    mutating func pointer(at encoding: UInt8) -> UnsafeMutablePointer<FrameHistory> {
        precondition(encoding < ShardMessagesLimits.streamsPerSource, "no such encoding")
        if let base { return base + Int(encoding) }
        return begin() + Int(encoding)
    }

    /// What comes of an encoding from now on is of another codec.
    func restart(_ encoding: UInt8) {
        guard let base, encoding < ShardMessagesLimits.streamsPerSource else { return }
        base[Int(encoding)].restart()
    }

    @inline(never)
    private mutating func begin() -> UnsafeMutablePointer<FrameHistory> {
        let fresh = UnsafeMutablePointer<FrameHistory>.allocate(capacity: ShardMessagesLimits.streamsPerSource)
        for position in 0..<ShardMessagesLimits.streamsPerSource { (fresh + position).initialize(to: FrameHistory()) }
        base = fresh
        return fresh
    }
}
