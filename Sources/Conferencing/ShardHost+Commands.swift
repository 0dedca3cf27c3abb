// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import Forwarding
import ICE
import MediaTransport
import OpenSSL
public import Primitives
public import ShardMessages

// What the control plane asks of a worker (house rule 2.5). A request is all or nothing: it is checked as a whole
// before anything is changed.

extension ShardHost {
    /// Carries a request out.
    public mutating func apply(
        _ request: ShardRequest, at now: Timestamp, into egress: inout EgressBatch
    ) -> ShardAnswer {
        if let failure = refusal(of: request) {
            return ShardAnswer(number: request.number, result: .failure(failure))
        }
        var transports: [(EndpointNumber, LocalTransport)] = []
        for operation in request.operations {
            switch operation {
            case .createConference(let name, let audioSSRC, let videoSSRC):
                let conference = Conference(
                    number: request.conference, name: name, audioSSRC: audioSSRC, videoSSRC: videoSSRC,
                    keyframes: settings.keyframes, at: now)
                let key = conferences.insert(conference)
                conferenceByNumber.insert(request.conference.value, key.index)
            case .createEndpoint(let creation):
                guard let conference = conferenceIndex(request.conference) else { continue }
                let index = create(creation, in: conference, at: now)
                change(index, media: creation.media, remote: creation.remote, at: now, into: &egress)
                transports.append((creation.number, localTransport(index)))
            case .updateEndpoint(let number, let media, let remote):
                guard let index = endpointIndex(number) else { continue }
                change(index, media: media, remote: remote, at: now, into: &egress)
                transports.append((number, localTransport(index)))
            case .expireEndpoint(let number):
                if let index = endpointIndex(number) { removeEndpoint(index) }
            case .expireConference:
                if let index = conferenceIndex(request.conference) { removeConference(index) }
            }
        }
        return ShardAnswer(number: request.number, result: .success(transports))
    }

    /// Why a request cannot be carried out, looked at as a whole; `nil` when it can.
    private func refusal(of request: ShardRequest) -> ShardFailure? {
        var exists = conferenceIndex(request.conference) != nil
        var creations = 0
        for operation in request.operations {
            switch operation {
            case .createConference:
                guard !exists, conferences.count < conferences.capacity else { return .full("conferences") }
                exists = true
            case .createEndpoint(let creation):
                guard exists else { return .unknownConference }
                creations += 1
                guard endpointIndex(creation.number) == nil, endpoints.count + creations <= endpoints.capacity
                else { return .full("endpoints") }
            case .updateEndpoint(let number, _, _):
                guard endpointIndex(number) != nil else { return .unknownEndpoint(number) }
            case .expireEndpoint, .expireConference: break
            }
        }
        if let index = conferenceIndex(request.conference) {
            let members = conferences.pointer(at: index).pointee.members.count
            guard members + creations <= ConferencingLimits.endpointsPerConference
            else { return .full("endpoints of a conference") }
        }
        return nil
    }

    private mutating func create(_ creation: EndpointCreation, in conference: Int, at now: Timestamp) -> Int {
        guard let key = endpoints.nextKey else { preconditionFailure("refusal(of:) checked the room") }
        var ice = ICEAgent.Settings(
            localUfrag: UserFragment.make(
                prefix: settings.ufragPrefix, worker: settings.worker, slot: key.index, random: SecureRandom.bytes(8)),
            localPassword: makePassword(random: SecureRandom.bytes(16)),
            isControlling: creation.isICEControlling,
            tieBreaker: SecureRandom.uint64(),
            localAddresses: settings.localAddresses
        )
        ice.owner = TransactionOwner(worker: settings.worker, slot: key.index)
        ice.transactionKey = SecureRandom.bytes(16)
        settings.apply(to: &ice)
        let transport = TransportSession(
            ice: ice, identity: identity, dtls: settings.dtls, random: Random(seed: random.next()), at: now)
        var endpoint = Endpoint(creation, conference: conference, transport: transport, at: now)
        endpoint.silence = SilenceFilter(limit: settings.silentPackets)
        let target = conferences.pointer(at: conference)
        endpoint.member = target.pointee.members.count
        for _ in 0..<target.pointee.sources.count { endpoint.subscriptions.append(Subscription()) }
        endpoints.insert(endpoint)
        target.pointee.members.append(key.index)
        endpointByNumber.insert(creation.number.value, key.index)
        return Int(key.index)
    }

    private mutating func change(
        _ index: Int, media: EndpointMedia, remote: RemoteTransport?, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let wasMuted = endpoints[index].isVideoMuted
        endpoints[index].apply(media)
        if wasMuted, !endpoints[index].isVideoMuted { restartVideo(of: index) }
        if let sources = media.sources { replaceSources(of: index, with: sources) }
        if let remote {
            let endpoint = endpoints.pointer(at: index)
            endpoint.pointee.transport.addFingerprints(
                remote.fingerprints.map { (hash: $0.hash, digest: $0.digest) })
            if let setup = remote.setup {
                // `actpass` in an answer means the peer left the choice to us: it is then the active side.
                endpoint.pointee.transport.setRole(setup == .passive ? .client : .server, at: now)
            }
            for candidate in remote.candidates.prefix(ShardMessagesLimits.remoteCandidates) {
                endpoint.pointee.transport.addRemoteCandidate(
                    candidate.address, priority: candidate.priority, isRelayed: candidate.isRelayed, at: now)
            }
            if let (ufrag, password) = remote.credentials {
                endpoint.pointee.transport.setRemoteCredentials(ufrag: ufrag, password: password, at: now)
            }
        }
        serviceTransport(index, at: now, into: &egress)
    }

    private func localTransport(_ index: Int) -> LocalTransport {
        let endpoint = endpoints.pointer(at: index)
        let setup: ShardMessages.DTLSSetup =
            switch endpoint.pointee.transport.dtlsRole {
            case nil: .actpass
            case .server: .passive
            case .client: .active
            }
        return LocalTransport(
            ufrag: endpoint.pointee.transport.ufrag, password: endpoint.pointee.transport.password,
            fingerprint: endpoint.pointee.transport.fingerprint,
            fingerprintHash: endpoint.pointee.transport.fingerprintHash.rawValue, setup: setup)
    }

    // MARK: Sources

    /// Makes the list of what an endpoint sends equal to `descriptions`: streams that stay keep their state.
    private mutating func replaceSources(of index: Int, with descriptions: [SourceDescription]) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let list = endpoint.pointee.isVisitor ? [] : Array(descriptions.prefix(ShardMessagesLimits.sources))
        let wanted = Self.streams(of: list)
        endpoint.pointee.sources = list
        var position = 0
        while position < endpoint.pointee.streams.count {
            let stream = (
                ssrc: endpoint.pointee.streams[position].ssrc, role: endpoint.pointee.streams[position].role,
                type: endpoint.pointee.streams[position].mediaType
            )
            if wanted.contains(where: {
                $0.ssrc == stream.ssrc && $0.role == stream.role && $0.mediaType == stream.type
            }) {
                position += 1
                continue
            }
            let removed = endpoint.pointee.streams.swapRemove(at: position)
            if removed.source >= 0 { removeSource(removed.source, from: endpoint.pointee.conference) }
        }
        for stream in wanted where endpoint.pointee.streamIndex(stream.ssrc) == nil {
            var incoming = IncomingStream(
                ssrc: stream.ssrc, mediaType: stream.mediaType, role: stream.role,
                clockRate: stream.mediaType == .video ? 90_000 : endpoint.pointee.audioClockRate)
            if stream.role == .forwarded {
                guard
                    let slot = conference.pointee.addSource(
                        ssrc: stream.ssrc, mediaType: stream.mediaType, owner: UInt32(index))
                else { continue }
                incoming.source = slot
                resetSubscriptions(to: slot, in: endpoint.pointee.conference)
            }
            endpoint.pointee.streams.append(incoming)
        }
    }

    private typealias WantedStream = (ssrc: UInt32, mediaType: MediaType, role: IncomingStream.Role)

    /// The RTP streams of a list of sources: of each source the first encoding is forwarded.
    private static func streams(of sources: [SourceDescription]) -> [WantedStream] {
        var result: [WantedStream] = []
        for source in sources {
            for (position, stream) in source.streams.prefix(ShardMessagesLimits.streamsPerSource).enumerated() {
                let role: IncomingStream.Role = position == 0 ? .forwarded : .otherEncoding
                if !result.contains(where: { $0.ssrc == stream.ssrc }) {
                    result.append((stream.ssrc, source.mediaType, role))
                }
                if let rtx = stream.rtxSSRC, !result.contains(where: { $0.ssrc == rtx }) {
                    result.append((rtx, source.mediaType, .retransmission))
                }
            }
        }
        return result
    }

    /// Every receiver starts anew with the source in `slot`.
    private func resetSubscriptions(to slot: Int32, in conference: Int) {
        let target = conferences.pointer(at: conference)
        for position in 0..<target.pointee.members.count {
            let member = endpoints.pointer(at: Int(target.pointee.members[position]))
            while member.pointee.subscriptions.count <= Int(slot) {
                member.pointee.subscriptions.append(Subscription())
            }
            member.pointee.subscriptions[Int(slot)] = Subscription()
        }
    }

    /// What was muted is missing in every receiver's picture: each begins again with a key frame.
    private func restartVideo(of index: Int) {
        let endpoint = endpoints.pointer(at: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        for position in 0..<endpoint.pointee.streams.count {
            let slot = endpoint.pointee.streams[position].source
            guard slot >= 0, endpoint.pointee.streams[position].mediaType == .video else { continue }
            for member in 0..<conference.pointee.members.count {
                let receiver = endpoints.pointer(at: Int(conference.pointee.members[member]))
                receiver.pointee.subscriptions[Int(slot)].restart()
            }
        }
    }

    private func removeSource(_ slot: Int32, from conference: Int) {
        conferences.pointer(at: conference).pointee.removeSource(slot)
        resetSubscriptions(to: slot, in: conference)
    }

    // MARK: Removal

    /// Removes an endpoint completely: ids, SSRCs, flows. Nothing of it lingers when this returns.
    mutating func removeEndpoint(_ index: Int) {
        guard let key = endpoints.key(at: index) else { return }
        let endpoint = endpoints.pointer(at: index)
        for position in 0..<endpoint.pointee.streams.count where endpoint.pointee.streams[position].source >= 0 {
            removeSource(endpoint.pointee.streams[position].source, from: endpoint.pointee.conference)
        }
        forgetFlows(of: index)
        let conference = conferences.pointer(at: endpoint.pointee.conference)
        let member = endpoint.pointee.member
        _ = conference.pointee.members.swapRemove(at: member)
        if member < conference.pointee.members.count {
            endpoints.pointer(at: Int(conference.pointee.members[member])).pointee.member = member
        }
        endpointByNumber.remove(endpoint.pointee.number.value)
        _ = endpoints.remove(key)
    }

    mutating func removeConference(_ index: Int) {
        guard let key = conferences.key(at: index) else { return }
        // Ends: each turn removes a member.
        while conferences.pointer(at: index).pointee.members.count > 0 {
            removeEndpoint(Int(conferences.pointer(at: index).pointee.members[0]))
        }
        conferenceByNumber.remove(conferences.pointer(at: index).pointee.number.value)
        _ = conferences.remove(key)
    }
}
