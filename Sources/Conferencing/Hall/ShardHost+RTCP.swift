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
        _ datagram: UnsafeMutableRawBufferPointer, from index: Int, at now: Timestamp, arrival: Timestamp,
        into egress: inout EgressBatch
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
                receiveSenderReport(report, from: index, at: now, arrival: arrival)
            case .receptionReport(_, let block):
                receiveReportBlock(block, from: index, at: arrival)
            case .pictureLoss(let ssrc):
                receiveKeyframeRequest(of: ssrc, from: index, fullIntra: nil, at: now, into: &egress)
            case .fullIntraRequest(let entry):
                receiveKeyframeRequest(of: entry.ssrc, from: index, fullIntra: entry.sequence, at: now, into: &egress)
            case .maximumBitrate(let estimate): receiveEstimate(estimate, from: index, at: now)
            case .nack(let ssrc, let nack): receiveNack(nack, of: ssrc, from: index, at: now)
            case .transportFeedback, .ignored: break
            }
        }
        tellRepairs()
        if actions.isMalformed { counters.add(.droppedMalformedRTCP) }
    }

    private mutating func receiveSenderReport(
        _ report: SenderReport, from index: Int, at now: Timestamp, arrival: Timestamp
    ) {
        let endpoint = endpoints.pointer(at: index)
        guard !endpoint.pointee.isVisitor, let stream = endpoint.pointee.uplink[report.ssrc], !stream.isRetransmission
        else { return }
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let source = conference.pointee.sources.pointer(at: Int(stream.source))
        let encoding = source.pointee.encodings.pointer(at: Int(stream.encoding))
        encoding.pointee.statistics.note(report, now: arrival)
        encoding.pointee.offer(report, position: stream.encoding, at: now)
    }

    /// Sends a receiver the sender reports that it has not had of the sources of this walk: the origin's clock, our own
    /// counts. They travel with media, so that nobody can have the bridge send reports by sending some.
    mutating func forwardReports(
        of conference: UnsafeMutablePointer<Conference>, to receiver: UnsafeMutablePointer<Endpoint>, at place: Int,
        now: Timestamp, into egress: inout EgressBatch
    ) {
        var walking = conference.pointee.firstWalking
        // Ends: the list has every encoding at most once.
        while !walking.isNone {
            let (slot, position) = (walking.source, walking.encoding)
            let source = conference.pointee.sources.pointer(at: slot)
            let encoding = conference.pointee.encoding(at: walking)
            walking = encoding.pointee.nextWalking
            guard conference.pointee.interest.wants(place, source: slot),
                let pair = receiver.pointee.downlink.position(ofSlot: slot, generation: source.pointee.generation)
            else { continue }
            let projection = receiver.pointee.downlink.projection(at: pair)
            guard projection.pointee.lacksReport(encoding.pointee.reportGeneration, of: position),
                let report = receiver.pointee.downlink.report(at: pair).pointee.forward(
                    encoding.pointee.report, of: projection.pointee, now: now)
            else { continue }
            projection.pointee.reportGeneration = encoding.pointee.reportGeneration
            var writer = BufferWriter(scratch)
            report.write(to: &writer)
            send(writer.count, to: receiver, into: &egress)
        }
    }

    /// Round trip and loss as the receiver of our packets sees them.
    private mutating func receiveReportBlock(_ block: ReportBlock, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = sourceSlot(seenAs: block.ssrc, by: endpoint),
            let pair = endpoint.pointee.downlink.position(
                ofSlot: slot, generation: conference.pointee.sources[slot].generation)
        else { return }
        let report = endpoint.pointee.downlink.report(at: pair)
        let before = endpoint.pointee.downlink.losses
        report.pointee.noteLosses(block, in: &endpoint.pointee.downlink.losses)
        let sample = report.pointee.roundTrip(block, now: now)
        if let sample {
            let old = endpoint.pointee.downlink.roundTrip
            endpoint.pointee.downlink.roundTrip = old == .zero ? sample : (old * 7 + sample) / 8
        }
        let after = endpoint.pointee.downlink.losses
        endpoint.pointee.reception.look(endpoint.pointee.downlink.takeSent(), at: now)
        endpoint.pointee.reception.noteReport(
            lost: Int(clamping: after.lost - before.lost), expected: Int(clamping: after.expected - before.expected),
            roundTrip: sample, at: now)
        noteRate(of: index, at: now)
    }

    /// What a receiver without transport-wide feedback says that it can take (media-plane.md 8.5).
    private mutating func receiveEstimate(_ estimate: MaximumBitrateEstimate, from index: Int, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        guard !endpoint.pointee.uplink.hasTransportCC else { return }
        endpoint.pointee.reception.noteEstimate(estimate.bitrate, at: now)
        noteRate(of: index, at: now)
        guard endpoint.pointee.downlink.takeEstimate(estimate.bitrate, at: now) else { return }
        emit(.estimateChanged(endpoint.pointee.number, bitsPerSecond: estimate.bitrate))
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

    /// A receiver wants a key frame. It may be of a source that nothing came from yet, as a still screen that is shown.
    private mutating func receiveKeyframeRequest(
        of ssrc: UInt32, from index: Int, fullIntra sequence: UInt8?, at now: Timestamp, into egress: inout EgressBatch
    ) {
        counters.add(.keyframeRequestsReceived)
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = sourceSlot(seenAs: ssrc, by: endpoint, includesRepairs: true),
            conference.pointee.interest.wants(Int(endpoint.pointee.place), source: slot),
            let pair = pair(of: endpoint, with: slot, conference.pointee.sources.pointer(at: slot), at: now)
        else { return counters.add(.keyframeRequestsUnknown) }
        if let sequence, !endpoint.pointee.downlink.report(at: pair).pointee.isNewFullIntra(sequence) {
            return counters.add(.keyframeRequestsRepeated)
        }
        requestKeyframe(
            of: slot, in: conference, for: Int(endpoint.pointee.place), isOwn: false, at: now, into: &egress)
    }

    /// Asks the owner of a source for a key frame, unless it was asked just now (media-plane.md 6.7).
    /// - Parameters:
    ///   - place: the receiver that wants it; its pair with the source keeps the account.
    ///   - isOwn: it is the bridge that finds that out.
    mutating func requestKeyframe(
        of slot: Int, in conference: UnsafeMutablePointer<Conference>, for place: Int, isOwn: Bool = true,
        at now: Timestamp, into egress: inout EgressBatch
    ) {
        let source = conference.pointee.sources.pointer(at: slot)
        guard source.pointee.isLive, source.pointee.mediaType == .video,
            let requester = conference.pointee.member(at: place),
            let pair = endpoints.pointer(at: requester).pointee.downlink.position(
                ofSlot: slot, generation: source.pointee.generation)
        else { return }
        let owner = endpoints.pointer(at: Int(source.pointee.owner))
        guard owner.pointee.transport.isReady else { return }
        let report = endpoints.pointer(at: requester).pointee.downlink.report(at: pair)
        guard
            settings.keyframes.admits(
                pair: &report.pointee.keyframeRequests, source: &source.pointee.keyframeRequests,
                roundTrip: owner.pointee.downlink.knownRoundTrip, isOwn: isOwn, now: now)
        else { return counters.add(.keyframeRequestsThrottled) }
        _ = sendKeyframeRequest(of: slot, in: conference, into: &egress)
    }

    /// Asks the owner of a source for a key frame.
    /// - Returns: whether it could be asked.
    mutating func sendKeyframeRequest(
        of slot: Int, in conference: UnsafeMutablePointer<Conference>, into egress: inout EgressBatch
    ) -> Bool {
        let source = conference.pointee.sources.pointer(at: slot)
        let owner = endpoints.pointer(at: Int(source.pointee.owner))
        guard owner.pointee.transport.isReady else { return false }
        var writer = BufferWriter(scratch)
        let sender = conference.pointee.videoSSRC
        if owner.pointee.uplink.hasPLI || !owner.pointee.uplink.hasFIR {
            KeyframeRequest.writePictureLoss(senderSSRC: sender, mediaSSRC: source.pointee.outgoingSSRC, to: &writer)
        } else {
            owner.pointee.uplink.firSequence &+= 1
            let entry = KeyframeRequest.Entry(
                ssrc: source.pointee.outgoingSSRC, sequence: owner.pointee.uplink.firSequence)
            KeyframeRequest.writeFullIntra(senderSSRC: sender, entry: entry, to: &writer)
        }
        counters.add(.keyframeRequestsSent)
        send(writer.count, to: owner, into: &egress)
        return true
    }
}
