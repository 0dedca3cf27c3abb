// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A bounded ring between exactly one producer thread and one consumer thread; with `RecordRing` the only
/// lock-free code in the project.
///
/// Elements are moved in and out. The two positions sit on their own cache lines; each side keeps a private copy of the
/// other's position and rereads it only when the ring looks full or empty.
///
/// Wake-up protocol (house rule 2.6): the consumer calls ``park()``; if that says the ring is still empty it may sleep
/// until the producer's wake. The producer publishes first and then asks ``needsWake()``; both sides are sequentially
/// consistent, so a wake cannot be lost.
public final class SPSCRing<Element: Sendable>: @unchecked Sendable {
    // Safe to share: `head` is written by the producer alone, `tail` by the consumer alone, and a slot belongs to
    // whichever side the two positions say; publishing a position is a release, reading it an acquire.
    private let storage: UnsafeMutablePointer<Element>
    private let mask: Int
    private let ends = RingEnds()
    private var cachedTail = 0
    private var cachedHead = 0

    /// A ring of `capacity` elements, a power of two.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "ring capacity must be a power of two")
        storage = .allocate(capacity: capacity)
        mask = capacity - 1
    }

    deinit {
        while pop() != nil {}
        storage.deallocate()
    }

    /// How many elements fit.
    public var capacity: Int { mask + 1 }

    /// Appends an element. Producer only.
    /// - Returns: `false` when the ring is full; the element was not taken.
    public func push(_ element: Element) -> Bool {
        let head = ends.head.load(ordering: .relaxed)
        if head &- cachedTail > mask {
            cachedTail = ends.tail.load(ordering: .acquiring)
            if head &- cachedTail > mask { return false }
        }
        (storage + (head & mask)).initialize(to: element)
        ends.head.store(head &+ 1, ordering: .sequentiallyConsistent)
        return true
    }

    /// Takes the oldest element. Consumer only.
    public func pop() -> Element? {
        let tail = ends.tail.load(ordering: .relaxed)
        if tail == cachedHead {
            cachedHead = ends.head.load(ordering: .acquiring)
            if tail == cachedHead { return nil }
        }
        let element = (storage + (tail & mask)).move()
        ends.tail.store(tail &+ 1, ordering: .releasing)
        return element
    }

    /// Free places as the producer sees them; never more than there are. Producer only.
    public func freeCount() -> Int {
        cachedTail = ends.tail.load(ordering: .acquiring)
        return capacity - (ends.head.load(ordering: .relaxed) &- cachedTail)
    }

    /// Says that the consumer is about to sleep. Consumer only.
    /// - Returns: whether it may: `false` when an element arrived meanwhile (the parking is undone).
    public func park() -> Bool { ends.park() }

    /// Says that the consumer is awake again. Consumer only.
    public func unpark() { ends.unpark() }

    /// Whether the consumer has to be woken for what was just pushed; answers `true` once per sleep. Producer only.
    public func needsWake() -> Bool { ends.needsWake() }
}
