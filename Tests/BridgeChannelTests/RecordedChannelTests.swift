// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import ShardMessages
import Testing

@testable import BridgeChannel

/// Replays the channels of participants of the original bridge: what the clients sent goes in, speakers change when
/// they did, and what comes out is compared with what the original said.
@Suite("Recorded channels")
struct RecordedChannelTests {
    /// Compared in number, order and content, class by class.
    private static let compared = [
        "ServerHello", "DominantSpeakerEndpointChangeEvent", "EndpointStats", "EndpointMessage", "ConnectionStats",
        "EndpointConnectivityStatusChangeEvent",
    ]
    /// Said by the original and not compared here: these depend on layers and on rewriting, which come later. Today's
    /// SenderSourceConstraints and ForwardedSources say which sources are on.
    private static let later = ["SenderSourceConstraints", "ForwardedSources", "VideoSourcesMap", "AudioSourcesMap"]

    static let recordings = [
        "participant-a", "participant-b", "participant-c", "receiver-stage", "relays-participant-a",
        "relays-participant-b", "screen-share-participant-a", "screen-share-participant-b",
        "ice-restart-participant-b", "force-muted-participant", "bridge-killed-participant-a",
        "ssrc-rewriting-participant-b", "mid-demux-participant-b",
    ]

    private struct Line {
        let time: Timestamp
        let isToBridge: Bool
        let message: JSONValue

        var colibriClass: String { message["colibriClass"]?.stringValue ?? "" }
    }

    private enum Broken: Error { case line(Int) }

    private func load(_ name: String) throws -> [Line] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Vectors/bridge-channel/\(name).jsonl")
        let texts = try [UInt8](Data(contentsOf: file)).split(separator: 0x0A)
        return try texts.enumerated().map { index, text in
            let json = try JSONValue.parse(Array(text))
            guard let time = json["t"]?.integerValue, let direction = json["direction"]?.stringValue,
                let message = json["message"]
            else { throw Broken.line(index + 1) }
            return Line(
                time: .zero + .seconds(Int64(100)) + .milliseconds(time), isToBridge: direction == "to-bridge",
                message: message)
        }
    }

    /// One channel after the other: a channel begins with what the client says before ServerHello comes.
    private func channels(_ lines: [Line]) -> [[Line]] {
        var starts: [Int] = []
        for (index, line) in lines.enumerated() where line.colibriClass == "ServerHello" {
            let before = lines[..<index].lastIndex { !$0.isToBridge }
            starts.append(before.map { $0 + 1 } ?? 0)
        }
        return starts.enumerated().map { index, start in
            Array(lines[start..<(index + 1 < starts.count ? starts[index + 1] : lines.count)])
        }
    }

    /// Without an order among the members, and without what the bridge adds where `from` is dropped.
    private func normal(_ value: JSONValue, without name: String? = nil) -> JSONValue {
        switch value {
        case .object(let members):
            .object(
                members.filter { $0.name != name }.sorted { $0.name < $1.name }
                    .map { JSONMember(name: $0.name, value: normal($0.value)) })
        case .array(let values): .array(values.map { normal($0) })
        default: value
        }
    }

    /// The participant, the others as they are mentioned, and the hub.
    private final class Replay {
        let meeting = Meeting()
        let own: String

        init(_ lines: [Line]) throws {
            let said = lines.first { $0.colibriClass == "SourceVideoTypeMessage" }
            own = String(try #require(said?.message["sourceName"]?.stringValue).prefix(8))
            // ConnectionStats are counted from the creation, which the recording of a channel does not hold.
            let first = lines.first { $0.colibriClass == "ConnectionStats" }?.time
            meeting.now = first.map { $0 - .seconds(Int64(10)) } ?? lines[0].time
            if meeting.now > lines[0].time { meeting.now = lines[0].time }
            meeting.join(own)
            meeting.signal(own, [own + "-v0"])
        }

        func mention(_ id: String) {
            if meeting.clients[id] == nil { meeting.arrive(id) }
        }

        func speak(_ message: JSONValue) {
            var ids = [message["dominantSpeakerEndpoint"]?.stringValue ?? ""]
            ids += (message["previousSpeakers"]?.arrayValue ?? []).compactMap(\.stringValue)
            for id in ids { mention(id) }
            meeting.hub.handle(
                .speakerChanged(
                    meeting.conference,
                    .init(
                        dominant: meeting[ids[0]].number, recent: ids.dropFirst().map { meeting[$0].number },
                        isSilent: message["silence"]?.boolValue ?? false)),
                at: meeting.now)
        }
    }

    private func replay(_ lines: [Line]) throws {
        let replay = try Replay(lines)
        let meeting = replay.meeting
        var said: [(message: JSONValue, receivers: [String])] = []
        for line in lines {
            if line.time > meeting.now { meeting.advance(line.time - meeting.now) }
            if meeting[replay.own].socket == nil { meeting.openSocket(replay.own) }
            switch (line.colibriClass, line.isToBridge) {
            case ("EndpointStats", true), ("EndpointMessage", true):
                let to = line.message["to"]?.stringValue ?? ""
                if !to.isEmpty { replay.mention(to) }
                let others = meeting.clients.keys.filter { $0 != replay.own && (to.isEmpty || $0 == to) }
                said.append((line.message, others))
                meeting.say(replay.own, line.message.serialized())
            case (_, true): meeting.say(replay.own, line.message.serialized())
            case ("DominantSpeakerEndpointChangeEvent", false): replay.speak(line.message)
            case ("EndpointStats", false), ("EndpointMessage", false):
                let from = try #require(line.message["from"]?.stringValue)
                replay.mention(from)
                guard case .object(let members) = line.message else { break }
                meeting.say(from, JSONValue.object(members.filter { $0.name != "from" }).serialized())
            case ("ConnectionStats", false):
                let bits = try #require(line.message["estimatedDownlinkBandwidth"]?.integerValue)
                if bits != 2_500_000 {
                    // The tick is due at the same moment or a little later; it was counted from the first one.
                    meeting.hub.handle(
                        .estimateChanged(meeting[replay.own].number, bitsPerSecond: UInt64(bits)), at: meeting.now)
                }
            default: break
            }
        }
        meeting.advance(.milliseconds(900))
        try compare(meeting[replay.own].take(), with: lines, said: said, replay)
    }

    private func compare(
        _ got: [String], with lines: [Line], said: [(message: JSONValue, receivers: [String])],
        _ replay: Replay
    ) throws {
        let ours = try got.map { try JSONValue.parse(Array($0.utf8)) }
        #expect(ours.first?["colibriClass"]?.stringValue == "ServerHello", "it comes first")
        let recorded = lines.filter { !$0.isToBridge }
        #expect(recorded.first?.colibriClass == "ServerHello")
        for name in Self.compared where name != "ConnectionStats" {
            let expected = recorded.filter { $0.colibriClass == name }.map { normal($0.message) }
            #expect(ours.filter { $0["colibriClass"]?.stringValue == name }.map { normal($0) } == expected, "\(name)")
        }
        let statistics = recorded.filter { $0.colibriClass == "ConnectionStats" }.map { normal($0.message) }
        let told = ours.filter { $0["colibriClass"]?.stringValue == "ConnectionStats" }
        // The recording may end within a second before the next one, which the replay runs into.
        #expect(told.count >= statistics.count && told.count <= statistics.count + 1)
        // The first may have been due just before the estimate of the recording was told.
        #expect(told.prefix(statistics.count).dropFirst().map { normal($0) } == Array(statistics.dropFirst()))
        let known = Set(Self.compared + Self.later)
        for message in recorded.map(\.message) + ours {
            #expect(known.contains(message["colibriClass"]?.stringValue ?? ""), "\(message.text)")
        }
        for (message, receivers) in said {
            for id in receivers {
                let theirs = try replay.meeting[id].received.map { try JSONValue.parse(Array($0.utf8)) }
                #expect(
                    theirs.contains {
                        $0["from"]?.stringValue == replay.own && normal($0, without: "from") == normal(message)
                    }, "\(id): \(message.text)")
            }
        }
    }

    @Test("what the bridge says is what the original said", arguments: recordings)
    func recordedChannel(name: String) throws {
        let channels = channels(try load(name))
        #expect(!channels.isEmpty)
        for channel in channels { try replay(channel) }
    }

    @Test("every message of every recording is read, and what the bridge wrote is written the same")
    func allMessages() throws {
        var count = 0
        for name in Self.recordings {
            for line in try load(name) {
                let message = try ChannelMessage(line.message.serialized())
                if !line.isToBridge {
                    #expect(try JSONValue.parse(message.encoded()) == line.message, "\(line.message.text)")
                }
                count += 1
            }
        }
        #expect(count > 300)
    }
}
