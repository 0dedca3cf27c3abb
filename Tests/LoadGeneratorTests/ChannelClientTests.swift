// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import LoadGenerator

/// What a participant says on the bridge channel and what it finds amiss there.
@Suite("ChannelClient")
struct ChannelClientTests {
    private func options(_ line: String) throws -> LoadOptions {
        guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
            throw LoadError.usage("no run")
        }
        return options
    }

    private func classes(_ client: inout ChannelClient) throws -> [JSONValue] {
        var result: [JSONValue] = []
        while let message = client.pollMessage() { result.append(try JSONValue.parse(message)) }
        return result
    }

    @Test("the first words are lib-jitsi-meet's, ClientHello on a data channel only", arguments: ["sctp", "websocket"])
    func firstWords(carrier: String) throws {
        let options = try options("--participants 2 --video-senders 1 --channel \(carrier)")
        let plan = Plan(options)
        var sender = ChannelClient(plan.participants[0], isSCTP: carrier == "sctp")
        sender.open()
        var words = try classes(&sender)
        if carrier == "sctp" {
            #expect(words.first?.text == #"{"colibriClass":"ClientHello"}"#)
            words.removeFirst()
        }
        let name = plan.participants[0].endpoint
        try #require(words.count == 3)
        #expect(
            words[0].text
                == #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"\#(name)-v0","videoType":"camera"}"#)
        #expect(words[1].text == #"{"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":-1,"lastN":-1}"#)
        #expect(words[2]["defaultConstraints"]?["maxHeight"]?.integerValue == 720)
        var receiver = ChannelClient(plan.participants[1], isSCTP: carrier == "sctp")
        receiver.open()
        #expect(try !classes(&receiver).contains { $0["colibriClass"]?.stringValue == "SourceVideoTypeMessage" })
    }

    private func call(_ fault: FakeHub.Fault, _ carrier: String = "sctp", _ more: String = "") throws -> LoadResult {
        let options = try options("--participants 4 --audio-senders 3 --channel \(carrier) \(more)")
        var hub = FakeHub(options, fault)
        hub.run(until: Timestamp(nanoseconds: 11_000_000_000), isSCTP: carrier == "sctp")
        var statistics = LoopStatistics()
        statistics.channel = hub.statistics
        let open = hub.clients.count { $0.hasHello }
        return LoadResult(
            options: options, statistics: statistics, hasBegun: true, connected: 4, openChannels: open,
            joinSeconds: 0, callSeconds: 10, measuredPackets: 0, generatorLoad: 0)
    }

    @Test(
        "in a call of four turns everybody is told each speaker once and gets every message",
        arguments: ["sctp", "websocket"])
    func perfect(carrier: String) throws {
        let result = try call(.none, carrier)
        let channel = result.statistics.channel
        #expect(result.imperfections == [])
        #expect(channel.hellos == 4)
        #expect(channel.changesExpected == 16 && channel.changesTold == 16)
        #expect(channel.speakerChange.maximum == FakeHub.noticing.nanoseconds)
        #expect(channel.messagesExpected == 4 * 3 + 4 && channel.messagesArrived == 16)
        #expect(channel.sentToAll == 4 && channel.sentToOne == 4)
        #expect(channel.statsExpected == channel.statsReceived && channel.statsReceived >= 12)
    }

    @Test(
        "each fault of a bridge is named, and nothing else",
        arguments: [
            (FakeHub.Fault.loseMessage, "1 endpoint messages lost"),
            (.doubleMessage, "1 endpoint messages duplicated"),
            (.missChange, "4 speaker changes not told before the next"),
            (.unreachable, "1 times a connected participant told to be unreachable"),
            (.nonsense, "1 malformed messages on the bridge channel"),
            (.silence, "4 of 4 bridge channels not open"),
        ])
    func fault(fault: FakeHub.Fault, line: String) throws {
        #expect(try call(fault).imperfections == [line])
    }

    @Test(
        "a message that is changed or goes astray is named and missing",
        arguments: [
            (FakeHub.Fault.alterMessage, "1 endpoint messages altered"),
            (.alterSender, "1 endpoint messages altered"),
            (.misdeliver, "1 endpoint messages delivered to the wrong participant"),
        ])
    func changed(fault: FakeHub.Fault, line: String) throws {
        #expect(try call(fault).imperfections == ["1 endpoint messages lost", line])
    }

    @Test(
        "messages at a rate are counted one by one, to shortly before the end",
        arguments: LoadOptions.Verification.allCases)
    func rate(verification: LoadOptions.Verification) throws {
        let line = "--messages 40 --verify \(verification.rawValue)"
        let result = try call(.none, "sctp", line)
        let channel = result.statistics.channel
        #expect(result.imperfections == [])
        // Ten seconds without the last half.
        #expect(channel.sentToAll == 380)
        #expect(channel.messagesExpected == 380 * 3 + 4 && channel.messagesArrived == 1_144)
        #expect(try call(.loseMessage, "sctp", line).imperfections == ["1 endpoint messages lost"])
        #expect(try call(.doubleMessage, "sctp", line).imperfections == ["1 endpoint messages duplicated"])
    }

    @Test("statistics that one receiver never gets are missed")
    func lostStats() throws {
        let result = try call(.loseStats)
        #expect(result.imperfections.count == 1)
        #expect(result.imperfections.first?.hasSuffix("endpoint statistics lost or duplicated") == true)
    }

    @Test("a wrong speaker is a change that was missed, and one told wrongly")
    func wrongSpeaker() throws {
        let result = try call(.wrongSpeaker)
        #expect(result.statistics.channel.wrongSpeakers == 1)
        #expect(result.statistics.channel.changesMissed == 1)
    }

    @Test("speakers told a turn late are not told")
    func late() throws {
        let channel = try call(.lateChange).statistics.channel
        #expect(channel.changesTold == 0 && channel.changesExpected == 16)
        #expect(channel.wrongSpeakers == 0, "it was the speaker before")
    }

    @Test("on a WebSocket ServerHello comes first")
    func lateHello() throws {
        #expect(try call(.lateHello, "websocket").statistics.channel.lateHellos == 4)
        #expect(try call(.lateHello, "sctp").statistics.channel.lateHellos == 0)
    }

    @Test(
        "messages that lack something are malformed; unknown classes are passed over",
        arguments: [
            (#"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"x"}"#, false),
            (#"{"colibriClass":"ForwardedSources","forwardedSources":[1]}"#, false),
            (#"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":"1"}"#, false),
            (#"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":2500000}"#, true),
            (#"{"colibriClass":"SenderSourceConstraints","sourceName":"a-v0","maxHeight":180}"#, true),
            (#"{"colibriClass":"SenderSourceConstraints","sourceName":"a-v0"}"#, false),
            (#"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"a","active":false}"#, false),
            (#"{"colibriClass":"EndpointMessage","to":"","from":"a","msgPayload":{}}"#, false),
            (#"{"colibriClass":"AudioSourcesMap","mappedSources":[]}"#, true), ("[]", false), ("", false),
        ])
    func reading(text: String, isFine: Bool) {
        #expect((ChannelMessage(Array(text.utf8)) != nil) == isFine)
    }
}

@Suite("SpeakerScript")
struct SpeakerScriptTests {
    private func script(_ turn: Double, duration: Double) -> SpeakerScript {
        var options = LoadOptions()
        options.channel = .sctp
        options.turnOption = turn
        options.durationSeconds = duration
        return SpeakerScript(options)
    }

    @Test("without turns, or too short for one, everybody talks")
    func none() {
        for script in [script(0, duration: 10), script(2.5, duration: 1)] {
            #expect(script.turns == 0 && script.number(at: .zero) == nil)
            #expect(script.level(of: 1, of: 3, at: .zero) == SpeakerScript.loud)
        }
    }

    @Test("one talks at a time, in turn, quiet before, and the last one goes on")
    func turns() {
        var script = script(2, duration: 7)
        let begin = Timestamp(nanoseconds: 5_000_000_000)
        func talkers(_ milliseconds: Int64) -> [Int] {
            (0..<3).filter {
                script.level(of: $0, of: 3, at: begin + .milliseconds(milliseconds)) == SpeakerScript.loud
            }
        }
        #expect(script.turns == 3 && talkers(0) == [], "not begun")
        script.begin = begin
        #expect(talkers(-1) == [])
        #expect([0, 1_999, 2_000, 3_999, 4_000, 6_500, 90_000].map(talkers) == [[1], [1], [2], [2], [0], [0], [0]])
        #expect(
            [0, 1_999, 2_000, 6_000, 90_000].map { script.ended(at: begin + .milliseconds($0)) } == [0, 0, 1, 3, 3])
        #expect(SpeakerScript.quiet < 127, "bridges drop digital silence")
    }
}
