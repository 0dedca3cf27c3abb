// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// What one receiver says of one source: a report block (RFC 3550 6.4.1).
public struct ReportBlock: BitwiseCopyable, Hashable, Sendable {
    /// Length on the wire.
    public static let byteCount = 24

    /// The source.
    public var ssrc: UInt32
    /// Share of packets lost since the last report, in 1/256.
    public var fractionLost: UInt8
    /// Packets lost since the start; negative when duplicates arrived. 24 bits on the wire.
    public var cumulativeLost: Int32
    /// Highest sequence number received, with its wrap-arounds in the upper half.
    public var highestSequence: UInt32
    /// Interarrival jitter in units of the media clock.
    public var jitter: UInt32
    /// Compact NTP time of the last sender report; 0 when none came.
    public var lastSenderReport: UInt32
    /// Time since then in 1/65,536 s; 0 when none came.
    public var delaySinceLastSenderReport: UInt32

    /// A block.
    public init(
        ssrc: UInt32, fractionLost: UInt8, cumulativeLost: Int32, highestSequence: UInt32, jitter: UInt32,
        lastSenderReport: UInt32, delaySinceLastSenderReport: UInt32
    ) {
        self.ssrc = ssrc
        self.fractionLost = fractionLost
        self.cumulativeLost = cumulativeLost
        self.highestSequence = highestSequence
        self.jitter = jitter
        self.lastSenderReport = lastSenderReport
        self.delaySinceLastSenderReport = delaySinceLastSenderReport
    }

    /// Block number `index` of a sender or receiver report; `nil` when there are not so many.
    public init?(_ index: Int, of packet: RTCPPacket, in datagram: RawSpan) {
        let head: Int
        switch packet.type {
        case .senderReport: head = 28
        case .receiverReport: head = 8
        default: return nil
        }
        guard index >= 0, index < Int(packet.count), packet.byteCount >= head + (index + 1) * Self.byteCount else {
            return nil
        }
        let offset = packet.offset + head + index * Self.byteCount
        ssrc = datagram.uint32(at: offset)
        fractionLost = datagram.uint8(at: offset + 4)
        // Shifting up and back down extends the sign of the 24-bit number.
        cumulativeLost = Int32(bitPattern: datagram.uint24(at: offset + 5) << 8) >> 8
        highestSequence = datagram.uint32(at: offset + 8)
        jitter = datagram.uint32(at: offset + 12)
        lastSenderReport = datagram.uint32(at: offset + 16)
        delaySinceLastSenderReport = datagram.uint32(at: offset + 20)
    }

    /// Writes the block; a loss beyond 24 bits is clamped.
    public func write(to writer: inout BufferWriter) {
        writer.uint32(ssrc)
        writer.uint8(fractionLost)
        writer.uint24(UInt32(bitPattern: min(max(cumulativeLost, -0x80_0000), 0x7F_FFFF)))
        writer.uint32(highestSequence)
        writer.uint32(jitter)
        writer.uint32(lastSenderReport)
        writer.uint32(delaySinceLastSenderReport)
    }
}
