// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import ShardMessages

// Who is there: told by the control plane in the order in which the worker is told.

extension ChannelHub {
    /// A conference begins.
    public mutating func addConference(_ number: ConferenceNumber) {
        if conferences[number] == nil { conferences[number] = ChannelConference(number) }
    }

    /// A conference ends with all its members.
    public mutating func removeConference(_ number: ConferenceNumber, at now: Timestamp) {
        guard let conference = conferences[number] else { return }
        for endpoint in conference.members { removeEndpoint(endpoint.number, at: now) }
        conferences[number] = nil
    }

    /// An endpoint joins a conference that was added.
    /// - Parameters:
    ///   - usesSCTP: a data channel was signalled for it.
    ///   - password: what its WebSocket has to bring.
    public mutating func addEndpoint(
        _ number: EndpointNumber, conference: ConferenceNumber, id: String, isVisitor: Bool = false, usesSCTP: Bool,
        password: String, at now: Timestamp
    ) {
        guard let conference = conferences[conference], endpoints[number] == nil else { return }
        let preferences = settings.initial.preferences(usesSCTP: usesSCTP)
        let endpoint = ChannelEndpoint(
            number, conference: conference, id: id, isVisitor: isVisitor, usesSCTP: usesSCTP, password: password,
            preferences: preferences, at: now)
        endpoints[number] = endpoint
        conference.add(endpoint)
        endpoint.allowedSources = allowedSources(of: endpoint)
        // The worker was told what holds at first.
        if endpoint.allowedSources >= 0 { tellPreferences(endpoint, at: now) }
        if preferences.video.defaultConstraint.isWanted { walk(later: endpoint, at: now) }
    }

    /// An endpoint leaves, or has ended by itself.
    public mutating func removeEndpoint(_ number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints.removeValue(forKey: number) else { return }
        let conference = endpoint.conference
        conference.remove(endpoint)
        for source in endpoint.sources { remove(source, at: now) }
        for source in endpoint.grants.keys { setGrant(of: source, to: endpoint, 0, at: now) }
        if let webSocket = endpoint.webSocket {
            // Here and not later: the connection is not the endpoint's any more.
            close(webSocket, code: 1001, reason: "endpoint closed")
            note(.closed(number, transport: "websocket"))
        }
        if endpoint.dataChannel != nil {
            counters.dataChannelsClosed += 1
            note(.closed(number, transport: "sctp"))
        }
        retireAssociation(of: endpoint)
    }

    /// A data channel was signalled for an endpoint after its creation: from now on it can ask.
    public mutating func enableSCTP(of number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number], !endpoint.usesSCTP else { return }
        endpoint.usesSCTP = true
        if !settings.initial.offersWebSockets {
            endpoint.preferences.video.defaultConstraint = settings.initial.constraint
            tellPreferences(endpoint, at: now)
            walk(later: endpoint, at: now)
        }
        let early = endpoint.early
        endpoint.early = []
        for record in early { receive(record: record.rawSpan, from: number, at: now) }
    }

    /// Last-N as the focus wishes it for an endpoint (`initial-last-n`), unless the client has said something itself.
    public mutating func setInitialLastN(_ lastN: Int32, of number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number], !endpoint.hasConstraints else { return }
        guard endpoint.preferences.video.lastN != max(-1, lastN) else { return }
        endpoint.preferences.video.lastN = max(-1, lastN)
        tellPreferences(endpoint, at: now)
        walk(later: endpoint, at: now)
    }

    /// The sources of an endpoint, all of them. Only video matters here, and nobody gets a visitor's.
    public mutating func setSources(_ number: EndpointNumber, _ descriptions: [SourceDescription], at now: Timestamp) {
        guard let endpoint = endpoints[number], !endpoint.isVisitor else { return }
        let described = descriptions.prefix(ShardMessagesLimits.sources).filter { $0.mediaType == .video }
        let names = Set(described.map(\.name))
        for source in endpoint.sources where !names.contains(source.name) { remove(source, at: now) }
        let kept = endpoint.sources.filter { names.contains($0.name) }
        // As they are listed, which decides between two of the same owner.
        var sources: [ChannelSource] = []
        var added: [ChannelSource] = []
        for description in described where !sources.contains(where: { $0.name == description.name }) {
            let type = endpoint.videoType(of: description.name, isDesktop: description.isDesktop)
            if let source = kept.first(where: { $0.name == description.name }) {
                sources.append(source)
                setVideoType(of: source, to: type, at: now)
                continue
            }
            let source = ChannelSource(number: nextSource, name: description.name, owner: endpoint, videoType: type)
            nextSource += 1
            sources.append(source)
            added.append(source)
        }
        endpoint.sources = sources
        if !sources.starts(with: kept, by: ===) { rearranged(endpoint, at: now) }
        for source in added {
            add(source, at: now)
            endpoint.needsConstraints = true
            mark(endpoint, at: now)
        }
    }

    /// What the worker says: what does not concern the channels is passed over.
    public mutating func handle(_ event: ShardEvent, at now: Timestamp) {
        switch event {
        case .dtlsConnected(let number, _):
            guard let endpoint = endpoints[number], endpoint.transport == nil else { return }
            endpoint.channelDue = now + BridgeChannelLimits.channelDelay
            schedule(endpoint)
        case .speakerChanged(let number, let state): setSpeaker(state, in: number, at: now)
        case .connectivityChanged(let number, _, let isActive): setActive(isActive, of: number, at: now)
        case .forwardedSourcesChanged(let number, _, let names): setForwarded(names, of: number, at: now)
        case .slotsChanged(let number, _, let changes): setSlots(changes, of: number, at: now)
        case .estimateChanged(let number, let bitsPerSecond): endpoints[number]?.estimate = bitsPerSecond
        default: break
        }
    }
}
