// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One entry of a generic NACK: a lost packet and a mask of the sixteen after it (RFC 4585 6.2.1).
public struct GenericNACK: BitwiseCopyable, Hashable, Sendable {
    /// Sequence number of a lost packet.
    public var packetID: UInt16
    /// Bit i set: packet `packetID + i + 1` is lost too.
    public var mask: UInt16

    /// An entry.
    public init(packetID: UInt16, mask: UInt16) {
        self.packetID = packetID
        self.mask = mask
    }

    /// Entry number `index` of a NACK; `nil` when there are not so many.
    public init?(_ index: Int, of packet: RTCPPacket, in datagram: RawSpan) {
        guard packet.type == .transportFeedback, packet.count == FeedbackFormat.nack, index >= 0,
            packet.byteCount >= FeedbackHeader.byteCount + 4 * (index + 1)
        else { return nil }
        let offset = packet.offset + FeedbackHeader.byteCount + 4 * index
        packetID = datagram.uint16(at: offset)
        mask = datagram.uint16(at: offset + 2)
    }

    /// Writes a NACK for `lost`, numbers in serial order; as many as fit `writer`.
    public static func write(
        senderSSRC: UInt32, mediaSSRC: UInt32, lost: borrowing Span<UInt16>, to writer: inout BufferWriter
    ) {
        guard !lost.isEmpty else { return }
        let start = FeedbackHeader(senderSSRC: senderSSRC, mediaSSRC: mediaSSRC)
            .begin(.transportFeedback, format: FeedbackFormat.nack, to: &writer)
        var index = 0
        // Ends: every turn takes at least one number.
        while index < lost.count, writer.remaining >= 4 {
            var entry = GenericNACK(packetID: lost[index], mask: 0)
            index += 1
            while index < lost.count {
                let distance = SequenceNumber.delta(lost[index], entry.packetID)
                guard distance >= 1, distance <= 16 else { break }
                entry.mask |= 1 << UInt16(distance - 1)
                index += 1
            }
            writer.uint16(entry.packetID)
            writer.uint16(entry.mask)
        }
        RTCPPacket.end(&writer, from: start)
    }
}
