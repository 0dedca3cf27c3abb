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
// and leaves what is to be forwarded in the batch; `pump` then takes the batch through doors 6 to 8 receiver by
// receiver, so that the packets of one receiver lie back to back in the egress batch and become one kernel message.

/// One packet of the batch that waits to be forwarded.
struct BatchPacket: BitwiseCopyable {
    /// What door 4 found in it.
    var info: PacketInfo
    /// The plaintext packet, in the receive slab.
    var base: UnsafeMutableRawPointer
    /// Slot of the sender.
    var endpoint: UInt32
    /// Slot of the source in the conference.
    var source: Int32
    /// The next packet of the same conference, −1 at the end.
    var next: Int32
    /// Sequence number with the gaps of discarded packets closed.
    var sequence: UInt16
    /// Bytes of padding behind the payload that go out with it, see ``ShardHost/evenOut(_:)``.
    var padding: UInt8 = 0
    /// What the payload type means to the sender (`Codec` raw value).
    var encoding: UInt8
    /// Whether a receiver's stream may begin with this packet: any packet, or a key frame where the bridge can tell.
    var canStart: Bool
    /// An audio or a video packet, or a sender report that travels in line with them.
    var kind: Kind

    enum Kind: UInt8, BitwiseCopyable {
        case audio, video, senderReport
    }
}

extension ShardHost {
    /// Whether ``pump(into:at:)`` has to come before the next datagram.
    public var isBatchFull: Bool { batchCount == ConferencingLimits.batchPackets }

    // MARK: Doors 2 to 5

    /// Takes one datagram. Forwardable packets stay in the batch until ``pump(into:at:)``: `datagram` must live so
    /// long.
    ///
    /// Look at ``isBatchFull`` before each call and pump when it is: a datagram may leave several entries (the sender
    /// reports of a compound), so counting datagrams is not enough. Side-door answers (STUN, handshakes) go into
    /// `egress`; keep some room there.
    public mutating func receive(
        _ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, local: UInt16, at now: Timestamp,
        into egress: inout EgressBatch
    ) {
        counters.add(.packetsReceived)
        counters.add(.bytesReceived, UInt64(datagram.count))
        let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(datagram))
        guard datagram.count <= ConferencingLimits.datagramBytes else { return counters.add(.droppedTooLong) }
        switch sorter.sort(bytes, from: source, local: local, at: now) {
        case .check(let slot):
            guard endpoints.isLive(Int(slot)) else { return counters.add(.droppedUnknownFragment) }
            receiveSTUN(bytes, for: Int(slot), from: source, local: local, at: now, into: &egress)
        case .flow(let kind, let owner):
            guard endpoints.contains(owner) else { return counters.add(.droppedUnknownSource) }
            let index = Int(owner.index)
            switch kind {
            case .rtp: receiveRTP(datagram, bytes, from: index, at: now)
            case .rtcp: receiveRTCP(datagram, from: index, at: now, into: &egress)
            case .dtls:
                receiveDTLS(bytes, from: index, at: now)
                serviceTransport(index, at: now, into: &egress)
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
        let before = endpoints.pointer(at: index).pointee.transport.iceCounters
        endpoints.pointer(at: index).pointee.transport.handleSTUN(bytes, from: source, local: local, at: now)
        let after = endpoints.pointer(at: index).pointee.transport.iceCounters
        countRefusals(since: before, after)
        serviceTransport(index, at: now, into: &egress)
        if after.requestsAnswered != before.requestsAnswered {
            claim(Destination(remote: source, local: local), for: index, at: now)
        }
    }

    private func receiveDTLS(_ bytes: RawSpan, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        let before = endpoint.pointee.transport.dtls.counters.refused
        endpoint.pointee.transport.handleDTLS(bytes, at: now)
        let refused = endpoint.pointee.transport.dtls.counters.refused &- before
        if refused > 0 { counters.add(.droppedDTLS, refused) }
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
        _ datagram: UnsafeMutableRawBufferPointer, _ bytes: RawSpan, from index: Int, at now: Timestamp
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard endpoint.pointee.transport.hasKeys else { return counters.add(.droppedBeforeKeys) }
        guard let headerBytes = RTPHeader.headerByteCount(bytes) else { return counters.add(.droppedMalformedRTP) }
        // Door 3.
        let plaintext: Int
        switch endpoint.pointee.transport.unprotectRTP(datagram, headerBytes: headerBytes) {
        case .success(let count): plaintext = count
        case .failure(let failure): return counters.add(failure.counter)
        }
        endpoint.pointee.lastActivity = now
        // Door 4.
        let packet = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(datagram)[..<plaintext])
        guard var info = PacketInfo(packet: packet, table: endpoint.pointee.extensions) else {
            return counters.add(.droppedMalformedRTP)
        }
        if endpoint.pointee.hasTransportCC, info.hasTransportSequence {
            endpoint.pointee.feedback.record(info, now: now)
            if endpoint.pointee.feedback.nextTimeout.map({ $0 < endpoint.pointee.scheduledAt }) ?? false {
                schedule(index)
            }
        }
        if endpoint.pointee.isVisitor { return counters.add(.droppedVisitorMedia) }
        account(&info, packet, from: index, at: now)
    }

    /// Door 5: arrival statistics, then everything that keeps a packet from being forwarded to anybody.
    @inline(__always)
    private mutating func account(
        _ info: inout PacketInfo, _ packet: UnsafeRawBufferPointer, from index: Int, at now: Timestamp
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard let streamIndex = endpoint.pointee.streamIndex(info.ssrc) else {
            return counters.add(.droppedUnknownSSRC)
        }
        let stream = endpoint.pointee.streams.pointer(at: streamIndex)
        let encoding = endpoint.pointee.encodings[Int(info.payloadType & 127)]
        guard stream.pointee.carries(encoding) else { return counters.add(.droppedUnknownPayloadType) }
        let arrival = stream.pointee.statistics.account(info, now: now)
        guard arrival != .duplicate else { return counters.add(.droppedDuplicate) }
        guard arrival != .suspect else { return counters.add(.droppedSuspect) }
        if endpoint.pointee.reports.nextTimeout == nil {
            endpoint.pointee.reports.notePacket(now: now)
            schedule(index)
        }
        let isVideo = stream.pointee.mediaType == .video
        if isVideo { endpoint.pointee.lastVideo = now } else { endpoint.pointee.lastAudio = now }
        guard stream.pointee.role == .forwarded else { return counters.add(.droppedNotForwardedEncoding) }

        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let source = conference.pointee.sources.pointer(at: Int(stream.pointee.source))
        if arrival == .restart { source.pointee.gaps.restart(at: info.sequence) }
        if let reason = discardReason(info, isVideo: isVideo, of: endpoint) {
            source.pointee.gaps.discard(info.sequence)
            return counters.add(reason)
        }
        guard let sequence = source.pointee.gaps.accept(info.sequence) else { return counters.add(.droppedDuplicate) }
        if encoding == Codec.vp8.rawValue {
            if info.parseVP8(packet), info.isKeyframe { counters.add(.keyframesReceived) }
            info.dropDependencyDescriptor()
        } else if encoding == Codec.vp9.rawValue {
            info.dropDependencyDescriptor()
        }
        guard let base = UnsafeMutableRawPointer(mutating: packet.baseAddress) else { return }
        enqueue(
            BatchPacket(
                info: info, base: base, endpoint: UInt32(index), source: stream.pointee.source, next: -1,
                sequence: sequence, encoding: encoding,
                canStart: encoding != Codec.vp8.rawValue || info.isKeyframe, kind: isVideo ? .video : .audio),
            in: endpoint.pointee.conference)
    }

    @inline(__always)
    private func discardReason(
        _ info: PacketInfo, isVideo: Bool, of endpoint: UnsafeMutablePointer<Endpoint>
    ) -> MediaCounter? {
        if isVideo ? endpoint.pointee.isVideoMuted : endpoint.pointee.isAudioMuted { return .droppedForceMuted }
        if info.isPaddingOnly { return .droppedPaddingOnly }
        if !isVideo, settings.discardsSilence, !endpoint.pointee.silence.admits(level: info.audioLevel) {
            return .droppedSilence
        }
        return nil
    }

    /// Puts a packet at the end of its conference's list.
    mutating func enqueue(_ packet: BatchPacket, in conferenceIndex: Int) {
        let conference = conferences.pointer(at: conferenceIndex)
        guard conference.pointee.members.count > 1 else { return }
        // Only a compound with more sender reports than there is room comes here: media finds the room that the shell
        // made. Reports are repeated; a peer must not be able to end the process with them.
        guard !isBatchFull else { return counters.add(.droppedBatchFull) }
        let position = Int32(batchCount)
        batch[batchCount] = packet
        batchCount += 1
        if conference.pointee.batchHead < 0 {
            conference.pointee.batchHead = position
            touched[touchedCount] = UInt32(conferenceIndex)
            touchedCount += 1
        } else {
            batch[Int(conference.pointee.batchTail)].next = position
        }
        conference.pointee.batchTail = position
        conference.pointee.batchCount += 1
    }

    // MARK: Doors 6 to 8

    /// Forwards the batch, receiver by receiver, as far as `egress` has room.
    /// - Returns: `true` when there is more: flush `egress` and call again. `false` when the batch is done and empty.
    public mutating func pump(into egress: inout EgressBatch, at now: Timestamp) -> Bool {
        while cursor.conference < touchedCount {
            let conference = conferences.pointer(at: Int(touched[cursor.conference]))
            if cursor.member == 0 { evenOut(conference) }
            while cursor.member < conference.pointee.members.count {
                // An empty egress batch has room for any receive batch, so this ends. Flushed long before it is full,
                // the ciphertext is still in the cache, and the first receivers do not wait for the last ones'
                // encryption.
                guard egress.byteCount < ConferencingLimits.egressBytes,
                    egress.hasRoom(datagrams: conference.pointee.batchCount)
                else { return true }
                forward(conference, to: Int(conference.pointee.members[cursor.member]), at: now, into: &egress)
                cursor.member += 1
            }
            guard egress.hasRoom(datagrams: conference.pointee.batchCount) else { return true }
            requestWantedKeyframes(conference, at: now, into: &egress)
            conference.pointee.batchHead = -1
            conference.pointee.batchCount = 0
            cursor = (cursor.conference + 1, 0)
        }
        batchCount = 0
        touchedCount = 0
        cursor = (0, 0)
        return false
    }

    /// Pads the packets of each frame to the length of its longest, where that takes a few bytes.
    ///
    /// Browsers split a frame into packets that differ by one byte, the longer ones last. The kernel takes equal
    /// packets for one receiver as one message, and the message is what costs (ADR 14). The padding is written once,
    /// in the receive slab behind the payload, where the tag stood or the sender's own padding.
    private func evenOut(_ conference: UnsafeMutablePointer<Conference>) {
        var first = conference.pointee.batchHead
        // Both loops end: the list has at most `batchPackets` elements and no cycle; the outer one goes on where the
        // inner ones stopped.
        while first >= 0 {
            let source = batch[Int(first)].source
            let timestamp = batch[Int(first)].info.timestamp
            var longest = 0
            var end = first
            while end >= 0, batch[Int(end)].kind == .video, batch[Int(end)].source == source,
                batch[Int(end)].info.timestamp == timestamp
            {
                longest = max(longest, batch[Int(end)].info.payloadBytes)
                end = batch[Int(end)].next
            }
            if end == first {
                first = batch[Int(first)].next
                continue
            }
            while first != end {
                let packet = batch + Int(first)
                first = packet.pointee.next
                let missing = longest - packet.pointee.info.payloadBytes
                // The last segment of a message may be shorter.
                guard missing > 0, missing <= ConferencingLimits.evenPadding, first != end else { continue }
                let start = packet.pointee.base + packet.pointee.info.headerBytes + packet.pointee.info.payloadBytes
                start.initializeMemory(as: UInt8.self, repeating: 0, count: missing)
                start.storeBytes(of: UInt8(missing), toByteOffset: missing - 1, as: UInt8.self)
                packet.pointee.padding = UInt8(missing)
            }
        }
    }

    /// Forwards a conference's packets of this batch to one receiver.
    private mutating func forward(
        _ conference: UnsafeMutablePointer<Conference>, to receiverIndex: Int, at now: Timestamp,
        into egress: inout EgressBatch
    ) {
        let receiver = endpoints.pointer(at: receiverIndex)
        guard receiver.pointee.transport.isReady, let destination = receiver.pointee.transport.destination else {
            return
        }
        let sendTime = receiver.pointee.wantsSendTime ? AbsoluteSendTime(now) : nil
        var sentPackets: UInt64 = 0
        var sentBytes: UInt64 = 0
        var position = conference.pointee.batchHead
        // Ends: the list has at most `batchPackets` elements and no cycle.
        while position >= 0 {
            let packet = batch + Int(position)
            position = packet.pointee.next
            guard packet.pointee.endpoint != UInt32(receiverIndex) else { continue }
            if packet.pointee.kind == .senderReport {
                forwardReport(packet, to: receiver, at: now, into: &egress)
                continue
            }
            guard receiver.pointee.accepts(packet.pointee.kind == .audio ? .audio : .video) else { continue }
            let payloadType = receiver.pointee.outgoingPayloadType(
                packet.pointee.info.payloadType, encoding: packet.pointee.encoding)
            guard payloadType != Endpoint.none else {
                counters.add(.droppedNoReceiverRoute)
                continue
            }
            // Door 6.
            let subscription = receiver.pointee.subscriptions.pointer(at: Int(packet.pointee.source))
            switch subscription.pointee.accept(sequence: packet.pointee.sequence, canStart: packet.pointee.canStart) {
            case .forward: break
            case .awaitsKeyframe:
                let number = receiver.pointee.number.requester
                let source = conference.pointee.sources.pointer(at: Int(packet.pointee.source))
                if source.pointee.wantsKeyframeFor == nil,
                    conference.pointee.throttle.hasQuota(requester: number, ssrc: source.pointee.ssrc, now: now)
                {
                    source.pointee.wantsKeyframeFor = number
                }
                counters.add(.droppedWaitingForKeyframe)
                continue
            case .beforeStart:
                counters.add(.droppedBeforeStart)
                continue
            }
            // Door 7.
            guard let slot = egress.reserve() else { return }
            let plaintext = UnsafeRawBufferPointer(start: packet.pointee.base, count: packet.pointee.info.byteCount)
            let headerBytes = HeaderRewriter.write(
                packet.pointee.info, from: plaintext, into: slot, receiver: receiver.pointee.extensions,
                ssrc: packet.pointee.info.ssrc, sequence: packet.pointee.sequence,
                timestamp: packet.pointee.info.timestamp, payloadType: payloadType,
                hasPadding: packet.pointee.padding > 0, sendTime: sendTime)
            guard headerBytes > 0 else {
                counters.add(.droppedMalformedRTP)
                continue
            }
            // Door 8.
            let payload = UnsafeRawBufferPointer(
                start: packet.pointee.base + packet.pointee.info.headerBytes,
                count: packet.pointee.info.payloadBytes + Int(packet.pointee.padding))
            guard
                let total = receiver.pointee.transport.protectRTP(
                    slot: slot, headerBytes: headerBytes, payload: payload)
            else {
                counters.add(.droppedSRTPSend)
                continue
            }
            subscription.pointee.noteSent(payloadBytes: packet.pointee.info.payloadBytes)
            egress.commit(total, to: destination)
            sentPackets += 1
            sentBytes += UInt64(total)
        }
        counters.add(.packetsSent, sentPackets)
        counters.add(.rtpForwarded, sentPackets)
        counters.add(.bytesSent, sentBytes)
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
