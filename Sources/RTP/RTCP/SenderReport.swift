// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The sender's part of an SR (RFC 3550 6.4.1); its report blocks are read with ``ReportBlock``.
public struct SenderReport: BitwiseCopyable, Hashable, Sendable {
    /// Who sends.
    public var ssrc: UInt32
    /// Wall clock of the sender.
    public var ntp: NTPTime
    /// The same moment on the media clock.
    public var rtpTimestamp: UInt32
    /// Packets sent since the start.
    public var packetCount: UInt32
    /// Payload bytes sent since the start.
    public var octetCount: UInt32

    /// A report.
    public init(ssrc: UInt32, ntp: NTPTime, rtpTimestamp: UInt32, packetCount: UInt32, octetCount: UInt32) {
        self.ssrc = ssrc
        self.ntp = ntp
        self.rtpTimestamp = rtpTimestamp
        self.packetCount = packetCount
        self.octetCount = octetCount
    }

    /// Reads an SR; `nil` when `packet` is none or is too short.
    public init?(_ packet: RTCPPacket, in datagram: RawSpan) {
        guard packet.type == .senderReport, packet.byteCount >= 28 else { return nil }
        ssrc = datagram.uint32(at: packet.offset + 4)
        ntp = NTPTime(datagram.uint64(at: packet.offset + 8))
        rtpTimestamp = datagram.uint32(at: packet.offset + 16)
        packetCount = datagram.uint32(at: packet.offset + 20)
        octetCount = datagram.uint32(at: packet.offset + 24)
    }

    /// Writes an SR without report blocks.
    public func write(to writer: inout BufferWriter) {
        let start = RTCPPacket.begin(.senderReport, count: 0, to: &writer)
        writer.uint32(ssrc)
        writer.uint64(ntp.value)
        writer.uint32(rtpTimestamp)
        writer.uint32(packetCount)
        writer.uint32(octetCount)
        RTCPPacket.end(&writer, from: start)
    }
}
