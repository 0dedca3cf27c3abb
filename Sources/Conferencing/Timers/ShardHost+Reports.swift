// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import RTP
import ShardMessages
import Telemetry

// What is reported back to senders: receiver reports and transport-wide feedback (media-plane.md 7.1, 7.4).

extension ShardHost {
    mutating func sendReports(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        guard var report = endpoint.pointee.uplink.reports.begin(senderSSRC: conference.pointee.videoSSRC, now: now)
        else { return }
        var writer = BufferWriter(reportBuffer)
        var (lost, expected) = (0, 0)
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let source = conference.pointee.sources.pointer(at: Int(endpoint.pointee.uplink.sources[position]))
            for number in 0..<source.pointee.encodings.count {
                let encoding = source.pointee.encodings.pointer(at: number)
                guard let block = encoding.pointee.statistics.makeReportBlock(now: now) else { continue }
                let interval = encoding.pointee.statistics.lastInterval
                endpoint.pointee.uplink.losses.add(lost: interval.lost, expected: interval.expected)
                lost += Int(clamping: interval.lost)
                expected += Int(clamping: interval.expected)
                if !report.append(block, to: &writer) {
                    send(writer.count, to: endpoint, into: &egress)
                    writer = BufferWriter(reportBuffer)
                    report = ReceiverReportWriter(senderSSRC: conference.pointee.videoSSRC)
                    _ = report.append(block, to: &writer)
                }
            }
        }
        guard writer.count > 0 else { return endpoint.pointee.uplink.reports.stop() }
        guard endpoint.pointee.transport.isReady else { return }
        if let bitrate = endpoint.pointee.uplink.estimate?.estimate(lost: lost, expected: expected, at: now) {
            writeEstimate(bitrate, of: endpoint, in: conference, into: &egress, &writer)
        }
        send(writer.count, to: endpoint, into: &egress)
    }

    /// Adds to a report what its sender may send of video, or sends the report first where there is no room.
    private mutating func writeEstimate(
        _ bitrate: UInt64, of endpoint: UnsafeMutablePointer<Endpoint>,
        in conference: UnsafeMutablePointer<Conference>, into egress: inout EgressBatch, _ writer: inout BufferWriter
    ) {
        var ssrcs = InlineArray<8, UInt32>(repeating: 0)
        var count = 0
        for position in 0..<endpoint.pointee.uplink.sources.count {
            let source = conference.pointee.sources.pointer(at: Int(endpoint.pointee.uplink.sources[position]))
            guard source.pointee.mediaType == .video else { continue }
            for number in 0..<source.pointee.encodings.count where count < ssrcs.count {
                ssrcs[count] = source.pointee.encodings.pointer(at: number).pointee.ssrc
                count += 1
            }
        }
        guard count > 0 else { return }
        if writer.remaining < MaximumBitrateEstimate.largestBytes {
            send(writer.count, to: endpoint, into: &egress)
            writer = BufferWriter(reportBuffer)
        }
        MaximumBitrateEstimate(senderSSRC: conference.pointee.videoSSRC, bitrate: bitrate)
            .write(sources: ssrcs.span.extracting(0..<count), to: &writer)
    }

    mutating func sendFeedback(_ index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        // Ends: every packet written reports on numbers of a bounded window.
        while case let count = endpoint.pointee.uplink.feedback.write(
            senderSSRC: conference.pointee.videoSSRC, now: now, to: reportBuffer), count > 0
        {
            if endpoint.pointee.transport.isReady { send(count, to: endpoint, into: &egress) }
        }
    }

    /// The part of the scratch buffer that leaves room for the tag in a datagram.
    var reportBuffer: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: scratch[..<ConferencingLimits.rtcpBytes])
    }
}
