// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The contexts of one direction: side by side in memory, found by SSRC through a hash, or by their place when the
/// caller remembers it.
///
/// Starts small, doubles when a new SSRC finds it full, never beyond its limit; does not allocate for SSRCs it knows. A
/// context keeps its place until ``remove(_:)`` is called; a table from which nothing is removed gives places for life.
struct ContextTable: ~Copyable {
    /// Neighbours in order of use.
    private struct Links: BitwiseCopyable {
        var older: UInt32
        var newer: UInt32
    }

    private static let none = UInt32.max

    private var places: FixedTable<UInt32, UInt32>
    private var contexts: UnsafeMutablePointer<SSRCContext>
    private var links: UnsafeMutablePointer<Links>
    private var capacity: Int
    private var newest = none
    private var oldest = none
    private let limit: Int
    /// How many SSRCs are known.
    private(set) var count = 0

    /// A table for at most `limit` contexts, with memory for `initial` at first.
    init(limit: Int, initial: Int = SRTPLimits.initialContexts) {
        self.limit = limit
        capacity = min(limit, initial)
        places = FixedTable(capacity: capacity)
        contexts = .allocate(capacity: capacity)
        links = .allocate(capacity: capacity)
    }

    deinit {
        contexts.deallocate()
        links.deallocate()
    }

    /// Whether a new SSRC finds room without another one leaving.
    var hasRoom: Bool { count < limit }

    /// Where the context of `ssrc` is.
    @inline(__always)
    func place(of ssrc: UInt32) -> Int? { places[ssrc].map { Int($0) } }

    /// Whether the context at `place`, which may come from another time or table, is that of `ssrc`.
    @inline(__always)
    func holds(_ ssrc: UInt32, at place: Int) -> Bool { place < count && contexts[place].ssrc == ssrc }

    /// The context at a place that ``place(of:)`` or ``add(_:)`` gave.
    @inline(__always)
    subscript(place: Int) -> SSRCContext {
        get { contexts[place] }
        nonmutating set { contexts[place] = newValue }
    }

    /// Adds the context of an SSRC that is not in yet, as the one most recently used; there must be room.
    /// - Returns: its place.
    @discardableResult
    mutating func add(_ context: SSRCContext) -> Int {
        precondition(hasRoom, "no room for a context")
        if count == capacity { grow() }
        let place = count
        count += 1
        contexts[place] = context
        places.insert(context.ssrc, UInt32(place))
        append(UInt32(place))
        return place
    }

    /// Makes the context at `place` the one most recently used.
    @inline(__always)
    mutating func touch(_ place: Int) {
        guard UInt32(place) != newest else { return }
        unlink(UInt32(place))
        append(UInt32(place))
    }

    /// The place of the context that was not used for the longest time.
    var leastRecentlyUsed: Int? { oldest == Self.none ? nil : Int(oldest) }

    /// Takes a context out. The last one moves to its place.
    @discardableResult
    mutating func remove(_ place: Int) -> SSRCContext {
        let removed = contexts[place]
        unlink(UInt32(place))
        places.remove(removed.ssrc)
        count -= 1
        if place != count {
            contexts[place] = contexts[count]
            links[place] = links[count]
            places.insert(contexts[place].ssrc, UInt32(place))
            relink(UInt32(place))
        }
        return removed
    }

    /// Calls `body` for every context, the least recently used one first.
    func forEach(_ body: (SSRCContext) -> Void) {
        var place = oldest
        // Ends: every context is in the chain once.
        while place != Self.none {
            body(contexts[Int(place)])
            place = links[Int(place)].newer
        }
    }

    private mutating func append(_ place: UInt32) {
        links[Int(place)] = Links(older: newest, newer: Self.none)
        if newest == Self.none { oldest = place } else { links[Int(newest)].newer = place }
        newest = place
    }

    private mutating func unlink(_ place: UInt32) {
        let own = links[Int(place)]
        if own.older == Self.none { oldest = own.newer } else { links[Int(own.older)].newer = own.newer }
        if own.newer == Self.none { newest = own.older } else { links[Int(own.newer)].older = own.older }
    }

    /// Tells the neighbours of a context that moved where it is now.
    private mutating func relink(_ place: UInt32) {
        let own = links[Int(place)]
        if own.older == Self.none { oldest = place } else { links[Int(own.older)].newer = place }
        if own.newer == Self.none { newest = place } else { links[Int(own.newer)].older = place }
    }

    private mutating func grow() {
        let larger = min(limit, capacity * 2)
        var table = FixedTable<UInt32, UInt32>(capacity: larger)
        places.forEach { table.insert($0, $1) }
        places = table
        contexts = Self.moved(contexts, count: count, capacity: larger)
        links = Self.moved(links, count: count, capacity: larger)
        capacity = larger
    }

    private static func moved<T: BitwiseCopyable>(
        _ old: UnsafeMutablePointer<T>, count: Int, capacity: Int
    ) -> UnsafeMutablePointer<T> {
        let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
        new.moveInitialize(from: old, count: count)
        old.deallocate()
        return new
    }
}
