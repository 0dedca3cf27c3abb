// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import Forwarding
import ICE
import MediaTransport
import OpenSSL
public import Primitives
public import ShardMessages

// What the control plane asks of a worker (house rule 2.5). A request is all or nothing: it is checked as a whole
// before anything is changed. It is carried out over several turns of the loop when it is long, so that no request
// holds up the calls; the next one waits for it.

/// A request that is being carried out.
struct RequestProgress {
    let request: ShardRequest
    /// The next operation.
    var position = 0
    var transports: [(EndpointNumber, LocalTransport)] = []
}

extension ShardHost {
    /// Whether the last request taken is done, so that another can be.
    public var isIdle: Bool { request == nil }

    /// Takes a request on; its answer comes as an event of ``work(at:into:steps:)``. Only while ``isIdle``.
    public mutating func take(_ request: ShardRequest) {
        precondition(self.request == nil, "one request at a time")
        self.request = RequestProgress(request: request)
    }

    /// Carries the request that was taken out, as far as `steps` go, and clears away what earlier ones ended.
    /// - Parameter steps: operations; less what was carried out when it returns.
    public mutating func work(at now: Timestamp, into egress: inout EgressBatch, steps: inout Int) {
        guard let answer = advance(at: now, into: &egress, steps: &steps) else { return }
        emit(.answer(answer))
    }

    /// Carries a request out at one go.
    public mutating func apply(
        _ request: ShardRequest, at now: Timestamp, into egress: inout EgressBatch
    ) -> ShardAnswer {
        take(request)
        var steps = Int.max
        // Ends: with steps enough every request is done at once.
        guard let answer = advance(at: now, into: &egress, steps: &steps) else { preconditionFailure("not done") }
        return answer
    }

    private mutating func advance(
        at now: Timestamp, into egress: inout EgressBatch, steps: inout Int
    ) -> ShardAnswer? {
        guard let number = request?.request.number else { return nil }
        if request?.position == 0, let failure = request.flatMap({ refusal(of: $0.request) }) {
            if let operations = request?.request.operations { endUnrestartable(operations, at: now) }
            request = nil
            return ShardAnswer(number: number, result: .failure(failure))
        }
        // Ends: every turn carries out one operation of a finite list.
        while let progress = request, progress.position < progress.request.operations.count {
            guard steps > 0 else { return nil }
            steps -= 1
            request?.position += 1
            let operation = progress.request.operations[progress.position]
            if let transport = carryOut(operation, in: progress.request.conference, at: now, into: &egress) {
                request?.transports.append(transport)
            }
        }
        let transports = request?.transports ?? []
        request = nil
        return ShardAnswer(number: number, result: .success(transports))
    }

    private mutating func carryOut(
        _ operation: ShardOperation, in number: ConferenceNumber, at now: Timestamp, into egress: inout EgressBatch
    ) -> (EndpointNumber, LocalTransport)? {
        switch operation {
        case .createConference(let name, let audioSSRC, let videoSSRC):
            if conferences.nextKey == nil { clearAway(at: now, atLeastOneConference: true) }
            let conference = Conference(
                number: number, name: name, audioSSRC: audioSSRC, videoSSRC: videoSSRC, speech: settings.speech,
                at: now)
            let key = conferences.insert(conference)
            conferenceByNumber.insert(number.value, key.index)
        case .createEndpoint(let creation):
            guard let conference = conferenceIndex(number) else { return nil }
            let index = create(creation, in: conference, at: now)
            change(index, media: creation.media, remote: creation.remote, at: now, into: &egress)
            return (creation.number, localTransport(index))
        case .updateEndpoint(let endpoint, let media, let remote):
            guard let index = endpointIndex(endpoint) else { return nil }
            change(index, media: media, remote: remote, at: now, into: &egress)
            return (endpoint, localTransport(index))
        case .restartICE(let endpoint):
            guard let index = endpointIndex(endpoint) else { return nil }
            return (endpoint, restartICE(of: index, at: now, into: &egress))
        case .expireEndpoint(let endpoint):
            if let index = endpointIndex(endpoint) { removeEndpoint(index) }
        case .expireConference:
            if let index = conferenceIndex(number) { endConference(index) }
        }
        return nil
    }

    /// Why a request cannot be carried out, looked at as a whole; `nil` when it can.
    private func refusal(of request: ShardRequest) -> ShardFailure? {
        var exists = conferenceIndex(request.conference) != nil
        var creations = 0
        for operation in request.operations {
            switch operation {
            case .createConference:
                guard !exists, conferenceByNumber.count < ConferencingLimits.conferences
                else { return .full("conferences") }
                exists = true
            case .createEndpoint(let creation):
                guard exists else { return .unknownConference }
                creations += 1
                guard endpointIndex(creation.number) == nil,
                    endpoints.count - endingCount + creations <= ConferencingLimits.endpoints
                else { return .full("endpoints") }
            case .updateEndpoint(let number, _, _):
                guard endpointIndex(number) != nil else { return .unknownEndpoint(number) }
            case .restartICE(let number):
                guard let index = endpointIndex(number), obstacleToRestart(of: index) == nil
                else { return .unknownEndpoint(number) }
            case .expireEndpoint, .expireConference: break
            }
        }
        if let index = conferenceIndex(request.conference) {
            let members = conferences.pointer(at: index).pointee.memberCount
            guard members + creations <= ConferencingLimits.endpointsPerConference
            else { return .full("endpoints of a conference") }
        } else if creations > ConferencingLimits.endpointsPerConference {
            return .full("endpoints of a conference")
        }
        return nil
    }

    private mutating func create(_ creation: EndpointCreation, in conference: Int, at now: Timestamp) -> Int {
        if endpoints.nextKey == nil { clearAway(at: now, atLeastOneConference: false) }
        guard let key = endpoints.nextKey else { preconditionFailure("refusal(of:) checked the room") }
        let transport = TransportSession(
            ice: makeAgentSettings(slot: key.index, isControlling: creation.isICEControlling), identity: identity,
            dtls: settings.dtls, srtp: settings.srtp,
            random: Random(seed: random.next()), at: now)
        var endpoint = Endpoint(
            creation, conference: conference, transport: transport,
            reception: Reception(settings.allocationSchedule, settings.brake),
            slots: settings.slots, at: now)
        endpoint.uplink.silence = SilenceFilter(limit: settings.silentPackets)
        endpoint.place = conferences.pointer(at: conference).pointee.addMember(key.index)
        let place = endpoint.place
        endpoints.insert(endpoint)
        if !creation.isVisitor { conferences.pointer(at: conference).pointee.speech.join(place) }
        if creation.numbering != .original { conferences.pointer(at: conference).pointee.rewritingCount += 1 }
        beginChoice(of: Int(key.index))
        endpointByNumber.insert(creation.number.value, key.index)
        startConnectivity(at: now)
        return Int(key.index)
    }

    /// What a new ICE agent of the session in a slot is told: credentials that nobody had before, for the same slot.
    func makeAgentSettings(slot: UInt32, isControlling: Bool) -> ICEAgent.Settings {
        var ice = ICEAgent.Settings(
            localUfrag: UserFragment.make(
                prefix: settings.ufragPrefix, worker: settings.worker, slot: slot, random: SecureRandom.bytes(8)),
            localPassword: makePassword(random: SecureRandom.bytes(16)),
            isControlling: isControlling,
            tieBreaker: SecureRandom.uint64(),
            localAddresses: settings.localAddresses
        )
        ice.owner = TransactionOwner(worker: settings.worker, slot: slot)
        ice.transactionKey = SecureRandom.bytes(16)
        settings.apply(to: &ice)
        return ice
    }

    private mutating func change(
        _ index: Int, media: EndpointMedia, remote: RemoteTransport?, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let wasMuted = endpoints[index].uplink.isVideoMuted
        let tookRedundancy = endpoints[index].downlink.takesRedundancy
        endpoints[index].apply(media)
        if endpoints[index].downlink.takesRedundancy != tookRedundancy {
            conferences[endpoints[index].conference].redundantCount += tookRedundancy ? -1 : 1
        }
        refreshInterest(of: index, anew: !media.payloadTypes.isEmpty)
        if wasMuted, !endpoints[index].uplink.isVideoMuted { restartVideo(of: index) }
        if let sources = media.sources { replaceSources(of: index, with: sources) }
        if let remote { tell(index, remote, at: now) }
        serviceTransport(index, at: now, into: &egress)
    }

    /// Tells a session what its peer says of itself.
    private func tell(_ index: Int, _ remote: RemoteTransport, at now: Timestamp) {
        let endpoint = endpoints.pointer(at: index)
        if let generation = remote.generation {
            return continueRestart(of: endpoint, generation, remote, at: now)
        }
        endpoint.pointee.transport.addFingerprints(remote.fingerprints.map { (hash: $0.hash, digest: $0.digest) })
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

    func localTransport(_ index: Int) -> LocalTransport {
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
}
