// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import SRTP

// RTCP that leaves the bridge: its reports must be true, its requests must go to owners and keep their limits.

extension World {
    func observeRTCP(
        _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) -> DownlinkDatagram {
        var packet = bytes
        let opened = packet.withUnsafeMutableBytes { client.transport.unprotectRTCP($0) }
        guard case .success(let count) = opened else { throw Breach(.secrecy, "RTCP can't be opened: \(opened)") }
        packet.removeLast(packet.count - count)
        try countControl(to: client, at: time)
        var reader = RTCPReader()
        var types: UInt64 = 0
        while let part = reader.next(in: packet.rawSpan) {
            types = types << 8 | UInt64(part.type.rawValue)
            switch part.type {
            case .senderReport: try checkSenderReport(part, packet, to: client, at: time)
            case .receiverReport: try checkReceiverReport(part, packet, to: client, at: time)
            case .payloadFeedback: try checkKeyframeRequest(part, packet, to: client, at: time)
            case .transportFeedback where part.count == FeedbackFormat.nack:
                guard let header = FeedbackHeader(part, in: packet.rawSpan) else {
                    throw Breach(.reports, "short feedback")
                }
                try checkNack(part, header, packet, to: client, at: time)
            case .transportFeedback: try checkTransportFeedback(part, packet, to: client)
            case .sourceDescription: break
            default: throw Breach(.reports, "RTCP of type \(part.type.rawValue)")
            }
        }
        guard !reader.isMalformed, count > 0 else { throw Breach(.reports, "malformed RTCP") }
        trace.note("control", at: time, client: client.index, types, UInt64(count))
        return .control(packet)
    }

    private func countControl(to client: VirtualClient, at time: Timestamp) throws(Breach) {
        let second = time.nanoseconds / 1_000_000_000
        client.controls = client.controls.second == second ? (second, client.controls.count + 1) : (second, 1)
        let sources = ledgers.lazy.filter { $0.conference == client.conference && $0.isSignalled }.count
        guard client.controls.count <= SimulationLimits.controlPerSecond + 2 * sources else {
            throw Breach(.amplification, "\(client.controls.count) RTCP datagrams in one second")
        }
    }

    private func checkSenderReport(
        _ part: RTCPPacket, _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        guard let report = SenderReport(part, in: bytes.rawSpan) else { throw Breach(.reports, "a short SR") }
        if let (group, _) = group(of: report.ssrc, in: client.conference) {
            return try checkLayeredReport(report, group, to: client, at: time)
        }
        let what = "sender report of ssrc \(report.ssrc)"
        guard
            let position = ledgers.indices.first(where: {
                ledgers[$0].ssrc == report.ssrc && ledgers[$0].conference == client.conference
                    && ledgers[$0].isSignalled && ledgers[$0].owner != client.index
            })
        else { throw Breach(.privacy, "\(what), which is none of its business") }
        let ledger = ledgers[position]
        let offset = client.laws[position]?.timeOffset ?? 0
        let number = ledger.reports.lastIndex {
            $0.isTaken && $0.ntp == report.ntp && $0.rtpTimestamp &+ offset == report.rtpTimestamp
        }
        guard let number else { throw Breach(.reports, "\(what) that its owner has not sent") }
        guard let law = client.laws[position], law.hasStarted else {
            throw Breach(.reports, "\(what) before its first packet")
        }
        if let last = law.lastReport {
            guard number > last.number else { throw Breach(.amplification, "\(what) a second time") }
        }
        if let before = law.reportBefore, time - before < SimulationLimits.senderReportSpacing {
            throw Breach(.amplification, "\(what), the third in \((time - before).microseconds) µs")
        }
        let counts = (Int(report.packetCount), Int(report.octetCount))
        guard counts == law.sent || counts == law.sentInEpoch else {
            throw Breach(.reports, "\(what) counts \(counts), sent were \(law.sent)")
        }
        client.laws[position]?.reportBefore = law.lastReport?.time
        client.laws[position]?.lastReport = (time, number)
    }

    private func checkReceiverReport(
        _ part: RTCPPacket, _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        if let last = client.lastReceiverReport, time - last < .milliseconds(400) {
            throw Breach(.reports, "receiver report \((time - last).microseconds) µs after the last one")
        }
        client.lastReceiverReport = time
        for index in 0..<Int(part.count) {
            guard let block = ReportBlock(index, of: part, in: bytes.rawSpan) else {
                throw Breach(.reports, "a short RR")
            }
            guard let ledger = ledgers.last(where: { $0.ssrc == block.ssrc && $0.owner == client.index }) else {
                throw Breach(.reports, "receiver report on ssrc \(block.ssrc), which is another's")
            }
            let known = ledger.statistics
            let lost = known.highest - known.base + 1 - known.count
            guard UInt16(truncatingIfNeeded: block.highestSequence) == ledger.sequence(of: known.highest),
                Int(block.cumulativeLost) == lost
            else {
                throw Breach(
                    .reports,
                    "ssrc \(block.ssrc): highest \(block.highestSequence & 0xFFFF) and \(block.cumulativeLost) lost, "
                        + "not \(ledger.sequence(of: known.highest)) and \(lost)")
            }
            let newest = ledger.newestReport.map { ledger.reports[$0].ntp.compact } ?? 0
            let isEarly = ledger.isForeign && block.lastSenderReport == 0
            guard block.lastSenderReport == newest || isEarly else {
                throw Breach(.reports, "ssrc \(block.ssrc): the receiver report names another sender report")
            }
        }
    }

    private func checkKeyframeRequest(
        _ part: RTCPPacket, _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        guard let header = FeedbackHeader(part, in: bytes.rawSpan) else { throw Breach(.reports, "short feedback") }
        let ssrc: UInt32
        if part.count == FeedbackFormat.pictureLoss {
            ssrc = header.mediaSSRC
        } else if let entry = KeyframeRequest.Entry(0, of: part, in: bytes.rawSpan) {
            ssrc = entry.ssrc
        } else {
            throw Breach(.reports, "feedback that is no key frame request")
        }
        let own = client.video?.ssrc == ssrc ? client.video?.ledger : nil
        let encoded = client.encoder?.encodings.first { $0.ssrc == ssrc }?.ledger
        guard let position = own ?? encoded, ledgers[position].isSignalled else {
            throw Breach(.keyframes, "asked for a key frame of ssrc \(ssrc), which is not its own")
        }
        var times = client.keyframeRequests[ssrc] ?? []
        if let last = times.last, time - last < SimulationLimits.keyframeSpacing {
            throw Breach(.keyframes, "ssrc \(ssrc): asked again after \((time - last).microseconds) µs")
        }
        times.append(time)
        client.keyframeRequests[ssrc] = times
        let others = clients.lazy.filter { $0.conference == client.conference && $0.index != client.index }.count
        // A turn may hold a request back, so the time between two decisions is at the most that from turn to departure.
        client.keyframeTurns[ssrc, default: []].append(now)
        let turns = client.keyframeTurns[ssrc] ?? []
        let recent = turns.lazy.filter { time - $0 < SimulationLimits.keyframeWindow }.count
        guard recent <= ForwardingLimits.rememberedRequests * others else {
            throw Breach(.keyframes, "ssrc \(ssrc): asked \(recent) times in 10 s by \(others) receivers")
        }
    }

    private func checkTransportFeedback(
        _ part: RTCPPacket, _ bytes: [UInt8], to client: VirtualClient
    ) throws(Breach) {
        guard client.settings.hasTransportCC, var reader = TransportWideReader(part, in: bytes.rawSpan) else {
            throw Breach(.reports, "feedback that was not negotiated")
        }
        let newest = client.transportFates.count - 1
        while let status = reader.next(in: bytes.rawSpan) {
            let number = newest + SequenceNumber.delta(status.sequence, UInt16(truncatingIfNeeded: newest))
            guard number >= 0, number <= newest else {
                throw Breach(.reports, "feedback on transport-wide number \(status.sequence), which was not sent")
            }
            guard client.transportFates[number] == (status.arrival != nil) else {
                throw Breach(
                    .reports,
                    "feedback says that transport-wide number \(number) "
                        + (status.arrival == nil ? "is missing, it is not" : "arrived, it did not"))
            }
        }
    }
}
