// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing

@Suite("Directory: requests")
struct DirectoryRequestTests {
    @Test("T9: a conference of two from create to end")
    func wholeCall() throws {
        var bridge = TestBridge()
        let first = try bridge.ask(
            TestBridge.modify("m", "create='true' name='r@c.example.net'", TestBridge.create("a1b2c3d4"))
        )
        let second = try bridge.ask(
            TestBridge.modify("m", "", TestBridge.create("e5f60718", "<force-mute audio='true'/>"))
        )
        #expect(first.sources != nil)
        #expect(first.sources == second.sources)
        #expect(first.sources?.map(\.id) == ["jvb-a0", "jvb-v0"])
        let transports = [first, second].map { $0.endpoints.first?.transport?.iceUDP }
        #expect(transports[0]?.ufrag != nil)
        #expect(transports[0]?.ufrag != transports[1]?.ufrag)
        #expect(transports[0]?.hasRTCPMux == true)
        #expect(transports[0]?.fingerprints.first?.setup == "actpass")
        #expect(transports[0]?.candidates.first?.port == 10_000)
        #expect(transports[0]?.candidates.first?.id != transports[1]?.candidates.first?.id)

        let accepted = try bridge.ask(
            TestBridge.modify(
                "m", "",
                """
                <endpoint id='a1b2c3d4'><transport>
                <transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='X/3f' pwd='pw'>
                <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>F1:e2</fingerprint>
                <rtcp-mux/>
                </transport></transport><sources/><initial-last-n value='10'/></endpoint>
                """
            )
        )
        #expect(
            accepted
                == {
                    var answer = ConferenceModified()
                    answer.endpoints = [.init(id: "a1b2c3d4")]
                    return answer
                }())
        guard case .updateEndpoint(_, let media, let remote)? = bridge.lastOperations.first else {
            Issue.record("no update reached the worker")
            return
        }
        #expect(media.sources == [])
        #expect(remote?.credentials?.ufrag == "X/3f")
        #expect(remote?.fingerprints == [RemoteFingerprint(hash: "sha-256", digest: [0xF1, 0xE2])])
        #expect(remote?.setup == .active)

        let muted = try bridge.ask(
            TestBridge.modify(
                "m", "",
                "<endpoint id='a1b2c3d4'><force-mute audio='true'/></endpoint>"
                    + "<endpoint id='e5f60718'><force-mute audio='true' video='true'/></endpoint>"
            )
        )
        #expect(muted.endpoints.map(\.id) == ["a1b2c3d4", "e5f60718"])
        #expect(bridge.lastOperations.count == 2)

        let left = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='e5f60718' expire='true'/>"))
        #expect(left.endpoints.map(\.isExpired) == [true])
        let ended = try bridge.ask(TestBridge.modify("m", "expire='true'"))
        #expect(ended == ConferenceModified())
        #expect(bridge.worker.conferences.isEmpty)
        #expect(bridge.directory.counts.conferences == 0)
        #expect(bridge.directory.counts.totalEndpoints == 2)
    }

    @Test("T10: requests sent back to back are answered in order, one at a time with the worker")
    func pipelining() throws {
        var bridge = TestBridge()
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("m", "create='true'", TestBridge.create("a")))
        try bridge.post(TestBridge.modify("m", "", TestBridge.create("b")))
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        for expected in 1...3 {
            bridge.settle()
            #expect(bridge.waiting.count == 1)
            #expect(bridge.replies.count == expected - 1)
            bridge.runWorker()
        }
        bridge.settle()
        #expect(bridge.replies.map(\.token) == [1, 2, 3])
        #expect(bridge.replies.allSatisfy { (try? $0.result.get()) != nil })
    }

    @Test("a slow conference does not hold up another")
    func independence() throws {
        var bridge = TestBridge()
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("slow", "create='true'", TestBridge.create("a")))
        try bridge.post(TestBridge.modify("slow", "", TestBridge.create("b")))
        try bridge.post(TestBridge.modify("fast", "create='true'", TestBridge.create("c")))
        bridge.settle()
        #expect(bridge.waiting.count == 2)
        let fast = bridge.waiting[1]
        bridge.tell(bridge.worker.handle(fast))
        #expect(bridge.replies.map(\.token) == [3])
    }

    @Test("T13: expiring an unknown endpoint beside a known one echoes both")
    func expireUnknown() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        let answer = try bridge.ask(
            TestBridge.modify("m", "", "<endpoint id='x' expire='true'/><endpoint id='a' expire='true'/>")
        )
        #expect(answer.endpoints.map(\.id) == ["x", "a"])
        #expect(answer.endpoints.map(\.isExpired) == [true, true])
    }

    @Test("T14: muting passes over unknown endpoints in silence")
    func muteUnknown() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let answer = try bridge.ask(
            TestBridge.modify(
                "m", "",
                "<endpoint id='a'><force-mute video='true'/></endpoint><endpoint id='x'><force-mute/></endpoint>"
            )
        )
        #expect(answer.endpoints == [EndpointModified(id: "a"), EndpointModified(id: "x")])
        guard case .updateEndpoint(_, let media, nil)? = bridge.lastOperations.first else {
            Issue.record("the known endpoint was not muted")
            return
        }
        #expect(media.forceMuteAudio == false)
        #expect(media.forceMuteVideo == true)
    }

    @Test("T15: a transport for an unknown endpoint is E4 with the endpoint's name")
    func unknownEndpoint() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let error = try bridge.refusal(TestBridge.modify("m", "", "<endpoint id='x'><transport/></endpoint>"))
        #expect(error == .unknownEndpoint("x"))
    }

    @Test("T16: with the last endpoint the conference ends")
    func autoExpiry() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        #expect(bridge.worker.conferences.isEmpty)
        #expect(try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("a"))) == .unknownConference("m"))
        #expect(bridge.events.contains { $0.kind == .conferenceEnded(.empty) && $0.meetingID == "m" })
    }

    @Test("requests behind the one that empties a conference get E1")
    func queuedBehindEmptying() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        let behind = try bridge.post(TestBridge.modify("m", "", TestBridge.create("b")))
        bridge.settle()
        #expect(bridge.replies.last?.token == behind)
        #expect(throws: ColibriError.unknownConference("m")) { try bridge.replies.last?.result.get() }
    }

    @Test("T17: an empty conference that the worker swept away is unknown")
    func swept() throws {
        var bridge = TestBridge()
        try bridge.start("m")
        let number = try #require(bridge.worker.requests.last?.conference)
        bridge.pass(.seconds(Int64(90)))
        bridge.tell(.conferenceExpired(number))
        #expect(try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("a"))) == .unknownConference("m"))
        #expect(bridge.directory.counts.totalConferencesCompleted == 1)
        #expect(bridge.directory.counts.totalConferenceSeconds == 90)
    }

    @Test("T18: expire and create of one endpoint back to back make a new endpoint")
    func recreateEndpoint() throws {
        var bridge = TestBridge()
        _ = try bridge.ask(TestBridge.modify("m", "create='true'", TestBridge.create("b")))
        let old = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("a")))
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        let new = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("a")))
        let ufrags = [old, new].map { $0.endpoints[0].transport?.iceUDP?.ufrag }
        #expect(ufrags[0] != ufrags[1])
        #expect(ufrags[1] != nil)
        // What the worker still says of the old one does not touch the new one.
        bridge.tell(.endpointExpired(EndpointNumber(2), conference: ConferenceNumber(1), reason: .inactive))
        #expect(
            try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>")).endpoints.count == 1)
    }

    @Test("T18: expire and create of one meeting back to back make a new conference, whatever still waits")
    func recreateConference() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        try bridge.post(TestBridge.modify("m", "expire='true'"))
        let create = try bridge.post(TestBridge.modify("m", "create='true'", TestBridge.create("a")))
        let update = try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        bridge.settle()
        bridge.isWorkerSilent = false
        bridge.runWorker()
        bridge.settle()
        #expect(bridge.replies.count == 6)
        #expect(bridge.replies.suffix(4).allSatisfy { (try? $0.result.get()) != nil })
        #expect(Set(bridge.replies.suffix(4).map(\.token)) == [create - 2, create - 1, create, update])
        #expect(bridge.worker.conferences.count == 1)
    }

    @Test("create and expire in one request answer and leave nothing")
    func createAndExpire() throws {
        var bridge = TestBridge()
        let answer = try bridge.ask(TestBridge.modify("m", "create='true' expire='true'", TestBridge.create("a")))
        #expect(answer.endpoints[0].transport != nil)
        #expect(bridge.worker.conferences.isEmpty)
        #expect(!bridge.directory.hasConference(meetingID: "m"))
    }

    @Test("private addresses are told to everybody, or only to those who ask for them")
    func privateCandidates() throws {
        for isAdvertised in [true, false] {
            var bridge = TestBridge { settings in
                settings.advertisesPrivateCandidates = isAdvertised
                let address = CandidateDescription(type: "host", ip: "10.0.0.1", port: 10_000, priority: 1)
                settings.candidates.append(.init(address, isPrivate: true))
            }
            let plain = try bridge.ask(TestBridge.modify("m", "create='true'", TestBridge.create("a")))
            let capable = try bridge.ask(
                TestBridge.modify("m", "", TestBridge.create("b", "<capability name='private-address-connectivity'/>"))
            )
            #expect(plain.endpoints[0].transport?.iceUDP?.candidates.count == (isAdvertised ? 2 : 1))
            #expect(capable.endpoints[0].transport?.iceUDP?.candidates.count == 2)
        }
    }

    @Test("data channels are offered once they are switched on")
    func dataChannels() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        let answer = try bridge.ask(
            TestBridge.modify(
                "m", "create='true'",
                "<endpoint id='a' create='true'><transport><sctp/></transport>"
                    + "<capability name='source-names'/></endpoint>"
            )
        )
        #expect(answer.endpoints[0].transport?.sctp == SCTPDescription(role: "server", port: 5_000))
    }
}
