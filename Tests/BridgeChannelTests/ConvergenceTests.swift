// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import TestSupport
import Testing

@testable import BridgeChannel

/// Whatever happens in whatever order: a client that reads in the end knows what is so.
@Suite("Convergence")
struct ConvergenceTests {
    /// What a client believes after all it was told.
    private struct View {
        var speaker: (dominant: String, previous: [String])?
        var inactive: Set<String> = []
        var forwarded: Set<String>?
        var wanted: [String: Int32] = [:]

        mutating func take(_ texts: [String]) {
            for text in texts {
                switch try? ChannelMessage(Array(text.utf8)) {
                case .dominantSpeaker(let dominant, let previous, _): speaker = (dominant, previous)
                case .connectivity(let endpoint, let isActive):
                    if isActive { inactive.remove(endpoint) } else { inactive.insert(endpoint) }
                case .forwardedSources(let names): forwarded = Set(names)
                case .senderSourceConstraints(let source, let height): wanted[source] = height
                default: break
                }
            }
        }
    }

    /// One random happening.
    private func happen(_ meeting: Meeting, _ random: inout Random, _ next: inout Int) {
        let ids = meeting.clients.keys.sorted()
        guard let id = ids.randomElement(using: &random), let other = ids.randomElement(using: &random) else {
            return join(meeting, &next)
        }
        switch random.int(in: 0...19) {
        case 0 where ids.count < 8: join(meeting, &next)
        case 1 where ids.count > 2: meeting.leave(id)
        case 2, 3: meeting.openSocket(id)
        case 4: meeting.closeSocket(id)
        case 5 where meeting[id].channels == nil && !meeting[id].isCutOff: meeting.openChannel(id)
        case 6: meeting.stopReading(id)
        case 7: meeting.readAgain(id)
        case 8: meeting[id].isCutOff = true
        case 9: meeting[id].isCutOff = false
        case 10, 11: id == other ? meeting.speak(id) : meeting.speak(id, other)
        case 12: meeting.setActive(id, random.int(in: 0...1) == 0)
        case 13:
            meeting.say(id, #"{"colibriClass":"ReceiverVideoConstraints","lastN":\#(random.int(in: -1...3))}"#)
        case 14:
            meeting.say(
                id,
                #"{"colibriClass":"ReceiverVideoConstraints","selectedSources":["\#(other)-v0"],"#
                    + #""constraints":{"\#(other)-v1":{"maxHeight":\#(random.int(in: -1...720))}}}"#)
        case 15: meeting.signal(id, (0..<random.int(in: 0...2)).map { "\(id)-v\($0)" })
        case 16:
            let type = ["none", "camera", "desktop"][random.int(in: 0...2)]
            meeting.say(
                id, #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"\#(id)-v0","videoType":"\#(type)"}"#)
        case 17:
            let text = String(repeating: "x", count: random.int(in: 0...60_000))
            meeting.say(id, #"{"colibriClass":"EndpointMessage","to":"","msgPayload":"\#(text)"}"#)
        default: meeting.advance(.milliseconds(Int64(random.int(in: 0...200))))
        }
    }

    private func join(_ meeting: Meeting, _ next: inout Int) {
        meeting.join("e\(next)")
        meeting.signal("e\(next)", ["e\(next)-v0"])
        next += 1
    }

    /// What a receiver should get, worked out the long way.
    private func expected(_ endpoint: ChannelEndpoint, in meeting: Meeting) -> Set<String> {
        let conference = endpoint.conference
        let video = endpoint.preferences.video
        func rank(_ source: ChannelSource) -> (Int, Int, String) {
            let named = (video.onStageSources + video.selectedSources).firstIndex(of: source.name) ?? .max
            return (named, meeting.speechOrder.firstIndex(of: source.owner.id) ?? .max, source.name)
        }
        let candidates = conference.sources
            .filter { $0.owner !== endpoint && $0.isEnabled && video.constraint(of: $0.name).isWanted }
            .sorted { rank($0) < rank($1) }
        return Set(candidates.prefix(video.lastN < 0 ? 50 : Int(video.lastN)).map(\.name))
    }

    private func check(_ meeting: Meeting, _ views: [String: View]) -> String? {
        guard let conference = meeting.hub.conferences[meeting.conference] else { return "no conference" }
        for (id, client) in meeting.clients {
            guard let endpoint = meeting.hub.endpoints[client.number], let view = views[id] else { return "no \(id)" }
            guard endpoint.isReachable else { return "\(id) is not reachable" }
            if let dominant = conference.speaker.dominant.flatMap({ meeting.hub.endpoints[$0] }) {
                let previous = conference.speaker.recent.compactMap { meeting.hub.endpoints[$0]?.id }
                let told = view.speaker?.previous.filter { meeting.clients[$0] != nil }
                if view.speaker?.dominant != dominant.id || told != previous {
                    return "\(id) takes \(view.speaker?.dominant ?? "nobody") for the speaker, not \(dominant.id)"
                }
            }
            for member in conference.members where view.inactive.contains(member.id) == member.isActive {
                return "\(id) takes \(member.id) for active: \(!member.isActive)"
            }
            let wanted = expected(endpoint, in: meeting)
            if Set(endpoint.grants.keys.map(\.name)) != wanted {
                return "\(id) is granted \(endpoint.grants.keys.map(\.name)), not \(wanted.sorted())"
            }
            if view.forwarded != wanted { return "\(id) believes to get \(view.forwarded ?? []), not \(wanted)" }
            for source in endpoint.sources {
                let heights = conference.members.compactMap { $0.grants[source] }
                let most = heights.contains(-1) ? -1 : heights.max() ?? 0
                if source.maxHeight != most { return "\(source.name) counts \(source.maxHeight), not \(most)" }
                if view.wanted[source.name] != most {
                    return "\(id) believes \(view.wanted[source.name] ?? -9) of \(source.name), not \(most)"
                }
            }
        }
        return nil
    }

    @Test("in the end every client believes what is so")
    func convergence() {
        #expect(
            checkProperty(cases: 60) { random in
                var settings = ChannelSettings()
                settings.connectionStatsInterval = nil
                let meeting = Meeting(settings, seed: random.next())
                var next = 0
                for _ in 0..<3 { join(meeting, &next) }
                var views: [String: View] = [:]
                for _ in 0..<random.int(in: 10...150) {
                    happen(meeting, &random, &next)
                    for (id, client) in meeting.clients { views[id, default: View()].take(client.take()) }
                }
                for id in meeting.clients.keys.sorted() {
                    meeting[id].isCutOff = false
                    meeting.readAgain(id)
                }
                meeting.advance(.seconds(Int64(20)))
                // What is under way on one transport may arrive behind what came later over the other, so whoever has
                // both begins one anew.
                for (id, client) in meeting.clients.sorted(by: { $0.key < $1.key })
                where client.channels == nil ? client.socket == nil : client.socket != nil {
                    meeting.openSocket(id)
                }
                meeting.advance(.seconds(Int64(1)))
                for (id, client) in meeting.clients { views[id, default: View()].take(client.take()) }
                return check(meeting, views)
            } == nil)
    }
}
