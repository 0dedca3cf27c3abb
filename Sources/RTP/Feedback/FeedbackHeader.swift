// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The common head of RTPFB and PSFB packets (RFC 4585 6.1).
public struct FeedbackHeader: BitwiseCopyable, Hashable, Sendable {
    /// Length of the head, in bytes; the feedback control information follows.
    public static let byteCount = 12

    /// Who gives feedback.
    public var senderSSRC: UInt32
    /// The source it is about; 0 where the format carries it elsewhere (FIR, REMB).
    public var mediaSSRC: UInt32

    /// A head.
    public init(senderSSRC: UInt32, mediaSSRC: UInt32) {
        self.senderSSRC = senderSSRC
        self.mediaSSRC = mediaSSRC
    }

    /// Reads the head; `nil` when `packet` is no feedback or is too short.
    public init?(_ packet: RTCPPacket, in datagram: RawSpan) {
        guard packet.type == .transportFeedback || packet.type == .payloadFeedback, packet.byteCount >= Self.byteCount
        else { return nil }
        senderSSRC = datagram.uint32(at: packet.offset + 4)
        mediaSSRC = datagram.uint32(at: packet.offset + 8)
    }

    /// Writes the head, the four-byte packet head included; complete it with ``RTCPPacket/end(_:from:)``.
    /// - Returns: where the packet starts.
    public func begin(_ type: RTCPType, format: UInt8, to writer: inout BufferWriter) -> Int {
        let start = RTCPPacket.begin(type, count: format, to: &writer)
        writer.uint32(senderSSRC)
        writer.uint32(mediaSSRC)
        return start
    }
}
