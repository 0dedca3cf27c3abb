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
        let compound = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(datagram)[..<plaintext])
        var actions = IncomingRTCP(compound)
        // Ends: every action consumes bytes of a bounded compound.
        while let action = actions.next() {
            switch action {
            case .senderReport(let report):
                receiveSenderReport(report, from: index, at: now)
            case .reportBlock(let block):
                receiveReportBlock(block, from: index, at: now)
            case .keyframeRequest(let ssrc, _):
                counters.add(.keyframeRequestsReceived)
                let conference = conferences.pointer(at: endpoint.pointee.conference)
                if let slot = conference.pointee.sourceBySSRC[ssrc] {
                    requestKeyframe(of: slot, in: conference, for: UInt32(index), at: now, into: &egress)
                }
            case .nack, .transportFeedback, .remb, .goodbye, .ignored: break
            }
        }
        if actions.isMalformed { counters.add(.droppedMalformedRTCP) }
    }

    private mutating func receiveSenderReport(_ report: SenderReport, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        guard !endpoint.pointee.isVisitor, let position = endpoint.pointee.streamIndex(report.ssrc) else { return }
        let stream = endpoint.pointee.streams.pointer(at: position)
        stream.pointee.statistics.noteSenderReport(report, at: now)
        guard stream.pointee.role == .forwarded else { return }
        var info = PacketInfo(ssrc: report.ssrc)
        info.timestamp = report.rtpTimestamp
        info.ntp = report.ntp
        enqueue(
            BatchPacket(
                info: info, base: scratch.baseAddress!, endpoint: UInt32(index), source: stream.pointee.source,
                next: -1, sequence: 0, encoding: Endpoint.none, kind: .senderReport),
            in: endpoint.pointee.conference)
    }

    /// Sends a receiver the sender report of a source it is being sent: the origin's clock, our own counts.
    func forwardReport(
        _ packet: UnsafeMutablePointer<BatchPacket>, to receiver: UnsafeMutablePointer<Endpoint>,
        destination: Destination, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let subscription = receiver.pointee.subscriptions.pointer(at: Int(packet.pointee.source))
        guard let count = ReportGenerator.writeSenderReport(
            ssrc: packet.pointee.info.ssrc, ntp: packet.pointee.info.ntp, rtpTimestamp: packet.pointee.info.timestamp,
            subscription: &subscription.pointee, at: now, into: scratch)
        else { return }
        send(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<count]), to: receiver, into: &egress)
    }

    /// Round trip and loss as the receiver of our packets sees them.
    private mutating func receiveReportBlock(_ block: ReportBlock, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = conference.pointee.sourceBySSRC[block.ssrc],
            Int(slot) < endpoint.pointee.subscriptions.count
        else { return }
        let subscription = endpoint.pointee.subscriptions.pointer(at: Int(slot))
        subscription.pointee.noteReport(block)
        if let sample = subscription.pointee.roundTrip(for: block, at: now) {
            let old = endpoint.pointee.roundTrip
            endpoint.pointee.roundTrip = old == .zero ? sample : (old * 7 + sample) / 8
        }
    }

    /// Encrypts an RTCP packet and sends it; what does not fit is lost, RTCP is repeated anyway.
    func send(
        _ packet: UnsafeRawBufferPointer, to endpoint: UnsafeMutablePointer<Endpoint>, into egress: inout EgressBatch
    ) {
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
        guard conference.pointee.throttle.allows(
            requester: requester, ssrc: source.pointee.ssrc, roundTrip: owner.pointee.roundTrip, at: now)
        else { return counters.add(.keyframeRequestsThrottled) }
        let count: Int
        if owner.pointee.hasPLI || !owner.pointee.hasFIR {
            count = ReportGenerator.writePLI(
                sender: conference.pointee.videoSSRC, media: source.pointee.ssrc, into: scratch)
        } else {
            owner.pointee.firSequence &+= 1
            count = ReportGenerator.writeFIR(
                sender: conference.pointee.videoSSRC, media: source.pointee.ssrc,
                sequence: owner.pointee.firSequence, into: scratch)
        }
        counters.add(.keyframeRequestsSent)
        send(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(scratch)[..<count]), to: owner, into: &egress)
    }
}
