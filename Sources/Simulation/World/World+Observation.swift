// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import SRTP
import ShardMessages

// Everything that leaves the bridge is looked at where it leaves, before the network can do anything to it: with the
// receiver's keys, in order and without loss. So every law is exact.

extension World {
    /// A datagram of ours was worked through by the bridge.
    func note(_ outcome: SimulatedWorker.Outcome) {
        if outcome.isAuthentic, let number = outcome.datagram.transportNumber,
            let position = outcome.datagram.packet?.ledger
        {
            clients[ledgers[position].owner].transportFates[number] = true
        }
        guard outcome.isTaken else {
            if outcome.isAuthentic, !outcome.datagram.isRepeat, let (position, index) = outcome.datagram.packet {
                ledgers[position].noteOriginal(index)
            }
            return
        }
        for report in outcome.datagram.reports {
            ledgers[report.ledger].reports[report.index].isTaken = true
            ledgers[report.ledger].newestReport = report.index
        }
        guard let (position, index) = outcome.datagram.packet else { return }
        let ledger = ledgers[position]
        let owner = clients[ledger.owner]
        if outcome.datagram.isRepeat, outcome.isUseless { return }
        guard ledger.packets[index].order < 0 else {
            return fail(.secrecy, "packet \(index) of ssrc \(ledger.ssrc) was taken in twice")
        }
        let due = fate(of: ledger.packets[index], ledger, owner)
        ledgers[position].take(
            index, fate: outcome.isNotLoud ? .discarded : due, isRepeat: outcome.datagram.isRepeat,
            at: outcome.arrival)
    }

    /// What the bridge has to do with a packet (media-plane.md 6.5, 6.6, 10.1).
    private func fate(of packet: SentPacket, _ ledger: SourceLedger, _ owner: VirtualClient) -> SentPacket.Fate {
        if owner.settings.isVisitor { return .discarded }
        if ledger.mediaType == .video ? owner.isVideoMuted : owner.isAudioMuted { return .discarded }
        if packet.isPadding { return .discarded }
        guard ledger.mediaType == .audio, packet.level != 255 else { return .forwardable }
        guard packet.level == 127 else {
            owner.silentInRow = 0
            return .forwardable
        }
        guard owner.silentInRow <= Int(ForwardingLimits.silentPackets) else { return .discarded }
        owner.silentInRow += 1
        return .forwardable
    }

    /// A datagram left the bridge.
    func depart(_ departure: SimulatedWorker.Departure) {
        guard let index = owners[departure.remote] else {
            return fail(.privacy, "a datagram went to an address that nobody ever had")
        }
        let client = clients[index]
        guard client.isPresent else {
            return fail(.privacy, "client \(index) is gone and still gets datagrams", at: departure.time)
        }
        let datagram: DownlinkDatagram
        let kind = DatagramClass(departure.bytes.rawSpan)
        switch kind {
        case .stun, .dtls:
            datagram = .transport(departure.bytes)
            trace.note("departure", at: departure.time, client: index, UInt64(kind.rawValue))
        case .rtp, .rtcp:
            do throws(Breach) {
                datagram = try observe(departure.bytes, kind, to: client, at: departure.time)
            } catch {
                return fail(error.law, "to client \(index): \(error.detail)", at: departure.time)
            }
        case .turnChannel, .unknown:
            return fail(.integrity, "neither STUN, DTLS, RTP nor RTCP went to client \(index)", at: departure.time)
        }
        // Work that was done in a long turn leaves when its time has come.
        let time = max(now, departure.time)
        let (first, copy) = client.downlink.pass(
            at: time, bytes: departure.bytes.count, isHandshake: kind == .dtls)
        if let first { queue.insert(.delivery(client: index, address: departure.remote, datagram), at: first) }
        if let copy { queue.insert(.delivery(client: index, address: departure.remote, datagram), at: copy) }
    }

    /// The keys are there: what came before them is looked at now.
    func observeEarly(of client: VirtualClient) {
        let early = client.unobserved
        client.unobserved = []
        for (bytes, time) in early {
            do throws(Breach) {
                _ = try observe(bytes, DatagramClass(bytes.rawSpan), to: client, at: time)
            } catch {
                return fail(error.law, "to client \(client.index): \(error.detail)", at: time)
            }
        }
    }

    private func observe(
        _ bytes: [UInt8], _ kind: DatagramClass, to client: VirtualClient, at time: Timestamp
    ) throws(Breach) -> DownlinkDatagram {
        guard client.transport.hasKeys else {
            client.unobserved.append((bytes, time))
            return .unreadable
        }
        guard client.settings.isWatched else { return .unreadable }
        return kind == .rtp
            ? try observeRTP(bytes, to: client, at: time) : try observeRTCP(bytes, to: client, at: time)
    }

    // MARK: RTP

    private func observeRTP(
        _ bytes: [UInt8], to client: VirtualClient, at time: Timestamp
    ) throws(Breach) -> DownlinkDatagram {
        var packet = bytes
        guard let headerBytes = RTPHeader.headerByteCount(packet.rawSpan),
            let header = try? RTPHeader(packet.rawSpan)
        else { throw Breach(.integrity, "no RTP header") }
        let opened = packet.withUnsafeMutableBytes { client.transport.unprotectRTP($0, headerBytes: headerBytes) }
        guard case .success(let count) = opened else {
            throw Breach(.secrecy, "ssrc \(header.ssrc) number \(header.sequence) can't be opened: \(opened)")
        }
        packet.removeLast(packet.count - count)
        guard let padding = try? header.paddingByteCount(packet.rawSpan) else {
            throw Breach(.integrity, "ssrc \(header.ssrc): padding is wrong")
        }
        let end = count - padding
        guard end - headerBytes >= VirtualClient.tagBytes,
            packet.rawSpan.uint32(at: end - 12) == VirtualClient.tagMark
        else { throw Breach(.integrity, "ssrc \(header.ssrc): a payload that nobody sent") }
        let position = Int(packet.rawSpan.uint32(at: end - 8))
        let index = Int(packet.rawSpan.uint32(at: end - 4))
        guard position < ledgers.count, index < ledgers[position].packets.count else {
            throw Breach(.integrity, "ssrc \(header.ssrc): a payload that nobody sent")
        }
        let ledger = ledgers[position]
        if ledger.layers != nil {
            packet.removeLast(padding)
            return try observeLayered(
                packet, header, payload: headerBytes, position: position, index: index, to: client, at: time)
        }
        let sent = ledger.packets[index]
        let hash = contentHash(Array(packet[headerBytes..<end]), isVideo: ledger.mediaType == .video)
        guard hash == sent.payloadHash else {
            throw Breach(.integrity, "ssrc \(header.ssrc): packet \(index) was changed on the way")
        }
        try checkPrivacy(sent, index, ledger, to: client)
        try checkHeader(header, packet, sent, ledger, to: client, at: time)
        let out = client.unwrappers[position, default: SequenceUnwrapper()].unwrap(header.sequence)
        try client.laws[position, default: StreamLaw()].admit(
            index, out: out, timestamp: header.timestamp, of: ledger)
        transits[ledger.conference]?.append(time - sent.arrival)
        trace.note("media", at: time, client: client.index, UInt64(position), UInt64(index), UInt64(header.sequence))
        return .media(ledger: position, index: index, out: out)
    }

    func checkPrivacy(
        _ packet: SentPacket, _ index: Int, _ ledger: SourceLedger, to client: VirtualClient
    ) throws(Breach) {
        let what = "packet \(index) of ssrc \(ledger.ssrc)"
        guard ledger.conference == client.conference else { throw Breach(.privacy, "\(what) is another meeting's") }
        guard ledger.owner != client.index else { throw Breach(.privacy, "\(what) is its own") }
        guard ledger.isSignalled else { throw Breach(.privacy, "\(what) is of a source that is not there") }
        switch packet.fate {
        case .forwardable: break
        case .discarded: throw Breach(.privacy, "\(what) is muted, a visitor's, long silence or padding alone")
        case .away: throw Breach(.privacy, "\(what) was never taken in")
        }
    }

    /// Header extensions are the receiver's: the level, and the send time where it has no transport-wide numbers.
    func checkExtensions(
        _ header: RTPHeader, _ bytes: [UInt8], level: UInt8?, _ ssrc: UInt32, to client: VirtualClient,
        at time: Timestamp
    ) throws(Breach) {
        var hasLevel = false
        var hasTime = false
        var reader = HeaderExtensionReader(header)
        while let element = reader.next(in: bytes.rawSpan) {
            if element.id == client.settings.levelID, let level {
                hasLevel = bytes[element.offset] & 0x7F == level
            } else if element.id == VirtualClient.sendTimeID, !client.settings.hasTransportCC,
                element.byteCount == 3
            {
                let value = bytes.rawSpan.uint24(at: element.offset)
                // 2^-18 s; a turn may be long, and the clock was read at its start.
                let late = Int64((AbsoluteSendTime(time).value &- value) & 0xFF_FFFF) * 1_000_000 >> 18
                hasTime = late < 200_000
            } else {
                throw Breach(.integrity, "ssrc \(ssrc): extension \(element.id) is not the receiver's")
            }
        }
        guard hasLevel == (level.map { $0 != 255 } ?? false), hasTime == !client.settings.hasTransportCC else {
            throw Breach(.integrity, "ssrc \(ssrc): audio level or send time is missing or wrong")
        }
    }

    private func checkHeader(
        _ header: RTPHeader, _ bytes: [UInt8], _ packet: SentPacket, _ ledger: SourceLedger, to client: VirtualClient,
        at time: Timestamp
    ) throws(Breach) {
        let number = ledger.mediaType == .audio ? client.settings.opusNumber : client.settings.vp8Number
        guard header.payloadType == number else {
            throw Breach(.integrity, "payload type \(header.payloadType), not \(number)")
        }
        guard header.ssrc == ledger.ssrc, header.csrcCount == 0 else { throw Breach(.integrity, "a foreign SSRC") }
        guard header.marker == (ledger.mediaType == .video && packet.part == packet.parts - 1) else {
            throw Breach(.integrity, "ssrc \(ledger.ssrc): the marker is wrong")
        }
        try checkExtensions(
            header, bytes, level: ledger.mediaType == .audio ? packet.level : nil, ledger.ssrc, to: client, at: time)
    }
}
