// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// REMB: a receiver's estimate of the bit rate it can take (draft-alvestrand-rmcat-remb-03).
public struct MaximumBitrateEstimate: BitwiseCopyable, Hashable, Sendable {
    /// How many bytes ``write(sources:to:)`` writes at most.
    public static let largestBytes = 20 + 4 * RTPLimits.rembSources
    private static let identifier: UInt32 = 0x5245_4D42

    /// Who estimates.
    public var senderSSRC: UInt32
    /// Bits per second.
    public var bitrate: UInt64

    /// An estimate.
    public init(senderSSRC: UInt32, bitrate: UInt64) {
        self.senderSSRC = senderSSRC
        self.bitrate = bitrate
    }

    /// Reads a REMB; `nil` when `packet` is none. Rates beyond 64 bits are clamped.
    public init?(_ packet: RTCPPacket, in datagram: RawSpan) {
        guard packet.type == .payloadFeedback, packet.count == FeedbackFormat.applicationLayer, packet.byteCount >= 20,
            datagram.uint32(at: packet.offset + 12) == Self.identifier
        else { return nil }
        senderSSRC = datagram.uint32(at: packet.offset + 4)
        let field = datagram.uint24(at: packet.offset + 17)
        let exponent = UInt64(field >> 18)
        let mantissa = UInt64(field & 0x3_FFFF)
        bitrate = mantissa == 0 || exponent <= UInt64(mantissa.leadingZeroBitCount) ? mantissa << exponent : .max
    }

    /// Writes a REMB for up to ``RTPLimits/rembSources`` sources. The rate is rounded down to 18 significant bits.
    public func write(sources: borrowing Span<UInt32>, to writer: inout BufferWriter) {
        let count = min(sources.count, RTPLimits.rembSources)
        let exponent = max(0, 64 - bitrate.leadingZeroBitCount - 18)
        let start = FeedbackHeader(senderSSRC: senderSSRC, mediaSSRC: 0)
            .begin(.payloadFeedback, format: FeedbackFormat.applicationLayer, to: &writer)
        writer.uint32(Self.identifier)
        writer.uint8(UInt8(truncatingIfNeeded: count))
        writer.uint24(
            UInt32(truncatingIfNeeded: exponent) << 18 | UInt32(truncatingIfNeeded: bitrate >> UInt64(exponent)))
        for index in 0..<count { writer.uint32(sources[index]) }
        RTCPPacket.end(&writer, from: start)
    }
}
