// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("IncomingRTCP (media-plane.md 7.2)")
struct IncomingRTCPTests {
    static func actions(_ datagram: [UInt8]) -> (actions: [RTCPAction], isMalformed: Bool) {
        var walk = IncomingRTCP()
        var result: [RTCPAction] = []
        while let action = walk.next(in: datagram.rawSpan) { result.append(action) }
        return (result, walk.isMalformed)
    }

    static let report = SenderReport(ssrc: 1, ntp: NTPTime(2), rtpTimestamp: 3, packetCount: 4, octetCount: 5)
    static let block = ReportBlock(
        ssrc: 6, fractionLost: 7, cumulativeLost: 8, highestSequence: 9, jitter: 10, lastSenderReport: 11,
        delaySinceLastSenderReport: 12)

    /// What a browser may send in one datagram, and more.
    static let compound = BufferWriter.array(capacity: 512) { writer in
        report.write(to: &writer)
        var reports = ReceiverReportWriter(senderSSRC: 20)
        _ = reports.append(block, to: &writer)
        _ = reports.append(block, to: &writer)
        SourceDescription.write(ssrc: 1, cname: [0x61], to: &writer)
        KeyframeRequest.writePictureLoss(senderSSRC: 1, mediaSSRC: 30, to: &writer)
        KeyframeRequest.writeFullIntra(senderSSRC: 1, entry: .init(ssrc: 31, sequence: 1), to: &writer)
        GenericNACK.write(senderSSRC: 1, mediaSSRC: 32, lost: ([100, 101, 500] as [UInt16]).span, to: &writer)
        MaximumBitrateEstimate(senderSSRC: 1, bitrate: 1_000).write(sources: ([30] as [UInt32]).span, to: &writer)
        SourceDescription.writeGoodbye(ssrc: 1, to: &writer)
    }

    @Test("every packet of a compound and every entry of each packet is handled")
    func everything() {
        let (actions, isMalformed) = Self.actions(Self.compound)
        #expect(!isMalformed)
        #expect(
            actions == [
                .senderReport(Self.report), .receptionReport(sender: 20, Self.block),
                .receptionReport(sender: 20, Self.block), .ignored(.sourceDescription),
                .pictureLoss(mediaSSRC: 30),
                .fullIntraRequest(KeyframeRequest.Entry(ssrc: 31, sequence: 1)),
                .nack(mediaSSRC: 32, GenericNACK(packetID: 100, mask: 1)),
                .nack(mediaSSRC: 32, GenericNACK(packetID: 500, mask: 0)),
                .maximumBitrate(MaximumBitrateEstimate(senderSSRC: 1, bitrate: 1_000)), .ignored(.goodbye),
            ])
    }

    @Test("a sender report's own blocks follow it")
    func senderReportBlocks() {
        var datagram = BufferWriter.array(capacity: 128) { writer in
            Self.report.write(to: &writer)
            Self.block.write(to: &writer)
        }
        datagram[0] |= 1
        datagram[3] += 6
        #expect(
            Self.actions(datagram).actions == [.senderReport(Self.report), .receptionReport(sender: 1, Self.block)])
    }

    @Test("unknown types and formats are ignored, what follows is not")
    func unknown() {
        let pli = "81 ce 00 02 00 00 00 01 00 00 00 02"
        let unknown = "80 cf 00 01 00 00 00 01  8b cd 00 02 00 00 00 01 00 00 00 02  80 01 00 00"
        let psfb = "8f ce 00 03 00 00 00 01 00 00 00 02 41 42 43 44"
        let (actions, isMalformed) = Self.actions([UInt8](hex: unknown + psfb + pli))
        #expect(!isMalformed)
        #expect(
            actions == [
                .ignored(.extendedReport), .ignored(.transportFeedback), .ignored(RTCPType(rawValue: 1)),
                .ignored(.payloadFeedback), .pictureLoss(mediaSSRC: 2),
            ])
    }

    @Test(
        "packets too short for their type say nothing",
        arguments: ["81 c8 00 01 00 00 00 01", "81 c9 00 00", "81 ce 00 01 00 00 00 01"])
    func short(hex: String) {
        #expect(Self.actions([UInt8](hex: hex)).actions.isEmpty)
    }

    @Test("no bytes trap, and the number of actions is bounded")
    func hostile() {
        let failure = checkProperty(cases: 5_000) { random in
            let datagram =
                random.next() & 7 == 0 ? random.bytes(random.int(in: 0...200)) : mutate(Self.compound, using: &random)
            let actions = Self.actions(datagram).actions
            for case .transportFeedback(let packet) in actions {
                guard var reader = TransportWideReader(packet, in: datagram.rawSpan) else { continue }
                while reader.next(in: datagram.rawSpan) != nil {}
            }
            return actions.count <= datagram.count / 4 + 1 ? nil : "\(actions.count) actions"
        }
        #expect(failure == nil)
    }

    @Test("a feedback packet of the greatest length yields no more entries than the limit")
    func entryLimit() {
        let count = 16_000
        let datagram =
            [UInt8](hex: "81 cd") + [UInt8((count + 2) >> 8), UInt8((count + 2) & 255)]
            + [UInt8](repeating: 0, count: 8 + 4 * count)
        #expect(Self.actions(datagram).actions.count == ForwardingLimits.feedbackEntries)
    }
}
