// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// What surrounds a walk through a conference: packets come into its lists, the walk takes the lists over, and at its
// end they are released. While a walk waits for the next turn, new packets gather for the next walk.

extension ShardHost {
    /// Puts a packet at the end of its source's list.
    /// - Returns: whether there was room.
    @discardableResult
    mutating func enqueue(_ packet: BatchPacket, of slot: Int, in conferenceIndex: Int) -> Bool {
        let conference = conferences.pointer(at: conferenceIndex)
        let source = conference.pointee.sources.pointer(at: slot)
        let isFirst = source.pointee.arriving.isEmpty
        guard conference.pointee.waitingCount < ConferencingLimits.waitingPackets,
            batch.append(packet, to: &source.pointee.arriving)
        else {
            counters.add(.droppedBatchFull)
            return false
        }
        conference.pointee.waitingCount += 1
        if isFirst {
            source.pointee.nextArriving = -1
            if conference.pointee.firstArriving < 0 {
                conference.pointee.firstArriving = Int32(slot)
            } else {
                conference.pointee.sources.pointer(at: Int(conference.pointee.lastArriving)).pointee.nextArriving =
                    Int32(slot)
            }
            conference.pointee.lastArriving = Int32(slot)
        }
        if !conference.pointee.isQueued {
            conference.pointee.isQueued = true
            queue.append(UInt32(conferenceIndex))
        }
        return true
    }

    /// Takes over what has arrived, and finds out who wants any of it.
    mutating func beginWalk(_ conference: UnsafeMutablePointer<Conference>) {
        conference.pointee.isWalking = true
        conference.pointee.toVisit = MemberSet()
        walkPlan.removeAll()
        var slot = conference.pointee.firstArriving
        conference.pointee.firstArriving = -1
        // Ends: the list has every source at most once.
        while slot >= 0 {
            let source = conference.pointee.sources.pointer(at: Int(slot))
            source.pointee.walking = source.pointee.arriving
            source.pointee.arriving = PacketList()
            conference.pointee.interest.collect(Int(slot), into: &conference.pointee.toVisit)
            evenOut(source)
            let (length, isEven) = shape(of: source.pointee.walking)
            walkPlan.add(
                WalkPlan.Entry(
                    slot: slot, length: length, packets: UInt16(clamping: source.pointee.walking.count), isEven: isEven)
            )
            slot = source.pointee.nextArriving
            source.pointee.nextArriving = -1
        }
        walkPlan.make()
        link(conference)
    }

    /// Length of a list's first packet, and whether all have it.
    private func shape(of list: PacketList) -> (length: UInt16, isEven: Bool) {
        func length(_ index: Int32) -> Int {
            let packet = batch[index]
            return packet.pointee.info.headerBytes + packet.pointee.info.payloadBytes + Int(packet.pointee.padding)
        }
        let first = length(list.head)
        var next = batch[list.head].pointee.next
        // Ends: the list has no cycle.
        while next >= 0 {
            guard length(next) == first else { return (UInt16(clamping: first), false) }
            next = batch[next].pointee.next
        }
        return (UInt16(clamping: first), true)
    }

    /// Makes the list of the walk from its plan.
    private func link(_ conference: UnsafeMutablePointer<Conference>) {
        conference.pointee.firstWalking = -1
        link(conference, areTails: true)
        conference.pointee.firstTail = conference.pointee.firstWalking
        link(conference, areTails: false)
    }

    private func link(_ conference: UnsafeMutablePointer<Conference>, areTails: Bool) {
        // From the end, since each goes to the front.
        for index in stride(from: walkPlan.count - 1, through: 0, by: -1) where walkPlan[index].isTail == areTails {
            let source = conference.pointee.sources.pointer(at: Int(walkPlan[index].slot))
            source.pointee.takesTail = walkPlan[index].takesTail
            source.pointee.nextWalking = conference.pointee.firstWalking
            conference.pointee.firstWalking = walkPlan[index].slot
        }
    }

    /// Every receiver was visited: passes the wishes on that came up, and gives the packets back.
    mutating func endWalk(
        _ conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch
    ) {
        var slot = conference.pointee.firstWalking
        // Ends: as above.
        while slot >= 0 {
            let source = conference.pointee.sources.pointer(at: Int(slot))
            if let place = source.pointee.wantsKeyframeFor {
                source.pointee.wantsKeyframeFor = nil
                requestKeyframe(of: Int(slot), in: conference, for: Int(place), at: now, into: &egress)
            }
            conference.pointee.waitingCount -= Int(source.pointee.walking.count)
            batch.release(&source.pointee.walking)
            slot = source.pointee.nextWalking
            source.pointee.nextWalking = -1
        }
        conference.pointee.firstWalking = -1
        conference.pointee.firstTail = -1
        conference.pointee.isWalking = false
    }

    /// Gives back what waits of one source, which is about to end.
    mutating func dropWaiting(_ slot: Int, of conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: slot)
        let waiting = Int(source.pointee.arriving.count + source.pointee.walking.count)
        guard waiting > 0 else { return }
        conference.pointee.waitingCount -= waiting
        if !source.pointee.walking.isEmpty {
            batch.release(&source.pointee.walking)
            unlinkWalking(Int32(slot), of: conference)
        }
        if !source.pointee.arriving.isEmpty {
            batch.release(&source.pointee.arriving)
            unlinkArriving(Int32(slot), of: conference)
        }
    }

    private func unlinkWalking(_ slot: Int32, of conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: Int(slot))
        var position = conference.pointee.firstWalking
        if position == slot { conference.pointee.firstWalking = source.pointee.nextWalking }
        if conference.pointee.firstTail == slot { conference.pointee.firstTail = source.pointee.nextWalking }
        // Ends: the list has every source at most once.
        while position >= 0, position != slot {
            let other = conference.pointee.sources.pointer(at: Int(position))
            position = other.pointee.nextWalking
            if position == slot { other.pointee.nextWalking = source.pointee.nextWalking }
        }
        source.pointee.nextWalking = -1
    }

    private func unlinkArriving(_ slot: Int32, of conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: Int(slot))
        var position = conference.pointee.firstArriving
        if position == slot { conference.pointee.firstArriving = source.pointee.nextArriving }
        var last: Int32 = position == slot ? source.pointee.nextArriving : position
        // Ends: as above.
        while position >= 0, position != slot {
            let other = conference.pointee.sources.pointer(at: Int(position))
            last = position
            position = other.pointee.nextArriving
            if position == slot { other.pointee.nextArriving = source.pointee.nextArriving }
        }
        // Ends: as above.
        while last >= 0, case let next = conference.pointee.sources[Int(last)].nextArriving, next >= 0 { last = next }
        conference.pointee.lastArriving = last
        source.pointee.nextArriving = -1
    }

    /// Gives back what waits of a conference, which is about to end, and takes it out of the queue.
    mutating func dropWaiting(_ conference: UnsafeMutablePointer<Conference>, at index: Int) {
        for slot in 0..<conference.pointee.sources.count { dropWaiting(slot, of: conference) }
        conference.pointee.isWalking = false
        conference.pointee.toVisit = MemberSet()
        if conference.pointee.isSelecting {
            conference.pointee.isSelecting = false
            selecting.removeAll { $0 == UInt32(index) }
        }
        guard conference.pointee.isQueued else { return }
        conference.pointee.isQueued = false
        queue.removeAll { $0 == UInt32(index) }
    }

    /// Pads the packets of each frame to the length of its longest, where that takes a few bytes.
    ///
    /// Browsers split a frame into packets that differ by one byte, the longer ones last. The kernel takes equal
    /// packets for one receiver as one message, and the message is what costs (ADR 14). The padding is written once,
    /// behind the payload, where the tag stood or the sender's own padding.
    private func evenOut(_ source: UnsafeMutablePointer<Source>) {
        guard source.pointee.mediaType == .video else { return }
        var first = source.pointee.walking.head
        // Both loops end: the list has no cycle, and the outer one goes on where the inner ones stopped.
        while first >= 0 {
            let timestamp = batch[first].pointee.info.timestamp
            var longest = 0
            var end = first
            while end >= 0, batch[end].pointee.info.timestamp == timestamp {
                longest = max(longest, batch[end].pointee.info.payloadBytes)
                end = batch[end].pointee.next
            }
            while first != end {
                let packet = batch[first]
                first = packet.pointee.next
                let missing = longest - packet.pointee.info.payloadBytes
                // The last segment of a message may be shorter.
                guard missing > 0, missing <= ConferencingLimits.evenPadding, first != end, !packet.pointee.isLost
                else { continue }
                let start = packet.pointee.base + packet.pointee.info.headerBytes + packet.pointee.info.payloadBytes
                start.initializeMemory(as: UInt8.self, repeating: 0, count: missing)
                start.storeBytes(of: UInt8(missing), toByteOffset: missing - 1, as: UInt8.self)
                packet.pointee.padding = UInt8(missing)
            }
        }
    }
}
