// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What limits the sources that receivers get, whatever they ask for (media-plane.md 9.2, 9.7).
public struct LastNLimits: Hashable, Sendable {
    /// Of the whole bridge; negative is none (`cc.jvb-last-n`, or what the load allows).
    public var bridge: Int32 = -1
    /// By size of the conference, smaller sizes first: the last entry that is not above the size counts
    /// (`load-management.conference-last-n-limits`).
    public var bySize: [Limit] = []
    /// Sources that can be told apart at a receiver (`ssrc-limit.video`).
    public var slots: Int32 = 50

    /// A limit for conferences of a size or larger.
    public struct Limit: Hashable, Sendable, BitwiseCopyable {
        /// From this size on.
        public var size: Int32
        /// So many sources; negative is no limit.
        public var lastN: Int32

        /// A limit.
        public init(size: Int32, lastN: Int32) {
            self.size = size
            self.lastN = lastN
        }
    }

    /// Only what can be told apart.
    public init() {}

    /// How many sources a receiver gets at most; never negative.
    /// - Parameters:
    ///   - wished: what it asked for; negative is no limit.
    ///   - candidates: video sources of the conference that are not its own.
    public func effective(wished: Int32, candidates: Int) -> Int32 {
        var limit = max(slots, 0)
        if wished >= 0 { limit = min(limit, wished) }
        if bridge >= 0 { limit = min(limit, bridge) }
        // The size is that of the sources and the receiver itself.
        if let ofSize = bySize.last(where: { Int64($0.size) <= Int64(candidates) + 1 }), ofSize.lastN >= 0 {
            limit = min(limit, ofSize.lastN)
        }
        return limit
    }
}
