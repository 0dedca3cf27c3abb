// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import TestSupport
import Testing

/// A recorded channel once more: the participant says what it said, the others talk and say what they must have, and
/// what the participant is told is compared with what the original told it.
struct Replay {
    /// Compared in number, order and content, class by class.
    static let compared = [
        "ServerHello", "DominantSpeakerEndpointChangeEvent", "EndpointStats", "EndpointMessage", "ConnectionStats",
        "EndpointConnectivityStatusChangeEvent",
    ]
    /// What slots carry: compared as a whole but for the SSRCs, which are anybody's.
    private static let maps = ["VideoSourcesMap", "AudioSourcesMap"]
    /// Said by the original and not compared, as it depends on heights and layers. Nor is where somebody is: who was at
    /// another bridge (`relays-…`) is at this one until relays come.
    static let later = ["SenderSourceConstraints", "ForwardedSources"]
    /// Recordings of clients with SSRC rewriting.
    private static let numberings: [String: SourceNumbering] = [
        "ssrc-rewriting-participant-b": .slots, "mid-demux-participant-b": .namedSlots,
    ]
    /// State that a channel begins with, compared in order. What is wanted of senders the original told before or after
    /// it.
    private static let onConnect = [
        "ServerHello", "ForwardedSources", "EndpointConnectivityStatusChangeEvent",
        "DominantSpeakerEndpointChangeEvent",
    ]
    /// What the original said later was no state at the connect.
    private static let connectTime = TimeDelta.milliseconds(150)
    /// How far a change of speakers may be from the recorded moment: some changed faster than a script lets them.
    private static let speakerTolerance = TimeDelta.milliseconds(1_500)
    /// Recordings whose second channel is with a bridge that knows nothing of the first. Elsewhere the participant was
    /// made anew in the same conference.
    private static let otherBridge: Set = ["bridge-killed-participant-a"]
    /// The participant's voice is held back, and it talks nevertheless: when, in milliseconds of the recording. The
    /// channel tells nothing of it; the times are those of the stanzas of the same call.
    private static let held = [
        "force-muted-participant": (from: 17_990 as Int64, talks: 19_150 as Int64, until: 24_250 as Int64)
    ]

    private enum Step {
        case line(RecordedChannel.Line)
        case estimate(UInt64)
        case hold(Bool)
    }

    /// What a replay may do otherwise, for the test of this test.
    struct Change {
        var script: (inout SpeechScript) -> Void = { _ in }
        var holdsNobody = false
    }

    private let carrier: ChannelWorld.Carrier
    private let own: String
    private let numbering: SourceNumbering
    private let others: [String]
    private let world: ChannelWorld
    private let holds: [(time: Timestamp, step: Step)]
    private var differences: [String] = []

    /// Everything that is not as recorded.
    static func differences(
        _ name: String, over carrier: ChannelWorld.Carrier, _ change: Change = Change()
    ) throws -> [String] {
        let recording = try RecordedChannel(name)
        let channels = recording.channels
        var differences = channels.isEmpty ? ["no channel"] : []
        for part in otherBridge.contains(name) ? channels.map({ [$0] }) : [channels] {
            var replay = try Replay(part, of: name, over: carrier, change)
            for channel in part { try replay.play(channel) }
            differences += replay.differences
        }
        return differences
    }

    private init(
        _ channels: [[RecordedChannel.Line]], of name: String, over carrier: ChannelWorld.Carrier, _ change: Change
    ) throws {
        self.carrier = carrier
        let lines = channels.flatMap { $0 }
        let said = lines.first { $0.colibriClass == "SourceVideoTypeMessage" }
        let own = String(try #require(said?.message["sourceName"]?.stringValue).prefix(8))
        self.own = own
        numbering = Self.numberings[name] ?? .original
        others = Set(lines.flatMap { Self.mentioned(in: $0.message) }).subtracting([own, ""]).sorted()

        var script = SpeechScript()
        for (index, channel) in channels.enumerated() {
            if index > 0 { script.renew(own, at: Self.creation(of: channel)) }
            for line in channel where line.colibriClass == "DominantSpeakerEndpointChangeEvent" {
                let isState = line.time - Self.opening(of: channel) <= Self.connectTime
                try script.follow(
                    Self.speakers(line.message), at: isState ? Self.creation(of: channel) - .seconds(1.0) : line.time)
            }
        }
        let start = Timestamp.zero + RecordedChannel.lead
        if let held = Self.held[name] {
            script.interject(
                own, from: start + .milliseconds(held.talks), until: start + .milliseconds(held.until - 250))
            let steps = [(held.from, Step.hold(true)), (held.until, .hold(false))]
            holds = change.holdsNobody ? [] : steps.map { (start + .milliseconds($0), $1) }
        } else {
            holds = []
        }
        change.script(&script)
        // Before the first of them talks, their handshakes.
        world = try ChannelWorld(at: min(start, script.talks.first?.start ?? start) - .seconds(5.0))
        world.script = script
        for id in others { try world.join(id, over: .dataChannel, numbering) }
    }

    private static func mentioned(in message: JSONValue) -> [String] {
        let names = ["dominantSpeakerEndpoint", "from", "to"].compactMap { message[$0]?.stringValue }
        return names + speakers(message)
    }

    private static func speakers(_ message: JSONValue) -> [String] {
        let speaker = message["dominantSpeakerEndpoint"]?.stringValue
        return (speaker.map { [$0] } ?? []) + (message["previousSpeakers"]?.arrayValue ?? []).compactMap(\.stringValue)
    }

    private static func opening(of channel: [RecordedChannel.Line]) -> Timestamp {
        channel.first { $0.colibriClass == "ServerHello" }?.time ?? channel[0].time
    }

    /// ConnectionStats are counted from the creation, which the recording of a channel does not hold.
    private static func creation(of channel: [RecordedChannel.Line]) -> Timestamp {
        let statistics = channel.first { $0.colibriClass == "ConnectionStats" }
        return min(channel[0].time, statistics.map { $0.time - .seconds(10.0) } ?? .distantFuture)
    }

    // MARK: Playing

    private mutating func play(_ channel: [RecordedChannel.Line]) throws {
        world.run(until: Self.creation(of: channel))
        if let before = world[own] { world.leave(before) }
        try world.join(own, over: carrier, numbering)
        let member = try #require(world[own])
        for id in others { world[id]?.received = [] }
        let last = try #require(channel.last).time
        var steps = channel.map { (time: $0.time, step: Step.line($0)) }
        for line in channel where line.colibriClass == "ConnectionStats" {
            let bits = UInt64(try #require(line.message["estimatedDownlinkBandwidth"]?.integerValue))
            // With what it begins with nothing needs to be told.
            if bits != 2_500_000 { steps.append((line.time - .seconds(1.0), .estimate(bits))) }
        }
        steps += holds.filter { $0.time <= last }
        let inOrder = steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
        for (time, step) in inOrder.map(\.element) {
            world.run(until: max(time, world.now))
            if time >= channel[0].time { world.openSocket(member) }
            switch step {
            case .line(let line): try take(line, member)
            case .estimate(let bits): world.estimate(member, bitsPerSecond: bits)
            case .hold(let isHeld): world.hold(member, isHeld)
            }
        }
        world.run(until: last + .milliseconds(900))
        compare(member, with: channel.filter { !$0.isToBridge })
        compareRelayed(channel.filter(\.isToBridge))
    }

    private func take(_ line: RecordedChannel.Line, _ member: ChannelWorld.Member) throws {
        if line.isToBridge { return world.say(member, line.message) }
        guard ["EndpointStats", "EndpointMessage"].contains(line.colibriClass),
            case .object(let members) = line.message
        else { return }
        let from = try #require(line.message["from"]?.stringValue)
        world.say(try #require(world[from]), .object(members.filter { $0.name != "from" }))
    }

    // MARK: Comparing

    private mutating func compare(_ member: ChannelWorld.Member, with recorded: [RecordedChannel.Line]) {
        for name in Self.compared where name != "ConnectionStats" {
            let expected = recorded.filter { $0.colibriClass == name }.map { Self.normal($0.message) }
            let told = member.told(name).map { Self.normal($0.message) }
            if told != expected { differ(name, told, expected) }
        }
        compareStatistics(member, with: recorded)
        let speakers = "DominantSpeakerEndpointChangeEvent"
        for (told, line) in zip(member.told(speakers), recorded.filter { $0.colibriClass == speakers }) {
            let apart = max(told.time - line.time, line.time - told.time)
            guard apart > Self.speakerTolerance else { continue }
            differences.append("\(apart.milliseconds) ms apart: \(line.message.text)")
        }
        compareConnect(member, with: recorded)
        compareMaps(member, with: recorded)
        let known = Set(Self.compared + Self.maps + Self.later)
        for message in recorded.map(\.message) + member.received.map(\.message)
        where !known.contains(message["colibriClass"]?.stringValue ?? "") {
            differences.append("nobody knows: \(message.text)")
        }
    }

    private mutating func compareStatistics(
        _ member: ChannelWorld.Member, with recorded: [RecordedChannel.Line]
    ) {
        let name = "ConnectionStats"
        let expected = recorded.filter { $0.colibriClass == name }.map { line in
            let bits = UInt64(line.message["estimatedDownlinkBandwidth"]?.integerValue ?? 0)
            // The rate comes from the participant's REMB, which has so many bits of it.
            let unsaid = UInt64(max(0, 64 - bits.leadingZeroBitCount - 18))
            return Self.normal(
                .object([
                    ("colibriClass", .string(name)),
                    ("estimatedDownlinkBandwidth", .integer(Int64((bits >> unsaid) << unsaid))),
                ]))
        }
        let told = member.told(name).map { Self.normal($0.message) }
        // The recording may end within a second before the next one, which the replay runs into.
        guard told.count <= expected.count + 1, Array(told.prefix(expected.count)) == expected else {
            return differ(name, told, expected)
        }
    }

    /// Each source is told once, with its owner, its type and the name of its media line, and no SSRC stands for two.
    private mutating func compareMaps(_ member: ChannelWorld.Member, with recorded: [RecordedChannel.Line]) {
        var ssrcs: [Int64] = []
        func entries(_ messages: [JSONValue], isOurs: Bool) -> [String] {
            messages.flatMap { $0["mappedSources"]?.arrayValue ?? [] }.map { entry in
                let numbers = ["ssrc", "rtx"].compactMap { entry[$0]?.integerValue }
                if isOurs { ssrcs += numbers }
                let words = ["source", "owner", "videoType", "mid"].map { entry[$0]?.stringValue ?? "-" }
                return (words + ["\(numbers.count)"]).joined(separator: " ")
            }.sorted()
        }
        for name in Self.maps {
            let expected = entries(recorded.filter { $0.colibriClass == name }.map(\.message), isOurs: false)
            let told = entries(member.told(name).map(\.message), isOurs: true)
            if told != expected { differences.append("\(name): \(told) instead of \(expected)") }
        }
        if Set(ssrcs).count != ssrcs.count { differences.append("an SSRC stands for two") }
    }

    /// The first of each class that was told at the connect, in order.
    private mutating func compareConnect(_ member: ChannelWorld.Member, with recorded: [RecordedChannel.Line]) {
        let opening = Self.opening(of: recorded)
        let expected = Self.order(
            recorded.filter { $0.time - opening <= Self.connectTime }.map(\.message), greets: carrier == .webSocket)
        let told = Self.order(
            member.received.filter { $0.time - member.received[0].time <= .milliseconds(20) }.map(\.message),
            greets: carrier == .webSocket)
        if !expected.isEmpty, told.filter(expected.contains) != expected {
            differences.append("on connect: \(told) instead of \(expected)")
        }
    }

    /// Over a data channel ServerHello answers, wherever it comes.
    private static func order(_ messages: [JSONValue], greets: Bool) -> [String] {
        messages.compactMap { $0["colibriClass"]?.stringValue }.reduce(into: []) { order, name in
            guard onConnect.contains(name), greets || name != "ServerHello", !order.contains(name) else { return }
            order.append(name)
        }
    }

    /// What the participant said to others has reached them.
    private mutating func compareRelayed(_ lines: [RecordedChannel.Line]) {
        for name in ["EndpointStats", "EndpointMessage"] {
            let said = lines.filter { $0.colibriClass == name }.map(\.message)
            for id in others {
                let expected = said.filter { [nil, "", id].contains($0["to"]?.stringValue) }.map { Self.normal($0) }
                let told = (world[id]?.told(name) ?? []).map(\.message).filter { $0["from"]?.stringValue == own }
                    .map { Self.normal($0, without: "from") }
                if told != expected { differ("\(name) for \(id)", told, expected) }
            }
        }
    }

    private mutating func differ(_ what: String, _ told: [JSONValue], _ expected: [JSONValue]) {
        differences.append("\(what): \(told.map(\.text)) instead of \(expected.map(\.text))")
    }

    /// Without an order among the members, and without what the bridge adds where `from` is dropped.
    private static func normal(_ value: JSONValue, without name: String? = nil) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.filter { $0.name != name }.sorted { $0.name < $1.name }
                    .map { JSONMember(name: $0.name, value: normal($0.value)) })
        case .array(let values): .array(values.map { normal($0) })
        default: value
        }
    }
}
