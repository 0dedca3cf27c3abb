// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Allocation
internal import Primitives
internal import ShardMessages

// What receivers ask for, and which sources they get by it (media-plane.md 9.1, 9.2).

extension ChannelHub {
    /// A client has said what it wants of video.
    mutating func apply(_ change: VideoConstraintsChange, to endpoint: ChannelEndpoint, at now: Timestamp) {
        var video = endpoint.preferences.video
        change.apply(to: &video)
        guard video != endpoint.preferences.video else { return }
        endpoint.preferences.video = video
        endpoint.namedSources = Set(video.onStageSources + video.selectedSources)
        tellPreferences(endpoint, at: now)
        walk(later: endpoint, at: now)
    }

    mutating func tellPreferences(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        endpoint.hasPreferencesToTell = true
        command(endpoint, at: now)
    }

    /// Lets the worker be told: at once, or when so much time has passed since it was told last.
    mutating func command(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        guard !endpoint.isCommanding else { return }
        if let last = endpoint.commandedAt, now - last < BridgeChannelLimits.changeInterval {
            endpoint.commandDue = last + BridgeChannelLimits.changeInterval
            return schedule(endpoint)
        }
        endpoint.commandedAt = now
        endpoint.commandDue = nil
        endpoint.isCommanding = true
        commanding.append(endpoint)
    }

    /// A client has said what a source of its shows; the source may not be signalled yet.
    mutating func setVideoType(
        of name: String, of endpoint: ChannelEndpoint, to type: VideoType, at now: Timestamp
    ) {
        guard endpoint.remember(type, of: name) else { return }
        command(endpoint, at: now)
        guard let source = endpoint.sources.first(where: { $0.name == name }) else { return }
        setVideoType(of: source, to: type, at: now)
    }

    mutating func setVideoType(of source: ChannelSource, to type: VideoType, at now: Timestamp) {
        let wasEnabled = source.isEnabled
        source.videoType = type
        guard source.isEnabled != wasEnabled else { return }
        for member in source.owner.conference.members where member !== source.owner {
            if source.isEnabled {
                grant(source, to: member, isLast: false, at: now)
            } else {
                withdraw(source, from: member, at: now)
            }
        }
    }

    /// A source was signalled.
    mutating func add(_ source: ChannelSource, at now: Timestamp) {
        let conference = source.owner.conference
        conference.add(source)
        adjustLastN(of: conference, at: now)
        let isLast = conference.sourcesInOrder.last === source
        for member in conference.members where member !== source.owner {
            grant(source, to: member, isLast: isLast, at: now)
        }
    }

    /// A source is signalled no more.
    mutating func remove(_ source: ChannelSource, at now: Timestamp) {
        let conference = source.owner.conference
        conference.remove(source)
        adjustLastN(of: conference, at: now)
        for member in conference.members { withdraw(source, from: member, at: now) }
    }

    /// An owner lists its sources in another order.
    mutating func rearranged(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        endpoint.conference.rearranged()
        walkLimited(in: endpoint.conference, at: now)
    }

    /// Has the grants of those looked through who get fewer sources than there may be: they may get others now.
    mutating func walkLimited(in conference: ChannelConference, at now: Timestamp) {
        for member in conference.members where member.grants.count >= limit(of: member) {
            walk(later: member, at: now)
        }
    }

    /// How many sources a receiver may get.
    func limit(of endpoint: ChannelEndpoint) -> Int { Int(UInt32(bitPattern: lastN(of: endpoint))) }

    /// The last-N that counts for a receiver, which is what the worker is told; -1 is no limit.
    func lastN(of endpoint: ChannelEndpoint) -> Int32 {
        Self.lesser(endpoint.preferences.video.lastN, endpoint.allowedSources)
    }

    /// The stricter of two limits; as an unsigned number -1 is the largest.
    private static func lesser(_ a: Int32, _ b: Int32) -> Int32 {
        Int32(bitPattern: min(UInt32(bitPattern: a), UInt32(bitPattern: b)))
    }

    /// What holds for a receiver whatever it wishes: by the bridge, by the size of the conference as it sees it (all
    /// others' sources and itself), by what can be told apart.
    func allowedSources(of endpoint: ChannelEndpoint) -> Int32 {
        let count = endpoint.conference.sources.count - endpoint.sharedSources
        let limit = settings.lastN.effective(wished: -1, candidates: count)
        // While there are no more than that nobody has to choose.
        return limit < count ? limit : -1
    }

    /// The conference has more sources or fewer: what holds for its receivers may be another limit now.
    private mutating func adjustLastN(of conference: ChannelConference, at now: Timestamp) {
        for member in conference.members {
            let allowed = allowedSources(of: member)
            guard allowed != member.allowedSources else { continue }
            member.allowedSources = allowed
            tellPreferences(member, at: now)
            walk(later: member, at: now)
        }
    }

    /// Has a receiver's grants looked through at the end of the collection.
    mutating func walk(later endpoint: ChannelEndpoint, at now: Timestamp) {
        endpoint.needsWalk = true
        mark(endpoint, at: now)
    }

    /// Looks through all sources for one receiver, in the order of ``ShardMessages/VideoConstraints/lastN``.
    /// - Returns: how many were looked at.
    mutating func walk(_ endpoint: ChannelEndpoint, at now: Timestamp) -> Int {
        endpoint.needsWalk = false
        let conference = endpoint.conference
        let limit = limit(of: endpoint)
        let video = endpoint.preferences.video
        var wanted: [ChannelSource: Int32] = [:]
        wanted.reserveCapacity(min(limit, conference.sources.count))
        var visits = 0
        func consider(_ source: ChannelSource) {
            visits += 1
            guard wanted.count < limit, source.owner !== endpoint, source.isEnabled, wanted[source] == nil else {
                return
            }
            let constraint = video.constraint(of: source.name)
            if constraint.isWanted { wanted[source] = constraint.maxHeight }
        }
        for name in video.onStageSources + video.selectedSources {
            for source in conference.sources(named: name) { consider(source) }
        }
        for source in conference.sourcesInOrder {
            if wanted.count >= limit { break }
            consider(source)
        }
        for source in endpoint.grants.keys where wanted[source] == nil {
            setGrant(of: source, to: endpoint, 0, at: now)
        }
        for (source, height) in wanted { setGrant(of: source, to: endpoint, height, at: now) }
        return visits
    }

    /// A source is there to be had: gives it to a receiver without looking at the others, if that comes to the same.
    /// - Parameter isLast: all others go before it, unless the receiver named it.
    private mutating func grant(
        _ source: ChannelSource, to endpoint: ChannelEndpoint, isLast: Bool, at now: Timestamp
    ) {
        guard source.isEnabled, !endpoint.needsWalk else { return }
        let constraint = endpoint.preferences.video.constraint(of: source.name)
        guard constraint.isWanted else { return }
        if endpoint.grants.count < limit(of: endpoint) {
            setGrant(of: source, to: endpoint, constraint.maxHeight, at: now)
        } else if !isLast || endpoint.namedSources.contains(source.name) {
            walk(later: endpoint, at: now)
        }
    }

    /// A source is not there any more; another may take its place.
    private mutating func withdraw(_ source: ChannelSource, from endpoint: ChannelEndpoint, at now: Timestamp) {
        let wasFull = endpoint.grants.count >= limit(of: endpoint)
        guard endpoint.grants[source] != nil else { return }
        setGrant(of: source, to: endpoint, 0, at: now)
        if wasFull { walk(later: endpoint, at: now) }
    }

    /// Gives a receiver a source in a height, 0 being not at all.
    mutating func setGrant(of source: ChannelSource, to endpoint: ChannelEndpoint, _ height: Int32, at now: Timestamp) {
        let before = endpoint.grants[source] ?? 0
        guard before != height else { return }
        endpoint.grants[source] = height == 0 ? nil : height
        if source.exchange(before, for: height) {
            source.owner.needsConstraints = true
            mark(source.owner, at: now)
        }
    }
}
