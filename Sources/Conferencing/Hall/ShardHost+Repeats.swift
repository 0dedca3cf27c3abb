// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import ShardMessages
import Telemetry

// Losses on the way to receivers (media-plane.md 6.3, 6.4, docs/loss-repair.md): a NACK finds what the receiver was
// sent under a number, and the packet goes out again from the one copy that is kept, behind the media of the turn.

extension ShardHost {
    /// A receiver misses packets. It gets again only what it was sent itself.
    mutating func receiveNack(_ nack: GenericNACK, of ssrc: UInt32, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = sourceSlot(seenAs: ssrc, by: endpoint),
            let pair = endpoint.pointee.downlink.position(
                ofSlot: slot, generation: conference.pointee.sources.pointer(at: slot).pointee.generation)
        else { return counters.add(.nacksUnknown) }
        let lost = endpoint.pointee.downlink.responder.answer(
            nack, of: UInt16(slot), endpoint.pointee.downlink.repair(at: pair).pointee.sent, from: &repair,
            roundTrip: endpoint.pointee.downlink.knownRoundTrip, at: now)
        if lost > 0 { endpoint.pointee.reception.noteNacked(packets: lost) }
        guard !endpoint.pointee.downlink.responder.waiting.isEmpty, !endpoint.pointee.downlink.isRepeating,
            let key = endpoints.key(at: index)
        else { return }
        endpoint.pointee.downlink.isRepeating = true
        repeating.append(key)
    }

    /// Sends what waits to be repeated, as far as the turn goes, but some in any case.
    /// - Returns: why something still waits; `nil` when nothing does.
    mutating func serveRepeats(
        into egress: inout EgressBatch, at now: Timestamp, within budget: inout Int
    ) -> PumpResult? {
        defer { tellRepairs() }
        var left = budget > 0 ? budget : ConferencingLimits.repeatsBesideMedia
        // Ends: every turn takes a repeat or an endpoint out of its queue.
        while let key = repeating.first {
            guard left > 0 else { return .turnSpent }
            guard egress.hasRoom(datagrams: 1) else { return .egressFull }
            // Of one that is gone nothing waits any more.
            guard endpoints.contains(key) else {
                repeating.popFirst()
                continue
            }
            let receiver = endpoints.pointer(at: Int(key.index))
            if !isGone(Int(key.index)), receiver.pointee.transport.isReady,
                let destination = receiver.pointee.transport.destination,
                let (value, packet) = repair.nextRepeat(in: &receiver.pointee.downlink.responder.waiting, at: now)
            {
                left -= 1
                budget -= 1
                sendRepeat(value, packet, to: receiver, destination, at: now, into: &egress)
            } else {
                repair.dropRepeats(in: &receiver.pointee.downlink.responder.waiting)
                receiver.pointee.downlink.isRepeating = false
                repeating.popFirst()
            }
        }
        return nil
    }

    /// Sends a packet again: on the receiver's RTX stream of the source, or, where it has none, under its old number if
    /// the cipher allows that.
    private mutating func sendRepeat(
        _ value: Repeat, _ packet: StoredPacket, to receiver: UnsafeMutablePointer<Endpoint>,
        _ destination: Destination, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let conference = conferences.pointer(at: receiver.pointee.conference)
        let source = conference.pointee.sources.pointer(at: Int(value.source))
        let payloadType = receiver.pointee.outgoingPayloadType(packet.info.payloadType, codec: packet.codec)
        guard payloadType != Uplink.none,
            let pair = receiver.pointee.downlink.position(
                ofSlot: Int(value.source), generation: source.pointee.generation)
        else { return counters.add(.droppedRepeatUnsendable) }
        guard let slot = egress.reserve() else { return counters.add(.droppedSendBuffer) }
        let sendTime = receiver.pointee.wantsSendTime ? AbsoluteSendTime(now) : nil
        let written: RTXStream.Written?
        var isPlain = false
        let projection = receiver.pointee.downlink.projection(at: pair)
        if let ssrc = repairSSRC(of: source, Int(value.source), for: receiver),
            let repairType = receiver.pointee.uplink.repairType(of: payloadType)
        {
            let state = receiver.pointee.downlink.repair(at: pair)
            var stream =
                state.pointee.rtx.flatMap { $0.ssrc == ssrc ? $0 : nil }
                ?? RTXStream(ssrc: ssrc, after: receiver.pointee.transport.lastSentSequence(of: ssrc))
            written = stream.write(
                value, of: packet, payloadType: repairType, receiver: receiver.pointee.extensions, sendTime: sendTime,
                mediaID: projection.pointee.mediaID, into: slot)
            state.pointee.rtx = stream
        } else if receiver.pointee.transport.canRepeat {
            isPlain = true
            written = RTXStream.writePlain(
                value, of: packet, ssrc: projection.pointee.outgoingSSRC, payloadType: payloadType,
                receiver: receiver.pointee.extensions, sendTime: sendTime, mediaID: projection.pointee.mediaID,
                into: slot)
        } else {
            return counters.add(.droppedRepeatUnsendable)
        }
        guard let written else { return counters.add(.droppedMalformedRTP) }
        value.patch.apply(to: slot, of: packet.info, at: written.mediaOffset)
        let end = written.headerBytes + written.payloadBytes
        let payload = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(slot)[written.headerBytes..<end])
        let total =
            isPlain
            ? receiver.pointee.transport.protectRepeat(slot: slot, headerBytes: written.headerBytes, payload: payload)
            : receiver.pointee.transport.protectRTP(slot: slot, headerBytes: written.headerBytes, payload: payload)
        guard let total else { return counters.add(.droppedSRTPSend) }
        egress.commit(total, to: destination)
        counters.add(isPlain ? .repeatsSentPlain : .repeatsSent)
        counters.add(.packetsSent)
        counters.add(.bytesSent, UInt64(total))
    }

    // MARK: Endings

    /// A source ends: nothing of it can be asked for any more.
    mutating func closeRepairs(ofSource slot: Int, in conference: UnsafeMutablePointer<Conference>) {
        let source = conference.pointee.sources.pointer(at: slot)
        guard source.pointee.mediaType == .video else { return }
        var place = 0
        // Ends: every turn goes on behind the member it has found.
        while let (found, member) = conference.pointee.nextMember(from: place) {
            place = found + 1
            let receiver = endpoints.pointer(at: member)
            guard
                let pair = receiver.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation)
            else { continue }
            repair.rings.close(&receiver.pointee.downlink.repair(at: pair).pointee.sent)
            // What waits of other sources is asked for again.
            repair.dropRepeats(in: &receiver.pointee.downlink.responder.waiting)
        }
    }

    /// A receiver goes.
    mutating func closeRepairs(of receiver: UnsafeMutablePointer<Endpoint>) {
        for pair in 0..<receiver.pointee.downlink.pairCount {
            repair.rings.close(&receiver.pointee.downlink.repair(at: pair).pointee.sent)
        }
        repair.dropRepeats(in: &receiver.pointee.downlink.responder.waiting)
    }

    private func tell(_ counter: MediaCounter, _ count: UInt64) {
        if count > 0 { counters.add(counter, count) }
    }

    /// Adds to the worker's counters what those of the repairs have grown by.
    mutating func tellRepairs() {
        let (now, before) = (repair.counters, toldRepairs)
        guard now != before || repair.store.counters.overwritten != toldOverwritten else { return }
        tell(.repeatsAskedFor, now.requested &- before.requested)
        tell(.repeatsIgnored, now.ignored &- before.ignored)
        tell(.repeatsNeverSent, now.neverSent &- before.neverSent)
        tell(.repeatsForgotten, now.forgotten &- before.forgotten)
        tell(.repeatsTooSoon, now.tooSoon &- before.tooSoon)
        tell(.repeatsExhausted, now.exhausted &- before.exhausted)
        tell(.repeatsMissed, now.missed &- before.missed)
        tell(.repeatsOverBudget, now.overBudget &- before.overBudget)
        tell(.repeatsQueueFull, now.queueFull &- before.queueFull)
        tell(.droppedRepeatWaiting, now.dropped &- before.dropped)
        toldRepairs = now
        tell(.repairStoreOverwritten, repair.store.counters.overwritten &- toldOverwritten)
        toldOverwritten = repair.store.counters.overwritten
    }
}
