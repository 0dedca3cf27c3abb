// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The packet type of an RTCP packet; unknown values are legal.
public struct RTCPType: Hashable, Sendable, BitwiseCopyable {
    /// The number on the wire.
    public var rawValue: UInt8

    /// Wraps a number.
    @inlinable
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// SR, RFC 3550 6.4.1.
    public static let senderReport = RTCPType(rawValue: 200)
    /// RR, RFC 3550 6.4.2.
    public static let receiverReport = RTCPType(rawValue: 201)
    /// SDES, RFC 3550 6.5.
    public static let sourceDescription = RTCPType(rawValue: 202)
    /// BYE, RFC 3550 6.6.
    public static let goodbye = RTCPType(rawValue: 203)
    /// APP, RFC 3550 6.7.
    public static let application = RTCPType(rawValue: 204)
    /// RTPFB, RFC 4585 6.2.
    public static let transportFeedback = RTCPType(rawValue: 205)
    /// PSFB, RFC 4585 6.3.
    public static let payloadFeedback = RTCPType(rawValue: 206)
    /// XR, RFC 3611.
    public static let extendedReport = RTCPType(rawValue: 207)
}

/// Feedback message types: the "FMT" numbers of RTPFB and PSFB packets.
public enum FeedbackFormat {
    /// RTPFB: generic NACK, RFC 4585 6.2.1.
    public static let nack: UInt8 = 1
    /// RTPFB: transport-wide congestion control.
    public static let transportWide: UInt8 = 15
    /// PSFB: picture loss indication, RFC 4585 6.3.1.
    public static let pictureLoss: UInt8 = 1
    /// PSFB: full intra request, RFC 5104 4.3.1.
    public static let fullIntraRequest: UInt8 = 4
    /// PSFB: application layer feedback, RFC 4585 6.4; REMB is one.
    public static let applicationLayer: UInt8 = 15
}
