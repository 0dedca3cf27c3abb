// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import MediaPlane
import PacketIO
import Primitives
import ShardMessages

@testable import LoadGenerator

/// A focus that asks a media worker of this process, without signalling in between.
final class WorkerFocus: Focus {
    let worker: MediaWorker
    /// The port that participants are told instead of the worker's own.
    var advertisedPort: UInt16?
    /// Serves data channels, where participants open them.
    var hub: WorkerHub?
    /// Names where participants dial, where they have WebSockets.
    var webSocketHub: WebSocketHub?
    private var number: UInt64 = 0
    private var conferences: [String: ConferenceNumber] = [:]

    /// Starts a worker on loopback.
    init(usesOffload: Bool) throws {
        let loopback = TransportAddress(ipv4: 0x7F00_0001, port: 0)
        var configuration = MediaWorker.Configuration(addresses: [loopback])
        configuration.port.usesGSO = usesOffload
        configuration.port.usesGRO = usesOffload
        worker = try MediaWorker.start(configuration)
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        var operations: [ShardOperation] = []
        let meeting = participant.conference.meeting
        if newConference {
            conferences[meeting] = ConferenceNumber(UInt64(conferences.count + 1))
            operations.append(.createConference(name: participant.conference.name, audioSSRC: 1, videoSSRC: 2))
        }
        operations.append(
            .createEndpoint(
                EndpointCreation(
                    number: EndpointNumber(UInt64(participant.number + 1)), id: participant.endpoint,
                    isICEControlling: true, media: Self.media)))
        hub?.add(EndpointNumber(UInt64(participant.number + 1)), name: participant.endpoint)
        guard let local = try ask(operations, meeting).first?.1 else { throw .badAnswer("no transport") }
        return BridgeTransport(
            ufrag: local.ufrag, password: local.password,
            candidates: worker.boundAddresses.map {
                var address = $0
                address.port = advertisedPort ?? address.port
                return .init(address: address, priority: 2_130_706_431, isRelayed: false)
            },
            fingerprints: [
                .init(
                    hash: "sha-256", digest: BridgeTransport.Fingerprint.digest(local.fingerprint) ?? [],
                    setup: local.setup.rawValue)
            ], hasSCTP: hub != nil, webSockets: webSocketHub.map { [$0.url(of: participant.endpoint)] } ?? [])
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        var remote = RemoteTransport()
        remote.credentials = (transport.ufrag, transport.password)
        remote.setup = transport.setup == "active" ? .active : .passive
        remote.fingerprints = [RemoteFingerprint(hash: "sha-256", digest: transport.fingerprint)]
        var media = EndpointMedia()
        media.sources = participant.sources.map {
            SourceDescription(
                name: $0.name, mediaType: $0.isVideo ? .video : .audio,
                streams: Self.streams(of: $0))
        }
        _ = try ask(
            [.updateEndpoint(EndpointNumber(UInt64(participant.number + 1)), media: media, remote: remote)],
            participant.conference.meeting)
    }

    /// The encodings, as the bridge reads them out of the groups.
    private static func streams(of source: SignalledSource) -> [SourceStreamDescription] {
        let encodings = source.encodings.isEmpty ? [source.ssrc] : source.encodings
        return encodings.enumerated().map { index, ssrc in
            SourceStreamDescription(ssrc: ssrc, rtxSSRC: index < source.repairs.count ? source.repairs[index] : nil)
        }
    }

    func expire(_ conference: PlannedConference) throws(LoadError) {
        _ = try ask([.expireConference], conference.meeting)
    }

    func idle() {
        while worker.nextEvent() != nil {}
    }

    private func ask(
        _ operations: [ShardOperation], _ meeting: String
    ) throws(LoadError) -> [(EndpointNumber, LocalTransport)] {
        guard let conference = conferences[meeting] else { throw .badAnswer("unknown meeting") }
        number += 1
        guard worker.send(.request(ShardRequest(number: number, conference: conference, operations: operations))) else {
            throw .connection("the worker is busy")
        }
        let deadline = MonotonicClock.now() + .seconds(10 as Int64)
        while MonotonicClock.now() < deadline {
            guard let event = worker.nextEvent() else {
                sleepMilliseconds(1)
                continue
            }
            guard case .answer(let answer) = event, answer.number == number else { continue }
            switch answer.result {
            case .success(let list): return list
            case .failure(let failure): throw .refused("\(failure)")
            }
        }
        throw .connection("the worker does not answer")
    }

    private static var media: EndpointMedia {
        var media = EndpointMedia()
        media.payloadTypes = [
            PayloadType(number: Offer.opus, codec: .opus, clockRate: 48_000),
            PayloadType(number: Offer.vp8, codec: .vp8, clockRate: 90_000),
        ]
        media.payloadTypes[0].hasTransportCC = true
        media.payloadTypes[1].hasTransportCC = true
        media.payloadTypes[1].hasPLI = true
        media.payloadTypes[1].hasFIR = true
        media.headerExtensions = (Offer.audioExtensions + Offer.videoExtensions).compactMap { id, uri in
            HeaderExtensionKind(uri: uri).map { HeaderExtensionMapping(id: id, kind: $0) }
        }
        media.allowsMixedExtensions = true
        return media
    }
}
