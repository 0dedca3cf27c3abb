// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The SSRCs of one media type under which one receiver gets sources, at most as many as it can tell apart: which
/// source each carries, in the order in which they were used (media-plane.md 5.10).
///
/// Slots are made one by one and never given up. What carries nothing any more is taken before a new one is made, the
/// one that rested longest first; when there is no room, that of the source that was used least recently.
public struct SlotTable: ~Copyable {
    private var slots = GrowableBuffer<SourceSlot>()
    /// Which slot carries the source in each place of the conference; ``nowhere`` for none.
    private var places = GrowableBuffer<UInt16>()
    /// Counts uses, to tell which was last.
    public private(set) var useCount: UInt64 = 0
    private let limit: Int
    private let isAudio: Bool

    private static let nowhere = UInt16.max

    /// No slot yet.
    /// - Parameter limit: how many there can be; more than ``ForwardingLimits/sourceSlots`` are none.
    public init(isAudio: Bool, limit: Int) {
        self.isAudio = isAudio
        self.limit = min(max(0, limit), ForwardingLimits.sourceSlots)
    }

    /// How many slots there are, free ones included.
    public var count: Int { slots.count }

    /// Slots that carry a source.
    public var mappedCount: Int {
        var count = 0
        for index in 0..<slots.count where !slots[index].isFree { count += 1 }
        return count
    }

    /// Whether another slot can be made.
    public var hasRoom: Bool { slots.count < limit }

    /// A slot; valid until the next one is made.
    @inline(__always)
    public func pointer(at index: Int) -> UnsafeMutablePointer<SourceSlot> { slots.pointer(at: index) }

    // MARK: Looking up

    /// The slot that carries a source; `nil` when none does.
    /// - Parameter key: see ``SourceSlot/key``.
    public func slot(of key: UInt64) -> Int? {
        let place = SourceSlot.place(of: key)
        guard place < places.count, case let index = places[place], index != Self.nowhere else { return nil }
        return slots[Int(index)].key == key ? Int(index) : nil
    }

    /// The slot that an SSRC belongs to; `nil` when it is of none.
    public func slot(ssrc: UInt32) -> (index: Int, isRetransmission: Bool)? {
        for index in 0..<slots.count {
            if slots[index].ssrc == ssrc { return (index, false) }
            if slots[index].rtxSSRC == ssrc { return (index, true) }
        }
        return nil
    }

    /// Whether an SSRC belongs to a slot.
    public func has(_ ssrc: UInt32) -> Bool { slot(ssrc: ssrc) != nil }

    // MARK: Changing

    /// Makes a slot that carries nothing; only while ``hasRoom``.
    /// - Parameters:
    ///   - ssrc: nobody else's.
    ///   - rtxSSRC: nobody else's.
    /// - Returns: which one it is.
    public mutating func make(ssrc: UInt32, rtxSSRC: UInt32?) -> Int {
        precondition(hasRoom, "as many slots as there can be")
        let index = slots.count
        slots.append(
            SourceSlot(ssrc: ssrc, rtxSSRC: rtxSSRC, mediaID: MediaID(isAudio: isAudio, number: index)))
        return index
    }

    /// A slot is used now.
    public mutating func touch(_ index: Int) {
        useCount += 1
        slots.pointer(at: index).pointee.use = useCount
    }

    /// The slot that rested longest of those that carry nothing.
    public var eldestFree: Int? { eldest { $0.isFree } }

    /// The slot that was used least recently of those that carry a source.
    /// - Parameter count: only those come into question that were used no later than when ``useCount`` was this.
    public func eldestMapped(before count: UInt64) -> Int? { eldest { !$0.isFree && $0.use <= count } }

    private func eldest(_ isCandidate: (SourceSlot) -> Bool) -> Int? {
        var found: Int?
        for index in 0..<slots.count where isCandidate(slots[index]) {
            if let other = found, slots[other].use <= slots[index].use { continue }
            found = index
        }
        return found
    }

    /// A free slot carries a source from now on.
    /// - Parameter key: see ``SourceSlot/key``; not ``SourceSlot/free``.
    public mutating func map(_ index: Int, to key: UInt64, at now: Timestamp) {
        precondition(slots[index].isFree && key != SourceSlot.free, "a slot carries one source")
        let place = SourceSlot.place(of: key)
        while places.count <= place { places.append(Self.nowhere) }
        places[place] = UInt16(index)
        let slot = slots.pointer(at: index)
        slot.pointee.key = key
        slot.pointee.mappedAt = now
        slot.pointee.isNews = true
        touch(index)
    }

    /// A slot carries nothing from now on: its source lost it, or ended.
    /// - Parameter continuation: where its stream stands; `nil` where nothing was sent since it was mapped.
    public mutating func release(_ index: Int, continuation: StreamContinuation?) {
        let slot = slots.pointer(at: index)
        let place = SourceSlot.place(of: slot.pointee.key)
        if place < places.count, places[place] == UInt16(index) { places[place] = Self.nowhere }
        slot.pointee.key = SourceSlot.free
        slot.pointee.isNews = true
        if let continuation { slot.pointee.continuation = continuation }
    }
}
