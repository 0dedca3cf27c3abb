// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Remembers recent video packets of a worker, so that losses on the way to receivers can be repaired (RFC 4585 6.2.1,
/// RFC 4588).
///
/// One copy of each packet, in plaintext as it came and before any patch, serves every receiver: each has its own
/// numbers, keys and patches, and ``SentRing`` remembers those. Insert a packet once, before the fan-out and only if
/// somebody gets packets of its encoding; what nobody watches is not kept.
///
/// The memory is a ring of bytes beside a ring of records. Both are overwritten in order, so whether a packet is still
/// whole is a comparison of positions, and nothing is ever freed, searched or swept. A ``PacketReference`` is the
/// number of the packet in this order. Bounded in bytes and packets (``RepairSettings``) and in time
/// (``ForwardingLimits/storeLifetime``).
/// - Memory: `storeBytes` and a quarter more for records, touched as far as they are used.
/// - Cost: one copy of the packet; a look-up is O(1).
public struct PacketStore: ~Copyable {
    private struct Record: BitwiseCopyable {
        var info: PacketInfo
        /// Where its bytes begin, counted over all rounds of the ring.
        var position: UInt64
        var storedAt: Timestamp
        var codec: UInt8
    }

    /// What went in and out.
    public private(set) var counters = StoreCounters()
    /// Packets that are whole.
    public private(set) var count = 0

    private let bytes: UnsafeMutableRawPointer
    private let byteCapacity: UInt64
    private let records: UnsafeMutablePointer<Record>
    private let recordCapacity: Int
    /// Behind the newest packet's bytes, counted over all rounds.
    private var head: UInt64 = 0
    private var newest: PacketReference
    /// Places of the newest record and of the oldest whole one.
    private var newestPlace = -1
    private var oldestPlace = 0

    /// An empty store of `byteCapacity` bytes; no less than a few packets' worth.
    public init(byteCapacity: Int = RepairSettings().storeBytes) {
        self.init(byteCapacity: byteCapacity, after: .none)
    }

    /// Bytes of a packet's record.
    static var recordBytes: Int { MemoryLayout<Record>.stride }

    /// Also says after which number the packets' numbers begin.
    init(byteCapacity: Int, after reference: PacketReference) {
        newest = reference
        let room = max(byteCapacity, 4 * ForwardingLimits.storedPacketBytes)
        bytes = .allocate(byteCount: room, alignment: 64)
        self.byteCapacity = UInt64(room)
        recordCapacity = max(room / ForwardingLimits.storeBytesPerRecord, 4)
        records = .allocate(capacity: recordCapacity)
    }

    deinit {
        bytes.deallocate()
        records.deallocate()
    }

    /// Keeps a copy of a packet, without its padding; pushes out the oldest ones as far as room is needed.
    /// - Parameters:
    ///   - info: what door 4 found in it, after all that is dropped for every receiver was dropped.
    ///   - packet: where `info` was read from, decrypted.
    ///   - codec: what its payload type means to the sender (`Codec` raw value).
    /// - Returns: ``PacketReference/none`` for a packet that is not kept: an empty one, or one that no slot takes.
    public mutating func insert(
        _ info: PacketInfo, from packet: UnsafeRawPointer, codec: UInt8, at now: Timestamp
    ) -> PacketReference {
        let byteCount = info.headerBytes + info.payloadBytes
        guard info.payloadBytes > 0, byteCount <= ForwardingLimits.storedPacketBytes else {
            counters.refused += 1
            return .none
        }
        // Packets begin on a cache line.
        let size = UInt64((byteCount + 63) & ~63)
        let offset = head % byteCapacity
        let start = offset + size > byteCapacity ? head + (byteCapacity - offset) : head
        makeRoom(until: start + size, at: now)
        newestPlace = newestPlace + 1 == recordCapacity ? 0 : newestPlace + 1
        newest = newest.next
        var record = Record(info: info, position: start, storedAt: now, codec: codec)
        record.info.byteCount = byteCount
        record.info.paddingBytes = 0
        (records + newestPlace).initialize(to: record)
        (bytes + Int(start % byteCapacity)).copyMemory(from: packet, byteCount: byteCount)
        head = start + size
        count += 1
        counters.stored += 1
        return newest
    }

    /// The packet of `reference`, if it is still here and younger than ``ForwardingLimits/storeLifetime``. Its bytes
    /// stay until the next ``insert(_:from:codec:at:)``.
    public mutating func find(_ reference: PacketReference, at now: Timestamp) -> StoredPacket? {
        guard reference != .none else {
            counters.neverStored += 1
            return nil
        }
        // Numbers leave one out where they wrap.
        let skipped: UInt32 = reference.rawValue > newest.rawValue ? 1 : 0
        let back = Int(newest.rawValue &- reference.rawValue &- skipped)
        guard back < count else {
            counters.gone += 1
            return nil
        }
        let record = records[place(back)]
        guard now - record.storedAt <= ForwardingLimits.storeLifetime else {
            counters.tooOld += 1
            return nil
        }
        counters.found += 1
        return StoredPacket(
            info: record.info, base: UnsafeRawPointer(bytes + Int(record.position % byteCapacity)), codec: record.codec)
    }

    /// The place of the record before `back` others; `back` is below ``count``.
    private func place(_ back: Int) -> Int {
        let place = newestPlace - back
        return place < 0 ? place + recordCapacity : place
    }

    /// Gives up the oldest packets until a record is free and nothing whole lies where bytes up to `end` go.
    private mutating func makeRoom(until end: UInt64, at now: Timestamp) {
        // Ends: every turn gives up a packet.
        while count > 0, count == recordCapacity || records[oldestPlace].position + byteCapacity < end {
            if now - records[oldestPlace].storedAt <= ForwardingLimits.storeLifetime { counters.overwritten += 1 }
            oldestPlace = oldestPlace + 1 == recordCapacity ? 0 : oldestPlace + 1
            count -= 1
        }
    }
}
