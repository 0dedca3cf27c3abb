// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The contexts of what one peer sends, and a memory of those that had to make room.
///
/// An SSRC that comes back out of the memory has kept its roll-over counter, which nobody could guess, and its window,
/// so that nothing is accepted a second time.
struct ReceiveContexts: ~Copyable {
    /// A context that was found, to be given back to ``keep(_:_:)``.
    struct Found: BitwiseCopyable {
        fileprivate let place: Int
        fileprivate let isEvicted: Bool
        /// What is known of the SSRC.
        let context: SSRCContext
    }

    private var live: ContextTable
    private var evicted: ContextTable

    /// Room for this many contexts, and for `evicted` that made room.
    init(limit: Int, evicted: Int) {
        live = ContextTable(limit: limit)
        self.evicted = ContextTable(limit: evicted, initial: 1)
    }

    /// How many SSRCs have a context.
    var count: Int { live.count }
    /// How many SSRCs are remembered beside those.
    var evictedCount: Int { evicted.count }

    /// What is known of `ssrc`.
    @inline(__always)
    func find(_ ssrc: UInt32) -> Found? {
        if let place = live.place(of: ssrc) {
            return Found(place: place, isEvicted: false, context: live[place])
        }
        guard evicted.count > 0, let place = evicted.place(of: ssrc) else { return nil }
        return Found(place: place, isEvicted: true, context: evicted[place])
    }

    /// Puts the context back after a packet was accepted.
    /// - Returns: whether another one had to make room.
    @inline(__always)
    mutating func keep(_ found: Found, _ context: SSRCContext) -> Bool {
        if found.isEvicted {
            evicted.remove(found.place)
            return add(context)
        }
        live[found.place] = context
        live.touch(found.place)
        return false
    }

    /// Adds the context of an SSRC of which nothing is known.
    /// - Returns: whether another one had to make room.
    mutating func add(_ context: SSRCContext) -> Bool {
        var evicts = false
        if !live.hasRoom, let oldest = live.leastRecentlyUsed {
            evicts = true
            remember(live.remove(oldest))
        }
        live.add(context)
        return evicts
    }

    /// Puts a context into the memory; the one that has been there for the longest time is forgotten when it is full.
    mutating func remember(_ context: SSRCContext) {
        if !evicted.hasRoom, let oldest = evicted.leastRecentlyUsed { evicted.remove(oldest) }
        evicted.add(context)
    }

    /// Calls `body` for every context, the least recently used one first.
    func forEach(_ body: (SSRCContext) -> Void) { live.forEach(body) }

    /// Calls `body` for every remembered context, the oldest first.
    func forEachEvicted(_ body: (SSRCContext) -> Void) { evicted.forEach(body) }
}
