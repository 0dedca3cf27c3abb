// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// PLI (RFC 4585 6.3.1) and FIR (RFC 5104 4.3.1).
public enum KeyframeRequest {
    /// One entry of a FIR.
    public struct Entry: BitwiseCopyable, Hashable, Sendable {
        /// The source that shall send a key frame.
        public var ssrc: UInt32
        /// Command number; a repetition carries the same.
        public var sequence: UInt8

        /// An entry.
        public init(ssrc: UInt32, sequence: UInt8) {
            self.ssrc = ssrc
            self.sequence = sequence
        }

        /// Entry number `index` of a FIR; `nil` when there are not so many.
        public init?(_ index: Int, of packet: RTCPPacket, in datagram: RawSpan) {
            guard packet.type == .payloadFeedback, packet.count == FeedbackFormat.fullIntraRequest, index >= 0,
                packet.byteCount >= FeedbackHeader.byteCount + 8 * (index + 1)
            else { return nil }
            let offset = packet.offset + FeedbackHeader.byteCount + 8 * index
            ssrc = datagram.uint32(at: offset)
            sequence = datagram.uint8(at: offset + 4)
        }
    }

    /// Writes a PLI.
    public static func writePictureLoss(senderSSRC: UInt32, mediaSSRC: UInt32, to writer: inout BufferWriter) {
        let start = FeedbackHeader(senderSSRC: senderSSRC, mediaSSRC: mediaSSRC)
            .begin(.payloadFeedback, format: FeedbackFormat.pictureLoss, to: &writer)
        RTCPPacket.end(&writer, from: start)
    }

    /// Writes a FIR with one entry.
    public static func writeFullIntra(senderSSRC: UInt32, entry: Entry, to writer: inout BufferWriter) {
        let start = FeedbackHeader(senderSSRC: senderSSRC, mediaSSRC: 0)
            .begin(.payloadFeedback, format: FeedbackFormat.fullIntraRequest, to: &writer)
        writer.uint32(entry.ssrc)
        writer.uint8(entry.sequence)
        writer.uint24(0)
        RTCPPacket.end(&writer, from: start)
    }
}
