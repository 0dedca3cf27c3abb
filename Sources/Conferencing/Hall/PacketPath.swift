// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import Forwarding
import ICE
import MediaTransport
public import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry

// A packet's way, doors 2 to 8 (ARCHITECTURE.md). `receive` takes each datagram of a receive batch through doors 2 to 5
// and leaves what is to be forwarded in the lists of its source; `pump` then takes each conference through doors 6 to 8
// receiver by receiver and, for each receiver, source by source, so that packets of one stream lie back to back in the
// egress batch and become one kernel message, however the senders' packets were mixed on the way here (ADR 9).

extension ShardHost {
    /// Whether ``pump(into:at:within:)`` and ``park()`` have to come before the next datagram.
    public var isBatchFull: Bool { batch.isFull }

    // MARK: Doors 2 to 5

    /// Whether packets wait to be forwarded, or to be repeated.
    public var hasWaiting: Bool { !queue.isEmpty || !repeating.isEmpty }

    /// Takes one datagram. Forwardable packets stay in the batch until they are pumped or parked: `datagram` must live
    /// so long. Answers of the side door (STUN, handshakes) go into `egress`; keep some room there.
    /// - Parameters:
    ///   - now: the time of the loop, for timers.
    ///   - arrival: when the datagram reached this machine, for statistics and feedback.
    public mutating func receive(
        _ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, local: UInt16, at now: Timestamp,
        arrival: Timestamp, into egress: inout EgressBatch
    ) {
        counters.add(.packetsReceived)
        counters.add(.bytesReceived, UInt64(datagram.count))
        let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram))
        guard datagram.count <= ConferencingLimits.datagramBytes else { return counters.add(.droppedTooLong) }
        switch sorter.sort(bytes, from: source, local: local, at: now) {
        case .check(let slot):
            guard endpoints.isLive(Int(slot)), !isGone(Int(slot)) else { return counters.add(.droppedUnknownFragment) }
            receiveSTUN(bytes, for: Int(slot), from: source, local: local, at: now, into: &egress)
        case .flow(let kind, let owner):
            let index = Int(owner.index)
            guard endpoints.contains(owner), !isGone(index) else { return counters.add(.droppedUnknownSource) }
            switch kind {
            case .rtp: receiveRTP(datagram, bytes, from: index, at: now, arrival: arrival)
            case .rtcp: receiveRTCP(datagram, from: index, at: now, arrival: arrival, into: &egress)
            case .dtls: admitDTLS(bytes, from: index, at: now, into: &egress)
            case .stun: receiveSTUN(bytes, for: index, from: source, local: local, at: now, into: &egress)
            case .turnChannel: counters.add(.droppedTURNChannel)
            case .unknown: break
            }
        case .foreign: counters.add(.droppedUnknownFragment)
        case .refused(let reason): counters.add(reason)
        }
    }

    private mutating func receiveSTUN(
        _ bytes: RawSpan, for index: Int, from source: TransportAddress, local: UInt16, at now: Timestamp,
        into egress: inout EgressBatch
    ) {
        let (before, after) = endpoints.pointer(at: index).pointee.transport.handleSTUN(
            bytes, from: source, local: local, at: now)
        countRefusals(since: before, after)
        serviceTransport(index, at: now, into: &egress)
        if after.requestsAnswered != before.requestsAnswered {
            claim(Destination(remote: source, local: local), for: index, at: now)
        }
    }

    /// What an agent has thrown away is a drop of the worker too, under the worker's reasons.
    private func countRefusals(since before: ICECounters, _ after: ICECounters) {
        func add(_ reason: MediaCounter, _ count: UInt32) {
            if count > 0 { counters.add(reason, UInt64(count)) }
        }
        add(.droppedMalformedSTUN, after.malformed &- before.malformed)
        add(.droppedMalformedSTUN, after.badFingerprint &- before.badFingerprint)
        add(.droppedMalformedSTUN, after.unsupported &- before.unsupported)
        add(.droppedBadIntegrity, after.badIntegrity &- before.badIntegrity)
        add(.droppedBadIntegrity, after.missingIntegrity &- before.missingIntegrity)
        add(.droppedUnknownFragment, after.unknownUser &- before.unknownUser)
        add(.droppedUnmatchedSTUN, after.unmatchedResponse &- before.unmatchedResponse)
        add(.droppedUnmatchedSTUN, after.asymmetricResponse &- before.asymmetricResponse)
        add(.droppedUnknownSource, after.wrongSocket &- before.wrongSocket)
        add(.droppedUnknownSource, after.afterFailure &- before.afterFailure)
    }

    private mutating func receiveRTP(
        _ datagram: UnsafeMutableRawBufferPointer, _ bytes: RawSpan, from index: Int, at now: Timestamp,
        arrival: Timestamp
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard endpoint.pointee.transport.hasKeys else { return counters.add(.droppedBeforeKeys) }
        guard let headerBytes = RTPHeader.headerByteCount(bytes) else { return counters.add(.droppedMalformedRTP) }
        if endpoint.pointee.uplink.hasUnwanted,
            receiveUnopened(datagram, headerBytes: headerBytes, from: index, at: now, arrival: arrival)
        {
            return
        }
        // Door 3.
        let plaintext: Int
        switch endpoint.pointee.transport.unprotectRTP(datagram, headerBytes: headerBytes) {
        case .success(let count): plaintext = count
        case .failure(let failure): return counters.add(failure.counter)
        }
        // Door 4.
        let packet = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(datagram)[..<plaintext])
        guard let info = PacketInfo(packet: packet, table: endpoint.pointee.extensions) else {
            endpoint.pointee.lastActivity = now
            return counters.add(.droppedMalformedRTP)
        }
        takeAuthentic(info, packet, from: index, at: now, arrival: arrival)
    }

    /// What a packet means to its sender, then door 5.
    @inline(__always)
    mutating func takeAuthentic(
        _ info: PacketInfo, _ packet: UnsafeRawBufferPointer, from index: Int, at now: Timestamp, arrival: Timestamp
    ) {
        var info = info
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.lastActivity = now
        if endpoint.pointee.uplink.hasTransportCC, info.hasTransportSequence {
            note(arrival: arrival, of: info, from: index)
        } else if endpoint.pointee.uplink.estimate != nil {
            endpoint.pointee.uplink.estimate?.note(
                bytes: info.byteCount, sendTime: info.sendTime == .max ? nil : info.sendTime, at: arrival)
        }
        if endpoint.pointee.isVisitor { return counters.add(.droppedVisitorMedia) }
        account(&info, packet, from: index, at: now, arrival: arrival)
    }

    /// Remembers when a packet with a transport-wide number came.
    @inline(__always)
    mutating func note(arrival: Timestamp, of info: PacketInfo, from index: Int) {
        let endpoint = endpoints.pointer(at: index)
        endpoint.pointee.uplink.feedback.record(info, now: arrival)
        if endpoint.pointee.uplink.feedback.nextTimeout.map({ $0 < endpoint.pointee.scheduledAt }) ?? false {
            schedule(index)
        }
    }

    /// Door 5: arrival statistics, then everything that keeps a packet from being forwarded to anybody.
    @inline(__always)
    private mutating func account(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, from index: Int, at now: Timestamp,
        arrival: Timestamp
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard let stream = endpoint.pointee.uplink[info.ssrc] else { return counters.add(.droppedUnknownSSRC) }
        let conferenceIndex = endpoint.pointee.conference
        let conference = conferences.pointer(at: conferenceIndex)
        let source = conference.pointee.sources.pointer(at: Int(stream.source))
        var codec = endpoint.pointee.uplink.codecs[Int(info.payloadType & 127)]
        guard source.pointee.carries(codec, isRetransmission: stream.isRetransmission) else {
            return counters.add(.droppedUnknownPayloadType)
        }
        if endpoint.pointee.uplink.reports.nextTimeout == nil {
            endpoint.pointee.uplink.reports.notePacket(now: now)
            schedule(index)
        }
        let isVideo = source.pointee.mediaType == .video
        if isVideo { endpoint.pointee.uplink.lastVideo = now } else { endpoint.pointee.uplink.lastAudio = now }
        let encoding = source.pointee.encodings.pointer(at: Int(stream.encoding))
        var packet = packet
        var place = ReceptionStatistics.Arrival.late
        if stream.isRetransmission {
            // What is repeated does not count as received: reports tell the loss as it was.
            guard
                let restored = restore(
                    &info, packet, codec: &codec, of: encoding.pointee.ssrc, source, from: endpoint)
            else { return }
            packet = restored
        } else {
            if encoding.pointee.skipped > 0 { settleSkipped(encoding, before: info.sequence) }
            place = encoding.pointee.statistics.account(info, now: arrival)
            guard place != .duplicate else { return counters.add(.droppedDuplicate) }
        }
        if place == .restart { encoding.pointee.gaps.restart(at: info.sequence) }
        if isVideo,
            !isNew(
                info, of: stream, isRepeat: stream.isRetransmission, isRestart: place == .restart, source,
                in: conference, from: index, at: now)
        {
            return
        }
        if isVideo {
            measure(
                &info, packet, codec: codec, stream, of: source, from: endpoint,
                isNewest: place == .newest || place == .restart, at: arrival)
        }
        if let reason = discardReason(info, isVideo: isVideo, of: endpoint) {
            encoding.pointee.gaps.discard(info.sequence)
            return counters.add(reason)
        }
        // Levels count here, where the packet is proven to be the member's and nothing keeps it from being heard.
        if !isVideo, info.audioLevel != PacketInfo.noLevel,
            !note(level: info.audioLevel, of: endpoint, source, at: now)
        {
            encoding.pointee.gaps.discard(info.sequence)
            return counters.add(.droppedNotLoudest)
        }
        guard let sequence = encoding.pointee.gaps.accept(info.sequence) else {
            return counters.add(.droppedDuplicate)
        }
        encoding.pointee.publishReport(position: stream.encoding, at: now)
        if !stream.isRetransmission, source.pointee.changes(to: codec) { offer(Int(stream.source), to: conference) }
        guard !conference.pointee.interest.isUnwanted(Int(stream.source)) else { return counters.add(.droppedUnwanted) }
        guard let base = UnsafeMutableRawPointer(mutating: packet.baseAddress) else { return }
        var record = BatchPacket(info: info, base: base, sequence: sequence, codec: codec, encoding: stream.encoding)
        if isVideo, !describe(&record, of: source) { return counters.add(.droppedBeforeStart) }
        if record.info.isKeyframe { settleLosses(before: info.sequence, of: stream.encoding, source) }
        guard source.pointee.used >> stream.encoding & 1 == 1 else {
            return counters.add(.droppedNotForwardedEncoding)
        }
        // The one copy for all repeats, before anything is changed for a receiver.
        if isVideo { record.reference = repair.store.insert(record.info, from: base, codec: codec, at: now) }
        if !isVideo, needsRedundancy(codec, source, conference) {
            enqueueRedundant(record, of: Int(stream.source), from: endpoint)
        } else {
            enqueue(record, of: Int(stream.source), in: conferenceIndex)
        }
    }

    @inline(__always)
    private func discardReason(
        _ info: PacketInfo, isVideo: Bool, of endpoint: UnsafeMutablePointer<Endpoint>
    ) -> MediaCounter? {
        if isVideo ? endpoint.pointee.uplink.isVideoMuted : endpoint.pointee.uplink.isAudioMuted {
            return .droppedForceMuted
        }
        if info.isPaddingOnly { return .droppedPaddingOnly }
        if !isVideo, settings.discardsSilence, !endpoint.pointee.uplink.silence.admits(level: info.audioLevel) {
            return .droppedSilence
        }
        return nil
    }

    // MARK: Doors 6 to 8

    /// Forwards what waits as far as `egress` has room, without a limit to the turn.
    /// - Returns: `true` when there is more: flush `egress` and call again. `false` when everything is done.
    public mutating func pump(into egress: inout EgressBatch, at now: Timestamp) -> Bool {
        var budget = Int.max
        return pump(into: &egress, at: now, within: &budget) != .done
    }

    /// Why ``pump(into:at:within:)`` has stopped.
    public enum PumpResult: Sendable {
        /// Nothing waits any more.
        case done
        /// Flush `egress` and call again.
        case egressFull
        /// The turn has had its share: the rest waits for the next one. ``park()`` before the slab is used again.
        case turnSpent
    }

    /// Forwards what waits, conference by conference, receiver by receiver, as far as `egress` has room and the turn
    /// has a budget. A large conference gives way to the others after its share and goes on behind them.
    /// - Parameters:
    ///   - now: when the packets leave, as far as the caller knows.
    ///   - budget: packets to receivers that this turn may still send; what was sent is taken off.
    public mutating func pump(
        into egress: inout EgressBatch, at now: Timestamp, within budget: inout Int
    ) -> PumpResult {
        var result = serveQueue(into: &egress, at: now, within: &budget)
        // Behind the media of all, so that its runs stay whole.
        if result != .egressFull, !repeating.isEmpty {
            result = serveRepeats(into: &egress, at: now, within: &budget) ?? result
        }
        // What is in `egress` has to be complete when the caller sends it.
        let failures = sealQueue.finish()
        if failures > 0 { counters.add(.droppedSRTPSend, UInt64(failures)) }
        return result
    }

    private mutating func serveQueue(
        into egress: inout EgressBatch, at now: Timestamp, within budget: inout Int
    ) -> PumpResult {
        letNewcomersPass()
        // Ends: every turn finishes a walk or a share of one, and walks are finite.
        while let first = queue.first {
            guard budget > 0 else { return .turnSpent }
            let conference = conferences.pointer(at: Int(first))
            var share = min(budget, queue.count == 1 ? budget : ConferencingLimits.conferenceShare)
            let before = share
            let result = walk(conference, at: now, into: &egress, share: &share)
            budget -= before - share
            switch result {
            case .egressFull: return .egressFull
            case .turnSpent: rotateQueue()
            case .done:
                if conference.pointee.firstArriving.isNone {
                    conference.pointee.isQueued = false
                    queue.popFirst()
                } else {
                    rotateQueue()
                }
            }
        }
        batch.forgetSlab()
        return .done
    }

    /// Takes what still waits out of the receive slab, which is free again when this returns. What finds no room is
    /// lost and counted.
    public mutating func park() {
        let lost = batch.park()
        if lost > 0 { counters.add(.droppedBatchFull, UInt64(lost)) }
    }

    /// Meetings whose walk was interrupted let those pass who have come since: three people beside a large one do not
    /// wait for its share of a turn. It gets what they leave; a newcomer who leaves nothing is one of the interrupted.
    private mutating func letNewcomersPass() {
        for _ in 0..<queue.count {
            guard let first = queue.first, conferences.pointer(at: Int(first)).pointee.isWalking else { return }
            rotateQueue()
        }
    }

    private mutating func rotateQueue() {
        if let first = queue.popFirst() { queue.append(first) }
    }

    /// Goes on with the walk through a conference, or begins one with what has arrived.
    private mutating func walk(
        _ conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch,
        share: inout Int
    ) -> PumpResult {
        if !conference.pointee.isWalking { beginWalk(conference) }
        // Ends: each turn takes one member out of the set.
        while share > 0 {
            // An empty egress batch has room for everything that may wait for one receiver. Flushed long before it is
            // full, the ciphertext is still in the cache, and the first receivers do not wait for the last ones'
            // encryption.
            guard egress.byteCount < ConferencingLimits.egressBytes,
                egress.hasRoom(datagrams: min(conference.pointee.waitingCount + 1, egress.capacity))
            else { return .egressFull }
            guard let place = conference.pointee.toVisit.popFirst() else {
                endWalk(conference, at: now, into: &egress)
                return .done
            }
            share -= 1 + visit(place, of: conference, at: now, into: &egress)
        }
        return .turnSpent
    }

    /// Forwards a conference's packets of this walk to the receiver at a place.
    /// - Returns: packets sent.
    private mutating func visit(
        _ place: Int, of conference: UnsafeMutablePointer<Conference>, at now: Timestamp,
        into egress: inout EgressBatch
    ) -> Int {
        guard let index = conference.pointee.member(at: place) else { return 0 }
        let receiver = endpoints.pointer(at: index)
        guard receiver.pointee.transport.isReady, let destination = receiver.pointee.transport.destination else {
            receiver.pointee.downlink.isInterrupted = true
            return 0
        }
        if receiver.pointee.downlink.isInterrupted { receiver.pointee.downlink.resume() }
        let sendTime = receiver.pointee.wantsSendTime ? AbsoluteSendTime(now) : nil
        var sent = Delivery()
        var hasReports = false
        var cursor = WalkCursor(conference)
        // Ends: the list has every source at most once, and each step passes a packet or a source.
        while let step = cursor.next(conference) {
            let source = conference.pointee.sources.pointer(at: step.place.source)
            let slot = step.place.source
            guard conference.pointee.interest.wants(place, source: slot) else {
                cursor.skip(step, conference)
                continue
            }
            let encoding = conference.pointee.encoding(at: step.place)
            guard let pair = pair(of: receiver, with: slot, source, at: now) else {
                refuse(Int(encoding.pointee.walking.count), of: source, slot, for: receiver)
                cursor.skip(step, conference)
                continue
            }
            let projection = receiver.pointee.downlink.projection(at: pair)
            // Most lists of a source in several sizes are of one that this receiver does not get.
            guard
                encoding.pointee.hasStart || projection.pointee.currentEncoding == step.place.encoding
                    || projection.pointee.restarts != source.pointee.restarts || !projection.pointee.isSettled
            else {
                counters.add(.droppedNotForwardedEncoding, UInt64(encoding.pointee.walking.count))
                cursor.skip(step, conference)
                continue
            }
            let position = forward(
                source, encoding, step, of: conference, to: receiver, at: place, pair: pair,
                destination: destination, sendTime: sendTime, now: now, sent: &sent, into: &egress)
            cursor.pass(step, to: position, conference)
            if projection.pointee.lacksReport(encoding.pointee.reportGeneration, of: step.place.encoding) {
                hasReports = true
            }
        }
        receiver.pointee.downlink.noteSent(packets: sent.packets, bytes: sent.bytes)
        counters.add(.packetsSent, UInt64(sent.packets))
        counters.add(.rtpForwarded, UInt64(sent.packets))
        counters.add(.bytesSent, UInt64(sent.bytes))
        // Behind the media, so that they do not break up its runs.
        if hasReports { forwardReports(of: conference, to: receiver, at: place, now: now, into: &egress) }
        return sent.packets
    }

    /// What one receiver was sent.
    private struct Delivery {
        var packets = 0
        var bytes = 0
    }

    /// A receiver does not take a packet's format. Nor will it take the next one of this format: it is not visited for
    /// this source until either side changes formats. What it misses meanwhile may be more than half a round of
    /// numbers.
    @inline(never)
    private func passOver(
        _ packet: UnsafeMutablePointer<BatchPacket>, of source: UnsafeMutablePointer<Source>, _ slot: Int,
        in conference: UnsafeMutablePointer<Conference>, for place: Int, _ projection: UnsafeMutablePointer<Projection>
    ) {
        if packet.pointee.codec == source.pointee.codec {
            conference.pointee.interest.exclude(place, source: slot)
            projection.pointee.interrupt()
        }
        counters.add(.droppedNoReceiverRoute)
    }

    /// Doors 6 to 8 for packets of one source and one receiver.
    /// - Returns: the packet behind those of this step, −1 at the end of the list.
    @inline(__always)
    private mutating func forward(
        _ source: UnsafeMutablePointer<Source>, _ encoding: UnsafeMutablePointer<Encoding>, _ step: WalkCursor.Step,
        of conference: UnsafeMutablePointer<Conference>,
        to receiver: UnsafeMutablePointer<Endpoint>, at place: Int, pair: Int, destination: Destination,
        sendTime: AbsoluteSendTime?, now: Timestamp, sent: inout Delivery,
        into egress: inout EgressBatch
    ) -> Int32 {
        let projection = receiver.pointee.downlink.projection(at: pair)
        // Who sends no NACKs asks for nothing.
        let isRemembered = source.pointee.mediaType == .video && receiver.pointee.uplink.hasNACK
        var position = step.position
        var left = step.packets
        // Ends: the list has no cycle.
        while position >= 0, left > 0 {
            let packet = batch[position]
            position = packet.pointee.next
            left -= 1
            guard !packet.pointee.isLost else { continue }
            if packet.pointee.audience != .everybody, !isAudience(receiver, of: packet.pointee.audience) { continue }
            let payloadType = receiver.pointee.outgoingPayloadType(
                packet.pointee.info.payloadType, codec: packet.pointee.codec)
            guard payloadType != Uplink.none else {
                passOver(packet, of: source, step.place.source, in: conference, for: place, projection)
                continue
            }
            // Door 6.
            let outgoing = Self.decide(on: packet, of: source, by: projection, at: now)
            if projection.pointee.needsKeyframe, source.pointee.wantsKeyframeFor == nil,
                settings.keyframes.hasQuota(
                    receiver.pointee.downlink.report(at: pair).pointee.keyframeRequests, now: now)
            {
                source.pointee.wantsKeyframeFor = UInt16(place)
            }
            guard let outgoing else {
                counters.add(Self.refusal(of: packet.pointee.encoding, by: projection))
                continue
            }
            // Door 7.
            guard let slot = egress.reserve() else {
                counters.add(.droppedSendBuffer)
                continue
            }
            let plaintext = UnsafeRawBufferPointer(start: packet.pointee.base, count: packet.pointee.info.byteCount)
            let headerBytes = HeaderRewriter.write(
                packet.pointee.info, from: plaintext, into: slot, receiver: receiver.pointee.extensions,
                ssrc: projection.pointee.outgoingSSRC, sequence: outgoing.sequence, timestamp: outgoing.timestamp,
                payloadType: payloadType, setsMarker: outgoing.setsMarker, hasPadding: packet.pointee.padding > 0,
                descriptor: packet.pointee.renumbering(outgoing), sendTime: sendTime,
                mediaID: projection.pointee.mediaID)
            guard headerBytes > 0 else {
                counters.add(.droppedMalformedRTP)
                continue
            }
            // Only here: the cipher reads the payload at once, and the next receiver has other numbers.
            packet.pointee.patch(outgoing)
            // Door 8.
            let payload = UnsafeRawBufferPointer(
                start: packet.pointee.base + packet.pointee.info.headerBytes,
                count: packet.pointee.info.payloadBytes + Int(packet.pointee.padding))
            guard
                let total = receiver.pointee.transport.protectRTP(
                    SRTPSender.StreamHandle(rawValue: projection.pointee.transportHandle), slot: slot,
                    headerBytes: headerBytes, payload: payload, into: &sealQueue)
            else {
                counters.add(.droppedSRTPSend)
                continue
            }
            projection.pointee.noteSent(payloadBytes: packet.pointee.info.payloadBytes)
            egress.commit(total, to: destination)
            if isRemembered, packet.pointee.reference != .none {
                repair.rings.note(
                    outgoing.sequence, packet.pointee.reference, packet.pointee.change(outgoing),
                    in: &receiver.pointee.downlink.repair(at: pair).pointee.sent)
            }
            sent.packets += 1
            sent.bytes += total
        }
        return position
    }
}

extension SRTPFailure {
    /// The counter for a received packet that was refused for this reason.
    var counter: MediaCounter {
        switch self {
        case .authentication: .droppedSRTPAuthentication
        case .replay, .replayOld: .droppedSRTPReplay
        case .contextsFull: .droppedSRTPContexts
        case .tooShort, .reused, .exhausted, .cipher: .droppedSRTPInvalid
        }
    }
}
