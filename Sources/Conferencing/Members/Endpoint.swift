// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import MediaTransport
import Primitives
import ShardMessages

/// One client of a conference: who it is and how long it lives, with its transport, what it sends and what it receives.
struct Endpoint: ~Copyable {
    /// How far its ICE session has come, as `/debug` tells it.
    enum ConnectionState: String {
        case waiting, connected, failed
    }

    // What the hall touches for every packet stands first.
    var downlink = Downlink()
    var uplink = Uplink()
    /// Header extensions in both directions: the numbers are the endpoint's own.
    var extensions = ExtensionTable()
    /// Its place in ``Conference/places``.
    var place: UInt16 = 0
    let isVisitor: Bool
    /// Slot of its conference in ``ShardHost/conferences``.
    let conference: Int
    var transport: TransportSession

    let number: EndpointNumber
    /// The signalled id, for `/debug`.
    let id: String
    let createdAt: Timestamp
    var lastActivity: Timestamp?
    /// The others were told that it is not reachable: nothing was heard for ``ShardSettings/inactivityLimit``.
    var isSilent = false
    /// The deadline that counts in ``ShardHost/deadlines``.
    var scheduledAt = Timestamp.distantFuture
    var connectionState = ConnectionState.waiting
    /// Why it ends at its next timer; `nil` while it lives.
    var doom: ExpiryReason?
    /// What it may send over its data channel.
    var channelAllowance = ChannelAllowance()
    /// What it said over its bridge channel that it wants.
    private(set) var preferences: ReceiverPreferences
    /// The same, as the choice of sources needs it.
    private(set) var wishes: Wishes
    /// Voices are to be looked at one by one: it chooses, or did until now.
    var reviewsVoices: Bool
    /// Whose cameras it has on stage.
    var stage = Stage()
    /// What was decided for it of others' pictures.
    var reception: Reception
    /// Under which SSRCs it gets others' sources.
    var rewriting: Rewriting
    /// What it said that its sources show, at most ``ShardMessagesLimits/sources`` of them; some may not be signalled.
    private(set) var videoTypes: [(source: String, type: VideoType)] = []

    init(
        _ creation: EndpointCreation, conference: Int, transport: consuming TransportSession,
        reception: consuming Reception, slots: (audio: Int, video: Int), at now: Timestamp
    ) {
        number = creation.number
        id = creation.id
        isVisitor = creation.isVisitor
        preferences = creation.preferences
        wishes = Wishes(creation.preferences)
        reviewsVoices = wishes.choosesVoices
        self.conference = conference
        createdAt = now
        self.transport = transport
        self.reception = reception
        rewriting = Rewriting(creation.numbering, limits: slots)
    }

    /// Whether sources are chosen for it one by one: it does not simply get everything, or has to know them first.
    var isChooser: Bool { wishes.needsSelection || rewriting.isActive }

    /// When something of it was last heard, media or consent; `nil` when nothing ever was.
    var lastHeard: Timestamp? {
        guard let consent = transport.lastConsent else { return lastActivity }
        return max(lastActivity ?? consent, consent)
    }

    /// Whether it wants to know when packets left: it has abs-send-time and nothing better (media-plane.md 4.3).
    var wantsSendTime: Bool { !uplink.hasTransportCC && extensions.has(.absoluteSendTime) }

    /// The payload type number under which this endpoint takes `codec`, the sender's own number if it means the same.
    /// Formats that the bridge does not know apart have no other number.
    @inline(__always)
    func outgoingPayloadType(_ number: UInt8, codec: UInt8) -> UInt8 {
        uplink.codecs[Int(number & 127)] == codec ? number : downlink.number(of: codec)
    }

    /// It wants this from now on.
    mutating func prefer(_ preferences: ReceiverPreferences) {
        self.preferences = preferences
        wishes = Wishes(preferences)
        reviewsVoices = reviewsVoices || wishes.choosesVoices
    }

    /// What it said that a source shows.
    func videoType(of source: String) -> VideoType? { videoTypes.first { $0.source == source }?.type }

    /// Remembers what a source shows; where there is no room the oldest goes.
    mutating func setVideoType(of source: String, to type: VideoType) {
        videoTypes.removeAll { $0.source == source }
        if videoTypes.count == ShardMessagesLimits.sources { videoTypes.removeFirst() }
        videoTypes.append((source, type))
    }

    /// Takes in payload types, header extensions and mutes; sources are the host's, they concern the others too.
    mutating func apply(_ media: EndpointMedia) {
        for type in media.payloadTypes.prefix(ShardMessagesLimits.payloadTypes) where type.number < 128 {
            downlink.apply(type, former: uplink.codecs[Int(type.number)])
            uplink.codecs[Int(type.number)] = type.codec.rawValue
            uplink.repairs[Int(type.number)] = type.codec == .rtx ? type.associated ?? Uplink.none : Uplink.none
            if type.codec != .rtx { uplink.hasNACK = uplink.hasNACK || type.hasNACK }
            if type.codec == .opus { uplink.audioClockRate = type.clockRate }
            uplink.hasPLI = uplink.hasPLI || type.hasPLI
            uplink.hasFIR = uplink.hasFIR || type.hasFIR
            uplink.hasTransportCC = uplink.hasTransportCC || type.hasTransportCC
            if type.hasREMB, uplink.estimate == nil { uplink.estimate = SenderEstimate(senderRates) }
        }
        if uplink.hasTransportCC { uplink.estimate = nil }
        for mapping in media.headerExtensions.prefix(ShardMessagesLimits.headerExtensions) {
            extensions.map(mapping.kind, to: mapping.id)
        }
        if let mixed = media.allowsMixedExtensions { extensions.allowsMixed = mixed }
        if let muted = media.forceMuteAudio { uplink.isAudioMuted = muted }
        if let muted = media.forceMuteVideo { uplink.isVideoMuted = muted }
    }

    /// Within what it is told to send, where it is told: as it is sent to others.
    private var senderRates: SenderEstimate.Settings {
        let bounds = reception.brake.settings
        return SenderEstimate.Settings(initial: bounds.initial, floor: bounds.floor, ceiling: bounds.ceiling)
    }
}
