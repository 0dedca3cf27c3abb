// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import ShardMessages

extension EndpointMedia {
    /// What an endpoint element says of media, in the worker's words (control-plane.md 3.6, 3.7).
    init(signalled endpoint: EndpointModify) {
        self.init()
        for description in endpoint.media {
            payloadTypes += description.payloadTypes.map { PayloadType(signalled: $0, kind: description.kind) }
            headerExtensions += description.headerExtensions.compactMap { mapping in
                HeaderExtensionKind(signalled: mapping.uri).map { HeaderExtensionMapping(id: mapping.id, kind: $0) }
            }
            allowsMixedExtensions = description.allowsMixedExtensions
        }
        payloadTypes = Array(payloadTypes.prefix(ShardMessagesLimits.payloadTypes))
        headerExtensions = Array(headerExtensions.prefix(ShardMessagesLimits.headerExtensions))
        if let signalled = endpoint.sources {
            sources = signalled.compactMap { SourceDescription(signalled: $0) }
                .prefix(ShardMessagesLimits.sources).map(\.self)
        }
        if let forceMute = endpoint.forceMute {
            forceMuteAudio = forceMute.audio
            forceMuteVideo = forceMute.video
        }
    }
}

extension SourceNumbering {
    /// What an endpoint with these capabilities gets (control-plane.md 3.5): names of media lines only with slots.
    init(capabilities: [String]) {
        guard capabilities.contains("ssrc-rewriting") else {
            self = .original
            return
        }
        self = capabilities.contains("rtp-mid-demux") ? .namedSlots : .slots
    }
}

extension HeaderExtensionKind {
    /// The kind of that URI; case does not count.
    init?(signalled uri: String) {
        let lower = uri.lowercased()
        guard let kind = Self.allCases.first(where: { $0.uri.lowercased() == lower }) else { return nil }
        self = kind
    }
}

extension Codec {
    /// The encoding of that name; case does not count. Unknown ones are kept as opaque formats.
    init(signalled name: String, kind: MediaKind) {
        switch name.lowercased() {
        case "opus": self = .opus
        case "red" where kind == .audio: self = .red
        case "telephone-event": self = .telephoneEvent
        case "vp8": self = .vp8
        case "vp9": self = .vp9
        case "h264": self = .h264
        case "av1": self = .av1
        case "rtx": self = .rtx
        default: self = kind == .audio ? .otherAudio : .otherVideo
        }
    }
}

extension PayloadType {
    init(signalled description: PayloadTypeDescription, kind: MediaKind) {
        self.init(
            number: description.id, codec: Codec(signalled: description.name, kind: kind),
            clockRate: description.clockRate
        )
        if codec == .rtx { associated = description.parameter("apt").flatMap { UInt8($0) } }
        for entry in description.feedback {
            switch (entry.type.lowercased(), entry.subtype?.lowercased()) {
            case ("nack", nil): hasNACK = true
            case ("nack", "pli"): hasPLI = true
            case ("ccm", "fir"): hasFIR = true
            case ("transport-cc", _): hasTransportCC = true
            case ("goog-remb", _): hasREMB = true
            default: break
            }
        }
    }
}

extension SourceDescription {
    /// A media-source in the worker's words; `nil` when it has no usable SSRC.
    ///
    /// Layers come from the SIM group, from low to high, wherever it stands among the groups; without one the first
    /// SSRC that repairs no other is the only stream. FID ties retransmissions to streams (RFC 5576 §4.2, RFC 4588).
    init?(signalled source: MediaSourceDescription) {
        // Groups of fewer than two say nothing.
        let groups = source.groups.filter { $0.ssrcs.count >= 2 }
        var repairs: [UInt32: UInt32] = [:]
        var secondaries: Set<UInt32> = []
        for group in groups where group.isKind("FID") || group.isKind("FEC-FR") {
            secondaries.insert(group.ssrcs[1])
            if group.isKind("FID"), repairs[group.ssrcs[0]] == nil { repairs[group.ssrcs[0]] = group.ssrcs[1] }
        }
        var primaries: [UInt32] = []
        if source.kind == .video, let layers = groups.first(where: { $0.isKind("SIM") }) {
            for ssrc in layers.ssrcs.prefix(ShardMessagesLimits.streamsPerSource) where !primaries.contains(ssrc) {
                primaries.append(ssrc)
            }
        } else {
            let listed = source.ssrcs.compactMap(\.ssrc)
            if let first = listed.first(where: { !secondaries.contains($0) }) ?? listed.first { primaries = [first] }
        }
        guard !primaries.isEmpty else { return nil }
        self.init(
            name: source.id, mediaType: source.kind == .audio ? .audio : .video,
            isDesktop: source.ssrcs.contains { $0.videoType?.lowercased() == "desktop" },
            isSynthetic: source.kind == .audio && source.isSynthetic,
            streams: primaries.map { SourceStreamDescription(ssrc: $0, rtxSSRC: repairs[$0]) }
        )
    }
}
