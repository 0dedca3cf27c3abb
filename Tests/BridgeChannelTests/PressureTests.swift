// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP
import ShardMessages
import Testing

@testable import BridgeChannel

@Suite("Pressure")
struct PressureTests {
    private static let hello = #"{"colibriClass":"ClientHello"}"#

    private func broadcast(_ size: Int = 0) -> String {
        #"{"colibriClass":"EndpointMessage","to":"","msgPayload":""# + String(repeating: "x", count: size) + "\"}"
    }

    /// Anna and Ben with a WebSocket, Carl with a data channel, all told what there is to tell.
    private func meeting() -> Meeting {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.arrive("ben")
        meeting.join("carl")
        meeting.openChannel("carl")
        meeting.advance(.milliseconds(100))
        for client in meeting.clients.values { _ = client.take() }
        return meeting
    }

    @Test("messages to one receiver within 5 ms share a packet; nothing is collected without messages")
    func collection() {
        let meeting = meeting()
        meeting["carl"].packets = 0
        for _ in 0..<8 { meeting.say("anna", broadcast(10)) }
        #expect(meeting["carl"].take() == [])
        meeting.advance(.milliseconds(5))
        #expect(meeting["carl"].take().count == 8)
        #expect(meeting["carl"].packets == 1)
        let due = meeting.hub.nextTimeout.map { $0 - meeting.now }
        #expect(due.map { $0 > .milliseconds(50) } == true, "\(due?.milliseconds ?? -1) ms")
    }

    @Test("a WebSocket that nobody reads: state collapses, events are counted, others notice nothing, then all is told")
    func slowWebSocket() {
        let meeting = meeting()
        meeting.stopReading("ben")
        for index in 0..<200 {
            meeting.say("anna", broadcast(4_000))
            meeting.speak(index % 2 == 0 ? "anna" : "ben")
            meeting.setActive("carl", index % 2 == 1)
            meeting.advance(.milliseconds(20))
        }
        let waiting = meeting["ben"].waiting?.reduce(0) { $0 + $1.count } ?? 0
        #expect(waiting > BridgeChannelLimits.resumeBytes)
        #expect(waiting < BridgeChannelLimits.waitingBytes + 8_192)
        #expect(meeting["carl"].take().of("EndpointMessage").count == 200)
        #expect(meeting.hub.counters.receiversBehind == 1)
        #expect(meeting.hub.counters.dropped[.slowReceiver, default: 0] > 100)
        #expect(meeting.events.contains(.behind(meeting["ben"].number)))

        meeting.setActive("carl", false)
        meeting.speak("carl", "anna")
        meeting.advance(.milliseconds(20))
        meeting.readAgain("ben")
        meeting.advance(.milliseconds(20))
        let got = meeting["ben"].take()
        #expect(got.last?.contains(#""dominantSpeakerEndpoint":"carl""#) == true)
        #expect(got.of("EndpointConnectivityStatusChangeEvent").last?.contains(#""active":"false""#) == true)
        #expect(got.of("ForwardedSources").count == 1)
        meeting.say("anna", broadcast())
        meeting.advance(.milliseconds(20))
        #expect(meeting["ben"].take().of("EndpointMessage").count == 1)
        #expect(meeting["ben"].closings == [], "a slow client is not closed")
    }

    @Test("a data channel whose client does not read: nothing grows, nothing is reset, then all is told")
    func slowDataChannel() {
        let meeting = meeting()
        meeting["carl"].isCutOff = true
        for index in 0..<200 {
            meeting.say("anna", broadcast(4_000))
            meeting.speak(index % 2 == 0 ? "anna" : "ben")
            meeting.setActive("anna", index % 2 == 1)
            meeting.advance(.milliseconds(20))
        }
        let buffered = meeting.hub.endpoints[meeting["carl"].number]?.channels?.bufferedBytes ?? 0
        #expect(buffered > BridgeChannelLimits.resumeBytes)
        #expect(buffered <= BridgeChannelLimits.waitingBytes)
        #expect(meeting["ben"].take().of("EndpointMessage").count == 200)
        #expect(meeting.hub.counters.receiversBehind == 1)
        meeting.setActive("anna", false)
        meeting.speak("ben", "anna")
        meeting.advance(.milliseconds(20))
        meeting["carl"].isCutOff = false
        meeting.advance(.seconds(Int64(20)))
        let got = meeting["carl"].take()
        #expect(got.of("DominantSpeakerEndpointChangeEvent").last?.contains(#"Endpoint":"ben""#) == true)
        #expect(got.of("EndpointConnectivityStatusChangeEvent").last?.contains(#""active":"false""#) == true)
        #expect(meeting.hub.counters.dataChannelsClosed == 0)
        meeting.say("anna", broadcast())
        meeting.advance(.milliseconds(500))
        #expect(meeting["carl"].take().of("EndpointMessage").count == 1)
    }

    @Test("ten thousand messages a second from one client: most are not read, the others' arrive within 5 ms")
    func flood() {
        let meeting = meeting()
        var delivered = 0
        for second in 0..<3 {
            for tick in 0..<100 {
                for _ in 0..<100 { meeting.say("anna", Self.hello) }
                if tick == 50 { meeting.say("carl", broadcast(second)) }
                if tick == 51 { delivered += meeting["ben"].take().of("EndpointMessage").count }
                meeting.advance(.milliseconds(10))
            }
        }
        #expect(delivered == 3)
        let dropped = meeting.hub.counters.dropped[.rate, default: 0]
        #expect(dropped > 28_000 && dropped < 28_500)
        #expect(meeting.hub.counters.webSocketMessagesReceived == 30_000)
        #expect(meeting.hub.counters.dropped.count == 1)
        meeting.advance(.seconds(Int64(10)))
        _ = meeting["anna"].take()
        meeting.say("anna", Self.hello)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take() == [#"{"colibriClass":"ServerHello"}"#], "who stops is heard again")
    }

    @Test("bytes have a rate, too, over both transports together")
    func byteRate() {
        let meeting = meeting()
        meeting.openSocket("carl")
        let large = #"{"colibriClass":"ClientHello","x":""# + String(repeating: "x", count: 60_000) + "\"}"
        for _ in 0..<30 { meeting.say("carl", large) }
        meeting.sayOverChannel("carl", Array(large.utf8))
        meeting.advance(.seconds(Int64(1)))
        #expect(meeting.hub.counters.dataChannelMessagesReceived == 1)
        #expect(meeting.hub.counters.dropped == [.rate: 14])
    }

    @Test("what a sender's messages become has a budget; another sender is not touched by it")
    func fanOut() {
        let meeting = Meeting()
        for index in 0..<300 { meeting.arrive("e\(index)") }
        meeting.advance(.seconds(Int64(1)))
        for client in meeting.clients.values { _ = client.take() }
        for _ in 0..<10 {
            meeting.say("e0", broadcast(60_000))
            meeting.advance(.milliseconds(10))
        }
        meeting.say("e1", broadcast())
        meeting.advance(.milliseconds(10))
        #expect(meeting["e7"].take().of("EndpointMessage").count == 2)
        #expect(meeting.hub.counters.dropped == [.senderFanOut: 9])
        for index in 1...9 {
            meeting.say("e\(index)", broadcast(60_000))
            meeting.advance(.milliseconds(10))
        }
        #expect(meeting.hub.counters.dropped == [.senderFanOut: 9, .conferenceFanOut: 2])
    }

    @Test("bombs and nonsense are refused by reason, over both transports, and the channel stays")
    func nonsense() {
        let meeting = meeting()
        let texts = [
            "{\"a\":" + String(repeating: "[", count: 50_000), "", "[]", #"{"colibriClass":"Nothing"}"#,
            #"{"colibriClass":"EndpointMessage"}"#, #"{"colibriClass":"ClientHello","a":1,"a":2}"#,
            #"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#,
        ]
        for text in texts {
            meeting.say("anna", text)
            meeting.say("carl", text)
        }
        meeting.say("anna", [0xFF, 0xFE])
        meeting.advance(.milliseconds(10))
        #expect(meeting["ben"].take() == [], "the others notice nothing")
        if let channel = meeting["carl"].channel {
            _ = meeting["carl"].channels?.send(binary: [1, 2, 3], on: channel, at: meeting.now)
        }
        meeting.settle()
        #expect(
            meeting.hub.counters.refused == [
                .tooDeep: 2, .invalidJSON: 2, .notAnObject: 2, .unknownClass: 2, .missingField: 2, .duplicateName: 2,
                .invalidText: 1,
            ])
        #expect(meeting.hub.counters.dropped == [.unexpected: 2, .binary: 1])
        for id in ["anna", "carl"] {
            _ = meeting[id].take()
            meeting.say(id, Self.hello)
            meeting.advance(.milliseconds(300))
            #expect(meeting[id].take().of("ServerHello").count == 1)
        }
    }

    @Test("records that are no SCTP disturb nobody")
    func noise() {
        let meeting = meeting()
        var random = Random(seed: 5)
        for _ in 0..<5_000 {
            meeting.hub.receive(
                record: random.bytes(random.int(in: 0...100)).rawSpan, from: meeting["anna"].number, at: meeting.now)
        }
        meeting.settle()
        _ = meeting["carl"].take()
        meeting.say("carl", Self.hello)
        meeting.advance(.milliseconds(10))
        #expect(meeting["carl"].take().of("ServerHello").count == 1)
        #expect(meeting.hub.counters.dataChannelsOpened == 1)
    }

    @Test("a web thread that takes nothing: receivers are left out, then get their state")
    func fullQueue() {
        var hub = ChannelHub(ChannelSettings(), random: Random(seed: 1))
        var now = Timestamp(nanoseconds: 1)
        let conference = ConferenceNumber(1)
        hub.addConference(conference)
        for number in 1...20 as ClosedRange<UInt64> {
            hub.addEndpoint(
                EndpointNumber(number), conference: conference, id: "e\(number)", usesSCTP: false, password: "p",
                at: now)
            hub.webSocketOpened(WebSocketConnection(number: number), endpoint: EndpointNumber(number), at: now)
        }
        let text = Array(broadcast(20_000).utf8)
        for _ in 0..<2_000 {
            now = now + .milliseconds(100)
            hub.handleTimeout(at: now)
            hub.webSocketReceived(WebSocketConnection(number: 1), text, at: now)
        }
        #expect(hub.actionBytes <= BridgeChannelLimits.queuedActionBytes)
        #expect(hub.counters.dropped[.slowReceiver, default: 0] > 0)
        while hub.pollWebSocket() != nil {}
        #expect(hub.actionBytes < 2 * text.count)
        var told: Set<WebSocketConnection> = []
        for _ in 0..<10 {
            now = now + .milliseconds(10)
            hub.handleTimeout(at: now)
            while let action = hub.pollWebSocket() {
                if case .send(let connections, let text) = action,
                    String(decoding: text, as: UTF8.self).contains("ForwardedSources")
                {
                    told.formUnion(connections)
                }
            }
        }
        #expect(told.count >= 19)
    }

    @Test("a large conference is looked through in pieces: no turn does more than its share")
    func boundedTurns() {
        let meeting = Meeting()
        for index in 0..<400 {
            meeting.join("e\(index)")
            meeting.signal("e\(index)", ["e\(index)-v0"])
            meeting.openSocket("e\(index)")
        }
        meeting.advance(.seconds(Int64(2)))
        for index in 0..<400 {
            meeting.say("e\(index)", #"{"colibriClass":"ReceiverVideoConstraints","lastN":9}"#)
        }
        meeting.speak("e399")
        var turns = 0
        while let due = meeting.hub.nextTimeout, due <= meeting.now + .milliseconds(6), turns < 100 {
            meeting.now = max(meeting.now, due)
            let before = meeting.hub.changed.count
            meeting.hub.handleTimeout(at: meeting.now)
            #expect(before - meeting.hub.changed.count <= BridgeChannelLimits.changesPerTurn)
            turns += 1
        }
        #expect(turns >= 2 && turns < 20)
        meeting.settle()
        meeting.advance(.milliseconds(200))
        let granted = meeting.hub.endpoints[meeting["e0"].number]?.grants
        #expect(granted?.count == 9)
        #expect(granted?.keys.contains { $0.name == "e399-v0" } == true)
    }

    @Test("a client that changes its mind all the time: each sender and the worker hear of it at most every 50 ms")
    func restlessReceiver() {
        let meeting = meeting()
        meeting.arrive("dora")
        meeting.advance(.milliseconds(100))
        _ = meeting["anna"].take()
        _ = meeting.takeCommands()
        for index in 0..<200 {
            let text =
                #"{"colibriClass":"ReceiverVideoConstraints","defaultConstraints":{"maxHeight":\#(100 + index % 2)}}"#
            meeting.say("dora", text)
            meeting.advance(.milliseconds(5))
        }
        #expect(meeting["anna"].take().of("SenderSourceConstraints").count <= 21)
        meeting.advance(.milliseconds(60))
        let commands = meeting.takeCommands()
        #expect(commands.count <= 23)
        if case .setPreferences(_, _, let preferences) = commands.last {
            #expect(preferences.video.defaultConstraint.maxHeight == 101, "the last word counts")
        }
    }
}
