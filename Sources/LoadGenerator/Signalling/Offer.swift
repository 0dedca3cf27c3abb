// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The formats and header extensions that participants and bridge agree on: what Jicofo offers, in its order, less what
/// the generator does not speak (control-plane.md 3.6).
enum Offer {
    static let opus: UInt8 = 111
    static let vp8: UInt8 = 100
    static let rtx: UInt8 = 96

    static let audioLevelID: UInt8 = 1
    static let absoluteSendTimeID: UInt8 = 3
    static let transportWideID: UInt8 = 5
    static let midID: UInt8 = 10

    static let audioLevelURI = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
    static let absoluteSendTimeURI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
    static let transportWideURI = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
    static let midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"

    /// Header extensions of audio and of video, as (number, URI).
    static let audioExtensions: [(UInt8, String)] = [
        (audioLevelID, audioLevelURI), (midID, midURI), (transportWideID, transportWideURI),
    ]
    static let videoExtensions: [(UInt8, String)] = [
        (midID, midURI), (absoluteSendTimeID, absoluteSendTimeURI), (transportWideID, transportWideURI),
    ]
    /// Feedback of retransmissions, as (type, subtype).
    static let rtxFeedback: [(String, String?)] = [("ccm", "fir"), ("nack", nil), ("nack", "pli")]
    /// Feedback of VP8.
    static let videoFeedback = rtxFeedback + [("transport-cc", nil)]
}

/// One request of the focus: what is asked of a conference.
enum FocusRequest: Equatable, Sendable {
    /// Create an endpoint, with or without a data channel and SSRC rewriting, and with it the conference if that is
    /// new.
    case create(endpoint: String, newConference: Bool, sctp: Bool, rewriting: Bool = false)
    /// The endpoint accepted: its transport and all its sources.
    case update(endpoint: String, ParticipantTransport, [SignalledSource])
    /// The conference ends.
    case expireConference
}
