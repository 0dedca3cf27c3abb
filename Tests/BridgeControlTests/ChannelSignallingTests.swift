// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing
import XML

/// What is signalled of bridge channels (control-plane.md 3.5, 4.4), and what their side is told.
@Suite("Bridge channels in signalling")
struct ChannelSignallingTests {
    private static let sctp = "<transport ice-controlling='true'><sctp/></transport>"
    private static let prefixes = [
        "wss://a.example.net/colibri-ws/jvb-1/", "ws://b.example.net:9090/colibri-ws/jvb-1/",
    ]

    private func create(_ id: String, transport: String = Self.sctp, _ inside: String = "") -> String {
        "<endpoint id='\(id)' create='true'>\(transport)<sources/><capability name='source-names'/>\(inside)</endpoint>"
    }

    private func addresses(_ answer: ConferenceModified) -> [String] {
        answer.endpoints.first?.transport?.iceUDP?.webSockets ?? []
    }

    // MARK: Answers

    @Test("a wish for a data channel is answered with port and role, as the focus reads it")
    func dataChannel() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        let answer = try bridge.ask(TestBridge.modify("m", "create='true'", create("a")))
        #expect(answer.xmlElement.serialized().contains("<sctp port='5000' role='server'/>"))
        let text = String(decoding: answer.json.serialized(), as: UTF8.self)
        #expect(text.contains(#""sctp":{"port":5000,"role":"server"}"#))
        let plain = try bridge.ask(
            TestBridge.modify("m", "", create("b", transport: "<transport ice-controlling='true'/>")))
        #expect(plain.endpoints[0].transport?.sctp == nil)
        #expect(plain.endpoints[0].transport?.iceUDP != nil)
    }

    @Test("SSRC rewriting is what the capabilities say; names of media lines only come with it")
    func numbering() throws {
        let cases: [([String], SourceNumbering)] = [
            ([], .original), (["ssrc-rewriting"], .slots), (["rtp-mid-demux"], .original),
            (["rtp-mid-demux", "ssrc-rewriting"], .namedSlots), (["SSRC-rewriting", "else"], .original),
        ]
        for (names, numbering) in cases {
            var bridge = TestBridge()
            let capabilities = names.map { "<capability name='\($0)'/>" }.joined()
            _ = try bridge.ask(TestBridge.modify("m", "create='true'", TestBridge.create("a", capabilities)))
            let creation = bridge.lastOperations.compactMap { operation -> EndpointCreation? in
                if case .createEndpoint(let creation) = operation { creation } else { nil }
            }.first
            #expect(creation?.numbering == numbering, "\(names)")
        }
    }

    @Test("other ports and roles, and a bridge without data channels, are refused and leave nothing behind")
    func refusals() throws {
        let cases: [(sctp: String, enabled: Bool, condition: ColibriError.Condition)] = [
            ("<sctp port='6000'/>", true, .badRequest), ("<sctp role='client'/>", true, .featureNotImplemented),
            ("<sctp/>", false, .featureNotImplemented),
        ]
        for (sctp, enabled, condition) in cases {
            var bridge = TestBridge { $0.isSCTPEnabled = enabled }
            let refusal = try bridge.refusal(
                TestBridge.modify("m", "create='true'", create("a", transport: "<transport>\(sctp)</transport>")))
            #expect(refusal?.condition == condition, "\(sctp)")
            #expect(refusal?.reason == nil)
            #expect(bridge.channelChanges.isEmpty)
            #expect(!bridge.directory.hasConference(meetingID: "m"))
        }
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        let full = "<transport><sctp port='5000' role='server'/></transport>"
        #expect(try bridge.refusal(TestBridge.modify("m", "create='true'", create("a", transport: full))) == nil)
    }

    @Test("a data channel that is asked for later is answered likewise and told once, with whatever is said beside it")
    func laterDataChannel() throws {
        let later = "<endpoint id='a'><transport><sctp/></transport></endpoint>"
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        let plain = create("a", transport: "<transport ice-controlling='true'/>")
        #expect(try bridge.ask(TestBridge.modify("m", "create='true'", plain)).endpoints[0].transport?.sctp == nil)
        let number = try bridge.number(of: "a")
        var known = bridge.channelChanges.count
        for _ in 0..<2 {
            let transport = try bridge.ask(TestBridge.modify("m", "", later)).endpoints[0].transport
            #expect(transport?.sctp == SCTPDescription(role: "server", port: 5_000) && transport?.iceUDP == nil)
            #expect(bridge.channelChanges[known...] == [.dataChannelAdded(number)], "the second time it is there")
        }

        // With an ICE restart and with the client's half, which the worker has to do something for.
        _ = try bridge.ask(TestBridge.modify("m", "", create("b", transport: "<transport ice-controlling='true'/>")))
        let second = try bridge.number(of: "b")
        known = bridge.channelChanges.count
        let restart = "<endpoint id='b'><transport ice-restart='true'><sctp/></transport></endpoint>"
        let transport = try bridge.ask(TestBridge.modify("m", "", restart)).endpoints[0].transport
        #expect(transport?.sctp?.port == 5_000 && transport?.iceUDP?.ufrag != nil)
        #expect(bridge.channelChanges[known...] == [.dataChannelAdded(second)])
        let again = "<endpoint id='b'><transport ice-restart='true'/></endpoint>"
        let unasked = try bridge.ask(TestBridge.modify("m", "", again)).endpoints[0].transport
        #expect(unasked?.sctp == nil && unasked?.iceUDP != nil, "only whoever asks is answered")

        let refused: [(String, ColibriError.Condition)] = [
            ("port='6000'", .badRequest), ("role='client'", .featureNotImplemented),
        ]
        for (sctp, condition) in refused {
            let refusal = try bridge.refusal(
                TestBridge.modify("m", "", "<endpoint id='a'><transport><sctp \(sctp)/></transport></endpoint>"))
            #expect(refusal?.condition == condition)
        }
        var other = TestBridge()
        _ = try other.ask(TestBridge.modify("m", "create='true'", plain))
        #expect(try other.refusal(TestBridge.modify("m", "", later))?.condition == .featureNotImplemented)
    }

    @Test("an endpoint is told an address for each domain, in order; the password is its own and hard to guess")
    func webSockets() throws {
        var bridge = TestBridge {
            $0.webSocketPrefixes = Self.prefixes
            $0.isSCTPEnabled = true
        }
        let first = addresses(try bridge.ask(TestBridge.modify("m", "create='true'", create("a"))))
        let second = addresses(try bridge.ask(TestBridge.modify("m", "", create("78ab18e5"))))
        let localID = try #require(bridge.directory.summaries.first?.localID)
        #expect(first.count == 2)
        for (address, prefix) in zip(first, Self.prefixes) {
            #expect(address.hasPrefix("\(prefix)\(localID)/a?pwd="))
            let password = String(address.suffix(24))
            #expect(password.wholeMatch(of: /[A-Za-z0-9]{24}/) != nil)
            #expect(address == "\(prefix)\(localID)/a?pwd=\(password)")
        }
        #expect(first[0].suffix(24) == first[1].suffix(24))
        #expect(second[0].hasPrefix("\(Self.prefixes[0])\(localID)/78ab18e5?pwd="))
        #expect(first[0].suffix(24) != second[0].suffix(24))
        #expect((1...16).contains(localID.count) && localID.allSatisfy(\.isHexDigit))
        #expect(bridge.directory.conference(localID: localID) != nil)
        #expect(bridge.directory.conference(localID: "m") == nil)
    }

    @Test(
        "an id that is no plain path segment is escaped",
        arguments: [("a/b?c=é", "a%2Fb%3Fc%3D%C3%A9"), ("x.y_z~-", "x.y_z~-")])
    func escaping(id: String, segment: String) throws {
        var bridge = TestBridge {
            $0.webSocketPrefixes = [Self.prefixes[0]]
            $0.isSCTPEnabled = true
        }
        let address = try #require(addresses(try bridge.ask(TestBridge.modify("m", "create='true'", create(id)))).first)
        #expect(address.contains("/\(segment)?pwd="))
    }

    @Test("the answer carries addresses in XML and in JSON, and both are read again")
    func forms() throws {
        var bridge = TestBridge {
            $0.webSocketPrefixes = Self.prefixes
            $0.isSCTPEnabled = true
        }
        let answer = try bridge.ask(TestBridge.modify("m", "create='true'", create("a")))
        let again = try ConferenceModified(XMLDocument.parse(answer.xmlElement.serialized()))
        #expect(addresses(again) == addresses(answer) && addresses(answer).count == 2)
        #expect(try ConferenceModified(json: answer.json) == answer)
    }

    // MARK: What the channels' side is told

    @Test("conferences, endpoints and sources are told in their order, when the worker has them")
    func changes() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("m", "create='true'", create("a")))
        bridge.settle()
        #expect(bridge.channelChanges.isEmpty)
        bridge.runWorker()
        bridge.isWorkerSilent = false
        bridge.settle()
        let number = try bridge.number(of: "a")
        let conference = ConferenceNumber(1)
        guard bridge.channelChanges.count == 3, case .endpointAdded(let endpoint) = bridge.channelChanges[1] else {
            Issue.record("\(bridge.channelChanges)")
            return
        }
        #expect(bridge.channelChanges[0] == .conferenceAdded(conference))
        #expect(endpoint.number == number && endpoint.conference == conference && endpoint.id == "a")
        #expect(endpoint.usesSCTP && !endpoint.isVisitor && endpoint.password.utf8.count == 24)
        #expect(bridge.channelChanges[2] == .sourcesChanged(number, []))

        _ = try bridge.ask(
            TestBridge.modify(
                "m", "",
                "<endpoint id='a'><sources><media-source type='video' id='a-v0'>"
                    + "<source xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='7'/></media-source></sources>"
                    + "<initial-last-n value='3'/></endpoint>"))
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a'><initial-last-n value='5'/></endpoint>"))
        let source = SourceDescription(
            name: "a-v0", mediaType: .video, streams: [SourceStreamDescription(ssrc: 7)])
        #expect(
            bridge.channelChanges.suffix(3) == [
                .sourcesChanged(number, [source]), .initialLastN(number, 3), .initialLastN(number, 5),
            ])
    }

    @Test("the worker is told at once what holds until a client asks, so that no picture is given and taken away again")
    func initialPreferences() throws {
        let without = "<transport><transport xmlns='urn:xmpp:jingle:transports:ice-udp:1'/></transport>"
        for (transport, hasChannel) in [(Self.sctp, true), (without, false)] {
            var bridge = TestBridge { $0.isSCTPEnabled = true }
            try bridge.post(
                TestBridge.modify(
                    "m", "create='true'", create("a", transport: transport, "<initial-last-n value='3'/>")))
            bridge.settle()
            let created = bridge.lastOperations.compactMap { operation -> ReceiverPreferences? in
                if case .createEndpoint(let creation) = operation { creation.preferences } else { nil }
            }
            var expected = hasChannel ? ReceiverPreferences() : .everything
            expected.video.lastN = 3
            #expect(created == [expected])
        }
    }

    @Test("an id that ends and comes again at once is told as gone before it is told as new")
    func renewal() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        try bridge.start("m", "a", "b")
        let before = bridge.channelChanges.count
        let old = try bridge.number(of: "a")
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        try bridge.post(TestBridge.modify("m", "", create("a")))
        bridge.settle()
        let changes = bridge.channelChanges.dropFirst(before)
        #expect(changes.first == .endpointRemoved(old))
        guard case .endpointAdded(let endpoint)? = changes.dropFirst().first else {
            Issue.record("\(changes)")
            return
        }
        #expect(endpoint.number != old && endpoint.id == "a")
    }

    @Test("each end is told once: by request, by the worker, with the conference")
    func ends() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        try bridge.start("m", "a", "b", "c")
        let (a, b) = (try bridge.number(of: "a"), try bridge.number(of: "b"))
        let before = bridge.channelChanges.count
        _ = try bridge.ask(TestBridge.modify("m", "", "<endpoint id='a' expire='true'/>"))
        let conference = ConferenceNumber(1)
        bridge.tell(.endpointExpired(b, conference: conference, reason: .inactive))
        bridge.tell(.endpointExpired(b, conference: conference, reason: .inactive))
        let localID = try #require(bridge.directory.summaries.first?.localID)
        _ = try bridge.ask(TestBridge.modify("m", "expire='true'"))
        bridge.tell(.conferenceExpired(conference))
        #expect(
            Array(bridge.channelChanges.dropFirst(before)) == [
                .endpointRemoved(a), .endpointRemoved(b), .conferenceRemoved(conference),
            ])
        #expect(bridge.directory.conference(localID: localID) == nil)
    }

    @Test("the log tells when a channel opened, that one is missing, and never a password")
    func log() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        try bridge.start("m", "a")
        let number = try bridge.number(of: "a")
        bridge.pass(.milliseconds(500))
        bridge.tell(.dtlsConnected(number, profile: "p"))
        bridge.pass(.milliseconds(120))
        let count = bridge.events.count
        for note in [ChannelNote.opened(transport: "sctp"), .opened(transport: "websocket"), .behind, .missing] {
            bridge.directory.note(note, about: number, at: bridge.now)
        }
        bridge.directory.note(.closed(transport: "sctp"), about: number, at: bridge.now)
        bridge.directory.note(.missing, about: EndpointNumber(99), at: bridge.now)
        bridge.settle()
        let events = bridge.events.dropFirst(count)
        #expect(
            events.map(\.kind) == [
                .channelOpened(transport: "sctp", milliseconds: 120),
                .channelOpened(transport: "websocket", milliseconds: 620), .channelBehind, .channelMissing,
                .channelClosed(transport: "sctp"),
            ])
        #expect(events.map(\.severity) == [.debug, .debug, .debug, .warning, .debug])
        let lines = bridge.events.map { "\($0.message) \($0.metadata(redacts: false))" }.joined()
        guard case .endpointAdded(let endpoint)? = bridge.channelChanges.dropFirst().first else { return }
        #expect(!lines.contains(endpoint.password) && lines.contains("\"endpoint\", value: \"a\""))
    }

    @Test("what the worker refuses, or leaves unanswered, is not told")
    func failures() throws {
        var bridge = TestBridge { $0.isSCTPEnabled = true }
        bridge.worker.nextFailure = .full("endpoints")
        #expect(try bridge.refusal(TestBridge.modify("m", "create='true'", create("a"))) != nil)
        bridge.isWorkerSilent = true
        try bridge.post(TestBridge.modify("n", "create='true'", create("a")))
        bridge.settle()
        bridge.pass(.seconds(11 as Int64))
        #expect(bridge.replies.count == 2)
        #expect(bridge.channelChanges.isEmpty)
    }
}
