// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP
import ShardMessages
import Testing

@testable import BridgeChannel

@Suite("Connections")
struct ConnectionTests {
    @Test("a WebSocket gets ServerHello at once, then the state in the order of 11.5")
    func stateOverWebSocket() {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.arrive("ben")
        meeting.setActive("ben", false)
        meeting.speak("ben", "anna")
        meeting.join("carl")
        meeting.signal("carl", ["carl-v0", "carl-v1"])
        meeting.advance(.milliseconds(20))
        meeting.openSocket("carl")
        let opened = meeting.now
        #expect(meeting.hub.nextTimeout.map { $0 <= opened } == true, "ServerHello waits for nothing")
        meeting.advance(.zero)
        #expect(
            meeting["carl"].take() == [
                #"{"colibriClass":"ServerHello"}"#,
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"carl-v0","maxHeight":0}"#,
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"carl-v1","maxHeight":0}"#,
                #"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#,
                #"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"ben","active":"false"}"#,
                #"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"ben","#
                    + #""previousSpeakers":["anna"],"silence":false}"#,
            ])
    }

    @Test("a data channel gets the same without ServerHello; ClientHello gets one")
    func stateOverDataChannel() {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.speak("anna")
        meeting.join("ben")
        meeting.signal("ben", ["ben-v0"])
        meeting.openChannel("ben")
        meeting.advance(.milliseconds(5))
        #expect(
            meeting["ben"].take() == [
                #"{"colibriClass":"SenderSourceConstraints","sourceName":"ben-v0","maxHeight":0}"#,
                #"{"colibriClass":"ForwardedSources","forwardedSources":[]}"#,
                #"{"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"anna","#
                    + #""previousSpeakers":[],"silence":false}"#,
            ])
        meeting.say("ben", #"{"colibriClass":"ClientHello"}"#)
        meeting.advance(.milliseconds(5))
        #expect(meeting["ben"].take() == [#"{"colibriClass":"ServerHello"}"#])
        #expect(meeting.hub.counters.dataChannelMessagesReceived == 1)
        #expect(meeting.hub.counters.dataChannelsOpened == 1)
    }

    @Test("the version is in ServerHello where it is announced")
    func version() {
        var settings = ChannelSettings()
        settings.announcedVersion = "2.3"
        let meeting = Meeting(settings)
        meeting.arrive("anna")
        meeting.advance(.zero)
        #expect(meeting["anna"].take().first == #"{"colibriClass":"ServerHello","version":"2.3"}"#)
    }

    @Test("a second WebSocket replaces the first with 1000, and gets the state")
    func replacement() {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.advance(.milliseconds(10))
        _ = meeting["anna"].take()
        meeting.openSocket("anna")
        meeting.advance(.zero)
        #expect(meeting["anna"].closings == ["1000 replaced"])
        #expect(meeting["anna"].take().map { $0.prefix(30) }.first == #"{"colibriClass":"ServerHello"}"#)
        #expect(meeting.hub.counters.webSocketsReplaced == 1)
        #expect(meeting.hub.counters.webSocketsClosed == 1)
        #expect(meeting.hub.openChannels == 1)
    }

    @Test("an endpoint that leaves has its WebSocket closed with 1001, a conference that ends those of all")
    func removal() {
        let meeting = Meeting()
        let anna = meeting.arrive("anna")
        let ben = meeting.arrive("ben")
        meeting.leave("anna")
        #expect(anna.closings == ["1001 endpoint closed"])
        meeting.hub.removeConference(meeting.conference, at: meeting.now)
        meeting.settle()
        #expect(ben.closings == ["1001 endpoint closed"])
        #expect(meeting.hub.openChannels == 0)
        meeting.advance(.seconds(Int64(60)))
        #expect(meeting.hub.nextTimeout == nil)
    }

    @Test("a WebSocket whose endpoint left between the password and the opening is closed with 1001")
    func lateOpening() {
        let meeting = Meeting()
        meeting.hub.webSocketOpened(WebSocketConnection(number: 5), endpoint: EndpointNumber(9), at: meeting.now)
        #expect(
            meeting.hub.pollWebSocket()
                == .close(WebSocketConnection(number: 5), code: 1001, reason: "endpoint closed"))
        meeting.hub.webSocketReceived(WebSocketConnection(number: 5), Array("{}".utf8), at: meeting.now)
        #expect(meeting.hub.counters.dropped == [.unknownConnection: 1])
    }

    @Test("messages go where the client was connected or heard last")
    func transportChoice() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.join("ben")
        meeting.openSocket("ben")
        meeting.openChannel("anna")
        func sent() -> [UInt64] {
            let before = (
                meeting.hub.counters.webSocketMessagesSent, meeting.hub.counters.dataChannelMessagesSent
            )
            meeting.say("ben", #"{"colibriClass":"EndpointMessage","to":"anna","msgPayload":{}}"#)
            meeting.advance(.milliseconds(10))
            return [
                meeting.hub.counters.webSocketMessagesSent - before.0,
                meeting.hub.counters.dataChannelMessagesSent - before.1,
            ]
        }
        #expect(sent() == [0, 1], "only the data channel is there")
        meeting.openSocket("anna")
        meeting.advance(.milliseconds(10))
        #expect(sent() == [1, 0], "the WebSocket was connected last")
        meeting.sayOverChannel("anna", Array(#"{"colibriClass":"ClientHello"}"#.utf8))
        meeting.advance(.milliseconds(10))
        #expect(sent() == [0, 1], "the data channel was heard last")
        meeting.say("anna", #"{"colibriClass":"ClientHello"}"#)
        meeting.advance(.milliseconds(10))
        #expect(sent() == [1, 0], "the WebSocket was heard last")
        meeting.closeSocket("anna")
        meeting.advance(.milliseconds(10))
        #expect(sent() == [0, 1], "the WebSocket is gone")
        if let channel = meeting["anna"].channel { meeting["anna"].channels?.close(channel, at: meeting.now) }
        meeting.settle()
        meeting.advance(.milliseconds(10))
        #expect(sent() == [0, 0], "nothing is there")
        #expect(meeting.hub.counters.dropped == [.noTransport: 1])
        meeting.openSocket("anna")
        meeting.advance(.milliseconds(10))
        #expect(sent() == [1, 0], "the same URL and password serve again")
    }

    @Test("whoever was not told of a change while it had no channel is told when it has one again")
    func missedChange() {
        let meeting = Meeting()
        meeting.arrive("anna")
        meeting.arrive("ben")
        meeting.setActive("ben", false)
        meeting.advance(.seconds(Int64(1)))
        meeting.closeSocket("anna")
        _ = meeting["anna"].take()
        meeting.setActive("ben", true)
        meeting.advance(.seconds(Int64(1)))
        meeting.openSocket("anna")
        meeting.advance(.zero)
        #expect(
            meeting["anna"].take().of("EndpointConnectivityStatusChangeEvent") == [
                #"{"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"ben","active":"true"}"#
            ])
    }

    @Test("only the right password of a member of that conference is let in")
    func authorization() {
        let meeting = Meeting()
        let anna = meeting.join("anna")
        meeting.join("ben")
        #expect(
            meeting.hub.authorize(
                conference: meeting.conference, endpointID: "anna", password: "secret of anna") == anna.number)
        for (conference, endpoint, password) in [
            (meeting.conference, "anna", "secret of ben"), (meeting.conference, "anna", ""),
            (meeting.conference, "anna", "secret of ann"), (meeting.conference, "anna", "secret of annas"),
            (meeting.conference, "carl", "secret of anna"), (ConferenceNumber(8), "anna", "secret of anna"),
            (nil, "anna", "secret of anna"),
        ] as [(ConferenceNumber?, String, String)] {
            #expect(meeting.hub.authorize(conference: conference, endpointID: endpoint, password: password) == nil)
        }
        #expect(meeting.hub.counters.authorizationsRefused == 7)
        meeting.hub.removeEndpoint(anna.number, at: meeting.now)
        #expect(
            meeting.hub.authorize(
                conference: meeting.conference, endpointID: "anna", password: "secret of anna") == nil)
    }

    @Test("an endpoint without a password lets nobody in")
    func emptyPassword() {
        let meeting = Meeting()
        meeting.hub.addEndpoint(
            EndpointNumber(5), conference: meeting.conference, id: "x", usesSCTP: false, password: "", at: meeting.now)
        #expect(meeting.hub.authorize(conference: meeting.conference, endpointID: "x", password: "") == nil)
    }

    @Test("one data channel for an association: a second is refused and counted, the first goes on")
    func channelLimit() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.openChannel("anna")
        let second = meeting["anna"].channels?.open(label: "another", at: meeting.now)
        #expect(second != nil)
        meeting.settle()
        meeting.advance(.milliseconds(500))
        #expect(meeting.hub.counters.dataChannelsRefused == 1)
        #expect(meeting.hub.counters.dataChannelsOpened == 1)
        _ = meeting["anna"].take()
        meeting.say("anna", #"{"colibriClass":"ClientHello"}"#)
        meeting.advance(.milliseconds(10))
        #expect(meeting["anna"].take() == [#"{"colibriClass":"ServerHello"}"#])
    }

    @Test("packets that come before the data channel is signalled are kept, a hundred of them")
    func earlyRecords() {
        let meeting = Meeting()
        meeting.join("anna", usesSCTP: false)
        meeting.openChannel("anna")
        #expect(meeting.hub.openChannels == 0)
        meeting.hub.enableSCTP(of: meeting["anna"].number, at: meeting.now)
        meeting.settle()
        #expect(meeting.hub.counters.dataChannelsOpened == 1)

        let ben = meeting.join("ben", usesSCTP: false)
        for _ in 0..<120 { meeting.hub.receive(record: [1, 2, 3].rawSpan, from: ben.number, at: meeting.now) }
        #expect(meeting.hub.counters.dropped == [.noSCTP: 20])
        let carl = meeting.join("carl", usesSCTP: false)
        for _ in 0..<20 {
            let record = [UInt8](repeating: 0, count: 16_000)
            meeting.hub.receive(record: record.rawSpan, from: carl.number, at: meeting.now)
        }
        #expect(meeting.hub.endpoints[carl.number]?.early.count == 2)
        meeting.hub.receive(record: [1].rawSpan, from: EndpointNumber(77), at: meeting.now)
        #expect(meeting.hub.counters.dropped == [.noSCTP: 38, .unknownEndpoint: 1])
    }

    @Test("a client that aborts its association opens another one on the same DTLS session")
    func associationEnds() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.openChannel("anna")
        meeting["anna"].channels?.abort(at: meeting.now)
        meeting.settle()
        #expect(meeting.hub.counters.dataChannelsClosed == 1)
        #expect(meeting.hub.openChannels == 0)
        meeting.openChannel("anna")
        #expect(meeting.hub.counters.dataChannelsOpened == 2)
        #expect(meeting.hub.openChannels == 1)
        let live = meeting.hub.associationCounters
        #expect(live.packetsReceived > 5, "of both associations")
        meeting.leave("anna")
        #expect(meeting.hub.counters.dataChannelsClosed == 2)
        #expect(meeting.hub.associationCounters == live)
        #expect(meeting.hub.associationTotals.first { $0.name == "packets_received" }?.count == live.packetsReceived)
    }

    @Test("30 s after DTLS an endpoint without a channel is counted once, others never")
    func missingChannel() {
        let meeting = Meeting()
        let anna = meeting.join("anna")
        let ben = meeting.join("ben")
        meeting.hub.handle(.dtlsConnected(anna.number, profile: ""), at: meeting.now)
        meeting.hub.handle(.dtlsConnected(ben.number, profile: ""), at: meeting.now)
        meeting.advance(.seconds(Int64(29)))
        meeting.openSocket("ben")
        #expect(meeting.hub.counters.endpointsWithoutChannel == 0)
        meeting.advance(.seconds(Int64(300)))
        #expect(meeting.hub.counters.endpointsWithoutChannel == 1)
        #expect(meeting.events.contains(.missing(anna.number)))
    }

    @Test("an id that is created again at once is another endpoint, and the end of the old one does not touch it")
    func sameID() {
        let meeting = Meeting()
        let old = meeting.join("anna")
        let new = meeting.join("anna")
        meeting.hub.removeEndpoint(old.number, at: meeting.now)
        #expect(
            meeting.hub.authorize(
                conference: meeting.conference, endpointID: "anna", password: "secret of anna") == new.number)
    }

    @Test("no channel, no timer")
    func idle() {
        let meeting = Meeting()
        meeting.join("anna")
        meeting.join("ben")
        meeting.speak("anna")
        meeting.setActive("anna", false)
        meeting.advance(.milliseconds(100))
        #expect(meeting.hub.nextTimeout == nil)
    }
}
