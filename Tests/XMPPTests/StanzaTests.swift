// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import XML

@testable import XMPP

@Suite("XMPP stanzas")
struct StanzaTests {
    typealias Session = ScriptedSession
    private let focus = Session.room + "/focus"

    private func iq(_ payload: String, from: String? = nil, type: String = "get", id: String = "i1") -> String {
        "<iq type='\(type)' id='\(id)' xml:lang='en' from='\(from ?? focus)' to='\(Session.jid)'>\(payload)</iq>"
    }

    private func online(_ change: (inout XMPPSettings) -> Void = { _ in }) -> Session {
        let session = Session(1, change)
        session.goOnline()
        return session
    }

    @Test("a health check is answered at once, as get and as set")
    func healthCheck() {
        let session = online()
        let id = "anZiQGF1dGguZXhhbXBsZS5uZXQvdmlhLTEtN2MyZgBIQy0xMgCdCTf5mz+RpA=="
        for type in ["get", "set"] {
            session.server(iq("<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>", type: type, id: id))
            #expect(session.takeWritten() == "<iq type='result' id='\(id)' to='\(focus)'/>")
        }
        session.client.healthFailure = "UDP socket lost"
        session.server(iq("<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>"))
        #expect(
            session.takeWritten()
                == "<iq type='error' id='i1' to='\(focus)'><error type='cancel'>"
                + "<internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"
                + "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>UDP socket lost</text></error></iq>")
    }

    @Test("a request too complex to read is refused; the stream goes on, and the server's count stays right")
    func tooComplex() {
        let session = Session()
        session.goOnline(resumptionID: "r")
        let deep = String(repeating: "<a>", count: 80) + String(repeating: "</a>", count: 80)
        let wide = "<a" + (0..<200).map { " k\($0)='v'" }.joined() + "/>"
        for payload in [deep, wide] {
            session.server(iq(payload))
            let refusal = "<iq type='error' id='i1' to='\(focus)'><error type='modify'><bad-request "
            #expect(session.takeWritten().contains(refusal))
            session.server("<message><body>\(payload)</body></message>")
            session.server(iq(payload, type: "result"))
            #expect(!session.takeWritten().contains("<iq"))
        }
        session.server("<r xmlns='urn:xmpp:sm:3'/>")
        // Our own presence came first.
        #expect(session.takeWritten().hasSuffix("<a xmlns='urn:xmpp:sm:3' h='7'/>"))
        #expect(session.counters.malformedStanzas == 6)
        #expect(session.takeEvents().isEmpty)
    }

    @Test("a stream of too many names is left without a goodbye, after its last stanza, and the session resumed")
    func tooManyNames() {
        let session = Session()
        session.goOnline(resumptionID: "r")
        let names = (0...65_536).map { "<n\($0)/>" }.joined()
        session.server(iq("<a>\(names)</a>", type: "set"))
        let written = session.takeWritten()
        #expect(written.contains("<iq type='error' id='i1'") && !written.contains("</stream:stream>"))
        guard case .disconnected(.connectionLost, _)? = session.takeEvents().last else {
            return #expect(Bool(false), "no disconnect")
        }
        session.advance(seconds: 2)
        session.logIn()
        _ = session.takeWritten()
        session.server(
            Session.header + Session.features + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"
                + "<sm xmlns='urn:xmpp:sm:3'/></stream:features>")
        #expect(session.takeWritten().contains("<resume xmlns='urn:xmpp:sm:3' h='2' previd='r'/>"))
    }

    @Test("senders that are no occupants of a configured room are refused, whatever the case of the address")
    func senders() {
        let session = online()
        let check = "<healthcheck xmlns='http://jitsi.org/protocol/healthcheck'/>"
        for from in [
            "focus@auth.example.net/x", "brewery@elsewhere.example.net/focus", "brewery@muc.example.net.evil/focus",
        ] {
            session.server(iq(check, from: from))
            #expect(session.takeWritten().contains("<error type='auth'><forbidden "))
        }
        session.server("<iq type='get' id='i1'>\(check)</iq>")
        #expect(session.takeWritten().hasPrefix("<iq type='error' id='i1'><error type='auth'><forbidden "))
        #expect(session.counters.forbiddenRequests == 4)
        session.server(iq(check, from: "BREWERY@muc.Example.net/focus"))
        #expect(session.takeWritten().hasPrefix("<iq type='result'"))
    }

    @Test("ping, version, disco and time are answered to anyone")
    func library() {
        let session = online { $0.software = SoftwareVersion(name: "JVB", version: "1.2", operatingSystem: "Linux") }
        let anyone = "somebody@auth.example.net/x"
        session.server(iq("<ping xmlns='urn:xmpp:ping'/>", from: anyone))
        #expect(session.takeWritten() == "<iq type='result' id='i1' to='\(anyone)'/>")
        session.server(iq("<query xmlns='jabber:iq:version'/>", from: anyone))
        #expect(session.takeWritten().contains("<name>JVB</name><version>1.2</version><os>Linux</os>"))
        session.server(iq("<query xmlns='http://jabber.org/protocol/disco#info'/>", from: anyone))
        let disco = session.takeWritten()
        for feature in [
            "http://jitsi.org/protocol/healthcheck", "urn:xmpp:jingle:apps:dtls:0",
            "urn:xmpp:jingle:transports:ice-udp:1", "jabber:iq:version",
        ] {
            #expect(disco.contains("<feature var='\(feature)'/>"))
        }
        #expect(disco.contains("<identity category='client' type='pc' name='JVB'/>"))
        session.client.setWallClock(milliseconds: 1_787_297_405_250, at: session.now)
        session.server(iq("<time xmlns='urn:xmpp:time'/>", from: anyone))
        #expect(session.takeWritten().contains("<tzo>+00:00</tzo><utc>2026-08-21T07:30:05.250Z</utc>"))
    }

    @Test("dates of leap years, of the epoch and beyond are right")
    func dates() {
        #expect(UTCDate(milliseconds: 0).text == "1970-01-01T00:00:00.000Z")
        #expect(UTCDate(milliseconds: 951_782_400_000).text == "2000-02-29T00:00:00.000Z")
        #expect(UTCDate(milliseconds: 1_709_251_199_999).text == "2024-02-29T23:59:59.999Z")
        #expect(UTCDate(milliseconds: 4_107_542_400_000).text == "2100-03-01T00:00:00.000Z")
        #expect(UTCDate(milliseconds: .max).text == "9999-12-31T23:59:59.999Z")
    }

    @Test("unknown payloads, shutdown requests and broken requests get their errors; answers and messages get nothing")
    func refusals() {
        let session = online()
        session.server(iq("<what xmlns='urn:unknown'/>"))
        #expect(
            session.takeWritten()
                == "<iq type='error' id='i1' to='\(focus)'><error type='cancel'>"
                + "<feature-not-implemented xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
        for name in ["graceful-shutdown", "force-shutdown"] {
            session.server(iq("<\(name) xmlns='http://jitsi.org/protocol/colibri'/>"))
            #expect(session.takeWritten().contains("<error type='cancel'><service-unavailable "))
        }
        for payload in ["", "<a xmlns='urn:a'/><b xmlns='urn:b'/>"] {
            session.server(iq(payload))
            #expect(session.takeWritten().contains("<error type='modify'><bad-request "))
        }
        session.server("<message from='\(focus)' type='error'><body>x</body></message>")
        session.server("<message from='\(focus)' type='groupchat'><subject/></message>")
        session.server("<presence from='\(focus)' type='error'/><presence from='nobody@example.net' type='subscribe'/>")
        session.server(iq("<x xmlns='urn:x'/>", type: "result"))
        session.server(iq("", type: "error"))
        session.server("<iq type='get' from='\(focus)'><ping xmlns='urn:xmpp:ping'/></iq>")
        session.server("<iq type='strange' id='1' from='\(focus)'/>")
        session.server("<unknown xmlns='urn:unknown'/>")
        #expect(session.takeWritten() == "")
        #expect(session.isOnline)
        #expect(session.takeEvents().isEmpty)
    }

    @Test("colibri requests go to the owner, and the answer goes back with the id as it was")
    func owner() {
        let session = online()
        let payload = "<conference-modify xmlns='jitsi:colibri2' meeting-id='m'/>"
        let id = String(repeating: "Ab+/=", count: 100)
        session.server(iq(payload, id: id) + iq(payload, type: "set", id: "second"))
        let requests: [IQRequest] = session.takeEvents().compactMap { if case .request(let r) = $0 { r } else { nil } }
        #expect(requests.map { $0.id } == [id, "second"])
        #expect(requests[0].payload["meeting-id"] == "m")
        #expect(requests[0].from == focus)
        session.client.reply(
            to: requests[0].token, with: XMLElement("conference-modified", "jitsi:colibri2"), at: session.now)
        session.drain()
        #expect(
            session.takeWritten()
                == "<iq type='result' id='\(id)' to='\(focus)'><conference-modified xmlns='jitsi:colibri2'/></iq>")
        let error = StanzaError(
            .itemNotFound, text: "gone",
            extensions: [XMLElement("error", "jitsi:colibri2", attributes: ["reason": "conference-not-found"])])
        session.client.reply(to: requests[1].token, with: error, at: session.now)
        session.drain()
        let text = session.takeWritten()
        #expect(text.contains("<error type='cancel'><item-not-found "))
        #expect(text.contains("<error xmlns='jitsi:colibri2' reason='conference-not-found'/></error></iq>"))
    }

    @Test("an answer that is larger than the server takes becomes an error")
    func oversized() {
        let session = online()
        session.server(iq("<conference-modify xmlns='jitsi:colibri2'/>"))
        guard case .request(let request)? = session.takeEvents().last else { return #expect(Bool(false)) }
        let big = XMLElement("x", "jitsi:colibri2", text: String(repeating: "x", count: XMPPLimits.outgoingStanzaBytes))
        session.client.reply(to: request.token, with: big, at: session.now)
        session.drain()
        #expect(session.takeWritten().contains("<error type='wait'><resource-constraint "))
        #expect(session.counters.oversizedStanzas == 1)
    }

    @Test("own requests end with a result, an error, or the limit of time; others cannot answer for the peer")
    func ownRequests() {
        let session = online()
        func send() -> String {
            let id = session.client.sendIQ(type: .get, to: focus, payload: XMLElement("q", "urn:q"), at: session.now)
            session.drain()
            return id
        }
        let first = send()
        #expect(session.takeWritten() == "<iq type='get' id='\(first)' to='\(focus)'><q xmlns='urn:q'/></iq>")
        session.server("<iq type='result' id='\(first)' from='\(Session.room)/mallory'><q xmlns='urn:q'/></iq>")
        #expect(session.takeEvents().isEmpty)
        session.server("<iq type='result' id='\(first)' from='\(focus)'><q xmlns='urn:q'/></iq>")
        session.server("<iq type='result' id='\(first)' from='\(focus)'><q xmlns='urn:q'/></iq>")
        #expect(session.takeEvents() == [.iqResult(id: first, .result(XMLElement("q", "urn:q")))])
        let second = send()
        session.server(
            "<iq type='error' id='\(second)' from='\(focus)'><q xmlns='urn:q'/><error type='cancel'>"
                + "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><error xmlns='jitsi:colibri2' reason='r'/>"
                + "</error></iq>")
        guard case .iqResult(second, .error(let error))? = session.takeEvents().last else {
            return #expect(Bool(false))
        }
        #expect(error.condition == .itemNotFound)
        #expect(error.extensions.first?["reason"] == "r")
        let third = send()
        session.advance(seconds: 10)
        #expect(session.takeEvents().contains(.iqResult(id: third, .timeout)))
        let fourth = send()
        session.client.handleDisconnected("reset", at: session.now)
        session.drain()
        #expect(session.takeEvents().contains(.iqResult(id: fourth, .disconnected)))
        let fifth = send()
        #expect(session.takeEvents().contains(.iqResult(id: fifth, .disconnected)))
    }
}
