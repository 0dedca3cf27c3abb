// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import Testing
import XML
import XMPP

@testable import ControlPlane

@Suite("Prosody rooms", .needsProsody)
struct ProsodyRoomTests {
    private let admin = "http://jabber.org/protocol/muc#admin"
    private let owner = "http://jabber.org/protocol/muc#owner"

    private func kick(_ nickname: String) -> XMLElement {
        XMLElement(
            "query", admin,
            children: [XMLElement("item", admin, attributes: ["nick": nickname, "role": "none"])])
    }

    private func server(_ options: ProsodyServer.Options = .init()) async throws -> (ProsodyServer, XMPPBench) {
        let prosody = try ProsodyServer(options)
        try await prosody.start()
        return (prosody, try XMPPBench(prosody))
    }

    @Test("T28: a kicked bridge comes back")
    func kicked() async throws {
        let (prosody, bench) = try await server()
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom })
        // Without the rights of an admin, who cannot be kicked.
        let bridge = bench.bridge(port: prosody.port) {
            $0.username = "other"
            $0.password = "otherpass"
        }
        #expect(try await bench.wait { bridge.isInRoom && focus.occupants["via-1"] != nil })
        let id = focus.send(.set, to: ProsodyServer.room, kick("via-1"))
        #expect(try await bench.wait { !bridge.departures.isEmpty }, "\(String(describing: focus.outcomes[id]))")
        #expect(bridge.departures == [.removed(status: 307)])
        #expect(try await bench.wait { bridge.isInRoom && focus.statistics(of: "via-1") != nil })
        #expect(bridge.disconnects.isEmpty)
        #expect(bridge.joins == 2)
    }

    @Test("T28: a bridge comes back to a room that was destroyed")
    func destroyed() async throws {
        let (prosody, bench) = try await server()
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom })
        let bridge = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { bridge.isInRoom })
        let destroy = XMLElement("query", owner, children: [XMLElement("destroy", owner)])
        _ = focus.send(.set, to: ProsodyServer.room, destroy)
        #expect(try await bench.wait { !bridge.departures.isEmpty })
        #expect(bridge.departures.first == .destroyed)
        #expect(try await bench.wait { bridge.isInRoom && focus.isInRoom && focus.statistics(of: "via-1") != nil })
        #expect(bridge.disconnects.isEmpty)
    }

    @Test("T28: a nickname that another account holds is tried again until it is free")
    func nicknameTaken() async throws {
        let (prosody, bench) = try await server()
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom })
        let holder = bench.focus(port: prosody.port, user: "other") { $0.nickname = "via-1" }
        #expect(try await bench.wait { holder.isInRoom })
        let bridge = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { bridge.departures.count >= 2 })
        #expect(bridge.departures.allSatisfy { $0 == .refused("conflict") })
        #expect(bridge.disconnects.isEmpty)
        holder.close()
        #expect(try await bench.wait { bridge.isInRoom })
    }

    @Test("T26: two bridges with one account and one nickname are noticed by the one who comes second")
    func sharedNickname() async throws {
        let (prosody, bench) = try await server()
        let first = bench.bridge(port: prosody.port, id: "one")
        #expect(try await bench.wait { first.isInRoom })
        let second = bench.bridge(port: prosody.port, id: "two")
        #expect(
            try await bench.wait { second.events.contains(.nicknameShared(room: ProsodyServer.room)) },
            "\(second.events)")
        #expect(second.connection.counters.nicknamesShared >= 1)
        #expect(try await bench.wait { first.connection.counters.nicknamesShared >= 1 })
    }

    @Test("T26: two bridges that are configured alike take each other's resource, and both notice")
    func sharedResource() async throws {
        let (prosody, bench) = try await server()
        let first = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { first.isInRoom })
        let second = bench.bridge(port: prosody.port)
        #expect(try await bench.wait { first.disconnects.contains(.streamError("conflict")) })
        #expect(first.connection.counters.resourceConflicts >= 1)
        #expect(try await bench.wait { second.connection.counters.resourceConflicts >= 1 })
    }

    @Test("a bridge that makes the room unlocks it for the others")
    func lockedRoom() async throws {
        var options = ProsodyServer.Options()
        options.rooms = "muc_room_locking = true"
        let (prosody, bench) = try await server(options)
        let bridge = bench.bridge(port: prosody.port)
        #expect(
            try await bench.wait {
                bridge.events.contains(.roomConfigured(room: ProsodyServer.room, isAccepted: true))
            })
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom && focus.statistics(of: "via-1") != nil })
        #expect(focus.departures.isEmpty)
    }

    @Test("a bridge that may not make the room waits for the one who may")
    func mayNotCreate() async throws {
        let (prosody, bench) = try await server()
        let bridge = bench.bridge(port: prosody.port) {
            $0.username = "other"
            $0.password = "otherpass"
        }
        #expect(try await bench.wait { bridge.departures.count >= 2 })
        #expect(bridge.departures.allSatisfy { $0 == .refused("not-allowed") })
        #expect(bridge.departures.first?.message.contains("this account may not make it") == true)
        #expect(bridge.departures.first?.detail == "not-allowed")
        let focus = bench.focus(port: prosody.port)
        #expect(try await bench.wait { focus.isInRoom && bridge.isInRoom })
    }

    @Test("several rooms of one connection are joined, each by itself")
    func severalRooms() async throws {
        let (prosody, bench) = try await server()
        let rooms = (0..<4).map { "brewery\($0)@\(ProsodyServer.mucDomain)" }
        let bridge = bench.bridge(port: prosody.port) { $0.rooms = rooms + ["room@nowhere.bridge.test"] }
        let focus = bench.focus(port: prosody.port) { $0.rooms = [rooms[3]] }
        #expect(try await bench.wait { bridge.connection.joinedRooms == 4 && focus.statistics(of: "via-1") != nil })
        let id = focus.send(to: rooms[3] + "/via-1", XMLElement("healthcheck", "http://jitsi.org/protocol/healthcheck"))
        #expect(try await bench.wait { focus.outcomes[id] == .result(nil) })
    }
}
