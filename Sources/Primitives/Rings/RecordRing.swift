// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A bounded ring of byte records between exactly one producer thread and one consumer thread: what travels is copied
/// in and read in place, so that neither side allocates.
///
/// A record is a tag and its bytes. It never wraps around the end: where it does not fit there the rest is skipped. The
/// wake-up protocol is ``SPSCRing``'s.
public final class RecordRing: @unchecked Sendable {
    // Safe to share: `head` is written by the producer alone, `tail` by the consumer alone, and a byte belongs to
    // whichever side the two positions say; publishing a position is a release, reading it an acquire.
    private let storage: UnsafeMutableRawPointer
    private let mask: Int
    private let ends = RingEnds()

    /// Tag and length in front of each record.
    private static let headerBytes = 16
    /// The length that says: the next record begins at the ring's start.
    private static let skip = UInt64.max

    /// A ring of `capacity` bytes, a power of two.
    public init(capacity: Int) {
        precondition(capacity >= 64 && capacity & (capacity - 1) == 0, "ring capacity must be a power of two")
        storage = .allocate(byteCount: capacity, alignment: 16)
        mask = capacity - 1
    }

    deinit { storage.deallocate() }

    /// How many bytes it holds, headers included.
    public var capacity: Int { mask + 1 }

    private static func footprint(_ count: Int) -> Int { (headerBytes + count + 15) & ~15 }

    /// Appends a record. Producer only.
    /// - Returns: `false` when there is no room; nothing was taken.
    public func push(tag: UInt64, _ bytes: RawSpan) -> Bool {
        let needed = Self.footprint(bytes.byteCount)
        var position = ends.head.load(ordering: .relaxed)
        let free = capacity - (position &- ends.tail.load(ordering: .acquiring))
        let untilEnd = capacity - (position & mask)
        let skipped = untilEnd < needed ? untilEnd : 0
        guard needed + skipped <= free else { return false }
        if skipped > 0 {
            // Positions are multiples of 16, so a header always fits before the end.
            storage.storeBytes(of: Self.skip, toByteOffset: (position & mask) + 8, as: UInt64.self)
            position &+= skipped
        }
        let start = storage + (position & mask)
        start.storeBytes(of: tag, as: UInt64.self)
        start.storeBytes(of: UInt64(bytes.byteCount), toByteOffset: 8, as: UInt64.self)
        bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            (start + Self.headerBytes).copyMemory(from: base, byteCount: source.count)
        }
        ends.head.store(position &+ needed, ordering: .sequentiallyConsistent)
        return true
    }

    /// Reads the oldest record in place and takes it off. Consumer only.
    /// - Returns: `false` when there is none; `body` was not called.
    public func pop(_ body: (_ tag: UInt64, _ bytes: RawSpan) -> Void) -> Bool {
        var position = ends.tail.load(ordering: .relaxed)
        guard position != ends.head.load(ordering: .acquiring) else { return false }
        var start = storage + (position & mask)
        if start.load(fromByteOffset: 8, as: UInt64.self) == Self.skip {
            // Published together with the record behind it.
            position &+= capacity - (position & mask)
            start = storage
        }
        let count = Int(start.load(fromByteOffset: 8, as: UInt64.self))
        body(
            start.load(as: UInt64.self),
            UnsafeRawBufferPointer(start: start + Self.headerBytes, count: count).bytes)
        ends.tail.store(position &+ Self.footprint(count), ordering: .releasing)
        return true
    }

    /// Says that the consumer is about to sleep. Consumer only.
    /// - Returns: whether it may: `false` when a record arrived meanwhile (the parking is undone).
    public func park() -> Bool { ends.park() }

    /// Says that the consumer is awake again. Consumer only.
    public func unpark() { ends.unpark() }

    /// Whether the consumer has to be woken for what was just pushed; answers `true` once per sleep. Producer only.
    public func needsWake() -> Bool { ends.needsWake() }
}
