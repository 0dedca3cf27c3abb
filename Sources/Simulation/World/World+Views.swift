// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import SRTP
import ShardMessages
import VideoPayload

// Packets of sources with several encodings where they leave the bridge.

extension World {
    /// The source with layers that receivers know under an SSRC, and whether that is the one of its repeats.
    func group(of ssrc: UInt32, in conference: Int) -> (group: Int, isRepeat: Bool)? {
        for (position, group) in groups.enumerated() where group.conference == conference {
            if ledgers[group.ledgers[0]].ssrc == ssrc { return (position, false) }
            if group.rtxSSRCs.first == ssrc { return (position, true) }
        }
        return nil
    }

    /// A packet that carries something of an encoding of a source with layers.
    /// - Parameters:
    ///   - packet: opened, without its padding.
    ///   - position: of the ledger that its payload names, and `index` in it.
    func observeLayered(
        _ packet: [UInt8], _ header: RTPHeader, payload: Int, position: Int, index: Int, to client: VirtualClient,
        at time: Timestamp
    ) throws(Breach) -> DownlinkDatagram {
        let ledger = ledgers[position]
        let sent = ledger.packets[index]
        let what = "packet \(index) of ssrc \(ledger.ssrc)"
        guard let (group, isRepeat) = group(of: header.ssrc, in: client.conference),
            groups[group].ledgers.contains(position)
        else { throw Breach(.integrity, "\(what) under ssrc \(header.ssrc)") }
        let media = payload + (isRepeat ? 2 : 0)
        let settings = LayerSettings(hasLongPictureIDs: groups[group].hasLongPictureIDs)
        guard let descriptor = VP8Descriptor(packet.rawSpan, from: media, to: packet.count) else {
            throw Breach(.integrity, "\(what): its descriptor is broken")
        }
        try checkDescriptor(descriptor, sent, ledger, clients[ledger.owner], settings, what)
        let start = media + descriptor.byteCount
        let hash = packet.withUnsafeBytes { payloadHash(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        guard hash == sent.payloadHash else { throw Breach(.integrity, "\(what) was changed on the way") }
        try checkPrivacy(sent, index, ledger, to: client)
        let number = isRepeat ? client.settings.rtxNumber : client.settings.vp8Number
        guard header.payloadType == number else {
            throw Breach(.integrity, "\(what): payload type \(header.payloadType), not \(number)")
        }
        guard header.csrcCount == 0, header.marker == (sent.part == sent.parts - 1) else {
            throw Breach(.integrity, "\(what): the marker is wrong")
        }
        try checkExtensions(header, packet, level: nil, ledger.ssrc, to: client, at: time)
        let sequence = isRepeat ? packet.rawSpan.uint16(at: payload) : header.sequence
        let out: Int64
        if isRepeat {
            // What is repeated was sent; a copy of the unwrapper tells its whole number.
            var copy = client.viewUnwrappers[group, default: SequenceUnwrapper()]
            out = copy.unwrap(sequence)
        } else {
            out = client.viewUnwrappers[group, default: SequenceUnwrapper()].unwrap(sequence)
        }
        let sight = ViewLaw.Sight(
            ledger: position, index: index, out: out, timestamp: header.timestamp,
            pictureID: UInt16(bitPattern: descriptor.pictureID),
            base: UInt8(truncatingIfNeeded: descriptor.tl0PictureIndex))
        if isRepeat {
            try client.viewLaws[group, default: ViewLaw()].admitRepeat(sight, sequence: header.sequence)
        } else {
            try client.viewLaws[group, default: ViewLaw()].admit(
                sight, self, mask: settings.hasLongPictureIDs ? 0x7FFF : 0x7F, at: time)
            try checkConstraint(group, ledger, to: client, at: time)
            transits[ledger.conference]?.append(time - sent.arrival)
        }
        trace.note(
            isRepeat ? "repeat" : "view", at: time, client: client.index, UInt64(position), UInt64(index),
            UInt64(header.sequence))
        return .view(ViewPacket(group: group, ledger: position, index: index, out: out, isRepeat: isRepeat))
    }

    /// A descriptor is the sender's but for the numbers that go on per receiver.
    private func checkDescriptor(
        _ descriptor: VP8Descriptor, _ sent: SentPacket, _ ledger: SourceLedger, _ owner: VirtualClient,
        _ settings: LayerSettings, _ what: String
    ) throws(Breach) {
        guard let layers = owner.encoder?.settings, sent.frame >= 0 else {
            throw Breach(.integrity, "\(what) is padding alone")
        }
        var expected = ledger.frames[sent.frame].descriptor(part: sent.part, layers)
        let bytes = descriptor.byteCount
        expected.byteCount = bytes
        if BridgeTraits.hasViews {
            expected.pictureID = descriptor.pictureID
            expected.tl0PictureIndex = descriptor.tl0PictureIndex
        }
        guard descriptor == expected, bytes == ledger.frames[sent.frame].descriptorBytes(settings) else {
            throw Breach(.integrity, "\(what): its descriptor is \(descriptor), not \(expected)")
        }
    }

    /// Nobody gets what they do not want, or a larger picture than they asked for, for long.
    private func checkConstraint(
        _ group: Int, _ ledger: SourceLedger, to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        guard let encoding = ledger.layers?.encoding else { return }
        let allowed = groups[group].encoding(for: client.wishHeight(of: group, in: self))
        let grace = allowed < 0 ? SimulationLimits.suspensionGrace : SimulationLimits.constraintGrace
        guard encoding > allowed, time - client.heights.since > grace else { return }
        throw Breach(
            .privacy, "ssrc \(ledger.ssrc) is encoding \(encoding), and \(allowed) is the largest it asked for")
    }

    // MARK: Reports

    /// The sender report of the encoding that a receiver gets, in its time.
    func checkLayeredReport(
        _ report: SenderReport, _ group: Int, to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        let what = "sender report of ssrc \(report.ssrc)"
        let source = groups[group]
        guard source.owner != client.index, ledgers[source.ledgers[0]].isSignalled else {
            throw Breach(.privacy, "\(what), which is none of its business")
        }
        guard let law = client.viewLaws[group], let current = law.current else {
            throw Breach(.reports, "\(what) before its first packet")
        }
        let original = ledgers[current.ledger].reports.last {
            $0.isTaken && $0.ntp == report.ntp && $0.rtpTimestamp &+ current.timestampOffset == report.rtpTimestamp
        }
        guard original != nil else {
            throw Breach(.reports, "\(what) that its owner has not sent of the encoding that the receiver gets")
        }
        // Another encoding's report may be of the same moment.
        let last = law.lastReport.flatMap { $0.ledger == current.ledger ? $0 : nil }
        if let last, report.ntp.value <= last.ntp {
            throw Breach(.amplification, "\(what) a second time")
        }
        if last != nil, let before = law.reportBefore, time - before < SimulationLimits.senderReportSpacing {
            throw Breach(.amplification, "\(what), the third in \((time - before).microseconds) µs")
        }
        guard (Int(report.packetCount), Int(report.octetCount)) == law.sent else {
            throw Breach(
                .reports, "\(what) counts \((report.packetCount, report.octetCount)), sent were \(law.sent)")
        }
        client.viewLaws[group]?.reportBefore = last?.time
        client.viewLaws[group]?.lastReport = (time, current.ledger, report.ntp.value)
    }

    /// The bridge asks a sender for packets: for those that are missing, and not too often.
    func checkNack(
        _ part: RTCPPacket, _ header: FeedbackHeader, _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) {
        let what = "NACK for ssrc \(header.mediaSSRC)"
        guard let encoding = client.encoder?.encodings.first(where: { $0.ssrc == header.mediaSSRC }) else {
            throw Breach(.repair, "\(what), which is no video of its own")
        }
        let ledger = ledgers[encoding.ledger]
        for sequence in GenericNACK.numbers(of: part, in: bytes.rawSpan) {
            let index = ledger.index(of: sequence)
            guard index >= 0, index < ledger.highest else {
                throw Breach(.repair, "\(what): \(sequence) is none that can be missing")
            }
            guard ledger.packets[index].order < 0 else {
                throw Breach(.repair, "\(what): packet \(index) has come")
            }
            var asked = client.askedFor[[encoding.ledger, index]] ?? (count: 0, last: .zero)
            guard asked.count == 0 || time - asked.last >= SimulationLimits.nackSpacing,
                asked.count < SimulationLimits.nackAttempts
            else {
                throw Breach(
                    .repair,
                    "\(what): packet \(index) for the \(asked.count + 1). time, "
                        + "\((time - asked.last).microseconds) µs after the last")
            }
            asked = (asked.count + 1, time)
            client.askedFor[[encoding.ledger, index]] = asked
        }
    }
}
