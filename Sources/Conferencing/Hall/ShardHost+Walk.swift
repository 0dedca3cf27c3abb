// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages
import Telemetry

// What surrounds a walk through a conference: packets come into its lists, the walk takes the lists over, and at its
// end they are released. While a walk waits for the next turn, new packets gather for the next walk.

extension ShardHost {
    /// Puts a packet at the end of its encoding's list.
    /// - Returns: whether there was room.
    @discardableResult
    mutating func enqueue(_ packet: BatchPacket, of slot: Int, in conferenceIndex: Int) -> Bool {
        let conference = conferences.pointer(at: conferenceIndex)
        let place = EncodingPlace(source: slot, encoding: Int(packet.encoding))
        let encoding = conference.pointee.encoding(at: place)
        let isFirst = encoding.pointee.arriving.isEmpty
        guard conference.pointee.waitingCount < ConferencingLimits.waitingPackets,
            batch.append(packet, to: &encoding.pointee.arriving)
        else {
            counters.add(.droppedBatchFull)
            return false
        }
        conference.pointee.waitingCount += 1
        if isFirst {
            encoding.pointee.nextArriving = .none
            if conference.pointee.firstArriving.isNone {
                conference.pointee.firstArriving = place
            } else {
                conference.pointee.encoding(at: conference.pointee.lastArriving).pointee.nextArriving = place
            }
            conference.pointee.lastArriving = place
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
        var place = conference.pointee.firstArriving
        conference.pointee.firstArriving = .none
        // Ends: the list has every encoding at most once.
        while !place.isNone {
            let encoding = conference.pointee.encoding(at: place)
            encoding.pointee.walking = encoding.pointee.arriving
            encoding.pointee.arriving = PacketList()
            conference.pointee.interest.collect(place.source, into: &conference.pointee.toVisit)
            let source = conference.pointee.sources.pointer(at: place.source)
            if source.pointee.mediaType == .video { evenOut(encoding.pointee.walking) }
            let shape = shape(of: encoding.pointee.walking)
            encoding.pointee.hasStart = shape.hasStart
            walkPlan.add(
                WalkPlan.Entry(
                    place, length: shape.length, packets: UInt16(clamping: encoding.pointee.walking.count),
                    isEven: shape.isEven))
            place = encoding.pointee.nextArriving
            encoding.pointee.nextArriving = .none
        }
        walkPlan.make()
        link(conference)
    }

    /// Length of a list's first packet, whether all have it, and whether a receiver's stream may begin in it.
    private mutating func shape(of list: PacketList) -> (length: UInt16, isEven: Bool, hasStart: Bool) {
        func length(_ index: Int32) -> Int {
            let packet = batch[index]
            return packet.pointee.info.headerBytes + packet.pointee.info.payloadBytes + Int(packet.pointee.padding)
        }
        let first = length(list.head)
        var isEven = true
        var hasStart = false
        var next = list.head
        // Ends: the list has no cycle.
        while next >= 0 {
            if length(next) != first { isEven = false }
            if batch[next].pointee.canStart { hasStart = true }
            next = batch[next].pointee.next
        }
        return (UInt16(clamping: first), isEven, hasStart)
    }

    /// Makes the list of the walk from its plan.
    private mutating func link(_ conference: UnsafeMutablePointer<Conference>) {
        conference.pointee.firstWalking = .none
        link(conference, areTails: true)
        conference.pointee.firstTail = conference.pointee.firstWalking
        link(conference, areTails: false)
    }

    private mutating func link(_ conference: UnsafeMutablePointer<Conference>, areTails: Bool) {
        // From the end, since each goes to the front.
        for index in stride(from: walkPlan.count - 1, through: 0, by: -1) where walkPlan[index].isTail == areTails {
            let encoding = conference.pointee.encoding(at: walkPlan[index].place)
            encoding.pointee.takesTail = walkPlan[index].takesTail
            encoding.pointee.nextWalking = conference.pointee.firstWalking
            conference.pointee.firstWalking = walkPlan[index].place
        }
    }

    /// Every receiver was visited: passes the wishes on that came up, and gives the packets back.
    mutating func endWalk(
        _ conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch
    ) {
        var place = conference.pointee.firstWalking
        // Ends: as above.
        while !place.isNone {
            let source = conference.pointee.sources.pointer(at: place.source)
            if let receiver = source.pointee.wantsKeyframeFor {
                source.pointee.wantsKeyframeFor = nil
                requestKeyframe(of: place.source, in: conference, for: Int(receiver), at: now, into: &egress)
            }
            let encoding = conference.pointee.encoding(at: place)
            if encoding.pointee.hasStart { noteUse(of: place.source, in: conference) }
            conference.pointee.waitingCount -= Int(encoding.pointee.walking.count)
            batch.release(&encoding.pointee.walking)
            place = encoding.pointee.nextWalking
            encoding.pointee.nextWalking = .none
        }
        conference.pointee.firstWalking = .none
        conference.pointee.firstTail = .none
        conference.pointee.isWalking = false
    }

    /// Gives back what waits of one source, which is about to end.
    mutating func dropWaiting(_ slot: Int, of conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: slot)
        for position in 0..<source.pointee.encodings.count {
            let encoding = source.pointee.encodings.pointer(at: position)
            let place = EncodingPlace(source: slot, encoding: position)
            conference.pointee.waitingCount -= Int(encoding.pointee.arriving.count + encoding.pointee.walking.count)
            if !encoding.pointee.walking.isEmpty {
                batch.release(&encoding.pointee.walking)
                unlinkWalking(place, of: conference)
            }
            if !encoding.pointee.arriving.isEmpty {
                batch.release(&encoding.pointee.arriving)
                unlinkArriving(place, of: conference)
            }
        }
    }

    private func unlinkWalking(_ place: EncodingPlace, of conference: UnsafeMutablePointer<Conference>) {
        let encoding = conference.pointee.encoding(at: place)
        var position = conference.pointee.firstWalking
        if position == place { conference.pointee.firstWalking = encoding.pointee.nextWalking }
        if conference.pointee.firstTail == place { conference.pointee.firstTail = encoding.pointee.nextWalking }
        // Ends: the list has every encoding at most once.
        while !position.isNone, position != place {
            let other = conference.pointee.encoding(at: position)
            position = other.pointee.nextWalking
            if position == place { other.pointee.nextWalking = encoding.pointee.nextWalking }
        }
        encoding.pointee.nextWalking = .none
    }

    private func unlinkArriving(_ place: EncodingPlace, of conference: UnsafeMutablePointer<Conference>) {
        let encoding = conference.pointee.encoding(at: place)
        var position = conference.pointee.firstArriving
        if position == place { conference.pointee.firstArriving = encoding.pointee.nextArriving }
        var last = position == place ? encoding.pointee.nextArriving : position
        // Ends: as above.
        while !position.isNone, position != place {
            let other = conference.pointee.encoding(at: position)
            last = position
            position = other.pointee.nextArriving
            if position == place { other.pointee.nextArriving = encoding.pointee.nextArriving }
        }
        // Ends: as above.
        while !last.isNone, case let next = conference.pointee.encoding(at: last).pointee.nextArriving, !next.isNone {
            last = next
        }
        conference.pointee.lastArriving = last
        encoding.pointee.nextArriving = .none
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
    private mutating func evenOut(_ list: PacketList) {
        var first = list.head
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
