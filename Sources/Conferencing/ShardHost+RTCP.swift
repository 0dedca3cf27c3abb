// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry

// RTCP ends here (media-plane.md 7): reports are made anew for each side. What crosses the bridge is the sender report,
// in line with the packets it describes, and the wish for a key frame.

extension ShardHost {
    /// Takes an SRTCP datagram of an endpoint; every packet of the compound is handled.
    mutating func receiveRTCP(
        _ datagram: UnsafeMutableRawBufferPointer, from index: Int, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard endpoint.pointee.transport.hasKeys else { return counters.add(.droppedBeforeKeys) }
        let plaintext: Int
        switch endpoint.pointee.transport.unprotectRTCP(datagram) {
        case .success(let count): plaintext = count
        case .failure(let failure): return counters.add(failure.counter)
        }
        endpoint.pointee.lastActivity = now
        let compound = RawSpan(
            _unsafeBytes: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(datagram)[..<plaintext]))
        var actions = IncomingRTCP()
        // Ends: every action consumes bytes of a bounded compound.
        while let action = actions.next(in: compound) {
            switch action {
            case .senderReport(let report):
                receiveSenderReport(report, from: index, at: now)
            case .receptionReport(_, let block):
                receiveReportBlock(block, from: index, at: now)
            case .keyframeRequest(let ssrc, _):
                counters.add(.keyframeRequestsReceived)
                let conference = conferences.pointer(at: endpoint.pointee.conference)
                if let slot = conference.pointee.sourceBySSRC[ssrc] {
                    requestKeyframe(
                        of: slot, in: conference, for: endpoint.pointee.number.requester, at: now, into: &egress)
                }
            case .nack, .transportFeedback, .maximumBitrate, .ignored: break
            }
        }
        if actions.isMalformed { counters.add(.droppedMalformedRTCP) }
    }

    private mutating func receiveSenderReport(_ report: SenderReport, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        guard !endpoint.pointee.isVisitor, let position = endpoint.pointee.streamIndex(report.ssrc) else { return }
        let stream = endpoint.pointee.streams.pointer(at: position)
        stream.pointee.statistics.note(report, now: now)
        guard stream.pointee.role == .forwarded else { return }
        guard let base = scratch.baseAddress else { return }
        guard !isBatchFull else { return counters.add(.droppedBatchFull) }
        reports[batchCount] = report
        enqueue(
            BatchPacket(
                info: PacketInfo(), base: base, endpoint: UInt32(index), source: stream.pointee.source,
                next: -1, sequence: 0, encoding: Endpoint.none, canStart: false, kind: .senderReport),
            in: endpoint.pointee.conference)
    }

    /// Sends a receiver the sender report of a source it is being sent: the origin's clock, our own counts.
    func forwardReport(
        _ packet: UnsafeMutablePointer<BatchPacket>, to receiver: UnsafeMutablePointer<Endpoint>,
        at now: Timestamp, into egress: inout EgressBatch
    ) {
        let subscription = receiver.pointee.subscriptions.pointer(at: Int(packet.pointee.source))
        guard
            let report = subscription.pointee.forward(
                reports[packet - batch], ssrc: reports[packet - batch].ssrc, now: now)
        else { return }
        var writer = BufferWriter(scratch)
        report.write(to: &writer)
        send(writer.count, to: receiver, into: &egress)
    }

    /// Round trip and loss as the receiver of our packets sees them.
    private mutating func receiveReportBlock(_ block: ReportBlock, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = conference.pointee.sourceBySSRC[block.ssrc],
            Int(slot) < endpoint.pointee.subscriptions.count
        else { return }
        let subscription = endpoint.pointee.subscriptions.pointer(at: Int(slot))
        subscription.pointee.noteLosses(block, in: &endpoint.pointee.losses.outgoing)
        if let sample = subscription.pointee.roundTrip(block, now: now) {
            let old = endpoint.pointee.roundTrip
            endpoint.pointee.roundTrip = old == .zero ? sample : (old * 7 + sample) / 8
        }
    }

    /// Encrypts the first `count` bytes of the scratch buffer and sends them as RTCP; what does not fit is lost, RTCP
    /// is repeated anyway.
    func send(_ count: Int, to endpoint: UnsafeMutablePointer<Endpoint>, into egress: inout EgressBatch) {
        let packet = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<count])
        guard let destination = endpoint.pointee.transport.destination, let slot = egress.reserve() else {
            return counters.add(.droppedSendBuffer)
        }
        guard let count = endpoint.pointee.transport.protectRTCP(packet, into: slot) else {
            return counters.add(.droppedSRTPSend)
        }
        egress.commit(count, to: destination)
        counters.add(.packetsSent)
        counters.add(.bytesSent, UInt64(count))
    }

    // MARK: Key frames

    /// Passes the wishes on that came up while the batch was forwarded.
    mutating func requestWantedKeyframes(
        _ conference: UnsafeMutablePointer<Conference>, at now: Timestamp, into egress: inout EgressBatch
    ) {
        var position = conference.pointee.batchHead
        while position >= 0 {
            let packet = batch + Int(position)
            position = packet.pointee.next
            let source = conference.pointee.sources.pointer(at: Int(packet.pointee.source))
            guard let receiver = source.pointee.wantsKeyframeFor else { continue }
            source.pointee.wantsKeyframeFor = nil
            requestKeyframe(of: packet.pointee.source, in: conference, for: receiver, at: now, into: &egress)
        }
    }

    /// Asks the owner of a source for a key frame, unless it was asked just now (media-plane.md 6.7).
    mutating func requestKeyframe(
        of slot: Int32, in conference: UnsafeMutablePointer<Conference>, for requester: UInt32, at now: Timestamp,
        into egress: inout EgressBatch
    ) {
        let source = conference.pointee.sources.pointer(at: Int(slot))
        guard source.pointee.isLive, source.pointee.mediaType == .video else { return }
        let owner = endpoints.pointer(at: Int(source.pointee.owner))
        guard owner.pointee.transport.isReady else { return }
        let roundTrip = owner.pointee.roundTrip == .zero ? nil : owner.pointee.roundTrip
        guard
            conference.pointee.throttle.admits(
                requester: requester, ssrc: source.pointee.ssrc, roundTrip: roundTrip, now: now)
        else { return counters.add(.keyframeRequestsThrottled) }
        var writer = BufferWriter(scratch)
        let sender = conference.pointee.videoSSRC
        if owner.pointee.hasPLI || !owner.pointee.hasFIR {
            KeyframeRequest.writePictureLoss(senderSSRC: sender, mediaSSRC: source.pointee.ssrc, to: &writer)
        } else {
            owner.pointee.firSequence &+= 1
            let entry = KeyframeRequest.Entry(ssrc: source.pointee.ssrc, sequence: owner.pointee.firSequence)
            KeyframeRequest.writeFullIntra(senderSSRC: sender, entry: entry, to: &writer)
        }
        counters.add(.keyframeRequestsSent)
        send(writer.count, to: owner, into: &egress)
    }
}
