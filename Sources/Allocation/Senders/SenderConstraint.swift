// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a sender is told of one of its sources (SenderSourceConstraints, media-plane.md 9.6).
public struct SenderConstraint: Hashable, Sendable, BitwiseCopyable {
    /// The slot of the source.
    public var slot: Int
    /// Pixels of the smaller dimension: the most that anybody wants; 0 is nothing, -1 no limit.
    public var maxHeight: Int32

    /// A constraint.
    public init(slot: Int, maxHeight: Int32) {
        self.slot = slot
        self.maxHeight = maxHeight
    }
}
