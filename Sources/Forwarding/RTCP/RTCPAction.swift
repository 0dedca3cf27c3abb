// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import RTP

/// What one element of a received RTCP datagram asks for (media-plane.md 7.2).
public enum RTCPAction: Hashable, Sendable {
    /// An SR: remember it for DLSR and forward it.
    case senderReport(SenderReport)
    /// A report block of an SR or RR.
    case receptionReport(sender: UInt32, ReportBlock)
    /// A PLI.
    case pictureLoss(mediaSSRC: UInt32)
    /// One entry of a FIR; the same number again is the same request again (RFC 5104 4.3.1.2).
    case fullIntraRequest(KeyframeRequest.Entry)
    /// One entry of a NACK.
    case nack(mediaSSRC: UInt32, GenericNACK)
    /// A transport-wide feedback; read it with `TransportWideReader` from the same datagram.
    case transportFeedback(RTCPPacket)
    /// A REMB.
    case maximumBitrate(MaximumBitrateEstimate)
    /// Consumed without effect: SDES, BYE, APP, XR and formats the bridge does not know.
    case ignored(RTCPType)
}
