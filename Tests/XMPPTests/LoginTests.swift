// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import XML

@testable import XMPP

@Suite("XMPP login")
struct LoginTests {
    typealias Session = ScriptedSession

    @Test("the way from TCP to the first statistics in the room")
    func wholeWay() {
        let session = Session()
        session.client.setStatistics(Session.stats, at: session.now)
        session.connect()
        #expect(session.takeActions() == [.openConnection(host: "xmpp.example.net", port: 5222)])
        #expect(session.takeWritten().contains("<stream:stream to='auth.example.net' version='1.0'"))
        session.server(
            Session.header + Session.features
                + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"
                + "</stream:features>")
        #expect(session.takeWritten() == "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        session.server("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
        #expect(
            session.takeActions() == [
                .startTLS(serverName: "auth.example.net", verifiesCertificate: true, authoritiesFile: nil)
            ])
        session.client.handleTLSEstablished(at: session.now)
        session.drain()
        #expect(session.takeWritten().contains("<stream:stream "))
        session.server(Session.header + Session.features + session.mechanisms("PLAIN") + "</stream:features>")
        #expect(
            session.takeWritten()
                == "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp2YgBzZWNyZXQ=</auth>")
        session.server("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        #expect(session.takeWritten().contains("<stream:stream "))
        session.server(
            Session.header + Session.features
                + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><session xmlns='urn:ietf:params:xml:ns:xmpp-session'>"
                + "<optional/></session><limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>1</max-bytes></limits>"
                + "</stream:features>")
        let resource = session.client.settings.resource
        #expect(resource.hasPrefix("via-1-") && resource.utf8.count == "via-1-".utf8.count + 8)
        session.answerBind()
        #expect(session.takeEvents() == [.online(jid: Session.jid, isResumed: false, isEncrypted: true)])
        let join = session.takeWritten()
        #expect(join.hasPrefix("<presence/><presence to='Brewery@muc.example.net/via-1' id='"))
        #expect(join.contains("<x xmlns='http://jabber.org/protocol/muc'><history maxstanzas='0'/></x>"))
        session.join()
        #expect(session.takeEvents() == [.joined(room: "Brewery@muc.example.net")])
        #expect(
            session.takeWritten()
                == "<presence to='Brewery@muc.example.net/via-1'><priority>0</priority>"
                + "<stats xmlns='http://jitsi.org/protocol/colibri'><stat name='healthy' value='true'/>"
                + "<stat name='drain' value='false'/><stat name='stress_level' value='0.1'/></stats></presence>")
    }

    @Test("the resource depends on block and nickname and on nothing else")
    func resource() {
        func resource(_ id: String, _ nickname: String) -> String {
            XMPPSettings(id: id, host: "h", username: "u", password: "p", rooms: [], nickname: nickname).resource
        }
        #expect(resource("a", "n") == resource("a", "n"))
        #expect(resource("a", "n") != resource("b", "n"))
        #expect(resource("a", "n") != resource("a", "m"))
    }

    @Test("TLS is expected of other machines, welcome on this one")
    func securityDefault() {
        func mode(_ host: String) -> SecurityMode {
            XMPPSettings(id: "a", host: host, username: "u", password: "p", rooms: [], nickname: "n").security
        }
        #expect(mode("localhost") == .ifPossible)
        #expect(mode("127.0.0.1") == .ifPossible)
        #expect(mode("::1") == .ifPossible)
        #expect(mode("xmpp.example.net") == .required)
    }

    @Test("no TLS offered: required gives up, ifpossible logs in with SCRAM but never with PLAIN")
    func withoutTLS() {
        let plain = Session.header + Session.features + ScriptedSession().mechanisms("PLAIN") + "</stream:features>"
        let required = Session()
        required.connect()
        required.server(plain)
        #expect(
            required.takeEvents().contains { if case .disconnected(.tlsNotOffered, _) = $0 { true } else { false } })
        #expect(required.takeActions().last == .closeConnection)

        let possible = Session { $0.security = .ifPossible }
        possible.connect()
        possible.server(plain)
        #expect(possible.takeEvents().contains { if case .disconnected(.noMechanism, _) = $0 { true } else { false } })

        let scram = Session { $0.security = .ifPossible }
        scram.connect()
        scram.server(Session.header + Session.features + scram.mechanisms("SCRAM-SHA-1") + "</stream:features>")
        #expect(scram.takeWritten().contains("mechanism='SCRAM-SHA-1'"))
    }

    @Test("disabled security does not start TLS even when it is offered")
    func disabled() {
        let session = Session { $0.security = .disabled }
        session.connect()
        session.server(
            Session.header + Session.features + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
                + session.mechanisms("SCRAM-SHA-256", "PLAIN") + "</stream:features>")
        #expect(session.takeWritten().contains("mechanism='SCRAM-SHA-256'"))
    }

    @Test("what follows <proceed/> in clear text is not believed")
    func injection() {
        let session = Session()
        session.connect()
        session.server(
            Session.header + Session.features + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
        session.server(
            "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>")
        session.client.handleTLSEstablished(at: session.now)
        session.drain()
        #expect(session.phase == .openingStream)
        #expect(!session.isAuthenticated)
    }

    @Test("SCRAM-SHA-1 as in RFC 5802; a server without the right proof is left")
    func scram() {
        let first = "cj1meWtvK2QybGJiRmdPTlJ2OXFreGRhd0wzcmZjTkhZSlkxWlZ2V1ZzN2oscz1RU1hDUitRNnNlazhiZjkyLGk9NDA5Ng=="
        // v=rmF9pqV8S7suAoZWja4dJRkFsKQ= and a wrong one.
        for (proof, isRight) in [("dj1ybUY5cHFWOFM3c3VBb1pXamE0ZEpSa0ZzS1E9", true), ("dj1BQUFB", false), ("", false)] {
            let session = Session {
                $0.security = .disabled
                $0.username = "user"
                $0.password = "pencil"
            }
            session.advance(.zero)
            session.client.handleConnected(
                nonce: [
                    0x7f, 0x29, 0x28, 0xf9, 0xdd, 0xa5, 0x6d, 0xb1, 0x60, 0x38, 0xd4, 0x6f, 0xf6, 0xa9, 0x31, 0x75,
                    0xac,
                    0x0b,
                ], at: session.now)
            session.drain()
            session.server(Session.header + Session.features + session.mechanisms("SCRAM-SHA-1") + "</stream:features>")
            session.server("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\(first)</challenge>")
            #expect(session.takeWritten().contains("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Yz1iaXdz"))
            session.server("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\(proof)</success>")
            #expect(session.isAuthenticated == isRight)
            if !isRight { #expect(session.takeActions().last == .closeConnection) }
        }
    }

    @Test("a refused login is tried again for ever")
    func refused() {
        let session = Session()
        for _ in 0..<5 {
            session.connect()
            session.server(
                Session.header + Session.features
                    + "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>")
            session.server("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>")
            session.client.handleTLSEstablished(at: session.now)
            session.server(Session.header + Session.features + session.mechanisms("PLAIN") + "</stream:features>")
            session.server(
                "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/><text>No</text></failure>")
            guard case .disconnected(.loginRefused("not-authorized"), let pause)? = session.takeEvents().last else {
                return #expect(Bool(false), "no disconnect")
            }
            #expect((5_000...5_500).contains(pause))
            session.advance(.milliseconds(5_500))
        }
    }

    @Test("each step of the login has a limit of time")
    func timeouts() {
        let session = Session()
        session.advance(.zero)
        session.advance(seconds: 29)
        #expect(session.takeEvents().isEmpty)
        session.advance(seconds: 1)
        #expect(
            session.takeEvents().contains {
                if case .disconnected(.timeout("name look-up and TCP connect"), _) = $0 { true } else { false }
            })
        session.advance(.milliseconds(5_500))
        session.client.handleConnected(nonce: [1], at: session.now)
        session.advance(seconds: 10)
        #expect(
            session.takeEvents().contains {
                if case .disconnected(.timeout("stream features"), _) = $0 { true } else { false }
            })
    }

    @Test("first attempts come every five seconds, later ones after one second and then more slowly")
    func schedule() {
        let session = Session()
        var pauses: [Int64] = []
        func fail() {
            session.advance(.zero)
            session.client.handleDisconnected("refused", at: session.now)
            session.drain()
            guard case .disconnected(_, let pause)? = session.takeEvents().last else { return }
            pauses.append(pause)
            session.advance(.milliseconds(pause + 1))
        }
        for _ in 0..<3 { fail() }
        #expect(pauses.allSatisfy { (5_000...5_500).contains($0) })
        pauses = []
        session.goOnline()
        for _ in 0..<6 { fail() }
        for (pause, expected) in zip(pauses, [1, 2, 4, 8, 10, 10] as [Int64]) {
            #expect((expected * 1_000...expected * 1_100).contains(pause), "\(pauses)")
        }
    }

    @Test("after somebody took our resource the pause is thirty seconds")
    func conflict() {
        let session = Session()
        session.goOnline()
        session.server(
            "<stream:error xmlns:stream='http://etherx.jabber.org/streams'>"
                + "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text>Replaced by new connection</text></stream:error>"
        )
        guard case .disconnected(.streamError("conflict"), let pause)? = session.takeEvents().last else {
            return #expect(Bool(false), "no disconnect")
        }
        #expect(pause >= 30_000)
        #expect(session.counters.resourceConflicts == 1)
    }

    @Test("a server that keeps the session of our resource is asked again on the usual schedule")
    func keptResource() {
        let session = Session()
        session.logIn()
        _ = session.takeWritten()
        session.server(
            Session.header + Session.features + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>")
        let id = Session.attribute("id", of: session.takeWritten()) ?? "?"
        session.server(
            "<iq type='error' id='\(id)'><error type='cancel'>"
                + "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>")
        guard case .disconnected(.bindRefused("conflict"), let pause)? = session.takeEvents().last else {
            return #expect(Bool(false), "no disconnect")
        }
        #expect((5_000...5_500).contains(pause))
        #expect(session.counters.resourceConflicts == 1)
    }

    @Test("the server is pinged after thirty seconds of silence and left after fifteen more")
    func silence() {
        let session = Session { $0.timing.presenceInterval = .seconds(3_600) }
        session.goOnline()
        session.advance(seconds: 29)
        #expect(session.takeWritten() == "")
        session.advance(seconds: 1)
        #expect(session.takeWritten().contains("<ping xmlns='urn:xmpp:ping'/>"))
        session.server(" ")
        session.advance(seconds: 29)
        #expect(session.isOnline)
        session.advance(seconds: 17)
        #expect(session.takeEvents().contains { if case .disconnected(.pingTimeout, _) = $0 { true } else { false } })
    }

    @Test("the end is clean: rooms are left and the stream is closed")
    func close() {
        let session = Session()
        session.goOnline()
        session.client.close(at: session.now)
        session.drain()
        #expect(session.takeWritten() == "<presence type='unavailable'/></stream:stream>")
        session.server("</stream:stream>")
        #expect(session.takeEvents() == [.closed])
        #expect(session.takeActions() == [.closeConnection])
        #expect(session.isClosed)
        #expect(session.nextTimeout == nil)

        let silent = Session()
        silent.goOnline()
        silent.client.close(at: silent.now)
        silent.advance(seconds: 1)
        #expect(silent.isClosed)
    }
}
