// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import RTP

extension Participant {
    /// One datagram came (RFC 7983).
    @inline(__always)
    func handle(
        _ datagram: UnsafeMutableRawBufferPointer, from source: TransportAddress, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        guard datagram.count >= 2 else {
            context.statistics.malformed += 1
            return
        }
        switch datagram[0] {
        case 128...191 where datagram[1] < 192 || datagram[1] > 223: handleRTP(datagram, at: now, &context)
        case 128...191: handleRTCP(datagram, at: now, &context)
        case 0...3: handleSTUN(datagram, from: source, at: now, &context)
        case 20...63: handleDTLS(datagram, at: now, &context)
        default: context.statistics.malformed += 1
        }
    }

    @inline(__always)
    private func handleRTP(
        _ packet: UnsafeMutableRawBufferPointer, at now: Timestamp, _ context: inout LoopContext
    ) {
        guard let header = HeaderView(UnsafeRawBufferPointer(packet)) else {
            context.statistics.malformed += 1
            return
        }
        // Media may overtake the end of the handshake; it is not counted on yet.
        guard isConnected else { return }
        guard !lossDown.drops() else {
            context.statistics.repair.droppedDown += 1
            if let index = slots.index(of: header.ssrc), !conference.streams[index].isVideo { lostAudio += 1 }
            return
        }
        if let number = header.transportWide { noteTransportWide(number, header.ssrc, at: now, &context) }
        guard let index = slots.index(of: header.ssrc) else {
            if let repaired = slots.index(ofRepair: header.ssrc), header.payloadType == Offer.rtx {
                handleRepair(packet, header, repaired, at: now, &context)
            } else if header.payloadType == Offer.rtx {
                context.statistics.retransmissions += 1
            } else {
                context.statistics.unknown += 1
            }
            return
        }
        let stream = conference.streams[index]
        guard stream.sender != planned.number else {
            context.statistics.misdelivered += 1
            return
        }
        context.statistics.received += 1
        context.statistics.receivedBytes += UInt64(packet.count)
        if stream.isVideo, context.options.judgesPictures {
            handlePicture(packet, header, index, at: now, &context)
            return
        }
        let isSampled = header.sequence & (context.options.verification.interval - 1) == 0
        if isSampled || trackers[index].needsStamp || (stream.isVideo && !trackers[index].hasKeyframe) {
            verify(packet, header, index, at: now, &context)
        } else {
            let number = number(header, index, at: now)
            trackers[index].note(header: number)
        }
    }

    /// The number of a packet that is taken for genuine; call once for each, in order of arrival.
    @inline(__always)
    func number(_ header: HeaderView, _ index: Int, at now: Timestamp) -> Int64 {
        let number = trackers[index].unwrap(header.sequence)
        trackers[index].report.note(
            number: number, timestamp: header.timestamp,
            clockRate: conference.streams[index].isVideo ? 90_000 : 48_000, at: now)
        return number
    }

    /// Decrypts a packet and compares it with its stamp.
    private func verify(
        _ packet: UnsafeMutableRawBufferPointer, _ header: HeaderView, _ index: Int, at now: Timestamp,
        _ context: inout LoopContext
    ) {
        guard let inbound, let start = packet.baseAddress else { return }
        let length: Int
        switch inbound.unprotect(start, byteCount: packet.count) {
        case .success(let count): length = count
        case .failure(.replayed):
            // The same packet again: the tracker counts it as a duplicate.
            guard !trackers[index].needsStamp else { return }
            let number = number(header, index, at: now)
            trackers[index].note(header: number)
            return
        case .failure(.refused):
            context.statistics.altered += 1
            return
        }
        let number = number(header, index, at: now)
        let padding = header.hasPadding && length > header.byteCount ? Int(packet[length - 1]) : 0
        let end = length - padding
        guard end > header.byteCount else {
            context.statistics.paddingOnly += 1
            return
        }
        let payload = UnsafeRawBufferPointer(rebasing: packet[header.byteCount..<end])
        let stream = conference.streams[index]
        let covered = stream.isVideo ? VP8Payload.descriptorBytes(of: payload) : 0
        guard let covered, let stamp = PayloadStamp(payload, covered: covered) else {
            context.statistics.altered += 1
            return
        }
        guard stamp.ssrc == stream.ssrc, stamp.sender == UInt32(stream.sender) else {
            context.statistics.misdelivered += 1
            return
        }
        context.statistics.verified += 1
        let transit = context.arrivedAt - stamp.sentAt
        if stream.isVideo {
            context.statistics.videoTransit.note(transit)
            if !trackers[index].hasKeyframe, stamp.flags.isSuperset(of: [.keyframe, .first]) {
                trackers[index].hasKeyframe = true
                trackers[index].expect(from: Int64(stamp.sequence))
                context.statistics.firstKeyframe.note((now - connectedAt).nanoseconds)
            }
        } else {
            context.statistics.audioTransit.note(transit)
            if slots.isActive, trackers[index].expectedFrom < 0 { trackers[index].expect(from: Int64(stamp.sequence)) }
        }
        trackers[index].note(header: number, stamp: Int64(stamp.sequence))
    }

    private func noteTransportWide(
        _ number: UInt16, _ ssrc: UInt32, at now: Timestamp, _ context: inout LoopContext
    ) {
        recorder.note(number, at: now)
        feedbackMedia = ssrc
        if recorder.isFull {
            sendFeedback(&context)
        } else if feedbackDue == nil {
            // Browsers report about every 100 ms.
            feedbackDue = now + .milliseconds(100)
        }
    }

    private func handleRTCP(
        _ datagram: UnsafeMutableRawBufferPointer, at now: Timestamp, _ context: inout LoopContext
    ) {
        guard let inbound, let start = datagram.baseAddress else { return }
        guard !lossDown.drops() else {
            context.statistics.repair.droppedDown += 1
            return
        }
        let length: Int
        switch inbound.unprotectRTCP(start, byteCount: datagram.count) {
        case .success(let count): length = count
        case .failure(.replayed): return
        case .failure(.refused):
            context.statistics.malformed += 1
            return
        }
        context.statistics.receivedRTCP += 1
        let bytes = UnsafeRawBufferPointer(rebasing: datagram[0..<length]).bytes
        var reader = RTCPReader()
        while let packet = reader.next(in: bytes) {
            switch packet.type {
            case .senderReport: noteSenderReport(packet, bytes, at: now, &context)
            case .receiverReport: context.statistics.receiverReports += 1
            case .payloadFeedback: noteFeedback(packet, bytes, &context)
            case .transportFeedback where packet.count == FeedbackFormat.nack:
                context.statistics.nacks += 1
                answer(packet, bytes, at: now, &context)
            case .transportFeedback where packet.count == FeedbackFormat.transportWide:
                context.statistics.transportFeedback += 1
            default: break
            }
        }
    }

    private func noteSenderReport(
        _ packet: RTCPPacket, _ bytes: RawSpan, at now: Timestamp, _ context: inout LoopContext
    ) {
        guard let report = SenderReport(packet, in: bytes), let index = slots.index(of: report.ssrc) else {
            return
        }
        context.statistics.senderReports += 1
        trackers[index].report.lastSenderReport = UInt32(truncatingIfNeeded: report.ntp.value >> 16)
        trackers[index].report.lastSenderReportAt = now
    }

    private func noteFeedback(_ packet: RTCPPacket, _ bytes: RawSpan, _ context: inout LoopContext) {
        guard let index = planned.video else { return }
        let stream = conference.streams[index]
        var isMeant = false
        if packet.count == FeedbackFormat.pictureLoss {
            isMeant = FeedbackHeader(packet, in: bytes).flatMap { stream.encoding(of: $0.mediaSSRC) } != nil
        } else if packet.count == FeedbackFormat.fullIntraRequest {
            var index = 0
            while let entry = KeyframeRequest.Entry(index, of: packet, in: bytes) {
                if stream.encoding(of: entry.ssrc) != nil { isMeant = true }
                index += 1
            }
        }
        guard isMeant else { return }
        context.statistics.keyframeRequests += 1
        for index in videos.indices { videos[index].requestKeyframe() }
    }
}
