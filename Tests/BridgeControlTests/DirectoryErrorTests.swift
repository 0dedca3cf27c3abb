// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Primitives
import ShardMessages
import Testing

@Suite("Directory: the error catalogue")
struct DirectoryErrorTests {
    @Test("E1: an unknown meeting, also to expire it")
    func unknownMeeting() throws {
        var bridge = TestBridge()
        let expected = ColibriError(.itemNotFound, "no meeting m", reason: .conferenceNotFound)
        #expect(try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("a"))) == expected)
        #expect(try bridge.refusal(TestBridge.modify("m", "expire='true'")) == expected)
    }

    @Test("E2: create of a meeting that exists")
    func meetingExists() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let error = try bridge.refusal(TestBridge.modify("m", "create='true'", TestBridge.create("b")))
        #expect(error == ColibriError(.conflict, reason: .conferenceAlreadyExists))
        #expect(bridge.worker.conferences.count == 1)
    }

    @Test("T19, E3: during a graceful shutdown old conferences go on and grow, new ones are refused")
    func gracefulShutdown() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.directory.beginGracefulShutdown(at: bridge.now)
        let error = try bridge.refusal(TestBridge.modify("n", "create='true'"))
        #expect(error == ColibriError(.serviceUnavailable, reason: .gracefulShutdown))
        #expect(try bridge.ask(TestBridge.modify("m", "", TestBridge.create("b"))).endpoints.count == 1)
    }

    @Test("T20, E3: while shutting down creates are refused too")
    func shuttingDown() throws {
        var bridge = TestBridge()
        bridge.directory.beginShutdown(at: bridge.now)
        #expect(try bridge.refusal(TestBridge.modify("n", "create='true'"))?.reason == .gracefulShutdown)
    }

    @Test("E4: an update of an endpoint that the worker lost meanwhile")
    func lostEndpoint() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        bridge.worker.nextFailure = .unknownEndpoint(try bridge.number(of: "a"))
        #expect(
            try bridge.refusal(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
                == ColibriError(.itemNotFound, reason: .unknownEndpoint, endpointID: "a")
        )
        #expect(bridge.directory.counts.endpoints == 1)
    }

    @Test("E4: an endpoint that ended by itself is unknown; its end was silent")
    func expiredEndpoint() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        let replies = bridge.replies.count
        bridge.tell(
            .endpointExpired(try bridge.number(of: "a"), conference: ConferenceNumber(1), reason: .iceFailed)
        )
        #expect(bridge.replies.count == replies)
        #expect(
            bridge.events.contains(
                DirectoryEvent(
                    .endpointEnded(.iceFailed), meetingID: "m", name: "r@c.example.net", endpointID: "a",
                    statsID: "Ada")
            )
        )
        let error = try bridge.refusal(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        #expect(error == .unknownEndpoint("a"))
    }

    @Test("muting goes on for the rest when the worker lost one of the endpoints")
    func lenientRace() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a", "b")
        let lost = try bridge.number(of: "a")
        bridge.worker.nextFailure = .unknownEndpoint(lost)
        let answer = try bridge.ask(
            TestBridge.modify(
                "m", "",
                "<endpoint id='a'><force-mute audio='true'/></endpoint>"
                    + "<endpoint id='b'><force-mute audio='true'/></endpoint>"
            )
        )
        #expect(answer.endpoints == [EndpointModified(id: "a"), EndpointModified(id: "b")])
        #expect(bridge.lastOperations.count == 1)
    }

    @Test("E5a: create of an endpoint that exists")
    func endpointExists() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let error = try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("a")))
        #expect(error == ColibriError(.conflict, "endpoint a is present"))
    }

    @Test(
        "E5b–d, E6, E7, E8: each has its condition and reason, and nothing stays behind",
        arguments: [
            ("", "<endpoint id='a' create='true'><capability name='source-names'/></endpoint>", "bad-request", nil),
            ("", "<endpoint id='a' create='true'><transport/></endpoint>", "bad-request", nil),
            (
                "",
                "<endpoint id='a' create='true'><transport><sctp port='6000'/></transport>"
                    + "<capability name='source-names'/></endpoint>", "bad-request", nil
            ),
            (
                "",
                "<endpoint id='a' create='true'><transport><sctp role='client'/></transport>"
                    + "<capability name='source-names'/></endpoint>", "feature-not-implemented", nil
            ),
            (
                "",
                "<endpoint id='a' create='true'><transport><sctp/></transport>"
                    + "<capability name='source-names'/></endpoint>", "feature-not-implemented", nil
            ),
            ("name='no jid'", TestBridge.create("a"), "bad-request", nil),
            ("name='r@c.example.net/resource'", TestBridge.create("a"), "bad-request", nil),
            (
                "", TestBridge.create("a") + "<relay id='r' create='true'/>", "feature-not-implemented",
                "feature_not_implemented"
            ),
            ("", TestBridge.create("a") + TestBridge.create("b"), "feature-not-implemented", "feature_not_implemented"),
            (
                "", "<relay id='r' create='true'/><relay id='s' create='true'/>", "feature-not-implemented",
                "feature_not_implemented"
            ),
            ("", "<relay id='r' create='true'><transport/></relay>", "feature-not-implemented", nil),
        ] as [(String, String, String, String?)]
    )
    func catalogue(attributes: String, inside: String, condition: String, reason: String?) throws {
        var bridge = TestBridge()
        let error = try bridge.refusal(TestBridge.modify("m", "create='true' \(attributes)", inside))
        #expect(error?.condition.rawValue == condition)
        #expect(error?.reason?.rawValue == reason)
        #expect(error?.endpointID == nil)
        #expect(error?.text?.isEmpty == false)
        // Jicofo's retry must not run into E2.
        #expect(bridge.worker.requests.isEmpty)
        #expect(!bridge.directory.hasConference(meetingID: "m"))
        #expect(bridge.directory.counts.totalConferencesCreated == 0)
        #expect(try bridge.ask(TestBridge.modify("m", "create='true'", TestBridge.create("a"))).endpoints.count == 1)
    }

    @Test("T34: a visitor with sources is a bad request, without it is made as a visitor")
    func visitors() throws {
        let source = "<sources><media-source type='audio' id='s'/></sources>"
        var bridge = TestBridge()
        try bridge.start("m", "a")
        let wrong =
            "<endpoint id='v' create='true' muc-role='visitor'><transport/>\(source)"
            + "<capability name='source-names'/></endpoint>"
        #expect(try bridge.refusal(TestBridge.modify("m", "", wrong))?.condition == .badRequest)
        _ = try bridge.ask(TestBridge.modify("m", "", TestBridge.create("v", attributes: "muc-role='visitor'")))
        guard case .createEndpoint(let creation)? = bridge.lastOperations.first else {
            Issue.record("no create reached the worker")
            return
        }
        #expect(creation.isVisitor)
        #expect(bridge.directory.counts.visitors == 1)
        let later = try bridge.refusal(TestBridge.modify("m", "", "<endpoint id='v'>\(source)</endpoint>"))
        #expect(later?.condition == .badRequest)
    }

    @Test("a full table of the worker undoes the conference that the request made")
    func fullWorker() throws {
        var bridge = TestBridge()
        bridge.worker.nextFailure = .full("endpoints")
        let error = try bridge.refusal(TestBridge.modify("m", "create='true'", TestBridge.create("a")))
        #expect(error == .limitReached("the media worker's table of endpoints is full"))
        #expect(!bridge.directory.hasConference(meetingID: "m"))
    }

    @Test("E9: a worker that forgets a transport leaves no half-made endpoint")
    func missingTransport() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.worker.forgetsTransports = true
        let error = try bridge.refusal(TestBridge.modify("m", "", TestBridge.create("b")))
        #expect(error?.condition == .internalServerError)
        #expect(bridge.worker.conferences.values.first?.values.map(\.self) == ["a"])
        #expect(bridge.directory.counts.endpoints == 1)
    }

    @Test("E1: when the worker lost the conference, all who wait hear it")
    func lostConference() throws {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        bridge.worker.nextFailure = .unknownConference
        try bridge.post(TestBridge.modify("m", "", "<endpoint id='a'><sources/></endpoint>"))
        try bridge.post(TestBridge.modify("m", "", TestBridge.create("b")))
        bridge.settle()
        for reply in bridge.replies.suffix(2) {
            #expect(throws: ColibriError.unknownConference("m")) { try reply.result.get() }
        }
    }
}
