// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
public import Primitives
public import ShardMessages

extension Directory {
    /// Takes what the worker says.
    public mutating func handle(_ event: ShardEvent, at now: Timestamp) {
        switch event {
        case .answer(let answer): handle(answer, at: now)
        case .iceConnected(let number, let remote): note(.iceConnected(remote: remote), about: number)
        case .iceFailed(let number): note(.iceFailed, about: number)
        case .iceRestartEnded(let number, let generation, let isConnected):
            note(.iceRestartEnded(generation: generation, isConnected: isConnected), about: number)
        case .dtlsConnected(let number, let profile):
            if let place = endpoints[number] { conferences[place.conference]?.endpoints[place.id]?.securedAt = now }
            note(.dtlsConnected(profile: profile), about: number)
        case .dtlsFailed(let number, let reason): note(.dtlsFailed(reason: reason), about: number)
        case .endpointExpired(let number, _, let reason):
            note(.endpointEnded(reason), about: number)
            forget(number)
            checkGracefulShutdown(at: now)
        case .conferenceExpired(let number): handleExpiry(of: number, at: now)
        case .sourceRefused(let number, let ssrc, let reason):
            note(.sourceRefused(ssrc: ssrc, reason: reason), about: number)
        case .speakerChanged, .connectivityChanged, .estimateChanged, .forwardedSourcesChanged, .slotsChanged,
            .description:
            break
        }
    }

    private mutating func note(_ kind: DirectoryEvent.Kind, about number: EndpointNumber) {
        guard let place = endpoints[number], let conference = conferences[place.conference] else { return }
        note(conference.event(kind, endpointID: place.id))
    }

    private mutating func forget(_ number: EndpointNumber) {
        guard let place = endpoints.removeValue(forKey: number) else { return }
        channelChanges.append(.endpointRemoved(number))
        // The id may have been taken by a newer endpoint meanwhile.
        if conferences[place.conference]?.endpoints[place.id]?.number == number {
            conferences[place.conference]?.endpoints[place.id] = nil
        }
    }

    /// The worker swept an empty conference away. A request it has will come back as unknown; then the rest is done.
    private mutating func handleExpiry(of number: ConferenceNumber, at now: Timestamp) {
        guard conferences[number] != nil else { return }
        close(number)
        conferences[number]?.isGone = true
        if conferences[number]?.outstanding == nil { end(number, .inactive, at: now) }
    }

    private mutating func handle(_ answer: ShardAnswer, at now: Timestamp) {
        guard let number = outstanding.removeValue(forKey: answer.number) else { return }
        // Answered requests leave the list of deadlines when they come to its front.
        while let first = deadlines.first, outstanding[first.request] == nil { _ = deadlines.popFirst() }
        guard let request = conferences[number]?.outstanding, request.number == answer.number else { return }
        conferences[number]?.outstanding = nil
        switch answer.result {
        case .success(let transports): complete(request, of: number, transports, at: now)
        case .failure(let failure): handle(failure, of: request, in: number, at: now)
        }
        processQueue(of: number, at: now)
    }

    private mutating func complete(
        _ request: OutstandingRequest, of number: ConferenceNumber, _ transports: [(EndpointNumber, LocalTransport)],
        at now: Timestamp
    ) {
        let plan = request.plan
        var answer = plan.answer
        for record in plan.created + plan.restarted {
            // Of several about one endpoint the last: a restart comes after everything else.
            guard let local = transports.last(where: { $0.0 == record.number })?.1,
                let index = answer.endpoints.firstIndex(where: { $0.id == record.id })
            else {
                // The worker broke its word: nothing half-made may stay.
                undo(request, of: number, .internalError("no transport for \(record.id)"), at: now)
                return
            }
            var transport = describe(local, of: record, in: number)
            transport.sctp = answer.endpoints[index].transport?.sctp
            answer.endpoints[index].transport = transport
        }
        commit(plan, to: number, at: now)
        reply(to: request.pending, .success(answer), at: now)
        if let reason = plan.end {
            end(number, reason, at: now)
        } else if conferences[number]?.isGone == true {
            end(number, .inactive, at: now)
        }
        checkGracefulShutdown(at: now)
    }

    /// Follows a plan that the worker has carried out.
    private mutating func commit(_ plan: RequestPlan, to number: ConferenceNumber, at now: Timestamp) {
        guard let conference = conferences[number] else { return }
        if !conference.isPlaced {
            conferences[number]?.isPlaced = true
            totals.totalConferencesCreated += 1
            channelChanges.append(.conferenceAdded(number))
            note(conference.event(.conferenceCreated))
        }
        conferences[number]?.connects = plan.connects
        for record in plan.removed where endpoints[record.number] != nil {
            note(.endpointExpired, about: record.number)
            forget(record.number)
        }
        for record in plan.created {
            conferences[number]?.endpoints[record.id] = record
            endpoints[record.number] = (number, record.id)
            totals.totalEndpoints += 1
            if record.isVisitor { totals.totalVisitors += 1 }
            note(.endpointCreated, about: record.number)
        }
        followChannels(of: plan, in: number)
    }

    /// Follows what a plan changes about bridge channels.
    mutating func followChannels(of plan: RequestPlan, in number: ConferenceNumber) {
        for record in plan.withNewDataChannel { conferences[number]?.endpoints[record.id]?.usesSCTP = true }
        for change in plan.channelChanges { channelChanges.append(change) }
    }

    private mutating func handle(
        _ failure: ShardFailure, of request: OutstandingRequest, in number: ConferenceNumber, at now: Timestamp
    ) {
        var pending = request.pending
        switch failure {
        case .unknownConference:
            reply(to: pending, .failure(.unknownConference(pending.request.meetingID)), at: now)
            end(number, .inactive, at: now)
        case .unknownEndpoint(let endpoint):
            // It may have ended by itself just before, which was told before the answer: then the request says who it
            // was, unless it names several, which only those do that pass over unknown ones.
            let only = pending.request.endpoints.count == 1 ? pending.request.endpoints.first?.id : nil
            let id = endpoints[endpoint]?.id ?? only
            forget(endpoint)
            if request.plan.isLenient && pending.replans < BridgeControlLimits.replans {
                // Muting and expiring race with departures: the rest of the request shall happen.
                pending.replans += 1
                begin(pending, of: number, at: now)
            } else if let id {
                fail(pending, of: number, .unknownEndpoint(id), at: now)
            } else {
                fail(pending, of: number, .internalError("the worker lost an endpoint"), at: now)
            }
        case .full(let table):
            fail(pending, of: number, .limitReached("the media worker's table of \(table) is full"), at: now)
        }
    }

    /// The worker did not answer in time. A late answer will find nobody; what it would have made is ended behind it.
    mutating func giveUp(_ requestNumber: UInt64, at now: Timestamp) {
        guard let number = outstanding.removeValue(forKey: requestNumber),
            let request = conferences[number]?.outstanding, request.number == requestNumber
        else { return }
        conferences[number]?.outstanding = nil
        note(event(.requestTimedOut, about: request.pending.request))
        undo(request, of: number, .internalError("the media worker did not answer in time"), at: now)
        processQueue(of: number, at: now)
    }

    /// Answers with an error and sends the worker the opposite of what it may have done or may still do.
    private mutating func undo(
        _ request: OutstandingRequest, of number: ConferenceNumber, _ error: ColibriError, at now: Timestamp
    ) {
        reply(to: request.pending, .failure(error), at: now)
        guard let conference = conferences[number] else { return }
        // What was to end ends with the worker's next turn, so it is gone for us too.
        for record in request.plan.removed { forget(record.number) }
        if !conference.isPlaced || request.plan.end != nil {
            send([.expireConference], of: number)
            end(number, request.plan.end ?? .failed, at: now)
        } else if !request.plan.created.isEmpty {
            send(request.plan.created.map { .expireEndpoint($0.number) }, of: number)
        }
    }

    /// Where an endpoint's WebSocket may be dialled: the same in every answer while the endpoint lives.
    private func webSocketAddresses(of endpoint: EndpointRecord, in number: ConferenceNumber) -> [String] {
        guard let conference = conferences[number] else { return [] }
        return ChannelAddress.list(
            prefixes: settings.webSocketPrefixes, conferenceID: conference.localID, endpointID: endpoint.id,
            password: endpoint.password)
    }

    /// The bridge's half of a transport that is new or restarted, as it is signalled (control-plane.md 4.2).
    private mutating func describe(
        _ local: LocalTransport, of endpoint: EndpointRecord, in number: ConferenceNumber
    ) -> TransportDescription {
        var ice = ICETransportDescription()
        ice.ufrag = local.ufrag
        ice.password = local.password
        ice.generation = local.generation.map { Int($0) }
        ice.hasRTCPMux = true
        ice.fingerprints = [
            FingerprintDescription(
                hash: local.fingerprintHash, setup: local.setup.rawValue, text: local.fingerprint)
        ]
        let offersPrivate = settings.advertisesPrivateCandidates || endpoint.reachesPrivateAddresses
        for candidate in settings.candidates where offersPrivate || !candidate.isPrivate {
            var description = candidate.description
            if description.id.isEmpty {
                description.id = String(random.next() | 1 << 63, radix: 16) + String(random.next() >> 32, radix: 16)
            }
            ice.candidates.append(description)
        }
        ice.webSockets = webSocketAddresses(of: endpoint, in: number)
        var transport = TransportDescription()
        transport.iceUDP = ice
        return transport
    }
}
