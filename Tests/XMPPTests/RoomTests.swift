// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import XML

@testable import XMPP

@Suite("XMPP rooms")
struct RoomTests {
    typealias Session = ScriptedSession
    private let brewery = "Brewery@muc.example.net"

    private func online(_ change: (inout XMPPSettings) -> Void = { _ in }) -> Session {
        let session = Session(1, change)
        session.goOnline()
        return session
    }

    private func presences(_ text: String) -> Int { text.ranges(of: "<stats ").count }

    @Test("presence comes once per interval")
    func cadence() {
        let session = online()
        for _ in 0..<6 {
            session.advance(.milliseconds(4_999))
            #expect(session.takeWritten() == "")
            session.advance(.milliseconds(1))
            let text = session.takeWritten()
            #expect(presences(text) == 1)
            #expect(!text.contains("muc'"))
            session.server(session.ownPresence())
        }
    }

    @Test("a change of state is published at once, other changes with the next presence")
    func stateChange() {
        let session = online()
        session.advance(seconds: 2)
        session.client.setStatistics(
            [("healthy", "true"), ("drain", "false"), ("stress_level", "0.9")], at: session.now)
        session.drain()
        #expect(session.takeWritten() == "")
        session.client.setStatistics(
            [("healthy", "true"), ("drain", "true"), ("stress_level", "0.9")], at: session.now)
        session.drain()
        #expect(session.takeWritten().contains("<stat name='drain' value='true'/>"))
        session.client.setStatistics(
            [("healthy", "true"), ("drain", "true"), ("shutting_down", "true")], at: session.now)
        session.drain()
        #expect(session.takeWritten().contains("<stat name='shutting_down' value='true'/>"))
        session.advance(seconds: 3)
        #expect(presences(session.takeWritten()) == 1)
    }

    @Test("a room that we made is configured by its owner form")
    func ownerForm() {
        let session = Session()
        session.client.setStatistics(Session.stats, at: session.now)
        session.logIn()
        session.bind()
        _ = session.takeWritten()
        session.join(statuses: [201, 100, 110])
        let text = session.takeWritten()
        #expect(
            text.contains("<query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'>")
        )
        #expect(text.contains("<field var='muc#roomconfig_whois'><value>anyone</value></field>"))
        #expect(presences(text) == 1)
        let id = Session.attribute("id", of: text) ?? ""
        _ = session.takeEvents()
        session.server("<iq type='result' id='\(id)' from='\(brewery)'/>")
        #expect(session.takeEvents() == [.roomConfigured(room: brewery, isAccepted: true)])
    }

    @Test("kick, destruction and errors lead to another join, after pauses that grow to a minute")
    func rejoin() {
        let session = online { $0.timing.pingAfter = .seconds(3_600) }
        func expectPause(_ seconds: Int64, after cause: String, _ departure: RoomDeparture) {
            session.server(cause)
            #expect(session.takeEvents() == [.left(room: brewery, departure)])
            #expect(session.joinedRooms == 0)
            _ = session.takeWritten()
            session.advance(.milliseconds(seconds * 1_000 - 1))
            #expect(session.takeWritten().contains("<x xmlns='http://jabber.org/protocol/muc'>") == false)
            session.advance(.milliseconds(seconds * 100 + 1))
            #expect(session.takeWritten().contains("<x xmlns='http://jabber.org/protocol/muc'>"))
        }
        let conflict =
            "<presence type='error' from='\(Session.own)'><error type='cancel'>"
            + "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        expectPause(1, after: session.ownPresence(type: "unavailable", statuses: [110, 307]), .removed(status: 307))
        session.join()
        _ = session.takeEvents()
        expectPause(
            2, after: session.ownPresence(type: "unavailable", more: "<destroy><reason>x</reason></destroy>"),
            .destroyed)
        expectPause(4, after: conflict, .refused("conflict"))
        expectPause(8, after: conflict, .refused("conflict"))
        expectPause(16, after: conflict, .refused("conflict"))
        expectPause(32, after: conflict, .refused("conflict"))
        expectPause(60, after: conflict, .refused("conflict"))
        expectPause(60, after: conflict, .refused("conflict"))
        session.join()
        for _ in 0..<6 {
            session.advance(seconds: 10)
            session.server(session.ownPresence())
        }
        _ = session.takeEvents()
        expectPause(1, after: session.ownPresence(type: "unavailable", statuses: [110, 333]), .removed(status: 333))
    }

    @Test("a room that does not answer the join, or no longer echoes, is joined again")
    func silentRoom() {
        let session = Session { $0.timing.pingAfter = .seconds(3_600) }
        session.client.setStatistics(Session.stats, at: session.now)
        session.logIn()
        session.bind()
        _ = session.takeEvents()
        session.advance(seconds: 10)
        #expect(session.takeEvents() == [.left(room: brewery, .timeout)])
        session.advance(seconds: 2)
        session.join()
        _ = session.takeEvents()
        session.advance(seconds: 29)
        #expect(session.takeEvents().isEmpty)
        session.advance(seconds: 1)
        #expect(session.takeEvents() == [.left(room: brewery, .timeout)])
    }

    @Test("each room is joined independently of the others")
    func severalRooms() {
        let session = Session { $0.rooms = ["a@muc.example.net", "b@muc.example.net"] }
        session.client.setStatistics(Session.stats, at: session.now)
        session.logIn()
        session.bind()
        _ = session.takeWritten()
        session.server(
            "<presence type='error' from='a@muc.example.net/via-1'><error type='cancel'>"
                + "<not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>")
        session.server(
            "<presence from='b@muc.example.net/via-1'><x xmlns='http://jabber.org/protocol/muc#user'>"
                + "<status code='110'/></x></presence>")
        #expect(session.joinedRooms == 1)
        #expect(presences(session.takeWritten()) == 1)
        session.advance(seconds: 2)
        #expect(session.takeWritten().contains("<presence to='a@muc.example.net/via-1' id="))
        #expect(session.joinedRooms == 1)
    }

    @Test("a shared nickname is noticed once each time it happens")
    func sharedNickname() {
        let session = online()
        let other = "jvb@auth.example.net/another"
        session.server(session.ownPresence(items: [Session.jid, other]))
        session.server(session.ownPresence(items: [Session.jid, other]))
        #expect(session.takeEvents() == [.nicknameShared(room: brewery)])
        session.server(session.ownPresence(items: [Session.jid]))
        session.server(session.ownPresence(items: [Session.jid, Session.jid]))
        #expect(session.takeEvents().isEmpty)
        session.server(session.ownPresence(items: [other, Session.jid]))
        #expect(session.takeEvents() == [.nicknameShared(room: brewery)])
        #expect(session.counters.nicknamesShared == 2)
    }

    @Test("other occupants' presence is told only to those who want it, and never answered")
    func occupants() {
        let other = "<presence from='\(Session.room)/focus'><x xmlns='http://jabber.org/protocol/muc#user'/></presence>"
        let bridge = online()
        bridge.server(other)
        #expect(bridge.takeEvents().isEmpty)
        let focus = online { $0.reportsOccupants = true }
        focus.server(other)
        focus.server("<presence from='\(Session.room)/focus' type='unavailable'/>")
        let seen: [String] = focus.takeEvents().compactMap {
            if case .occupant(_, let nickname, let presence) = $0 { nickname + (presence["type"] ?? "") } else { nil }
        }
        #expect(seen == ["focus", "focusunavailable"])
        #expect(focus.takeWritten() == "")
    }
}
