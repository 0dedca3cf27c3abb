// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import ShardMessages

/// Those who can be told something together.
final class ChannelConference {
    let number: ConferenceNumber
    /// In the order they came.
    private(set) var members: [ChannelEndpoint] = []
    private(set) var byID: [String: ChannelEndpoint] = [:]
    /// ``members`` in the order of speech (media-plane.md 10.2), as the worker has it: each new speaker has moved to
    /// the front.
    private var membersInOrder: [ChannelEndpoint] = []
    /// As the worker told it last.
    private(set) var speaker = SpeakerState()
    /// What the messages of all members may become.
    var fanOut = Budget(
        perSecond: BridgeChannelLimits.conferenceFanOutPerSecond, burst: BridgeChannelLimits.conferenceFanOutBurst)
    /// Video sources in the order they were signalled.
    private(set) var sources: [ChannelSource] = []
    /// The same by name, which two may share.
    private var sourcesByName: [String: [ChannelSource]] = [:]
    /// See ``sourcesInOrder``; `nil` when it has to be made anew.
    private var order: [ChannelSource]?

    init(_ number: ConferenceNumber) { self.number = number }

    /// Whether an endpoint speaks or spoke lately.
    func isRecentSpeaker(_ endpoint: EndpointNumber) -> Bool {
        speaker.dominant == endpoint || speaker.recent.contains(endpoint)
    }

    /// Sources in the order in which the last N are chosen, those aside that a receiver has named
    /// (``ShardMessages/VideoConstraints/lastN``).
    var sourcesInOrder: [ChannelSource] {
        if let order { return order }
        let made = membersInOrder.flatMap(\.sources)
        order = made
        return made
    }

    /// Sources of a name, in that order.
    func sources(named name: String) -> [ChannelSource] {
        let sources = sourcesByName[name] ?? []
        return sources.count > 1 ? sourcesInOrder.filter { $0.name == name } : sources
    }

    /// The list of some member's sources has another order.
    func rearranged() { order = nil }

    func add(_ member: ChannelEndpoint) {
        members.append(member)
        membersInOrder.append(member)
        byID[member.id] = member
    }

    func remove(_ member: ChannelEndpoint) {
        members.removeAll { $0 === member }
        membersInOrder.removeAll { $0 === member }
        if byID[member.id] === member { byID[member.id] = nil }
        order = nil
    }

    func setSpeaker(_ state: SpeakerState) {
        speaker = state
        let told = [state.dominant].compactMap(\.self) + state.recent
        var places: [EndpointNumber: Int] = [:]
        for number in told where places[number] == nil { places[number] = places.count }
        let speakers = membersInOrder.filter { places[$0.number] != nil }
            .sorted { (places[$0.number] ?? 0) < (places[$1.number] ?? 0) }
        membersInOrder = speakers + membersInOrder.filter { places[$0.number] == nil }
        order = nil
    }

    func add(_ source: ChannelSource) {
        sources.append(source)
        source.owner.sharedSources += 1
        sourcesByName[source.name, default: []].append(source)
        order = nil
    }

    func remove(_ source: ChannelSource) {
        sources.removeAll { $0 === source }
        source.owner.sharedSources -= 1
        sourcesByName[source.name]?.removeAll { $0 === source }
        if sourcesByName[source.name]?.isEmpty == true { sourcesByName[source.name] = nil }
        order = nil
    }
}
