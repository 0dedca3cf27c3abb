// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import SRTP
import ShardMessages
import Telemetry

// Pairs of receivers and sources, and under which SSRCs they are known to the receiver: the source's own, or with SSRC
// rewriting those of a slot, whose stream goes on whatever source it carries (media-plane.md 5.10, docs/rewriting.md).

extension ShardHost {
    /// Where a receiver's pair with a source stands; makes it when there is none.
    /// - Returns: `nil` where the receiver has no slot for it, or may not know it yet.
    @inline(__always)
    mutating func pair(
        of receiver: UnsafeMutablePointer<Endpoint>, with slot: Int, _ source: UnsafeMutablePointer<Source>,
        at now: Timestamp
    ) -> Int? {
        if let pair = receiver.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation) {
            return pair
        }
        return makePair(of: receiver, with: slot, source, at: now)
    }

    @inline(never)
    private mutating func makePair(
        of receiver: UnsafeMutablePointer<Endpoint>, with slot: Int, _ source: UnsafeMutablePointer<Source>,
        at now: Timestamp
    ) -> Int? {
        let key = source.pointee.allocationKey(slot: slot)
        let generation = source.pointee.generation
        var projection: Projection
        if receiver.pointee.rewriting.isActive {
            let isAudio = source.pointee.mediaType == .audio
            guard let index = openSlot(of: receiver, for: key, isAudio: isAudio, at: now) else { return nil }
            let entry = receiver.pointee.rewriting.slot(index, isAudio: isAudio)
            projection = begin(entry.pointee, generation, for: receiver)
        } else {
            let ssrc = source.pointee.outgoingSSRC
            let last = receiver.pointee.transport.lastSentSequence(of: ssrc)
            projection = Projection(generation: generation, outgoingSSRC: ssrc, after: last, random: random.next())
        }
        if let handle = receiver.pointee.transport.sendHandle(for: projection.outgoingSSRC) {
            projection.transportHandle = handle.rawValue
        }
        if let target = receiver.pointee.reception.target(ofSlot: slot, key: key) { projection.aim(at: target) }
        source.pointee.used |= projection.usedEncodings
        let pair = receiver.pointee.downlink.addPair(slot: slot, projection)
        repair.rings.close(&receiver.pointee.downlink.repair(at: pair).pointee.sent)
        return pair
    }

    /// A source begins in a slot: behind what was sent in it before.
    private mutating func begin(
        _ slot: SourceSlot, _ generation: UInt32, for receiver: UnsafeMutablePointer<Endpoint>
    ) -> Projection {
        let last = receiver.pointee.transport.lastSentSequence(of: slot.ssrc)
        var projection: Projection
        if var former = slot.continuation {
            former.advance(to: last)
            projection = Projection(generation: generation, outgoingSSRC: slot.ssrc, continuing: former)
        } else {
            projection = Projection(
                generation: generation, outgoingSSRC: slot.ssrc, after: last, random: random.next())
        }
        if receiver.pointee.rewriting.numbering == .namedSlots { projection.stamp(slot.mediaID) }
        return projection
    }

    /// Packets of a source do not reach a receiver, which has no slot for them or may not know it yet.
    @inline(never)
    func refuse(
        _ packets: Int, of source: UnsafeMutablePointer<Source>, _ slot: Int,
        for receiver: UnsafeMutablePointer<Endpoint>
    ) {
        let key = source.pointee.allocationKey(slot: slot)
        let isMapped = receiver.pointee.rewriting.slot(of: key, isAudio: source.pointee.mediaType == .audio) != nil
        counters.add(isMapped ? .droppedBeforeMapped : .droppedUnmapped, UInt64(packets))
    }

    // MARK: Slots

    /// The slot in which a source may be sent now; a voice without one gets one if that is possible.
    private mutating func openSlot(
        of receiver: UnsafeMutablePointer<Endpoint>, for key: UInt64, isAudio: Bool, at now: Timestamp
    ) -> Int? {
        if let index = receiver.pointee.rewriting.slot(of: key, isAudio: isAudio) {
            return receiver.pointee.rewriting.slot(index, isAudio: isAudio).pointee.opensAt <= now ? index : nil
        }
        guard isAudio, let index = mapVoice(key, of: receiver, takesOver: true, at: now),
            receiver.pointee.rewriting.audio.pointer(at: index).pointee.opensAt <= now
        else { return nil }
        return index
    }

    /// Gives a voice a slot: one that carries nothing, a new one, or that of the voice which has rested longest.
    /// - Parameter takesOver: whether the last is to be done.
    mutating func mapVoice(
        _ key: UInt64, of receiver: UnsafeMutablePointer<Endpoint>, takesOver: Bool, at now: Timestamp
    ) -> Int? {
        let index: Int
        if let free = receiver.pointee.rewriting.audio.eldestFree {
            index = free
        } else if let made = makeSlot(of: receiver, isAudio: true) {
            index = made
            // The receiver has to know it first.
            receiver.pointee.rewriting.audio.pointer(at: made).pointee.opensAt = now + ConferencingLimits.slotHold
        } else {
            guard takesOver, now >= receiver.pointee.rewriting.nextTakeOver else { return nil }
            guard let rested = longestRested(of: receiver, at: now) else {
                receiver.pointee.rewriting.nextTakeOver = now + ConferencingLimits.slotHold
                return nil
            }
            vacate(rested, of: receiver, isAudio: true)
            index = rested
        }
        receiver.pointee.rewriting.audio.map(index, to: key, at: now)
        noteSlots(of: receiver)
        return index
    }

    /// The slot of the voice that has not been heard for the longest time, if it has rested long enough: where all
    /// speak nobody is cut off.
    private func longestRested(of receiver: UnsafeMutablePointer<Endpoint>, at now: Timestamp) -> Int? {
        var found: Int?
        var longest = Int(ConferencingLimits.slotRest.milliseconds)
        for index in 0..<receiver.pointee.rewriting.audio.count {
            let slot = receiver.pointee.rewriting.audio.pointer(at: index)
            var rest = Int((now - slot.pointee.mappedAt).milliseconds)
            let place = SourceSlot.place(of: slot.pointee.key)
            let generation = UInt32(truncatingIfNeeded: slot.pointee.key >> 16)
            if let pair = receiver.pointee.downlink.position(ofSlot: place, generation: generation) {
                rest = min(rest, receiver.pointee.downlink.projection(at: pair).pointee.idleMilliseconds(at: now))
            }
            guard rest >= longest else { continue }
            longest = rest + 1
            found = index
        }
        return found
    }

    /// Makes a slot with SSRCs that nobody else has; `nil` when there are as many as there can be.
    mutating func makeSlot(of receiver: UnsafeMutablePointer<Endpoint>, isAudio: Bool) -> Int? {
        guard isAudio ? receiver.pointee.rewriting.audio.hasRoom : receiver.pointee.rewriting.video.hasRoom,
            let ssrc = unusedSSRC(for: receiver)
        else { return nil }
        if isAudio { return receiver.pointee.rewriting.audio.make(ssrc: ssrc, rtxSSRC: nil) }
        guard let repairs = unusedSSRC(for: receiver), repairs != ssrc else { return nil }
        return receiver.pointee.rewriting.video.make(ssrc: ssrc, rtxSSRC: repairs)
    }

    private mutating func unusedSSRC(for receiver: UnsafeMutablePointer<Endpoint>) -> UInt32? {
        let conference = conferences.pointer(at: receiver.pointee.conference)
        for _ in 0..<ConferencingLimits.slotAttempts {
            let ssrc = UInt32(truncatingIfNeeded: random.next() >> 16)
            if ssrc != 0, ssrc != conference.pointee.audioSSRC, ssrc != conference.pointee.videoSSRC,
                conference.pointee.streams[ssrc] == nil, !receiver.pointee.rewriting.has(ssrc)
            {
                return ssrc
            }
        }
        return nil
    }

    /// Takes a slot from its source. Where its stream stands is kept for the next one; nothing of the old one can be
    /// asked for any more.
    mutating func vacate(_ index: Int, of receiver: UnsafeMutablePointer<Endpoint>, isAudio: Bool) {
        let key = receiver.pointee.rewriting.slot(index, isAudio: isAudio).pointee.key
        let generation = UInt32(truncatingIfNeeded: key >> 16)
        var continuation: StreamContinuation?
        if let pair = receiver.pointee.downlink.position(ofSlot: SourceSlot.place(of: key), generation: generation) {
            let projection = receiver.pointee.downlink.projection(at: pair)
            continuation = projection.pointee.continuation(isAudio: isAudio)
            projection.pointee.retire()
            repair.rings.close(&receiver.pointee.downlink.repair(at: pair).pointee.sent)
            // What waits of other sources is asked for again.
            if !isAudio { repair.dropRepeats(in: &receiver.pointee.downlink.responder.waiting) }
        }
        if isAudio {
            receiver.pointee.rewriting.audio.release(index, continuation: continuation)
        } else {
            receiver.pointee.rewriting.video.release(index, continuation: continuation)
        }
        noteSlots(of: receiver)
    }

    /// A source ends: the slots that carry it are free.
    mutating func vacateSlots(ofSource slot: Int, in conference: UnsafeMutablePointer<Conference>) {
        guard conference.pointee.rewritingCount > 0 else { return }
        let source = conference.pointee.sources.pointer(at: slot)
        let key = source.pointee.allocationKey(slot: slot)
        let isAudio = source.pointee.mediaType == .audio
        var place = 0
        // Ends: every turn goes on behind the member it has found.
        while let (found, member) = conference.pointee.nextMember(from: place) {
            place = found + 1
            let receiver = endpoints.pointer(at: member)
            if let index = receiver.pointee.rewriting.slot(of: key, isAudio: isAudio) {
                vacate(index, of: receiver, isAudio: isAudio)
            }
        }
    }

    // MARK: Feedback

    /// The slot of the source that a receiver knows under this SSRC.
    /// - Parameter includesRepairs: whether the SSRC may be that of its retransmissions, with SSRC rewriting.
    func sourceSlot(
        seenAs ssrc: UInt32, by receiver: UnsafeMutablePointer<Endpoint>, includesRepairs: Bool = false
    ) -> Int? {
        let conference = conferences.pointer(at: receiver.pointee.conference)
        guard receiver.pointee.rewriting.isActive else { return conference.pointee.sourceSlot(outgoing: ssrc) }
        guard let (key, isRetransmission) = receiver.pointee.rewriting.source(of: ssrc),
            includesRepairs || !isRetransmission, case let slot = SourceSlot.place(of: key),
            slot < conference.pointee.sources.count, conference.pointee.sources[slot].allocationKey(slot: slot) == key
        else { return nil }
        return slot
    }

    /// The SSRC under which a receiver gets repeats of a source; `nil` where it has none.
    func repairSSRC(
        of source: UnsafeMutablePointer<Source>, _ slot: Int, for receiver: UnsafeMutablePointer<Endpoint>
    ) -> UInt32? {
        guard receiver.pointee.rewriting.isActive else { return source.pointee.encodings[0].rtxSSRC }
        guard let index = receiver.pointee.rewriting.video.slot(of: source.pointee.allocationKey(slot: slot)) else {
            return nil
        }
        return receiver.pointee.rewriting.video.pointer(at: index).pointee.rtxSSRC
    }
}
