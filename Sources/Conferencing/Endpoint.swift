// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import MediaTransport
import Primitives
import ShardMessages

extension EndpointNumber {
    /// How the key frame throttle knows a receiver: not by its slot, which the next one to join may have.
    var requester: UInt32 { UInt32(truncatingIfNeeded: value) }
}

/// One client of a conference: its transport, what it sends, and its view of what the others send.
struct Endpoint: ~Copyable {
    /// No conference source; no such payload type.
    static let none: UInt8 = 255

    let number: EndpointNumber
    /// The signalled id, for `/debug`.
    let id: String
    let isVisitor: Bool
    /// Slot of its conference in ``ShardHost/conferences``.
    let conference: Int
    let createdAt: Timestamp
    /// Where it stands in ``Conference/members``.
    var member = 0

    var transport: TransportSession

    /// What its payload type numbers mean; `none` where nothing was signalled.
    var encodings = [128 of UInt8](repeating: Endpoint.none)
    /// The payload type number it uses for an encoding (by raw value); `none` when it cannot receive it.
    var numbers = [16 of UInt8](repeating: Endpoint.none)
    /// Video clock rates are 90,000 Hz by definition; audio ones are signalled.
    var audioClockRate: UInt32 = 48_000
    /// Header extensions in both directions: the numbers are the endpoint's own.
    var extensions = ExtensionTable()
    var acceptsAudio = false
    var acceptsVideo = false
    var hasPLI = false
    var hasFIR = false
    var hasTransportCC = false
    /// Whether it wants to know when packets left: it has abs-send-time and nothing better (media-plane.md 4.3).
    var wantsSendTime: Bool { !hasTransportCC && extensions.has(.absoluteSendTime) }
    var firSequence: UInt8 = 0

    var isAudioMuted = false
    var isVideoMuted = false
    /// The sources as last signalled; names are kept for the account that `/debug` gives.
    var sources: [SourceDescription] = []
    var streams = GrowableBuffer<IncomingStream>(capacity: 2)
    /// Its view of every source of the conference, by source slot.
    var subscriptions = GrowableBuffer<Subscription>()
    var silence = SilenceFilter()
    var feedback = TransportFeedback()

    var lastActivity: Timestamp?
    var lastAudio: Timestamp?
    var lastVideo: Timestamp?
    /// Counted as disconnected: nothing was heard for ``ShardSettings/inactivityLimit``.
    var isSilent = false
    /// When receiver reports go to it.
    var reports = ReportGenerator()
    /// Smoothed round trip to the endpoint, from its receiver reports; zero before the first.
    var roundTrip = TimeDelta.zero
    /// What was lost on the way from it and on the way to it.
    var losses = (incoming: LossAccount(), outgoing: LossAccount())
    /// The deadline that counts in ``ShardHost/deadlines``.
    var scheduledAt = Timestamp.distantFuture
    var iceState = "waiting"
    /// Why it ends at its next timer; `nil` while it lives.
    var doom: ExpiryReason?

    init(
        _ creation: EndpointCreation, conference: Int, transport: consuming TransportSession, at now: Timestamp
    ) {
        number = creation.number
        id = creation.id
        isVisitor = creation.isVisitor
        self.conference = conference
        createdAt = now
        self.transport = transport
    }

    /// Whether it can be sent media of this type.
    @inline(__always)
    func accepts(_ mediaType: MediaType) -> Bool {
        mediaType == .audio ? acceptsAudio : acceptsVideo
    }

    /// The payload type number under which this endpoint takes `encoding`, the sender's own number if it means the
    /// same. Formats that the bridge does not know apart have no other number.
    @inline(__always)
    func outgoingPayloadType(_ number: UInt8, encoding: UInt8) -> UInt8 {
        encodings[Int(number & 127)] == encoding ? number : numbers[Int(encoding & 15)]
    }

    /// The stream with this SSRC; endpoints have few, so they are looked through.
    @inline(__always)
    func streamIndex(_ ssrc: UInt32) -> Int? {
        for index in 0..<streams.count where streams[index].ssrc == ssrc { return index }
        return nil
    }

    /// Takes in payload types, header extensions and mutes; sources are the host's, they concern the others too.
    mutating func apply(_ media: EndpointMedia) {
        for type in media.payloadTypes.prefix(ShardMessagesLimits.payloadTypes) where type.number < 128 {
            let former = encodings[Int(type.number)]
            if former != Endpoint.none, former != type.codec.rawValue, numbers[Int(former)] == type.number {
                numbers[Int(former)] = Endpoint.none
            }
            encodings[Int(type.number)] = type.codec.rawValue
            if numbers[Int(type.codec.rawValue)] == Endpoint.none, !type.codec.isOpaque {
                numbers[Int(type.codec.rawValue)] = type.number
            }
            switch type.codec.mediaType {
            case .audio: acceptsAudio = true
            case .video: acceptsVideo = true
            }
            if type.codec == .opus { audioClockRate = type.clockRate }
            hasPLI = hasPLI || type.hasPLI
            hasFIR = hasFIR || type.hasFIR
            hasTransportCC = hasTransportCC || type.hasTransportCC
        }
        for mapping in media.headerExtensions.prefix(ShardMessagesLimits.headerExtensions) {
            extensions.map(mapping.kind, to: mapping.id)
        }
        if let mixed = media.allowsMixedExtensions { extensions.allowsMixed = mixed }
        if let muted = media.forceMuteAudio { isAudioMuted = muted }
        if let muted = media.forceMuteVideo { isVideoMuted = muted }
    }
}
