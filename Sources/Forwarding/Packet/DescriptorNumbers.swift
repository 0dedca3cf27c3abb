// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import VideoPayload

/// A receiver's numbers for a dependency descriptor (media-plane.md 5.8).
public struct DescriptorNumbers: BitwiseCopyable, Hashable, Sendable {
    /// Added to template ids, modulo 64.
    public var templateDelta: UInt8
    /// The frame number.
    public var frameNumber: UInt16

    /// Such numbers.
    @inlinable
    public init(templateDelta: UInt8, frameNumber: UInt16) {
        self.templateDelta = templateDelta
        self.frameNumber = frameNumber
    }

    /// Writes them over a descriptor; nothing where it does not lie in `slot`.
    @usableFromInline
    func write(over slot: UnsafeMutableRawBufferPointer, from start: Int, to end: Int) {
        var bytes = slot.mutableBytes
        DependencyDescriptor.renumber(
            &bytes, from: start, to: end, templateDelta: templateDelta, frameNumber: frameNumber)
    }
}
