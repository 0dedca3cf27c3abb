// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import XML

@testable import XMPP

@Suite("XMPP stream management")
struct ResumptionTests {
    typealias Session = ScriptedSession
    private let request =
        "<iq type='get' id='q1' from='\(Session.room)/focus'><conference-modify xmlns='jitsi:colibri2'/></iq>"

    private func receive(_ session: Session) -> IQRequest? {
        session.server(request)
        for case .request(let request) in session.takeEvents() { return request }
        return nil
    }

    private func offerResumption(_ session: Session) {
        session.logIn()
        _ = session.takeWritten()
        session.server(
            Session.header + Session.features
                + "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/></stream:features>")
    }

    @Test("stanzas are counted and acknowledged, and one question at a time is asked")
    func counting() {
        let session = Session()
        session.client.setStatistics(Session.stats, at: session.now)
        session.logIn()
        _ = session.takeWritten()
        session.bind(resumptionID: "abc")
        let written = session.takeWritten()
        #expect(written.contains("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"))
        #expect(written.ranges(of: "<r xmlns='urn:xmpp:sm:3'/>").count == 1)
        session.server("<a xmlns='urn:xmpp:sm:3' h='2'/>")
        #expect(session.takeWritten() == "")
        session.join()
        session.server("<message/><r xmlns='urn:xmpp:sm:3'/>")
        #expect(session.takeWritten().hasSuffix("<a xmlns='urn:xmpp:sm:3' h='2'/>"))
    }

    @Test("after a cut the session is resumed: rooms stay joined and what was lost is sent again, in order")
    func resume() {
        let session = Session()
        session.goOnline(resumptionID: "abc")
        session.server("<a xmlns='urn:xmpp:sm:3' h='3'/>")
        let first = receive(session)
        let second = receive(session)
        session.client.handleDisconnected("reset", at: session.now)
        session.drain()
        // Answered while the connection is down, partly.
        if let first { session.client.reply(to: first.token, with: XMLElement("one", "u"), at: session.now) }
        session.drain()
        #expect(session.takeWritten() == "")
        _ = session.takeEvents()
        session.advance(seconds: 2)
        offerResumption(session)
        #expect(session.takeWritten().hasSuffix("<resume xmlns='urn:xmpp:sm:3' h='3' previd='abc'/>"))
        session.server("<resumed xmlns='urn:xmpp:sm:3' h='3' previd='abc'/>")
        let written = session.takeWritten()
        #expect(written.hasPrefix("<iq type='result' id='q1'"))
        #expect(written.contains("<one xmlns='u'/>"))
        #expect(written.contains("<stats "))
        #expect(!written.contains("http://jabber.org/protocol/muc'"))
        #expect(session.takeEvents() == [.online(jid: Session.jid, isResumed: true, isEncrypted: true)])
        #expect(session.joinedRooms == 1)
        if let second { session.client.reply(to: second.token, with: nil, at: session.now) }
        session.drain()
        #expect(session.takeWritten().contains("<iq type='result' id='q1'"))
        #expect(session.counters.droppedAnswers == 0)
        #expect(session.counters.resumptions == 1)
    }

    @Test("when the server no longer knows the session, rooms are joined again and old answers are dropped")
    func failedResumption() {
        let session = Session()
        session.goOnline(resumptionID: "abc")
        let old = receive(session)
        session.client.handleDisconnected("reset", at: session.now)
        session.drain()
        session.advance(seconds: 2)
        offerResumption(session)
        _ = session.takeWritten()
        _ = session.takeEvents()
        session.server(
            "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
        #expect(session.takeEvents() == [.left(room: "Brewery@muc.example.net", .sessionEnded)])
        session.answerBind(resumptionID: "def")
        #expect(session.takeWritten().contains("<x xmlns='http://jabber.org/protocol/muc'>"))
        guard let old else { return #expect(Bool(false)) }
        #expect(!session.reply(to: old.token, with: nil, at: session.now))
        session.drain()
        #expect(session.takeWritten() == "")
        #expect(session.counters.droppedAnswers == 1)
    }

    @Test("without stream management answers of the old session are dropped")
    func withoutManagement() {
        let session = Session()
        session.goOnline()
        let old = receive(session)
        session.client.handleDisconnected("reset", at: session.now)
        session.drain()
        guard let old else { return #expect(Bool(false)) }
        #expect(!session.reply(to: old.token, with: nil, at: session.now))
        session.advance(seconds: 2)
        session.logIn()
        session.bind()
        #expect(!session.reply(to: old.token, with: nil, at: session.now))
        #expect(session.counters.droppedAnswers == 2)
    }

    @Test("a server that counts more than was sent is left, and that session is not resumed")
    func impossibleCount() {
        let session = Session()
        session.goOnline(resumptionID: "abc")
        session.server("<a xmlns='urn:xmpp:sm:3' h='4000'/>")
        #expect(
            session.takeEvents().contains { if case .disconnected(.protocolViolation, _) = $0 { true } else { false } })
        session.advance(seconds: 2)
        offerResumption(session)
        #expect(!session.takeWritten().contains("<resume "))
    }

    @Test("a stanza that could not be read is not asked for again")
    func malformed() {
        let session = Session()
        session.goOnline(resumptionID: "abc")
        session.server("<iq><</iq>")
        #expect(session.takeEvents().contains { if case .disconnected(.malformedXML, _) = $0 { true } else { false } })
        session.advance(seconds: 2)
        offerResumption(session)
        #expect(!session.takeWritten().contains("<resume "))
    }

    @Test("the replay queue is bounded: a server that never acknowledges costs the resumption, not the memory")
    func bounded() {
        var management = StreamManagement()
        management.enable(resumptionID: "x")
        for _ in 0..<XMPPLimits.unacknowledgedStanzas { _ = management.countSent("s") }
        #expect(management.canResume)
        _ = management.countSent("s")
        #expect(!management.canResume)
        #expect(management.unacknowledged.isEmpty)
        #expect(management.acknowledge(5) == false)
    }

    @Test("counts wrap at 2³²")
    func wrapping() {
        var management = StreamManagement()
        management.enable(resumptionID: "x")
        _ = management.countSent("a")
        #expect(management.acknowledge(0) == true)
        #expect(management.acknowledge(UInt32.max) == nil)
        #expect(management.acknowledge(1) == false)
        #expect(management.acknowledge(1) == false)
    }
}
