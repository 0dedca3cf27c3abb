// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Testing

@testable import BridgeChannel

@Suite("State")
struct StateTests {
    private func pair() -> Meeting {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.arrive("ben")
        meeting.advance(.milliseconds(100))
        for id in ["anna", "ben"] { _ = meeting[id].take() }
        _ = meeting.takeCommands()
        return meeting
    }

    @Test("a speaker is told to all, with those before and with silence")
    func speaker() {
        let meeting = pair()
        meeting.speak("ben", "anna")
        meeting.advance(.milliseconds(10))
        let text =
            #"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"ben","#
            + #""previousSpeakers":["anna"],"silence":"#
        #expect(meeting["anna"].take() == [text + "false}"])
        #expect(meeting["ben"].take() == [text + "false}"])
        meeting.speak("ben", "anna", isSilent: true)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take() == [text + "true}"])
        meeting.speak("ben", "anna", isSilent: true)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take() == [], "nothing new")
    }

    @Test("speakers that left are not named")
    func speakerLeft() {
        let meeting = pair()
        let carl = meeting.join("carl")
        meeting.leave("carl")
        meeting.hub.handle(
            .speakerChanged(
                meeting.conference,
                SpeakerState(dominant: meeting["ben"].number, recent: [carl.number, meeting["anna"].number])),
            at: meeting.now)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take().first?.contains(#""previousSpeakers":["anna"]"#) == true)
        meeting.hub.handle(
            .speakerChanged(meeting.conference, SpeakerState(dominant: carl.number)), at: meeting.now)
        meeting.hub.handle(.speakerChanged(ConferenceNumber(99), SpeakerState()), at: meeting.now)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take() == [])
    }

    @Test("connectivity is told to all, the subject included, and only when it changes")
    func connectivity() {
        let meeting = pair()
        for (isActive, word) in [(true, nil), (false, "false"), (false, nil), (true, "true")] as [(Bool, String?)] {
            meeting.setActive("ben", isActive)
            meeting.advance(.milliseconds(10))
            let expected = word.map {
                [#"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"ben","active":"\#($0)"}"#]
            }
            #expect(meeting["anna"].take() == expected ?? [])
            #expect(meeting["ben"].take() == expected ?? [])
        }
    }

    @Test("ConnectionStats come every 10 s from the endpoint's creation, with what is known of its downlink")
    func connectionStats() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.advance(.seconds(Int64(13)))
        meeting.openSocket("anna")
        meeting.advance(.milliseconds(6_990))
        #expect(meeting["anna"].take().of("ConnectionStats") == [])
        meeting.advance(.milliseconds(20))
        #expect(
            meeting["anna"].take().of("ConnectionStats") == [
                #"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":2500000}"#
            ])
        meeting.hub.handle(.estimateChanged(meeting["anna"].number, bitsPerSecond: 3_180_000), at: meeting.now)
        meeting.advance(.seconds(Int64(20)))
        #expect(
            meeting["anna"].take().of("ConnectionStats")
                == Array(
                    repeating: #"{"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":3180000}"#, count: 2))
        meeting.closeSocket("anna")
        meeting.advance(.seconds(Int64(60)))
        #expect(meeting.hub.nextTimeout == nil)
    }

    @Test("ConnectionStats can be switched off")
    func withoutConnectionStats() {
        var settings = ChannelSettings()
        settings.connectionStatsInterval = nil
        let meeting = Meeting(settings)
        meeting.arrive("anna")
        meeting.advance(.seconds(Int64(60)))
        #expect(meeting["anna"].take().of("ConnectionStats") == [])
    }

    @Test("nothing is wanted before the first constraints; with them 180, unless they say otherwise")
    func firstConstraints() {
        let meeting = pair()
        meeting.say("anna", #"{"colibriClass":"LastNChangedEvent","lastN":5}"#)
        meeting.advance(.milliseconds(60))
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","lastN":-1,"assumedBandwidthBps":-1}"#)
        meeting.say("ben", #"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":360}}"#)
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","onStageSources":["ben-v0"]}"#)
        meeting.advance(.milliseconds(120))
        #expect(
            meeting["ben"].take().sorted() == [
                #"{"colibriClass":"ForwardedSources","forwardedSources":["anna-v0"]}"#,
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"ben-v0","maxHeight":180}"#,
            ])
        #expect(
            meeting["anna"].take().sorted() == [
                #"{"colibriClass":"ForwardedSources","forwardedSources":["ben-v0"]}"#,
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"anna-v0","maxHeight":360}"#,
            ])
        let told = meeting.takeCommands().compactMap { command -> VideoConstraints? in
            guard case .setPreferences(meeting["anna"].number, meeting.conference, let preferences) = command else {
                return nil
            }
            return preferences.video
        }
        var expected = VideoConstraints()
        expected.lastN = 5
        #expect(told.first == expected, "LastNChangedEvent is no first message")
        expected.lastN = -1
        expected.defaultConstraint = VideoConstraint(maxHeight: 180)
        expected.onStageSources = ["ben-v0"]
        #expect(told.last == expected)
        #expect(told.count == 3)
    }

    @Test("a member that is there replaces, one that is not leaves what was there")
    func partialConstraints() throws {
        let meeting = pair()
        meeting.say(
            "anna",
            #"{"colibriClass":"ReceiverVideoConstraints","lastN":3,"selectedSources":["a"],"onStageSources":["b"],"#
                + #""constraints":{"a":{"maxHeight":90,"maxFrameRate":15}},"defaultConstraints":{"maxHeight":-1}}"#)
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","constraints":{},"selectedSources":null}"#)
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":300000}"#)
        meeting.advance(.milliseconds(60))
        guard case .setPreferences(_, _, let preferences) = try #require(meeting.takeCommands().last) else {
            Issue.record("another command")
            return
        }
        var expected = VideoConstraints()
        expected.lastN = 3
        expected.selectedSources = ["a"]
        expected.onStageSources = ["b"]
        expected.defaultConstraint = VideoConstraint(maxHeight: -1)
        expected.assumedBandwidth = 300_000
        #expect(preferences.video == expected)
    }

    @Test("the focus's last-N counts until the client has said something itself")
    func initialLastN() {
        var settings = ChannelSettings()
        settings.initial.lastN = 4
        settings.initial.maxHeight = 90
        let meeting = Meeting(settings)
        meeting.arrive("anna")
        meeting.arrive("ben")
        func lastN() -> [Int32] {
            meeting.advance(.milliseconds(60))
            return meeting.takeCommands().compactMap {
                if case .setPreferences(meeting["anna"].number, _, let preferences) = $0 {
                    preferences.video.lastN
                } else {
                    nil
                }
            }
        }
        #expect(lastN() == [])
        #expect(meeting.hub.endpoints[meeting["anna"].number]?.preferences.video.lastN == 4)
        meeting.advance(.milliseconds(100))
        #expect(meeting["anna"].take().of("ForwardedSources").last?.contains("ben-v0") == true)
        meeting.hub.setInitialLastN(2, of: meeting["anna"].number, at: meeting.now)
        #expect(lastN() == [2])
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":-1}"#)
        #expect(lastN() == [2])
        meeting.hub.setInitialLastN(7, of: meeting["anna"].number, at: meeting.now)
        #expect(lastN() == [])
    }

    @Test("last-N: those on stage first, then selected, then by speaker, then as they came")
    func lastN() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl", "dora", "emil"] { meeting.arrive(id) }
        meeting.advance(.milliseconds(100))
        func forwarded() -> String? {
            meeting.advance(.milliseconds(100))
            return meeting["anna"].take().of("ForwardedSources").last.map { String($0.dropFirst(55).dropLast(2)) }
        }
        #expect(forwarded() == "")
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","lastN":2}"#)
        #expect(forwarded() == #""ben-v0","carl-v0""#)
        meeting.speak("emil", "carl")
        #expect(forwarded() == #""carl-v0","emil-v0""#)
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","selectedSources":["ben-v0"]}"#)
        #expect(forwarded() == #""ben-v0","emil-v0""#)
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","onStageSources":["dora-v0"]}"#)
        #expect(forwarded() == #""ben-v0","dora-v0""#)
        meeting.say("dora", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"dora-v0","videoType":"NONE"}"#)
        #expect(forwarded() == #""ben-v0","emil-v0""#)
        meeting.leave("emil")
        #expect(forwarded() == #""ben-v0","carl-v0""#)
        meeting.say("dora", #"{"colibriClass":"VideoTypeMessage","videoType":"camera"}"#)
        #expect(forwarded() == #""ben-v0","dora-v0""#)
        meeting.say("anna", #"{"colibriClass":"LastNChangedEvent","lastN":0}"#)
        #expect(forwarded() == "")
        meeting.say("anna", #"{"colibriClass":"LastNChangedEvent","lastN":-1}"#)
        #expect(forwarded() == #""ben-v0","carl-v0","dora-v0""#)
    }

    @Test("no receiver gets more than 50 sources; the bridge's and the conference's last-N count, too")
    func limits() {
        var settings = ChannelSettings()
        settings.initial.maxHeight = 180
        settings.setLastN(bridge: -1, bySize: [(size: 58, lastN: 9), (size: 70, lastN: 3)], pictures: 50)
        let meeting = Meeting(settings)
        meeting.join("anna")
        meeting.join("ben")
        meeting.signal("ben", (0..<55).map { "ben-v\($0)" })
        func count() -> Int {
            meeting.advance(.milliseconds(60))
            return meeting.hub.endpoints[meeting["anna"].number]?.grants.count ?? -1
        }
        func lastN() -> Int32? {
            let told = meeting.takeCommands().compactMap { command -> Int32? in
                if case .setPreferences(meeting["anna"].number, _, let preferences) = command {
                    preferences.video.lastN
                } else {
                    nil
                }
            }
            return told.last
        }
        #expect(count() == 50)
        #expect(lastN() == 50, "the worker is told what counts")
        meeting.join("carl")
        meeting.signal("carl", ["carl-v0", "carl-v1"])
        #expect(count() == 9)
        #expect(lastN() == 9)
        meeting.speak("carl")
        #expect(count() == 9)
        #expect(lastN() == nil)
        #expect(meeting.hub.endpoints[meeting["anna"].number]?.grants.keys.contains { $0.name == "carl-v1" } == true)
        meeting.signal("ben", (0..<40).map { "ben-v\($0)" })
        #expect(count() == 42)
        #expect(lastN() == -1, "there are no more than 50")
    }

    @Test("a conference is as large for a receiver as the sources of others that it has, and itself")
    func size() {
        var settings = ChannelSettings()
        settings.initial.maxHeight = 180
        settings.setLastN(bridge: -1, bySize: [(size: 3, lastN: 1), (size: 5, lastN: 0)], pictures: 50)
        let meeting = Meeting(settings)
        func counts() -> [String: Int] {
            meeting.advance(.milliseconds(60))
            return meeting.clients.mapValues { meeting.hub.endpoints[$0.number]?.grants.count ?? -1 }
        }
        func lastN() -> [String: Int32] {
            var told: [String: Int32] = [:]
            for command in meeting.takeCommands() {
                guard case .setPreferences(let number, _, let preferences) = command else { continue }
                for client in meeting.clients.values where client.number == number {
                    told[client.id] = preferences.video.lastN
                }
            }
            return told
        }
        for id in ["anna", "ben", "carl"] { meeting.join(id) }
        for id in ["anna", "ben"] { meeting.signal(id, [id + "-v0", id + "-v1"]) }
        #expect(counts() == ["anna": 1, "ben": 1, "carl": 0])
        #expect(lastN() == ["anna": 1, "ben": 1, "carl": 0])
        meeting.signal("ben", ["ben-v0"])
        #expect(counts() == ["anna": 1, "ben": 1, "carl": 1])
        #expect(lastN() == ["anna": -1, "carl": 1])
        meeting.join("dora")
        #expect(counts()["dora"] == 1)
        #expect(lastN() == ["dora": 1])
    }

    @Test("the owner is told the most that anybody wants, -1 beating everything")
    func senderConstraints() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl"] { meeting.arrive(id) }
        func told() -> [String] {
            meeting.advance(.milliseconds(100))
            return meeting["anna"].take().of("SenderSourceConstraints").map { String($0.dropFirst(77).dropLast(1)) }
        }
        func want(_ id: String, _ height: Int) {
            meeting.say(
                id, #"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":\#(height)}}"#)
        }
        #expect(told().last == "0")
        want("ben", 180)
        #expect(told() == ["180"])
        want("carl", 720)
        #expect(told() == ["720"])
        want("ben", -1)
        #expect(told() == ["-1"])
        want("carl", 360)
        #expect(told() == [])
        want("ben", 90)
        #expect(told() == ["360"])
        meeting.leave("carl")
        #expect(told() == ["90"])
        meeting.say("anna", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"anna-v0","videoType":"disabled"}"#)
        #expect(told() == ["0"])
    }

    @Test("a source that is signalled after the channel opened is told of then, even if nobody wants it")
    func lateSource() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.openSocket("anna")
        meeting.advance(.milliseconds(100))
        #expect(meeting["anna"].take().of("SenderSourceConstraints") == [])
        meeting.signal("anna", ["anna-v0"])
        meeting.advance(.milliseconds(100))
        #expect(
            meeting["anna"].take() == [
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"anna-v0","maxHeight":0}"#
            ])
        meeting.signal("anna", ["anna-v0"])
        meeting.advance(.milliseconds(100))
        #expect(meeting["anna"].take() == [])
    }

    @Test("a video type that comes before its source is remembered, 64 of them, and the worker told of each")
    func earlyVideoTypes() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.openSocket("anna")
        meeting.join("ben")
        meeting.openSocket("ben")
        meeting.say("ben", #"{"colibriClass":"ReceiverVideoConstraints"}"#)
        meeting.say("anna", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"anna-v0","videoType":"none"}"#)
        meeting.say("anna", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"anna-v0","videoType":"none"}"#)
        meeting.advance(.milliseconds(60))
        let commands = meeting.takeCommands().filter { if case .setVideoType = $0 { true } else { false } }
        #expect(commands.count == 1)
        meeting.signal("anna", ["anna-v0"])
        meeting.advance(.milliseconds(100))
        #expect(
            meeting["ben"].take().of("ForwardedSources")
                == [#"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#])
        for index in 0..<100 {
            meeting.say(
                "anna", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"x\#(index)","videoType":"desktop"}"#)
            meeting.advance(.milliseconds(60))
        }
        #expect(meeting.takeCommands().count == 100)
        #expect(meeting.hub.endpoints[meeting["anna"].number]?.videoTypes.count == BridgeChannelLimits.videoTypes)
    }

    @Test("the worker gives nobody a picture who can ask for it and has not; who cannot ask gets what it gives")
    func beforeTheFirstWish() throws {
        for (usesSCTP, offersWebSockets) in [(true, false), (false, true), (false, false)] {
            var settings = ChannelSettings()
            settings.initial.offersWebSockets = offersWebSockets
            let meeting = Meeting(settings)
            let anna = meeting.join("anna", usesSCTP: usesSCTP)
            meeting.settle()
            // The worker was told when it made the endpoint.
            #expect(meeting.takeCommands().isEmpty)
            let preferences = try #require(meeting.hub.endpoints[anna.number]).preferences
            #expect(preferences == settings.initial.preferences(usesSCTP: usesSCTP))
            #expect(preferences.video.defaultConstraint.isWanted == !(usesSCTP || offersWebSockets))
            #expect(preferences.audio == .everything)
        }
    }

    @Test("who cannot ask is given everything, within last-N; with a data channel it can, and has to")
    func withoutAChannel() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl"] {
            meeting.join(id, usesSCTP: id != "anna")
            meeting.signal(id, [id + "-v0"])
        }
        func grants() -> Set<String> {
            meeting.advance(.milliseconds(60))
            return Set(meeting.hub.endpoints[meeting["anna"].number]?.grants.keys.map(\.name) ?? [])
        }
        #expect(grants() == ["ben-v0", "carl-v0"])
        _ = meeting.takeCommands()
        meeting.hub.setInitialLastN(1, of: meeting["anna"].number, at: meeting.now)
        #expect(grants() == ["ben-v0"])
        var expected = ReceiverPreferences.everything
        expected.video.lastN = 1
        let told = meeting.takeCommands().compactMap { command in
            if case .setPreferences(meeting["anna"].number, _, let preferences) = command { preferences } else { nil }
        }
        #expect(told == [expected])

        meeting.hub.enableSCTP(of: meeting["anna"].number, at: meeting.now)
        #expect(grants() == [])
        meeting.openChannel("anna")
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":-1}"#)
        #expect(grants() == ["ben-v0"], "the focus's last-N still counts")
    }

    @Test("the audio that a receiver wants goes to the worker, when it changes")
    func audio() {
        let meeting = pair()
        meeting.say("anna", #"{"colibriClass":"ReceiverAudioSubscription","all":true,"include":[],"exclude":[]}"#)
        #expect(meeting.takeCommands().isEmpty)
        meeting.say("anna", #"{"colibriClass":"ReceiverAudioSubscription","mode":"Exclude","list":["ben-a0"]}"#)
        let commands = meeting.takeCommands()
        #expect(commands.count == 1)
        if case .setPreferences(_, _, let preferences) = commands.first {
            #expect(preferences.audio == AudioSubscription(all: true, exclude: ["ben-a0"]))
        }
    }

    @Test("a worker that takes no commands gets the latest of what was said when it does")
    func slowWorker() {
        let meeting = pair()
        guard let socket = meeting["anna"].socket else { return }
        for height in 1...100 {
            let text = #"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":\#(height)}}"#
            meeting.hub.webSocketReceived(socket, Array(text.utf8), at: meeting.now)
        }
        meeting.settle()
        let commands = meeting.takeCommands()
        #expect(commands.count == 1)
        if case .setPreferences(_, _, let preferences) = commands.first {
            #expect(preferences.video.defaultConstraint.maxHeight == 100)
        }
    }

    @Test("/debug shows the channel and what the receiver asked for")
    func description() throws {
        let meeting = pair()
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints","lastN":7,"onStageSources":["ben-v0"]}"#)
        meeting.advance(.milliseconds(100))
        let description = meeting.hub.description(of: meeting["anna"].number)
        let shown = try #require(description)
        #expect(shown["transport"]?.stringValue == "websocket")
        #expect(shown["video"]?["last_n"]?.integerValue == 7)
        #expect(shown["video"]?["on_stage_sources"] == .array([.string("ben-v0")]))
        #expect(shown["forwarded_sources"] == .array([.string("ben-v0")]))
        let unknown = meeting.hub.description(of: EndpointNumber(99))
        #expect(unknown == nil)
    }
}
