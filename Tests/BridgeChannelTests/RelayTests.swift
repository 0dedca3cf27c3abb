// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import ShardMessages
import Testing

@testable import BridgeChannel

@Suite("Messages for others")
struct RelayTests {
    @Test("a message with a blank address goes to all others, with its sender and nothing else changed")
    func broadcast() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl"] { meeting.arrive(id) }
        meeting.join("dora")
        meeting.openChannel("dora")
        meeting.advance(.milliseconds(20))
        for id in ["anna", "ben", "carl", "dora"] { _ = meeting[id].take() }
        for to in ["", #"  \t"#] {
            let payload = #""msgPayload": {"type":"reaction","n":1.50,"x":1e400,"cut":"\ud83d","list":[ ]}"#
            let message = #"{ "colibriClass":"EndpointMessage", \#(payload), "to":"\#(to)""#
            meeting.say("anna", message + " }")
            meeting.advance(.milliseconds(10))
            let expected = message + #","from":"anna" }"#
            for id in ["ben", "carl", "dora"] { #expect(meeting[id].take() == [expected]) }
            #expect(meeting["anna"].take() == [])
        }
    }

    @Test("a broadcast is one text for all WebSockets")
    func sharedText() {
        let meeting = Meeting()
        for index in 0..<20 { meeting.arrive("e\(index)") }
        meeting.advance(.milliseconds(20))
        let before = meeting.sends
        meeting.say("e0", #"{"colibriClass":"EndpointMessage","to":"","msgPayload":{}}"#)
        meeting.advance(.milliseconds(10))
        #expect(meeting.sends.texts == before.texts + 1)
        #expect(meeting.sends.deliveries == before.deliveries + 19)
    }

    @Test("the longest message is passed on over both transports, though its sender's id makes it longer still")
    func longest() {
        let meeting = Meeting()
        for id in ["anna", "ben"] { meeting.arrive(id) }
        meeting.join("carl")
        meeting.openChannel("carl")
        let head = #"{"colibriClass":"EndpointMessage","to":"","msgPayload":""#
        let room = BridgeChannelLimits.messageBytes - head.utf8.count - 2
        meeting.say("anna", head + String(repeating: "x", count: room) + "\"}")
        meeting.advance(.seconds(Int64(2)))
        for id in ["ben", "carl"] {
            let got = meeting[id].take().of("EndpointMessage")
            #expect(got.map(\.utf8.count) == [BridgeChannelLimits.messageBytes + #","from":"anna""#.utf8.count])
        }
    }

    @Test("an address is one member's id; unknown ones are counted")
    func unicast() {
        let meeting = Meeting()
        for id in ["anna", "ben", "carl"] { meeting.arrive(id) }
        meeting.advance(.milliseconds(20))
        for id in ["anna", "ben", "carl"] { _ = meeting[id].take() }
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","to":"ben","msgPayload":{"a":1}}"#)
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","to":"nobody","msgPayload":{"a":1}}"#)
        meeting.advance(.milliseconds(10))
        #expect(
            meeting["ben"].take() == [
                #"{"colibriClass":"EndpointMessage","to":"ben","from":"anna","msgPayload":{"a":1}}"#
            ])
        #expect(meeting["carl"].take() == [])
        #expect(meeting.hub.counters.dropped == [.unknownReceiver: 1])
    }

    @Test("nobody can speak in another's name")
    func forgedSender() {
        let meeting = Meeting()
        for id in ["anna", "ben"] { meeting.arrive(id) }
        meeting.advance(.milliseconds(20))
        _ = meeting["ben"].take()
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","from":"ben","to":"","msgPayload":1}"#)
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","fr\u006fm":"ben","to":""}"#)
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","from":"anna","fr\u006fm":"ben","to":""}"#)
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","from":{"a":"ben"},"to":""}"#)
        meeting.advance(.milliseconds(10))
        #expect(
            meeting["ben"].take() == [
                #"{"colibriClass":"EndpointMessage","from":"anna","to":"","msgPayload":1}"#,
                #"{"colibriClass":"EndpointMessage","fr\u006fm":"anna","to":""}"#,
            ])
        #expect(meeting.hub.counters.refused == [.duplicateName: 1, .invalidField: 1])
    }

    @Test("conferences hear nothing of each other")
    func separate() {
        let meeting = Meeting()
        meeting.arrive("anna")
        let other = ConferenceNumber(8)
        meeting.hub.addConference(other)
        meeting.hub.addEndpoint(
            EndpointNumber(500), conference: other, id: "ben", usesSCTP: false, password: "p", at: meeting.now)
        meeting.hub.webSocketOpened(WebSocketConnection(number: 501), endpoint: EndpointNumber(500), at: meeting.now)
        meeting.advance(.milliseconds(20))
        let before = meeting.sends.deliveries
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","to":"","msgPayload":{}}"#)
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","to":"ben","msgPayload":{}}"#)
        meeting.speak("anna")
        meeting.advance(.milliseconds(20))
        #expect(meeting.sends.deliveries == before + 1, "the speaker, to anna")
    }

    @Test("what visitors send reaches nobody; they get what the others say")
    func visitors() {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.join("guest", isVisitor: true)
        meeting.openSocket("guest")
        meeting.signal("guest", ["guest-v0"])
        meeting.say("anna", #"{"colibriClass":"ReceiverVideoConstraints"}"#)
        meeting.advance(.milliseconds(100))
        #expect(!meeting["anna"].take().contains { $0.contains("guest-v0") })
        _ = meeting["guest"].take()
        meeting.say("guest", #"{"colibriClass":"EndpointMessage","to":"","msgPayload":{}}"#)
        meeting.say("guest", #"{"colibriClass":"EndpointMessage","to":"anna","msgPayload":{}}"#)
        meeting.say("guest", #"{"colibriClass":"EndpointStats","bitrate":1}"#)
        meeting.advance(.milliseconds(20))
        #expect(meeting["anna"].take() == [])
        #expect(meeting.hub.counters.dropped == [.visitor: 3])
        meeting.say("anna", #"{"colibriClass":"EndpointMessage","to":"","msgPayload":{}}"#)
        meeting.setActive("guest", false)
        meeting.setActive("anna", false)
        meeting.advance(.milliseconds(20))
        #expect(meeting["guest"].take().count == 2)
        #expect(
            meeting["anna"].take() == [
                #"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"anna","active":"false"}"#
            ], "a visitor's connectivity is nobody's concern")
    }

    @Test("up to 20 members all statistics go to all, beyond to those who see, chose or hear the sender")
    func statistics() {
        let meeting = Meeting()
        for index in 0..<20 { meeting.arrive("e\(index)") }
        func receivers() -> Set<String> {
            meeting.advance(.milliseconds(200))
            for client in meeting.clients.values { _ = client.take() }
            meeting.say("e0", #"{"colibriClass":"EndpointStats","bitrate":{"download":0}}"#)
            meeting.advance(.milliseconds(10))
            let text = #"{"colibriClass":"EndpointStats","from":"e0","bitrate":{"download":0}}"#
            return Set(meeting.clients.values.filter { $0.take() == [text] }.map(\.id))
        }
        #expect(receivers().count == 19)
        meeting.arrive("e20")
        #expect(receivers() == [])
        func ask(_ id: String, _ member: String) {
            meeting.say(
                id,
                #"{"colibriClass":"ReceiverVideoConstraints",\#(member),"defaultConstraints":{"maxHeight":0}}"#)
        }
        ask("e1", #""onStageSources":["e0-v0"]"#)
        ask("e2", #""selectedSources":["e0-v0"]"#)
        ask("e3", #""constraints":{"e0-v0":{"maxHeight":90}}"#)
        meeting.say("e4", #"{"colibriClass":"ReceiverVideoConstraints"}"#)
        meeting.say("e5", #"{"colibriClass":"ReceiverVideoConstraints","lastN":0}"#)
        #expect(receivers() == ["e1", "e2", "e3", "e4"])
        meeting.speak("e3", "e0")
        #expect(receivers().count == 20, "a recent speaker")
        meeting.speak("e3", "e1")
        meeting.say("e0", #"{"colibriClass":"SourceVideoTypeMessage","sourceName":"e0-v0","videoType":"none"}"#)
        #expect(receivers() == ["e1", "e2"], "nobody gets it, but these chose it")
    }
}
