// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import ShardMessages

// What scenarios do: people come, go, move and are muted.

extension World {
    /// A new meeting.
    func open() -> Int {
        conferences.append(Meeting(number: ConferenceNumber(UInt64(conferences.count) + 1)))
        let index = conferences.count - 1
        _ = request([.createConference(name: "room\(index)", audioSSRC: 1, videoSSRC: 2)], in: index)
        return index
    }

    /// Somebody comes in; media flows once ICE and the handshake are done.
    @discardableResult
    func join(_ conference: Int, _ settings: ClientSettings) -> VirtualClient {
        let client = VirtualClient(
            clients.count, in: conference, settings: settings, identity: identity, random: &random, at: now)
        clients.append(client)
        owners[client.address] = client.index
        if settings.sendsAudio { client.audio = source(of: client, .audio) }
        if settings.sendsVideo {
            if let layers = settings.layers {
                client.encoder = encoder(of: client, layers)
            } else {
                client.video = source(of: client, .video)
            }
        }
        let creation = EndpointCreation(
            number: client.number, id: "client\(client.index)", isICEControlling: true, isVisitor: settings.isVisitor,
            media: media(of: client))
        guard let local = request([.createEndpoint(creation)], in: conference)?.first?.1 else { return client }
        client.local = local
        var remote = RemoteTransport()
        remote.credentials = (client.transport.ufrag, client.transport.password)
        if settings.usesDTLS {
            remote.setup = .active
            remote.fingerprints = [
                RemoteFingerprint(hash: "sha-256", digest: Self.digest(client.identity.fingerprint))
            ]
            client.transport.addFingerprints([(hash: "sha-256", digest: Self.digest(local.fingerprint))])
            client.transport.setRole(.client, at: now)
        }
        if random.int(in: 0...1) == 1 {
            remote.candidates = [RemoteCandidate(address: client.address, priority: 2_130_706_431, isRelayed: false)]
        }
        _ = request([.updateEndpoint(client.number, media: EndpointMedia(), remote: remote)], in: conference)
        client.transport.addRemoteCandidate(
            SimulatedWorker.address, priority: 2_130_706_431, isRelayed: false, at: now)
        client.transport.setRemoteCredentials(ufrag: local.ufrag, password: local.password, at: now)
        client.settle(in: self)
        schedule(client)
        trace.note("join", at: now, client: client.index)
        return client
    }

    /// Somebody goes, as signalling tells it.
    func leave(_ client: VirtualClient) {
        guard client.isPresent else { return }
        client.isPresent = false
        for ledger in ledgers.indices where ledgers[ledger].owner == client.index {
            ledgers[ledger].isSignalled = false
        }
        _ = request([.expireEndpoint(client.number)], in: client.conference)
        trace.note("leave", at: now, client: client.index)
    }

    /// A meeting ends at once, with everybody in it.
    func close(_ conference: Int) {
        for client in clients where client.conference == conference {
            client.isPresent = false
            for ledger in ledgers.indices where ledgers[ledger].owner == client.index {
                ledgers[ledger].isSignalled = false
            }
        }
        conferences[conference].isOpen = false
        _ = request([.expireConference], in: conference)
    }

    /// The moderator mutes, or lets speak.
    func mute(_ client: VirtualClient, audio: Bool? = nil, video: Bool? = nil) {
        guard client.isPresent else { return }
        var media = EndpointMedia()
        media.forceMuteAudio = audio
        media.forceMuteVideo = video
        if let audio { client.isAudioMuted = audio }
        if let video { client.isVideoMuted = video }
        _ = request([.updateEndpoint(client.number, media: media, remote: nil)], in: client.conference)
        trace.note("mute", at: now, client: client.index)
    }

    /// What a client sends changes: its camera goes off or on again.
    func setVideo(_ client: VirtualClient, isOn: Bool) {
        guard client.isPresent, let video = client.video, video.isActive != isOn else { return }
        client.video?.isActive = isOn
        client.video?.queue = []
        client.video?.wantsKey = true
        client.video?.next = now
        ledgers[video.ledger].isSignalled = isOn
        if isOn { ledgers[video.ledger].beginEpoch() }
        var media = EndpointMedia()
        media.sources = signalled(of: client)
        _ = request([.updateEndpoint(client.number, media: media, remote: nil)], in: client.conference)
        schedule(client)
    }

    /// A client has another address from now on, and says so with checks, as browsers do.
    func move(_ client: VirtualClient, to address: TransportAddress? = nil) {
        guard client.isPresent else { return }
        let port = UInt16(random.int(in: 1_024...65_000))
        client.address = address ?? TransportAddress(ipv4: 0x0B00_0000 + UInt32(owners.count), port: port)
        owners[client.address] = client.index
        client.moveChecks = (30, now, client.moveChecks.serial)
        schedule(client)
        trace.note("move", at: now, client: client.index)
    }

    /// The present members of a meeting.
    func members(of conference: Int) -> [VirtualClient] {
        clients.filter { $0.conference == conference && $0.isPresent }
    }

    // MARK: Inside

    /// A new stream of a client.
    func source(of client: VirtualClient, _ type: MediaType, ssrc: UInt32? = nil) -> MediaSource {
        let known = Set(ledgers.map(\.ssrc))
        var number = ssrc ?? UInt32(truncatingIfNeeded: random.next() >> 32)
        while ssrc == nil, number < 16 || known.contains(number) {
            number = UInt32(truncatingIfNeeded: random.next() >> 32)
        }
        let isNearWrap = random.int(in: 0...3) == 0
        let first = UInt16(isNearWrap ? random.int(in: 65_300...65_535) : random.int(in: 0...32_767))
        ledgers.append(
            SourceLedger(
                owner: client.index, conference: client.conference, ssrc: number, mediaType: type,
                firstSequence: first))
        return MediaSource(
            ledger: ledgers.count - 1, ssrc: number, timestamp: UInt32(truncatingIfNeeded: random.next() >> 32),
            next: now)
    }

    /// What signalling says of a client.
    func media(of client: VirtualClient) -> EndpointMedia {
        var media = EndpointMedia()
        var vp8 = PayloadType(number: client.settings.vp8Number, codec: .vp8, clockRate: 90_000)
        vp8.hasPLI = client.index % 3 > 0
        vp8.hasFIR = true
        var opus = PayloadType(number: client.settings.opusNumber, codec: .opus, clockRate: 48_000)
        opus.hasTransportCC = client.settings.hasTransportCC
        media.payloadTypes = [opus, vp8]
        if client.settings.hasRTX {
            vp8.hasNACK = true
            var rtx = PayloadType(number: client.settings.rtxNumber, codec: .rtx, clockRate: 90_000)
            rtx.associated = vp8.number
            media.payloadTypes = [opus, vp8, rtx]
        }
        media.headerExtensions = [
            HeaderExtensionMapping(id: client.settings.levelID, kind: .audioLevel),
            HeaderExtensionMapping(id: VirtualClient.midID, kind: .mid),
            client.settings.hasTransportCC
                ? HeaderExtensionMapping(id: VirtualClient.transportNumberID, kind: .transportWideCC)
                : HeaderExtensionMapping(id: VirtualClient.sendTimeID, kind: .absoluteSendTime),
        ]
        media.allowsMixedExtensions = client.index % 2 == 0
        media.sources = signalled(of: client)
        return media
    }

    /// The sources that are signalled now.
    func signalled(of client: VirtualClient) -> [ShardMessages.SourceDescription] {
        var list: [ShardMessages.SourceDescription] = []
        for source in [client.audio, client.video].compactMap({ $0 }) where ledgers[source.ledger].isSignalled {
            let type = ledgers[source.ledger].mediaType
            list.append(
                ShardMessages.SourceDescription(
                    name: "client\(client.index)-\(type == .audio ? "a" : "v")0", mediaType: type,
                    streams: [SourceStreamDescription(ssrc: source.ssrc)]))
        }
        if let encoder = client.encoder, ledgers[groups[encoder.group].ledgers[0]].isSignalled {
            list.append(
                ShardMessages.SourceDescription(
                    name: groups[encoder.group].name, mediaType: .video,
                    streams: encoder.encodings.map { SourceStreamDescription(ssrc: $0.ssrc, rtxSSRC: $0.rtxSSRC) }))
        }
        return list
    }

    private static func digest(_ fingerprint: String) -> [UInt8] {
        fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
    }
}
