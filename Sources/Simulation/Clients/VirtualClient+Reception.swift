// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaTransport
import Primitives
import RTP
import ShardMessages

// What a client makes of what reaches it, and what it reports.

extension VirtualClient {
    /// A packet of a stream arrived.
    func receive(_ packet: SentPacket, ledger: Int, index: Int, out: Int64, of type: MediaType, at now: Timestamp) {
        var stream =
            streams[ledger] ?? ReceivedStream(lastHeard: now, firstOut: out, highestOut: out)
        if stream.seen.count <= index {
            stream.seen.append(contentsOf: repeatElement(false, count: index + 64 - stream.seen.count))
        }
        guard !stream.seen[index] else { return }
        stream.seen[index] = true
        if watchesGaps { stream.longestGap = max(stream.longestGap, now - stream.lastHeard) }
        stream.lastHeard = now
        stream.count += 1
        stream.highestOut = max(stream.highestOut, out)
        streams[ledger] = stream
        if type == .video {
            var picture = pictures[ledger] ?? PictureAssembly()
            picture.receive(packet, at: now)
            pictures[ledger] = picture
        }
    }

    /// Decrypted RTCP of the bridge arrived.
    func receiveControl(_ bytes: [UInt8], in world: World) {
        var reader = RTCPReader()
        while let packet = reader.next(in: bytes.rawSpan) {
            if let report = SenderReport(packet, in: bytes.rawSpan) {
                for ledger in streams.keys.sorted() where world.ledgers[ledger].ssrc == report.ssrc {
                    streams[ledger]?.lastReport = (report.ntp.compact, world.now)
                }
                if let (group, _) = world.group(of: report.ssrc, in: conference) {
                    views[group]?.lastReport = (report.ntp.compact, world.now)
                }
            }
            if packet.type == .transportFeedback, packet.count == FeedbackFormat.nack,
                let header = FeedbackHeader(packet, in: bytes.rawSpan)
            {
                answer(packet, header, bytes, in: world)
            }
            guard packet.type == .payloadFeedback, let header = FeedbackHeader(packet, in: bytes.rawSpan) else {
                continue
            }
            let asked = KeyframeRequest.Entry(0, of: packet, in: bytes.rawSpan)?.ssrc ?? header.mediaSSRC
            if asked == video?.ssrc { video?.wantsKey = true }
            if encoder?.encodings.contains(where: { $0.ssrc == asked }) ?? false {
                encoder?.askForKeyframe(at: world.now)
            }
        }
    }

    /// Asks for a key frame where the picture cannot go on without one.
    func lookAtPictures(in world: World) {
        var wanted: [UInt32] = stuckViews(in: world)
        for ledger in pictures.keys.sorted() where world.ledgers[ledger].isSignalled {
            pictures[ledger]?.look(at: world.now)
            guard pictures[ledger]?.brokenSince != nil else { continue }
            if let last = wishes[ledger], world.now - last < SimulationLimits.pictureRetry { continue }
            wishes[ledger] = world.now
            wanted.append(world.ledgers[ledger].ssrc)
        }
        guard !wanted.isEmpty else { return }
        let sender = name
        let number = UInt8(truncatingIfNeeded: world.now.milliseconds)
        sendControl(in: world) { writer in
            for (position, ssrc) in wanted.enumerated() {
                if position & 1 == 0 {
                    KeyframeRequest.writePictureLoss(senderSSRC: sender, mediaSSRC: ssrc, to: &writer)
                } else {
                    let entry = KeyframeRequest.Entry(ssrc: ssrc, sequence: number)
                    KeyframeRequest.writeFullIntra(senderSSRC: sender, entry: entry, to: &writer)
                }
            }
        }
    }

    /// A compound: sender reports of what it sends, a receiver report of what it hears, its name.
    func sendReports(in world: World) {
        var notes: [(ledger: Int, index: Int)] = []
        let ntp = NTPTime(nanosecondsSince1970: UInt64(max(0, world.now.nanoseconds)) + 1_790_000_000_000_000_000)
        var sources = [audio, video].compactMap { $0 }.filter { $0.isActive && $0.packets > 0 }.map {
            (ledger: $0.ledger, ssrc: $0.ssrc, timestamp: $0.timestamp, packets: $0.packets, octets: $0.octets)
        }
        for encoding in encoder?.encodings ?? [] where encoding.isActive && encoding.packets > 0 {
            sources.append(
                (
                    encoding.ledger, encoding.ssrc, encoding.timestampOffset &+ (encoder?.ticks ?? 0),
                    encoding.packets, encoding.octets
                ))
        }
        for source in sources {
            notes.append((source.ledger, world.ledgers[source.ledger].reports.count))
            world.ledgers[source.ledger].reports.append((ntp, source.timestamp, false))
        }
        sendControl(in: world, reports: notes) { writer in
            for source in sources {
                SenderReport(
                    ssrc: source.ssrc, ntp: ntp, rtpTimestamp: source.timestamp, packetCount: source.packets,
                    octetCount: source.octets
                ).write(to: &writer)
            }
            let name = sources.first?.ssrc ?? 1
            var blocks = ReceiverReportWriter(senderSSRC: name)
            for ledger in streams.keys.sorted() where world.ledgers[ledger].isSignalled {
                guard let stream = streams[ledger], writer.remaining > 100 else { continue }
                _ = blocks.append(
                    block(stream, ssrc: world.ledgers[ledger].ssrc, at: world.now), to: &writer)
            }
            for group in views.keys.sorted() where world.ledgers[world.groups[group].ledgers[0]].isSignalled {
                guard let view = views[group], writer.remaining > 100 else { continue }
                _ = blocks.append(
                    block(
                        ReceivedStream(
                            lastHeard: world.now, firstOut: view.firstOut, highestOut: view.highestOut,
                            count: view.count, lastReport: view.lastReport),
                        ssrc: world.ledgers[world.groups[group].ledgers[0]].ssrc, at: world.now), to: &writer)
            }
            blocks.finish(&writer)
            RTP.SourceDescription.write(ssrc: name, cname: Array("client\(index)".utf8), to: &writer)
        }
    }

    private func block(_ stream: ReceivedStream, ssrc: UInt32, at now: Timestamp) -> ReportBlock {
        let expected = stream.highestOut - stream.firstOut + 1
        return ReportBlock(
            ssrc: ssrc, fractionLost: 0, cumulativeLost: Int32(clamping: expected - stream.count),
            highestSequence: UInt32(truncatingIfNeeded: stream.highestOut), jitter: 0,
            lastSenderReport: stream.lastReport?.compact ?? 0,
            delaySinceLastSenderReport: stream.lastReport.map { NTPTime.compact(now - $0.time) } ?? 0)
    }

    /// Protects and sends a compound.
    func sendControl(
        in world: World, reports: [(ledger: Int, index: Int)] = [], _ body: (inout BufferWriter) -> Void
    ) {
        guard isReady else { return }
        let packet = BufferWriter.array(capacity: 1_250, body)
        guard !packet.isEmpty else { return }
        var slot = [UInt8](repeating: 0, count: EgressBatch.slotBytes)
        let total = slot.withUnsafeMutableBytes { slot in
            packet.withUnsafeBytes { transport.protectRTCP($0, into: slot) }
        }
        guard let total else { return world.fail(.world, "client \(index) cannot protect RTCP") }
        world.send(Array(slot[..<total]), from: self, reports: reports)
    }
}

extension Timestamp {
    var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
