// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The bridge-wide number of a conference, given by the directory and never reused.
public struct ConferenceNumber: Hashable, Sendable, BitwiseCopyable {
    /// The number.
    public var value: UInt64
    /// Wraps a number.
    public init(_ value: UInt64) { self.value = value }
}

/// The bridge-wide number of an endpoint, given by the directory and never reused.
public struct EndpointNumber: Hashable, Sendable, BitwiseCopyable {
    /// The number.
    public var value: UInt64
    /// Wraps a number.
    public init(_ value: UInt64) { self.value = value }
}

/// Audio or video.
public enum MediaType: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case audio = 0
    case video = 1
}

/// What a payload type carries, as far as forwarding has to know.
public enum Codec: UInt8, Sendable, BitwiseCopyable {
    case opus, red, telephoneEvent, otherAudio
    case vp8, vp9, h264, av1, rtx, otherVideo

    /// Audio or video (`rtx` counts as video).
    public var mediaType: MediaType { rawValue <= Codec.otherAudio.rawValue ? .audio : .video }

    /// Stands for any number of formats that the bridge does not know apart.
    public var isOpaque: Bool { self == .otherAudio || self == .otherVideo }
}

/// One negotiated payload type of an endpoint (control-plane.md 3.6).
public struct PayloadType: Hashable, Sendable, BitwiseCopyable {
    /// RTP payload type number, 0…127.
    public var number: UInt8
    /// What it carries.
    public var codec: Codec
    /// RTP clock rate in Hz.
    public var clockRate: UInt32
    /// For `rtx`: the payload type it repairs (`apt`).
    public var associated: UInt8?
    /// `nack pli` was signalled.
    public var hasPLI: Bool
    /// `ccm fir` was signalled.
    public var hasFIR: Bool
    /// Generic `nack` was signalled.
    public var hasNACK: Bool
    /// `transport-cc` was signalled.
    public var hasTransportCC: Bool
    /// `goog-remb` was signalled.
    public var hasREMB: Bool

    /// A payload type without feedback.
    public init(number: UInt8, codec: Codec, clockRate: UInt32) {
        self.number = number
        self.codec = codec
        self.clockRate = clockRate
        associated = nil
        hasPLI = false
        hasFIR = false
        hasNACK = false
        hasTransportCC = false
        hasREMB = false
    }
}

/// The RTP header extensions the bridge knows by URI (control-plane.md 3.6). The raw value is a small dense index.
public enum HeaderExtensionKind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
    case audioLevel, csrcAudioLevel, absoluteSendTime, transportWideCC, mid, rid, repairedRID, transmissionTimeOffset
    case videoOrientation, videoContentType, videoLayersAllocation, dependencyDescriptor, frameMarking
    case playoutDelay, originalHeaderBlock

    /// The kind whose URI this is; `nil` for URIs the bridge does not know.
    public init?(uri: String) {
        guard let kind = Self.allCases.first(where: { $0.uri == uri }) else { return nil }
        self = kind
    }

    /// The URI used in signalling.
    public var uri: String {
        switch self {
        case .audioLevel: "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
        case .csrcAudioLevel: "urn:ietf:params:rtp-hdrext:csrc-audio-level"
        case .absoluteSendTime: "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
        case .transportWideCC: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
        case .mid: "urn:ietf:params:rtp-hdrext:sdes:mid"
        case .rid: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
        case .repairedRID: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
        case .transmissionTimeOffset: "urn:ietf:params:rtp-hdrext:toffset"
        case .videoOrientation: "urn:3gpp:video-orientation"
        case .videoContentType: "http://www.webrtc.org/experiments/rtp-hdrext/video-content-type"
        case .videoLayersAllocation: "http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"
        case .dependencyDescriptor:
            "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
        case .frameMarking: "http://tools.ietf.org/html/draft-ietf-avtext-framemarking-07"
        case .playoutDelay: "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
        case .originalHeaderBlock: "urn:ietf:params:rtp-hdrext:ohb"
        }
    }
}

/// One negotiated header extension.
public struct HeaderExtensionMapping: Hashable, Sendable, BitwiseCopyable {
    /// Its number on the wire, 1…255.
    public var id: UInt8
    /// What it carries.
    public var kind: HeaderExtensionKind
    /// A mapping.
    public init(id: UInt8, kind: HeaderExtensionKind) {
        self.id = id
        self.kind = kind
    }
}

/// One RTP stream of a source.
public struct SourceStreamDescription: Hashable, Sendable, BitwiseCopyable {
    /// The primary SSRC.
    public var ssrc: UInt32
    /// The retransmission SSRC tied to it by an FID group.
    public var rtxSSRC: UInt32?
    /// A stream without retransmission.
    public init(ssrc: UInt32, rtxSSRC: UInt32? = nil) {
        self.ssrc = ssrc
        self.rtxSSRC = rtxSSRC
    }
}

/// A named audio or video source of an endpoint (control-plane.md 3.7). Replaces any earlier list as a whole.
public struct SourceDescription: Hashable, Sendable {
    /// The source name, e.g. `a1b2c3d4-v0`.
    public var name: String
    /// Audio or video.
    public var mediaType: MediaType
    /// `videoType='desktop'` was signalled.
    public var isDesktop: Bool
    /// It is made on the server's side (translated speech): its endpoint never sends it, and only those get it who ask
    /// for it by its name.
    public var isSynthetic: Bool
    /// Encodings from low to high (the SIM group), or the single stream.
    public var streams: [SourceStreamDescription]

    /// A source.
    public init(
        name: String, mediaType: MediaType, isDesktop: Bool = false, isSynthetic: Bool = false,
        streams: [SourceStreamDescription]
    ) {
        self.name = name
        self.mediaType = mediaType
        self.isDesktop = isDesktop
        self.isSynthetic = isSynthetic
        self.streams = streams
    }
}
