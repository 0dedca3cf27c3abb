// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing
import XML
import XMPP

/// Colibri2 on its whole way: a focus in the brewery, a real Prosody, the bridge as a process (control-plane.md 10).
@Suite("Daemon: Colibri2 over Prosody", .needsProsody)
struct DaemonColibriTests {
    private static let colibri = "jitsi:colibri2"
    private static let iceUDP = "urn:xmpp:jingle:transports:ice-udp:1"
    private static let sourceNamespace = "urn:xmpp:jingle:apps:rtp:ssma:0"

    /// A focus and the bridge that it steers.
    private final class Scene {
        let bench: XMPPBench
        let focus: Party
        let daemon: Daemon

        init(_ bench: XMPPBench, _ focus: Party, _ daemon: Daemon) {
            (self.bench, self.focus, self.daemon) = (bench, focus, daemon)
        }

        /// Sends a request without waiting for the answer.
        func post(_ meeting: String, _ attributes: String = "", _ inside: String = "") throws -> String {
            try post(
                "<conference-modify xmlns='jitsi:colibri2' meeting-id='\(meeting)' \(attributes)>\(inside)"
                    + "</conference-modify>")
        }

        func post(_ xml: String, _ type: IQType = .get) throws -> String {
            focus.send(type, toOccupant: "via-1", try XMLDocument.parse(Array(xml.utf8)))
        }

        func outcome(of id: String) async throws -> IQOutcome? {
            _ = try await bench.wait(10) { self.focus.outcomes[id] != nil }
            return focus.outcomes[id]
        }

        /// The answer to a request that must succeed.
        func ask(_ meeting: String, _ attributes: String = "", _ inside: String = "") async throws -> XMLElement {
            try await answer(to: post(meeting, attributes, inside))
        }

        func answer(to id: String) async throws -> XMLElement {
            guard case .result(let answer?)? = try await outcome(of: id) else {
                throw SetupError(description: "no result: \(String(describing: focus.outcomes[id]))\n\(daemon.log)")
            }
            return answer
        }

        /// Condition, reason and endpoint of the refusal of a request that must fail.
        func refusal(_ meeting: String, _ attributes: String = "", _ inside: String = "") async throws -> [String?] {
            guard case .error(let error)? = try await outcome(of: post(meeting, attributes, inside)) else {
                throw SetupError(description: "no error\n\(daemon.log)")
            }
            let reason = error.extensions.first { $0.name == "error" }?["reason"]
            return [error.condition.rawValue, reason, error.extensions.first { $0.name == "endpoint" }?["id"]]
        }
    }

    private func scene(_ configuration: String = "", _ body: (Scene) async throws -> Void) async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let focus = bench.focus(port: prosody.port)
        try await withDaemon(Daemon.client(port: Int(prosody.port)) + "\n" + configuration) { daemon in
            guard try await bench.wait(until: { focus.isInRoom && focus.occupants["via-1"] != nil }) else {
                throw SetupError(description: "the bridge is not in the brewery\n\(daemon.log)")
            }
            try await body(Scene(bench, focus, daemon))
            #expect(daemon.isRunning)
        }
    }

    private static func create(_ id: String, _ inside: String = "") -> String {
        "<endpoint id='\(id)' create='true' stats-id='Ada'><transport ice-controlling='true'/><sources/>"
            + "<capability name='source-names'/>\(inside)</endpoint>"
    }

    private static let room = "create='true' name='demo@conference.example.net'"

    private static func ufrag(_ answer: XMLElement) -> String? {
        answer.child("endpoint", colibri)?.child("transport", colibri)?.child("transport", iceUDP)?["ufrag"]
    }

    private static func feedback(_ answer: XMLElement) -> [String?] {
        answer.child("sources", colibri)?.elements.map { $0.elements.first?["ssrc"] } ?? []
    }

    @Test("T9: a conference of two from create to end")
    func wholeCall() async throws {
        try await scene { scene in
            let first = try await scene.ask("m", Self.room, Self.create("a1b2c3d4"))
            let second = try await scene.ask("m", "", Self.create("e5f60718", "<force-mute audio='true'/>"))
            #expect(first.isNamed("conference-modified", Self.colibri))
            #expect(Self.feedback(first).count == 2 && !Self.feedback(first).contains(nil))
            #expect(Self.feedback(first) == Self.feedback(second))
            #expect(Self.ufrag(first) != nil && Self.ufrag(first) != Self.ufrag(second))
            let fingerprint = "F1" + String(repeating: ":F1", count: 31)
            let accepted = try await scene.ask(
                "m", "",
                """
                <endpoint id='a1b2c3d4'><transport><transport xmlns='\(Self.iceUDP)' ufrag='X/3f' pwd='\(Self.password)'>
                <fingerprint xmlns='urn:xmpp:jingle:apps:dtls:0' hash='sha-256' setup='active'>\(fingerprint)</fingerprint>
                <rtcp-mux/></transport></transport><sources/><initial-last-n value='10'/></endpoint>
                """)
            #expect(accepted.elements.map { $0["id"] } == ["a1b2c3d4"])
            #expect(accepted.elements.allSatisfy { $0.elements.isEmpty })
            let muted = try await scene.ask(
                "m", "",
                "<endpoint id='a1b2c3d4'><force-mute audio='true'/></endpoint>"
                    + "<endpoint id='e5f60718'><force-mute audio='true' video='true'/></endpoint>")
            #expect(muted.elements.map { $0["id"] } == ["a1b2c3d4", "e5f60718"])
            let left = try await scene.ask("m", "", "<endpoint id='e5f60718' expire='true'/>")
            #expect(left.elements.map { $0["expire"] } == ["true"])
            #expect(try await scene.ask("m", "expire='true'").elements.isEmpty)
            #expect(try await scene.refusal("m") == ["item-not-found", "conference_not_found", nil])
        }
    }

    private static let password = "nH2pW8mKd0s7GzVbT4yRcE+u"

    @Test("T10: requests sent back to back are answered in their order")
    func backToBack() async throws {
        try await scene { scene in
            let ids = [
                try scene.post("m", Self.room, Self.create("a")), try scene.post("m", "", Self.create("b")),
                try scene.post("m", "", "<endpoint id='a'><sources/></endpoint>"),
            ]
            for id in ids { _ = try await scene.answer(to: id) }
            let order = scene.focus.events.compactMap { event -> String? in
                if case .iqResult(let id, _) = event, ids.contains(id) { id } else { nil }
            }
            #expect(order == ids)
        }
    }

    @Test("T11: the same as a set, with foreign prefixes and with unknown children")
    func lenient() async throws {
        try await scene { scene in
            let plain = try scene.post(
                "<conference-modify xmlns='jitsi:colibri2' meeting-id='n' \(Self.room)>\(Self.create("a"))"
                    + "</conference-modify>", .set)
            let odd = try scene.post(
                """
                <c:conference-modify xmlns:c='jitsi:colibri2' future='1' meeting-id='m' \(Self.room)>
                <traceparent xmlns='jitsi:opentelemetry' trace_id='0'/><c:future><c:endpoint id='inner'/></c:future>
                <c:endpoint create='true' id='a' diarize='true'><c:capability name='source-names'/>
                <c:transport ice-controlling='true'><c:unknown/></c:transport><c:sources/></c:endpoint>
                </c:conference-modify>
                """)
            for id in [plain, odd] {
                let answer = try await scene.answer(to: id)
                #expect(answer.children("endpoint", Self.colibri).map { $0["id"] } == ["a"])
                #expect(Self.ufrag(answer) != nil)
                #expect(Self.feedback(answer).count == 2)
            }
        }
    }

    @Test("T12: each error of the catalogue has its condition, its reason and its endpoint")
    func catalogue() async throws {
        try await scene("viaduct.sigterm-grace = 10 s") { scene in
            #expect(try await scene.refusal("m") == ["item-not-found", "conference_not_found", nil], "E1")
            _ = try await scene.ask("m", Self.room, Self.create("a"))
            let name = Self.room
            let cases: [(String, String, String, String, String?, String?)] = [
                ("E2", "m", name, Self.create("b"), "conflict", "conference_already_exists"),
                ("E5a", "m", "", Self.create("a"), "conflict", nil),
                (
                    "E5b", "m", "", "<endpoint id='c' create='true'><capability name='source-names'/></endpoint>",
                    "bad-request", nil
                ),
                ("E5c", "m", "", "<endpoint id='c' create='true'><transport/></endpoint>", "bad-request", nil),
                (
                    "E5d", "m", "",
                    Self.create("c", "").replacing(
                        "<transport ice-controlling='true'/>", with: "<transport><sctp port='6000'/></transport>"),
                    "bad-request", nil
                ),
                ("E6", "n", "create='true' name='no jid'", Self.create("a"), "bad-request", nil),
                (
                    "E7", "m", "", Self.create("c") + "<relay id='r' create='true'/>", "feature-not-implemented",
                    "feature_not_implemented"
                ),
                (
                    "E8", "m", "",
                    Self.create("c").replacing(
                        "<transport ice-controlling='true'/>",
                        with: "<transport><sctp role='client'/></transport>"),
                    "feature-not-implemented", nil
                ),
            ]
            for (which, meeting, attributes, inside, condition, reason) in cases {
                let refusal = try await scene.refusal(meeting, attributes, inside)
                #expect(refusal == [condition, reason, nil], "\(which)")
            }
            let unknown = try await scene.refusal("m", "", "<endpoint id='x'><transport/></endpoint>")
            #expect(unknown == ["item-not-found", "unknown_endpoint", "x"], "E4")
            // The meeting keeps the bridge serving for the grace, in which new ones are refused.
            kill(scene.daemon.processIdentifier, SIGTERM)
            #expect(try await scene.daemon.waitForLog("Stopping"))
            let late = try await scene.refusal("late", name, Self.create("a"))
            #expect(late == ["service-unavailable", "graceful_shutdown", nil], "E3")
        }
    }

    @Test("a data channel is offered to whom Jicofo asks one for, unless the configuration says no")
    func dataChannel() async throws {
        let wish = Self.create("a").replacing(
            "<transport ice-controlling='true'/>", with: "<transport ice-controlling='true'><sctp/></transport>")
        try await scene { scene in
            let answer = try await scene.ask("m", Self.room, wish)
            let endpoint = try #require(answer.children("endpoint", Self.colibri).first)
            let offer = try #require(endpoint.child("transport", Self.colibri)?.child("sctp", Self.colibri))
            #expect(offer["port"] == "5000" && offer["role"] == "server")
        }
        try await scene("videobridge.sctp.enabled = false") { scene in
            let refusal = try await scene.refusal("m", Self.room, wish)
            #expect(refusal == ["feature-not-implemented", nil, nil])
        }
    }

    @Test("T16, T18: the end of the last endpoint is the conference's; expire and create back to back make anew")
    func endings() async throws {
        try await scene { scene in
            let old = try await scene.ask("m", Self.room, Self.create("b") + "")
            _ = try await scene.ask("m", "", Self.create("a"))
            let expiry = try scene.post("m", "", "<endpoint id='b' expire='true'/>")
            let again = try scene.post("m", "", Self.create("b"))
            _ = try await scene.answer(to: expiry)
            let new = try await scene.answer(to: again)
            #expect(Self.ufrag(new) != nil && Self.ufrag(new) != Self.ufrag(old))

            let end = try scene.post("m", "expire='true'")
            let anew = try scene.post("m", Self.room, Self.create("a"))
            _ = try await scene.answer(to: end)
            let made = try await scene.answer(to: anew)
            #expect(Self.feedback(made).count == 2)

            _ = try await scene.ask("m", "", "<endpoint id='a' expire='true'/>")
            let gone = try await scene.refusal("m", "", Self.create("a"))
            #expect(gone == ["item-not-found", "conference_not_found", nil])
        }
    }

    @Test("T32: the largest SSRC, a source without one, and an empty list are taken")
    func sources() async throws {
        try await scene { scene in
            _ = try await scene.ask("m", Self.room, Self.create("a"))
            let source = "<source xmlns='\(Self.sourceNamespace)'"
            for sources in [
                "<media-source type='video' id='a-v0'>\(source) ssrc='4294967295' name='a-v0'/></media-source>",
                "<media-source type='video' id='a-v0'>\(source) name='a-v0'/></media-source>",
                "",
            ] {
                let answer = try await scene.ask("m", "", "<endpoint id='a'><sources>\(sources)</sources></endpoint>")
                #expect(answer.elements.map { $0["id"] } == ["a"])
            }
        }
    }

    @Test("T17: a conference that nobody enters is gone after a while")
    func nobodyEnters() async throws {
        try await scene("videobridge.entity-expiration.check-interval = 200 ms") { scene in
            let made = try await scene.ask("m", Self.room)
            #expect(Self.feedback(made).count == 2)
            #expect(try await scene.daemon.waitForLog("conference ended", seconds: 90))
            #expect(try await scene.refusal("m") == ["item-not-found", "conference_not_found", nil])
        }
    }
}
