// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import XMPP

@Suite("XMPP hostile server")
struct HostileServerTests {
    typealias Session = ScriptedSession

    /// Lines a server may say, in any order.
    private var lines: [String] {
        let session = Session()
        return [
            Session.header, Session.features + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
            Session.features + session.mechanisms("PLAIN", "SCRAM-SHA-1") + "</stream:features>",
            Session.features
                + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>",
            "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>cj0=</challenge>",
            "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "<enabled xmlns='urn:xmpp:sm:3' resume='true' id='r'/>", "<failed xmlns='urn:xmpp:sm:3'/>",
            "<resumed xmlns='urn:xmpp:sm:3' h='1'/>", "<a xmlns='urn:xmpp:sm:3' h='2'/>", "<r xmlns='urn:xmpp:sm:3'/>",
            session.ownPresence(), session.ownPresence(type: "unavailable", statuses: [110, 307]),
            session.ownPresence(statuses: [201, 110], items: ["a@b/c", "a@b/d"]),
            "<presence type='error' from='\(Session.own)'/>", "<iq/>", "<iq type='get' id='1'><a xmlns='u'/></iq>",
            "<iq type='get' id='1' from='\(Session.room)/f'><conference-modify xmlns='jitsi:colibri2'/></iq>",
            "<iq type='result' id='1' from='\(Session.room)'/>", "</stream:stream>", " ", "<message/>",
            "<iq type='set' id='2' from='\(Session.room)/f'>" + String(repeating: "<a>", count: 70)
                + String(repeating: "</a>", count: 70) + "</iq>",
            "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        ]
    }

    @Test("any lines in any order, damaged or not, at any time, neither trap nor stop the client")
    func anyOrder() {
        let lines = lines
        #expect(
            checkProperty(cases: 400) { random in
                let session = Session(random.next())
                session.client.setStatistics(Session.stats, at: session.now)
                switch random.int(in: 0...3) {
                case 0: session.connect()
                case 1: session.logIn()
                case 2: session.goOnline(resumptionID: "x")
                default: session.goOnline()
                }
                for _ in 0..<random.int(in: 1...40) {
                    step(session, lines, &random)
                    if session.nextTimeout == nil { return "the client waits for nothing" }
                }
                return nil
            } == nil)
    }

    private func step(_ session: Session, _ lines: [String], _ random: inout Random) {
        switch random.int(in: 0...11) {
        case 0: session.advance(.milliseconds(Int64(random.int(in: 0...20_000))))
        case 1: session.client.handleTLSEstablished(at: session.now)
        case 2: session.client.handleDisconnected("reset", at: session.now)
        case 3: session.client.handleConnected(nonce: random.bytes(18), at: session.now)
        case 4:
            let line = Array(lines[random.int(in: 0...lines.count - 1)].utf8)
            session.client.handle(mutate(line, using: &random).rawSpan, at: session.now)
        case 5:
            for case .request(let request) in session.takeEvents() {
                session.client.reply(to: request.token, with: nil, at: session.now)
            }
        default: session.server(lines[random.int(in: 0...lines.count - 1)])
        }
        session.drain()
    }

    @Test("a server that starts over in every way is survived for hours")
    func endless() {
        let session = Session()
        session.client.setStatistics(Session.stats, at: session.now)
        for round in 0..<200 {
            session.goOnline(resumptionID: round.isMultiple(of: 2) ? "x" : nil)
            session.client.handleDisconnected("reset", at: session.now)
            session.drain()
            session.advance(seconds: 2)
            // Not resumed: the next login binds anew.
            session.client.handleConnected(nonce: [1], at: session.now)
            session.server("</stream:stream>")
            session.advance(seconds: 12)
        }
        #expect(session.counters.disconnects >= 200)
    }
}
