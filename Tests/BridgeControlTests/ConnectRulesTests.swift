// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Colibri
import Testing

@Suite("Media exports")
struct ConnectRulesTests {
    private func request(_ connects: String) -> String {
        TestBridge.modify("m", "", "<connects>\(connects)</connects>")
    }

    private func bridge() throws -> TestBridge {
        var bridge = TestBridge()
        try bridge.start("m", "a")
        return bridge
    }

    private let create =
        "<connect id='t' create='true' type='transcriber' protocol='mediajson' audio='true' url='wss://x/secret'/>"

    @Test("an export is accepted and reported, without its address")
    func accepted() throws {
        var bridge = try bridge()
        #expect(try bridge.ask(request(create)) == ConferenceModified())
        let event = DirectoryEvent(.exportIgnored(connect: "t"), meetingID: "m", name: "r@c.example.net")
        #expect(bridge.events.contains(event))
        #expect(!bridge.events.contains { "\($0)".contains("secret") })
    }

    @Test(
        "T33: the rules of the delta list",
        arguments: [
            ("<connect id='t' create='true' audio='true' url='wss://y'/>", "bad-request"),
            ("<connect id='u' audio='true' url='wss://y'/>", "bad-request"),
            ("<connect id='u' expire='true' url='wss://y'/>", nil),
            ("<connect id='u' create='true' video='true' url='wss://y'/>", "feature-not-implemented"),
            ("<connect id='u' create='true' protocol='raw' url='wss://y'/>", "feature-not-implemented"),
            (
                "<connect id='t' type='transcriber' audio='true' url='wss://x/secret'><exports>"
                    + "<export name='s'/></exports></connect>",
                nil
            ),
            ("<connect id='t' type='transcriber' audio='true' url='wss://other'/>", "feature-not-implemented"),
            ("<connect id='t' type='recorder' audio='true' url='wss://x/secret'/>", "feature-not-implemented"),
            (
                "<connect id='u' create='true' url='wss://y'/><connect id='u' create='true' url='wss://y'/>",
                "bad-request"
            ),
            (
                "<connect id='u' expire='true' url='wss://y'/><connect id='u' expire='true' url='wss://y'/>",
                "bad-request"
            ),
            ("<connect id='t' expire='true' url='wss://y'/><connect id='t' create='true' url='wss://y'/>", nil),
            ("<connect id='t' expire='true' url='wss://y'/><connect id='t' url='wss://y'/>", "bad-request"),
            ("<connect audio='true' url='wss://old-style'/>", nil),
        ] as [(String, String?)]
    )
    func rules(connects: String, condition: String?) throws {
        var bridge = try bridge()
        _ = try bridge.ask(request(create))
        let error = try bridge.refusal(request(connects))
        #expect(error?.condition.rawValue == condition)
        #expect(error?.reason == (condition == "feature-not-implemented" ? .featureNotImplemented : nil))
    }

    @Test("a list with one mistake changes nothing")
    func allOrNothing() throws {
        var bridge = try bridge()
        let mistake = "<connect id='u' create='true' video='true' url='wss://y'/>"
        #expect(try bridge.refusal(request(create + mistake)) != nil)
        #expect(try bridge.ask(request(create)) == ConferenceModified())
    }
}
