// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing
import XML

/// What the focus is told of an ICE restart (control-plane.md 4.5, T24). The worker's half is in `ConferencingTests`.
@Suite("Directory: ICE restart")
struct DirectoryRestartTests {
    private static let restart = "<endpoint id='a'><transport ice-restart='true'/></endpoint>"

    private func names(_ operations: [ShardOperation]) -> [String] {
        operations.map { String(describing: $0).split(separator: "(").first.map(String.init) ?? "" }
    }

    @Test("a restart is answered with a transport under the restart's number, candidates and fingerprint as ever")
    func answer() throws {
        var bridge = TestBridge { $0.webSocketPrefixes = ["wss://bridge.example.net/colibri-ws/jvb1/"] }
        _ = try bridge.ask(TestBridge.modify("m", "create='true' name='r@c.example.net'"))
        let created = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("a")))
        let first = try bridge.ask(TestBridge.modify("m", "", Self.restart))
        let transport = try #require(first.endpoints.first?.transport?.iceUDP)
        #expect(transport.generation == 1)
        #expect(transport.ufrag == "u1r1" && transport.password == "p1")
        #expect(transport.candidates.count == 1 && transport.fingerprints.count == 1 && transport.hasRTCPMux)
        #expect(transport.webSockets.count == 1)
        #expect(transport.webSockets == created.endpoints.first?.transport?.iceUDP?.webSockets)
        #expect(first.endpoints.first?.transport?.sctp == nil)
        #expect(first.sources == nil)
        #expect(names(bridge.lastOperations) == ["restartICE"])
        let second = try bridge.ask(TestBridge.modify("m", "", Self.restart))
        #expect(second.endpoints.first?.transport?.iceUDP?.generation == 2)
    }

    @Test("the restart comes after everything else that is said of the endpoint, and its transport is the answer")
    func order() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let answer = try bridge.ask(
            TestBridge.modify(
                "m", "",
                "<endpoint id='a'><transport ice-restart='true'>"
                    + "<transport xmlns='urn:xmpp:jingle:transports:ice-udp:1' ufrag='u' pwd='p'/></transport>"
                    + "<sources/><force-mute audio='true'/></endpoint>"))
        #expect(names(bridge.lastOperations) == ["updateEndpoint", "restartICE"])
        #expect(answer.endpoints.first?.transport?.iceUDP?.generation == 1)
    }

    @Test("a restart with a private-address capability is answered with the private candidates, as the create was")
    func privateCandidates() throws {
        var bridge = TestBridge { settings in
            settings.advertisesPrivateCandidates = false
            let address = CandidateDescription(type: "host", ip: "10.0.0.1", port: 10_000, priority: 1)
            settings.candidates.append(.init(address, isPrivate: true))
        }
        try bridge.start("m", "a")
        let capability = "<capability name='private-address-connectivity'/>"
        _ = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("b", capability)))
        func candidates(_ id: String) throws -> Int? {
            let element = "<endpoint id='\(id)'><transport ice-restart='true'/></endpoint>"
            let answer = try bridge.ask(TestBridge.modify("m", "", element))
            return answer.endpoints.first?.transport?.iceUDP?.candidates.count
        }
        #expect(try candidates("a") == 1)
        #expect(try candidates("b") == 2)
    }

    @Test("restarts are not possible: E4 now and later, and the focus makes the endpoint anew")
    func unavailable() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        let number = try bridge.number(of: "a")
        // The worker tells that the endpoint has ended before it answers.
        bridge.isWorkerSilent = true
        let token = try bridge.post(TestBridge.modify("m", "", Self.restart))
        bridge.settle()
        let conference = try #require(bridge.waiting.first?.conference)
        bridge.tell(.endpointExpired(number, conference: conference, reason: .noICERestart))
        bridge.worker.nextFailure = .unknownEndpoint(number)
        bridge.runWorker()
        bridge.settle()
        bridge.isWorkerSilent = false
        guard case .failure(let error)? = bridge.replies.last(where: { $0.token == token })?.result else {
            Issue.record("no error")
            return
        }
        #expect(error == .unknownEndpoint("a"))
        let element = error.xmlElement.serialized()
        #expect(element.contains("item-not-found") && element.contains("unknown_endpoint"))
        #expect(element.contains("<endpoint") && element.contains("id='a'") || element.contains("id=\"a\""))
        #expect(try bridge.refusal(TestBridge.modify("m", "", Self.restart)) == .unknownEndpoint("a"))
        #expect(bridge.directory.counts.endpoints == 1)
        let anew = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("a")))
        #expect(anew.endpoints.first?.transport?.iceUDP?.ufrag == "u3")
        #expect(bridge.events.contains { $0.kind == .endpointEnded(.noICERestart) && $0.endpointID == "a" })
    }

    @Test("an endpoint that ends by itself while its update is with the worker: E4, never an internal error")
    func expiresMeanwhile() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let number = try bridge.number(of: "a")
        bridge.isWorkerSilent = true
        let token = try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        bridge.settle()
        let conference = try #require(bridge.waiting.first?.conference)
        bridge.tell(.endpointExpired(number, conference: conference, reason: .inactive))
        bridge.worker.nextFailure = .unknownEndpoint(number)
        bridge.runWorker()
        bridge.settle()
        guard case .failure(let error)? = bridge.replies.last(where: { $0.token == token })?.result else {
            Issue.record("no error")
            return
        }
        #expect(error == .unknownEndpoint("a"))
        #expect(bridge.directory.hasConference(meetingID: "m"), "the rest of the meeting goes on")
    }

    @Test("a restart of an endpoint that was never there: E4")
    func unknown() throws {
        var bridge = TestBridge()
        try bridge.start("m", "b")
        #expect(try bridge.refusal(TestBridge.modify("m", "", Self.restart)) == .unknownEndpoint("a"))
    }

    @Test("how a restart ended is logged with its number")
    func log() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let number = try bridge.number(of: "a")
        for isConnected in [true, false] {
            bridge.tell(.iceRestartEnded(number, generation: 3, isConnected: isConnected))
            let event = try #require(bridge.events.last)
            #expect(event.message == (isConnected ? "ICE restarted" : "ICE restart failed"))
            #expect(event.metadata(redacts: true).contains { $0.key == "generation" && $0.value == "3" })
            #expect(event.endpointID == "a" && event.severity == .info)
        }
    }

    @Test(
        "recorded calls with restarts: every answer has the recorded structure, the WebSocket's address included",
        arguments: [("ice-restart", nil), ("bridge-killed", "bridge-1")] as [(String, String?)])
    func recorded(_ name: String, _ which: String?) throws {
        let recording = try Recording.load(name).stanzas.filter { $0.bridge == which }
        var bridge = TestBridge { $0.webSocketPrefixes = ["ws://198.51.100.20:9090/colibri-ws/jvb1/"] }
        var tagged = 0
        var seen = 0
        for stanza in recording where stanza.isToBridge {
            guard let request = stanza.element.elements.first, ConferenceModify.matches(request) else { continue }
            let recorded = try #require(
                recording.first { !$0.isToBridge && $0.element["id"] == stanza.element["id"] }?.element.elements.first)
            let answer = try bridge.ask(ConferenceModify(request))
            let ours = RecordedCallTests.lines(try XMLDocument.parse(answer.xmlElement.serialized()))
            #expect(ours == RecordedCallTests.lines(recorded))
            seen += 1
            if ours.contains(where: { $0.contains("ice-generation=") }) { tagged += 1 }
        }
        #expect(seen == (which == nil ? 13 : 8))
        #expect(tagged == (which == nil ? 2 : 1))
        // What the client answered goes to the worker under the same number.
        let updates = bridge.worker.requests.flatMap(\.operations).compactMap { operation -> UInt32? in
            guard case .updateEndpoint(_, _, let remote?) = operation else { return nil }
            return remote.generation
        }
        #expect(updates == (which == nil ? [1, 2] : [1]))
        #expect(bridge.worker.conferences.isEmpty)
    }

    @Test("recorded: a bridge that lost its memory knows no meeting, until the focus makes it anew under the same id")
    func killedAndRestarted() throws {
        let recording = try Recording.load("bridge-killed-and-restarted").stanzas
        // A new process: what came before the restart is forgotten.
        let requests = recording.filter { stanza in
            stanza.isToBridge && stanza.element.elements.first.map { ConferenceModify.matches($0) } == true
        }
        let start = try #require(
            requests.firstIndex { $0.element.elements.first?.serialized().contains("ice-restart") == true })
        var bridge = TestBridge()
        var outcomes: [String] = []
        for stanza in requests[start...] {
            let request = try #require(stanza.element.elements.first)
            let recorded = try #require(
                recording.first { !$0.isToBridge && $0.element["id"] == stanza.element["id"] }?.element)
            let token = bridge.post(try ConferenceModify(request))
            bridge.settle()
            switch try #require(bridge.replies.last { $0.token == token }).result {
            case .success: outcomes.append("result")
            case .failure(let error): outcomes.append(error.reason?.rawValue ?? error.condition.rawValue)
            }
            #expect((recorded["type"] == "result") == (outcomes.last == "result"))
        }
        #expect(outcomes == ["conference_not_found", "conference_not_found"] + Array(repeating: "result", count: 6))
    }
}
