// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import ShardMessages

// What receivers are told of the state of their conference.

extension ChannelHub {
    /// A channel has opened.
    mutating func connected(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        endpoint.channelDue = nil
        endpoint.connectedAt = endpoint.connectedAt ?? now
        if let interval = settings.connectionStatsInterval, interval > .zero {
            // Counted from the endpoint's creation, not from now.
            let passed = (now - endpoint.createdAt).nanoseconds / interval.nanoseconds
            endpoint.statsDue = endpoint.createdAt + interval * (passed + 1)
        }
        if endpoint.isReachable { tellState(endpoint, at: now) }
        schedule(endpoint)
    }

    /// Everything that an endpoint has to know, in the order of media-plane.md 11.5.
    mutating func tellState(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        for source in endpoint.sources { tellConstraint(of: source, at: now) }
        endpoint.needsConstraints = false
        tellForwarded(endpoint, at: now)
        tellSlots(endpoint, at: now)
        for member in endpoint.conference.members where !member.isVisitor {
            if !member.isActive {
                post(.connectivity(endpoint: member.id, isActive: false), to: endpoint, at: now)
            } else if let since = endpoint.outOfStepSince, member.activityChange >= since {
                // It came back while this one could not be told.
                post(.connectivity(endpoint: member.id, isActive: true), to: endpoint, at: now)
            }
        }
        if let message = speakerMessage(in: endpoint.conference) { post(message, to: endpoint, at: now) }
        if endpoint.isReachable { endpoint.outOfStepSince = nil }
    }

    /// Who speaks, as a message; `nil` before anybody spoke.
    private func speakerMessage(in conference: ChannelConference) -> ChannelMessage? {
        guard let dominant = conference.speaker.dominant.flatMap({ endpoints[$0] }) else { return nil }
        let previous = conference.speaker.recent.filter { $0 != dominant.number }.compactMap { endpoints[$0]?.id }
        return .dominantSpeaker(dominant: dominant.id, previous: previous, isSilent: conference.speaker.isSilent)
    }

    /// The worker has another speaker.
    mutating func setSpeaker(_ state: SpeakerState, in number: ConferenceNumber, at now: Timestamp) {
        guard let conference = conferences[number], conference.speaker != state else { return }
        conference.setSpeaker(state)
        if let message = speakerMessage(in: conference) {
            post(message.encoded(), to: conference.members, isRelayed: false, at: now)
        }
        walkLimited(in: conference, at: now)
    }

    /// An endpoint is heard again, or is not; it is told itself, too.
    mutating func setActive(_ isActive: Bool, of number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number], endpoint.isActive != isActive, !endpoint.isVisitor else { return }
        endpoint.isActive = isActive
        endpoint.activityChange = now
        let message = ChannelMessage.connectivity(endpoint: endpoint.id, isActive: isActive)
        post(message.encoded(), to: endpoint.conference.members, isRelayed: false, at: now)
    }

    mutating func tellConnectionStats(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        guard let interval = settings.connectionStatsInterval, let due = endpoint.statsDue else { return }
        post(
            .connectionStats(estimatedDownlinkBandwidth: endpoint.estimate ?? settings.initialBandwidth),
            to: endpoint, at: now)
        let passed = (now - due).nanoseconds / interval.nanoseconds
        endpoint.statsDue = due + interval * (passed + 1)
    }

    /// Remembers that something of an endpoint has to be looked through when the collection ends.
    mutating func mark(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        if !endpoint.isChanged {
            endpoint.isChanged = true
            changed.append(endpoint)
        }
        beginCollection(at: now)
    }

    /// Looks through what was marked, as much as one turn may.
    mutating func tellChanges(at now: Timestamp) {
        var visits = BridgeChannelLimits.visitsPerTurn
        // Those that are marked meanwhile are looked at in this turn, too, while there is room.
        for _ in 0..<BridgeChannelLimits.changesPerTurn {
            guard visits > 0, let endpoint = changed.popFirst() else { return }
            endpoint.isChanged = false
            guard endpoints[endpoint.number] === endpoint else { continue }
            visits -= 1
            if endpoint.needsWalk { visits -= walk(endpoint, at: now) }
            guard endpoint.isReachable else { continue }
            guard endpoint.mayBeTold <= now else {
                schedule(endpoint)
                continue
            }
            if endpoint.needsConstraints {
                endpoint.needsConstraints = false
                for source in endpoint.sources where source.isNew || source.told != source.maxHeight {
                    tellConstraint(of: source, at: now)
                }
            }
            if endpoint.needsForwarded { tellForwarded(endpoint, at: now) }
        }
    }

    /// Tells an owner what is wanted of its source (media-plane.md 9.6).
    private mutating func tellConstraint(of source: ChannelSource, at now: Timestamp) {
        source.isNew = false
        source.owner.toldAt = now
        source.told = source.maxHeight
        post(.senderSourceConstraints(source: source.name, maxHeight: source.maxHeight), to: source.owner, at: now)
    }

    /// The worker sends a receiver other sources than before.
    mutating func setForwarded(_ names: [String], of number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number], endpoint.forwarded != names else { return }
        endpoint.forwarded = names
        endpoint.needsForwarded = true
        mark(endpoint, at: now)
    }

    /// Tells a receiver all that it gets.
    private mutating func tellForwarded(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        endpoint.needsForwarded = false
        endpoint.toldAt = now
        post(.forwardedSources(endpoint.forwarded), to: endpoint, at: now)
    }
}
