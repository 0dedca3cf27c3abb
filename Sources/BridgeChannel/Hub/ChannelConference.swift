// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import ShardMessages

/// Those who can be told something together.
final class ChannelConference {
    let number: ConferenceNumber
    /// In the order they came.
    var members: [ChannelEndpoint] = []
    var byID: [String: ChannelEndpoint] = [:]
    /// As the worker told it last.
    var speaker = SpeakerState()
    /// How many sources a receiver may get, whoever it is; -1 is no limit.
    var lastN: Int32 = -1
    /// What the messages of all members may become.
    var fanOut = Budget(
        perSecond: BridgeChannelLimits.conferenceFanOutPerSecond, burst: BridgeChannelLimits.conferenceFanOutBurst)
    /// Video sources in the order they were signalled.
    private(set) var sources: [ChannelSource] = []
    /// The same by name; of two that share one, the older.
    private(set) var sourcesByName: [String: ChannelSource] = [:]
    /// ``sources`` with those of recent speakers in front; `nil` when it has to be made anew.
    private var order: [ChannelSource]?

    init(_ number: ConferenceNumber) { self.number = number }

    /// Whether an endpoint speaks or spoke lately.
    func isRecentSpeaker(_ endpoint: EndpointNumber) -> Bool {
        speaker.dominant == endpoint || speaker.recent.contains(endpoint)
    }

    /// Sources in the order of media-plane.md 9.2, before a receiver's own wishes.
    var sourcesInOrder: [ChannelSource] {
        if let order { return order }
        var place: [EndpointNumber: Int] = [:]
        for number in [speaker.dominant].compactMap(\.self) + speaker.recent where place[number] == nil {
            place[number] = place.count
        }
        let spoken = sources.filter { place[$0.owner.number] != nil }
            .sorted { (place[$0.owner.number] ?? 0, $0.number) < (place[$1.owner.number] ?? 0, $1.number) }
        let made = spoken + sources.filter { place[$0.owner.number] == nil }
        order = made
        return made
    }

    func setSpeaker(_ state: SpeakerState) {
        speaker = state
        order = nil
    }

    func add(_ source: ChannelSource) {
        sources.append(source)
        if sourcesByName[source.name] == nil { sourcesByName[source.name] = source }
        order = nil
    }

    func remove(_ source: ChannelSource) {
        sources.removeAll { $0 === source }
        if sourcesByName[source.name] === source {
            sourcesByName[source.name] = sources.first { $0.name == source.name }
        }
        order = nil
    }
}
