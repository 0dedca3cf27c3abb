// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP

/// Walks all that a decrypted RTCP datagram says, every packet of the compound and every entry of each packet.
public struct IncomingRTCP: BitwiseCopyable {
    private var reader = RTCPReader()
    private var packet: RTCPPacket?
    private var entry = 0

    /// Starts at the first packet.
    public init() {}

    /// Whether the walk ended at something that is no RTCP packet.
    public var isMalformed: Bool { reader.isMalformed }

    /// The next action of `datagram`, which must be the same in each call; `nil` at the end.
    public mutating func next(in datagram: RawSpan) -> RTCPAction? {
        // Ends: every turn either returns, or leaves a packet behind; the reader has a budget of packets.
        while true {
            if let packet, entry < ForwardingLimits.feedbackEntries, let action = action(packet, entry, datagram) {
                entry += 1
                return action
            }
            guard let following = reader.next(in: datagram) else { return nil }
            packet = following
            entry = 0
        }
    }

    /// Entry number `index` of `packet`; `nil` when there are not so many.
    private func action(_ packet: RTCPPacket, _ index: Int, _ datagram: RawSpan) -> RTCPAction? {
        switch packet.type {
        case .senderReport:
            guard let report = SenderReport(packet, in: datagram) else { return nil }
            if index == 0 { return .senderReport(report) }
            guard let block = ReportBlock(index - 1, of: packet, in: datagram) else { return nil }
            return .receptionReport(sender: report.ssrc, block)
        case .receiverReport:
            guard let block = ReportBlock(index, of: packet, in: datagram) else { return nil }
            return .receptionReport(sender: datagram.uint32(at: packet.offset + 4), block)
        case .transportFeedback, .payloadFeedback:
            return feedback(packet, index, datagram)
        default:
            return index == 0 ? .ignored(packet.type) : nil
        }
    }

    private func feedback(_ packet: RTCPPacket, _ index: Int, _ datagram: RawSpan) -> RTCPAction? {
        guard let header = FeedbackHeader(packet, in: datagram) else { return nil }
        switch (packet.type, packet.count) {
        case (.transportFeedback, FeedbackFormat.nack):
            guard let nack = GenericNACK(index, of: packet, in: datagram) else { return nil }
            return .nack(mediaSSRC: header.mediaSSRC, nack)
        case (.transportFeedback, FeedbackFormat.transportWide):
            return index == 0 ? .transportFeedback(packet) : nil
        case (.payloadFeedback, FeedbackFormat.pictureLoss):
            return index == 0 ? .pictureLoss(mediaSSRC: header.mediaSSRC) : nil
        case (.payloadFeedback, FeedbackFormat.fullIntraRequest):
            guard let request = KeyframeRequest.Entry(index, of: packet, in: datagram) else { return nil }
            return .fullIntraRequest(request)
        case (.payloadFeedback, FeedbackFormat.applicationLayer):
            guard index == 0 else { return nil }
            guard let estimate = MaximumBitrateEstimate(packet, in: datagram) else { return .ignored(packet.type) }
            return .maximumBitrate(estimate)
        default:
            return index == 0 ? .ignored(packet.type) : nil
        }
    }
}
