// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What one receiver gets of one source, and what is remembered of it for the next run.
///
/// Plain data that belongs to the pair: the caller keeps it and hands it back.
public struct SourceAllocation: Hashable, Sendable, BitwiseCopyable {
    /// Why a source is sent or not.
    public enum State: UInt8, Sendable, BitwiseCopyable {
        /// Nothing was decided yet.
        case new
        /// A layer is sent.
        case forwarded
        /// The receiver sends it itself.
        case own
        /// There is nothing to see: muted, or without a track.
        case disabled
        /// The receiver wants nothing of it.
        case unwanted
        /// Last-N: others go first.
        case beyondLastN
        /// Nothing is known of its layers.
        case withoutLayers
        /// It sends nothing now, and the receiver has no rate left that could wait for it.
        case inactive
        /// It sends something, and the rate does not allow it.
        case suspended
    }

    /// Whose it is; one of another source is not looked at.
    public var key: UInt64 = 0
    /// Why.
    public var state = State.new
    /// The rate is exceeded for its sake.
    public var isOversent = false
    /// What is sent.
    public var target = LayerIndex.none
    /// What would be sent if the rate did not matter.
    public var ideal = LayerIndex.none
    /// The layer that the rate has room for and that is waited for (``AllocationSettings/riseDelay``).
    public var rising = LayerIndex.none
    /// What the receiver asks of it, last-N considered: drives what senders are told and which slots are taken.
    public var wish = SourceWish.nothing
    /// Since when there has been room for ``rising``.
    public var risingSince = Timestamp.zero

    /// Of a source of which nothing was decided.
    public init() {}

    /// Of a source of which nothing is sent.
    init(key: UInt64, state: State) {
        self.key = key
        self.state = state
    }

    /// Whether a run has kept back something for want of rate.
    var isHeldBack: Bool { target != ideal }
}
