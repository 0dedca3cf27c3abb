// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import VideoPayload

/// For which receivers a packet is.
enum Audience: UInt8, BitwiseCopyable {
    case everybody
    /// Those that take redundant audio as it is.
    case redundant
    /// Those that get what is inside.
    case plain
}

/// One packet that waits to be forwarded.
struct BatchPacket: BitwiseCopyable {
    /// What door 4 found in it.
    var info: PacketInfo
    /// The plaintext packet, in the receive slab or parked.
    var base: UnsafeMutableRawPointer
    /// The next packet of the same source, −1 at the end.
    var next: Int32 = -1
    /// Where it is parked; −1 while it lies in the receive slab.
    var parked: Int32 = -1
    /// Sequence number with the gaps of discarded packets closed.
    var sequence: UInt16
    /// Bytes of padding behind the payload that go out with it, see ``ShardHost/evenOut(_:)``.
    var padding: UInt8 = 0
    /// What the payload type means to the sender (`Codec` raw value).
    var codec: UInt8
    /// Which encoding of its source it is of.
    var encoding: UInt8
    /// Whether a receiver's stream may begin with this packet: any packet, or a key frame where the bridge can tell.
    var canStart = true
    /// How it is understood where nothing is known of its frame.
    var kind = LayerView.Kind.plain
    /// What its format says of its frame, where a receiver may get some frames and others not.
    var frame: LayerView.Packet?
    /// Where the store for repeats has it.
    var reference = PacketReference.none
    /// Which receivers it is for.
    var audience = Audience.everybody
    /// There was no room to keep it: it is passed over.
    var isLost = false

    /// Writes the numbers of its frame that a receiver shall see over the sender's. The payload keeps its length.
    @inline(__always)
    func patch(_ outgoing: LayerView.Outgoing) {
        guard frame != nil else { return }
        let bytes = UnsafeMutableRawBufferPointer(start: base, count: info.headerBytes + info.payloadBytes)
        var span = bytes.mutableBytes
        info.picture.fields.patch(
            pictureID: outgoing.pictureID, tl0PictureIndex: outgoing.base, in: &span, at: info.headerBytes)
    }

    /// What is written over its dependency descriptor, if its frame is known by that.
    @inline(__always)
    func renumbering(_ outgoing: LayerView.Outgoing) -> DescriptorNumbers? {
        guard info.picture.flags.contains(.described) else { return nil }
        return DescriptorNumbers(templateDelta: outgoing.templateDelta, frameNumber: outgoing.pictureID)
    }

    /// All that is changed for a receiver, beside the sequence number; ``PacketPatch/apply(to:of:at:)`` does the same
    /// again.
    @inline(__always)
    func change(_ outgoing: LayerView.Outgoing) -> PacketPatch {
        let offset = outgoing.timestamp &- info.timestamp
        guard frame != nil else { return PacketPatch(timestampOffset: offset) }
        let isDescribed = info.picture.flags.contains(.described)
        return PacketPatch(
            timestampOffset: offset, pictureID: outgoing.pictureID,
            layerIndex: isDescribed ? outgoing.templateDelta : outgoing.base,
            fields: outgoing.setsMarker ? .lastOfPicture : .picture)
    }
}

/// A list of packets of one source, oldest first.
struct PacketList: BitwiseCopyable {
    var head: Int32 = -1
    var tail: Int32 = -1
    var count: Int32 = 0

    var isEmpty: Bool { head < 0 }
}

/// What a worker has received and not forwarded yet: records in a pool, lists through ``BatchPacket/next``.
///
/// A packet lies in the receive slab for one turn of the loop. What could not be forwarded in its turn is parked:
/// copied into memory of the batch's own, so that the slab is free again. Nothing allocates after `init`; memory is
/// touched only as far as it is used.
struct PacketBatch: ~Copyable {
    private let records: UnsafeMutablePointer<BatchPacket>
    /// Free records, a stack.
    private let free: UnsafeMutablePointer<Int32>
    private var freeCount = 0
    private var untouched: Int32 = 0
    /// Records that came in since the slab was last free.
    private let fresh: UnsafeMutablePointer<Int32>
    private(set) var freshCount = 0

    private let parking: UnsafeMutableRawPointer
    private let freeParking: UnsafeMutablePointer<Int32>
    private var freeParkingCount = 0
    private var untouchedParking: Int32 = 0

    private static var capacity: Int { ConferencingLimits.batchPackets + ConferencingLimits.parkedPackets }

    init() {
        records = .allocate(capacity: Self.capacity)
        free = .allocate(capacity: Self.capacity)
        fresh = .allocate(capacity: ConferencingLimits.batchPackets)
        parking = .allocate(
            byteCount: ConferencingLimits.parkedPackets * ConferencingLimits.parkingBytes, alignment: 64)
        freeParking = .allocate(capacity: ConferencingLimits.parkedPackets)
    }

    deinit {
        records.deallocate()
        free.deallocate()
        fresh.deallocate()
        parking.deallocate()
        freeParking.deallocate()
    }

    /// The record of a packet.
    @inline(__always)
    subscript(_ index: Int32) -> UnsafeMutablePointer<BatchPacket> { records + Int(index) }

    /// Records in use.
    var count: Int { Int(untouched) - freeCount }

    /// Whether the slab's packets have taken all the records that they may.
    var isFull: Bool { freshCount == ConferencingLimits.batchPackets }

    /// Puts a packet at the end of `list`.
    /// - Returns: `false` when there is no record left; the callers look at ``isFull``, which says so before.
    mutating func append(_ packet: BatchPacket, to list: inout PacketList) -> Bool {
        guard !isFull else { return false }
        let index: Int32
        if freeCount > 0 {
            freeCount -= 1
            index = free[freeCount]
        } else {
            guard Int(untouched) < Self.capacity else { return false }
            index = untouched
            untouched += 1
        }
        (records + Int(index)).initialize(to: packet)
        if list.isEmpty { list.head = index } else { records[Int(list.tail)].next = index }
        list.tail = index
        list.count += 1
        fresh[freshCount] = index
        freshCount += 1
        return true
    }

    /// Gives back every record of `list`.
    mutating func release(_ list: inout PacketList) {
        var index = list.head
        // Ends: a list has no cycle.
        while index >= 0 {
            let record = records + Int(index)
            if record.pointee.parked >= 0 {
                freeParking[freeParkingCount] = record.pointee.parked
                freeParkingCount += 1
            }
            // The record may still stand in the list of fresh ones: `park()` passes it over.
            record.pointee.isLost = true
            free[freeCount] = index
            freeCount += 1
            index = record.pointee.next
        }
        list = PacketList()
    }

    /// Nothing lies in the receive slab any more: everything was released.
    mutating func forgetSlab() { freshCount = 0 }

    /// Copies what still lies in the receive slab out of it.
    /// - Returns: how many packets were lost, because there was no room for them.
    mutating func park() -> Int {
        var lost = 0
        for position in 0..<freshCount {
            let record = records + Int(fresh[position])
            guard record.pointee.parked < 0, !record.pointee.isLost else { continue }
            let info = record.pointee.info
            let byteCount = max(info.byteCount, info.headerBytes + info.payloadBytes + Int(record.pointee.padding))
            guard byteCount <= ConferencingLimits.parkingBytes, hasParking else {
                record.pointee.isLost = true
                lost += 1
                continue
            }
            let place = takeParking()
            let target = parking + Int(place) * ConferencingLimits.parkingBytes
            target.copyMemory(from: record.pointee.base, byteCount: byteCount)
            record.pointee.base = target
            record.pointee.parked = place
        }
        freshCount = 0
        return lost
    }

    /// Room for a packet that is made here, which then is parked from the start. `nil` when there is none.
    mutating func takeRoom() -> (place: Int32, base: UnsafeMutableRawPointer)? {
        guard hasParking else { return nil }
        let place = takeParking()
        return (place, parking + Int(place) * ConferencingLimits.parkingBytes)
    }

    /// Gives room back that was not used.
    mutating func giveBack(_ place: Int32) {
        freeParking[freeParkingCount] = place
        freeParkingCount += 1
    }

    private var hasParking: Bool {
        freeParkingCount > 0 || Int(untouchedParking) < ConferencingLimits.parkedPackets
    }

    private mutating func takeParking() -> Int32 {
        if freeParkingCount > 0 {
            freeParkingCount -= 1
            return freeParking[freeParkingCount]
        }
        untouchedParking += 1
        return untouchedParking - 1
    }
}
