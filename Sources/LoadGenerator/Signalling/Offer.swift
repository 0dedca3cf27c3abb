// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The formats and header extensions that participants and bridge agree on: Jicofo's defaults, less what the generator
/// does not speak (control-plane.md 3.6).
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
        (audioLevelID, audioLevelURI), (transportWideID, transportWideURI), (midID, midURI),
    ]
    static let videoExtensions: [(UInt8, String)] = [
        (absoluteSendTimeID, absoluteSendTimeURI), (transportWideID, transportWideURI), (midID, midURI),
    ]
    /// Feedback of VP8, as (type, subtype).
    static let videoFeedback: [(String, String?)] = [
        ("ccm", "fir"), ("nack", nil), ("nack", "pli"), ("transport-cc", nil),
    ]
}

/// One request of the focus: what is asked of a conference.
enum FocusRequest: Equatable, Sendable {
    /// Create an endpoint, and with it the conference if that is new.
    case create(endpoint: String, newConference: Bool)
    /// The endpoint accepted: its transport and all its sources.
    case update(endpoint: String, ParticipantTransport, [SignalledSource])
    /// The endpoint leaves.
    case expire(endpoint: String)
    /// The conference ends.
    case expireConference
}
