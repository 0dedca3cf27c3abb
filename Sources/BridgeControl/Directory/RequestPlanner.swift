// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Colibri
internal import Primitives
internal import ShardMessages

/// Checks a request against a conference and turns it into a ``RequestPlan`` (control-plane.md 3.9, steps 3 to 9).
struct RequestPlanner {
    let settings: Directory.Settings
    let conference: ConferenceRecord
    let request: ConferenceModify
    var nextEndpoint: UInt64
    private let secureBytes: (Int) -> [UInt8]
    private let now: Timestamp
    /// How many endpoints the bridge has room for.
    private let freeEndpoints: Int
    private var present: [String: EndpointRecord]
    private var plan = RequestPlan()

    init(
        settings: Directory.Settings, conference: ConferenceRecord, request: ConferenceModify, nextEndpoint: UInt64,
        freeEndpoints: Int, secureBytes: @escaping (Int) -> [UInt8], at now: Timestamp
    ) {
        self.now = now
        self.secureBytes = secureBytes
        self.freeEndpoints = freeEndpoints
        self.settings = settings
        self.conference = conference
        self.request = request
        self.nextEndpoint = nextEndpoint
        present = conference.endpoints
    }

    mutating func makePlan() throws(ColibriError) -> RequestPlan {
        try checkShape()
        plan.isLenient =
            !request.endpoints.contains { $0.isSubstantial } && request.relays.allSatisfy { $0.isExpire }
        if !conference.isPlaced {
            plan.operations.append(
                .createConference(
                    name: conference.name ?? conference.meetingID, audioSSRC: conference.audioSSRC,
                    videoSSRC: conference.videoSSRC
                )
            )
        }
        for endpoint in request.endpoints { try apply(endpoint) }
        plan.connects = conference.connects
        if let connects = request.connects {
            plan.connects = try ConnectRules.apply(connects, to: conference.connects)
            for connect in connects where !connect.isExpire {
                note(.exportIgnored(connect: connect.id ?? connect.type ?? "unnamed"))
            }
        }
        if !request.relays.isEmpty { throw .switchedOff("relays are switched off") }
        if request.isCreate || request.endpoints.contains(where: { $0.isCreate && !$0.isExpire }) {
            plan.answer.sources = conference.feedbackSources
        }
        if request.isExpire {
            plan.end = .requested
        } else if !request.isCreate && present.isEmpty {
            plan.end = .empty
        }
        if plan.end != nil { plan.operations.append(.expireConference) }
        return plan
    }

    private func checkShape() throws(ColibriError) {
        if !request.endpoints.isEmpty && !request.relays.isEmpty {
            throw .notImplemented("endpoint and relay in one request")
        }
        if request.endpoints.count > 1 && request.endpoints.contains(where: \.isSubstantial) {
            throw .notImplemented("several endpoints in one request are possible for expire and force-mute only")
        }
        if request.relays.count > 1 { throw .notImplemented("several relays in one request") }
    }

    private mutating func apply(_ endpoint: EndpointModify) throws(ColibriError) {
        var answer = EndpointModified(id: endpoint.id)
        if endpoint.isExpire {
            answer.isExpired = true
            if let record = present.removeValue(forKey: endpoint.id) {
                plan.operations.append(.expireEndpoint(record.number))
                plan.removed.append(record)
            }
        } else if endpoint.isCreate {
            answer.transport = try create(endpoint)
        } else if let record = present[endpoint.id] {
            answer.transport = try update(endpoint, record)
        } else if !plan.isLenient {
            throw .unknownEndpoint(endpoint.id)
        }
        plan.answer.endpoints.append(answer)
    }

    /// - Returns: what is answered of its transport already; the ICE transport is the worker's to tell.
    private mutating func create(_ endpoint: EndpointModify) throws(ColibriError) -> TransportDescription? {
        guard present[endpoint.id] == nil else { throw ColibriError(.conflict, "endpoint \(endpoint.id) is present") }
        guard let transport = endpoint.transport else {
            throw .badRequest("transport needed to create \(endpoint.id)")
        }
        guard endpoint.capabilities.contains("source-names") else {
            throw .badRequest("capability source-names needed to create \(endpoint.id)")
        }
        try checkSources(endpoint, isVisitor: endpoint.isVisitor)
        let dataChannel = try dataChannel(of: endpoint)
        guard present.count < settings.maximumEndpointsPerConference else {
            throw .limitReached(
                "this conference has \(settings.maximumEndpointsPerConference) endpoints and takes no more"
                    + " (viaduct.limits.endpoints-per-conference)")
        }
        guard plan.created.count < freeEndpoints + plan.removed.count else {
            throw .limitReached(
                "this bridge holds \(settings.maximumEndpoints) endpoints and takes no more (viaduct.limits.endpoints)")
        }
        let record = EndpointRecord(
            number: EndpointNumber(nextEndpoint), id: endpoint.id, statsID: endpoint.statsID,
            isVisitor: endpoint.isVisitor, usesSCTP: transport.sctp != nil,
            password: ChannelPassword.make(secureBytes),
            reachesPrivateAddresses: endpoint.capabilities.contains("private-address-connectivity"), createdAt: now
        )
        nextEndpoint += 1
        let remote = RemoteTransport(signalled: transport.iceUDP)
        var creation = EndpointCreation(
            number: record.number, id: endpoint.id, isICEControlling: transport.isICEControlling,
            isVisitor: endpoint.isVisitor, media: media(of: endpoint),
            remote: remote == RemoteTransport() ? nil : remote,
            preferences: initialPreferences(of: endpoint, usesSCTP: record.usesSCTP)
        )
        creation.numbering = SourceNumbering(capabilities: endpoint.capabilities)
        plan.channelChanges.append(
            .endpointAdded(
                ChannelEndpointDescription(
                    number: record.number, conference: conference.number, id: record.id,
                    isVisitor: record.isVisitor, usesSCTP: record.usesSCTP, password: record.password)))
        noteChannelChanges(of: endpoint, record.number, creation.media)
        plan.operations.append(.createEndpoint(creation))
        plan.created.append(record)
        present[endpoint.id] = record
        return dataChannel
    }

    private func initialPreferences(of endpoint: EndpointModify, usesSCTP: Bool) -> ReceiverPreferences {
        var preferences = settings.initialPreferences.preferences(usesSCTP: usesSCTP)
        if let lastN = endpoint.initialLastN { preferences.video.lastN = max(-1, Int32(clamping: lastN)) }
        return preferences
    }

    /// Checks the wish for a data channel.
    /// - Returns: what is answered to it; `nil` without one.
    private func dataChannel(of endpoint: EndpointModify) throws(ColibriError) -> TransportDescription? {
        guard let sctp = endpoint.transport?.sctp else { return nil }
        if let role = sctp.role, role != "server" { throw .switchedOff("sctp role \(role) is not implemented") }
        if let port = sctp.port, port != 5_000 { throw .badRequest("sctp port must be 5000") }
        guard settings.isSCTPEnabled else { throw .switchedOff("sctp is switched off") }
        var transport = TransportDescription()
        transport.sctp = SCTPDescription(role: "server", port: 5_000)
        return transport
    }

    /// - Returns: what is answered of its transport already.
    private mutating func update(
        _ endpoint: EndpointModify, _ record: EndpointRecord
    ) throws(ColibriError) -> TransportDescription? {
        try checkSources(endpoint, isVisitor: record.isVisitor || endpoint.isVisitor)
        let media = media(of: endpoint)
        let remote = RemoteTransport(signalled: endpoint.transport?.iceUDP)
        // Whoever asks again for what it has is answered, and nothing happens.
        let dataChannel = try dataChannel(of: endpoint)
        if dataChannel != nil, !record.usesSCTP {
            plan.withNewDataChannel.append(record)
            plan.channelChanges.append(.dataChannelAdded(record.number))
        }
        noteChannelChanges(of: endpoint, record.number, media)
        if media != EndpointMedia() || remote != RemoteTransport() {
            plan.operations.append(
                .updateEndpoint(record.number, media: media, remote: remote == RemoteTransport() ? nil : remote)
            )
        }
        // After everything else that is said of the endpoint (control-plane.md 4.5).
        if endpoint.transport?.isICERestart == true {
            plan.operations.append(.restartICE(record.number))
            plan.restarted.append(record)
        }
        return dataChannel
    }

    private mutating func noteChannelChanges(
        of endpoint: EndpointModify, _ number: EndpointNumber, _ media: EndpointMedia
    ) {
        if let sources = media.sources { plan.channelChanges.append(.sourcesChanged(number, sources)) }
        if let lastN = endpoint.initialLastN {
            plan.channelChanges.append(.initialLastN(number, Int32(clamping: lastN)))
        }
    }

    private func checkSources(_ endpoint: EndpointModify, isVisitor: Bool) throws(ColibriError) {
        if isVisitor, let sources = endpoint.sources, !sources.isEmpty {
            throw .badRequest("visitor \(endpoint.id) may not have sources")
        }
    }

    private mutating func media(of endpoint: EndpointModify) -> EndpointMedia {
        let known = Set(HeaderExtensionKind.allCases.map { $0.uri.lowercased() })
        for description in endpoint.media {
            for mapping in description.headerExtensions where !known.contains(mapping.uri.lowercased()) {
                note(.unknownHeaderExtension(uri: mapping.uri), endpoint.id)
            }
        }
        return EndpointMedia(signalled: endpoint)
    }

    private mutating func note(_ kind: DirectoryEvent.Kind, _ endpointID: String? = nil) {
        plan.events.append(conference.event(kind, endpointID: endpointID))
    }
}
