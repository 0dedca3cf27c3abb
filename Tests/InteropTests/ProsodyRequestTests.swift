// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import Testing
import XML
import XMPP

@testable import ControlPlane

@Suite("Prosody requests", .needsProsody)
struct ProsodyRequestTests {
    private let healthCheck = XMLElement("healthcheck", "http://jitsi.org/protocol/healthcheck")
    private let create = XMLElement("conference-modify", "jitsi:colibri2", attributes: ["create": "true"])

    /// A server, a bridge and a focus in the room.
    private func scene(
        _ change: (inout XMPPSettings) -> Void = { _ in }
    ) async throws -> (prosody: ProsodyServer, bench: XMPPBench, bridge: Party, focus: Party) {
        let prosody = try ProsodyServer()
        try await prosody.start()
        let bench = try XMPPBench(prosody)
        let focus = bench.focus(port: prosody.port)
        let bridge = bench.bridge(port: prosody.port, change)
        #expect(try await bench.wait { focus.isInRoom && focus.statistics(of: "via-1") != nil })
        return (prosody, bench, bridge, focus)
    }

    @Test("T5: presence keeps its beat, without a join in it")
    func cadence() async throws {
        let (_, bench, bridge, focus) = try await scene()
        let before = focus.presences.count
        _ = try await bench.wait(2) { false }
        let all = focus.presences[before...].filter { $0.nickname == "via-1" }
        // Ten, on a machine that is not overloaded.
        #expect((6...12).contains(all.count), "\(all.count) in two seconds")
        for (_, presence, _) in all {
            #expect(presence.child("x", "http://jabber.org/protocol/muc") == nil)
            #expect(presence.child("stats", "http://jitsi.org/protocol/colibri") != nil)
        }
        // A join in every update would have the server send the whole room each time.
        #expect(bridge.joins == 1)
    }

    @Test("a change of state is published at once, long before the next beat")
    func stateChange() async throws {
        let (_, bench, bridge, focus) = try await scene { $0.timing.presenceInterval = .seconds(3_600) }
        bridge.setStatistics([("healthy", "true"), ("drain", "true")])
        #expect(try await bench.wait { focus.statistics(of: "via-1")?["drain"] == "true" })
        bridge.setStatistics([("healthy", "false"), ("drain", "true")])
        #expect(try await bench.wait { focus.statistics(of: "via-1")?["healthy"] == "false" })
    }

    @Test("T6: a hundred health checks while fifty creates run are answered, each within a second")
    func healthChecks() async throws {
        let (_, bench, bridge, focus) = try await scene()
        var creates: [String] = []
        var checks: [String] = []
        let begin = bench.loop.now
        for index in 0..<100 {
            if index.isMultiple(of: 2) { creates.append(focus.send(toOccupant: "via-1", create)) }
            checks.append(focus.send(toOccupant: "via-1", healthCheck))
        }
        // The creates stay unanswered meanwhile: a health check never waits behind them.
        #expect(try await bench.wait { checks.allSatisfy { focus.outcomes[$0] != nil } })
        #expect(bench.loop.now - begin < .seconds(5))
        #expect(checks.allSatisfy { focus.outcomes[$0] == .result(nil) })
        #expect(creates.allSatisfy { focus.outcomes[$0] == nil })
        #expect(bridge.requests.count == 50)
        for request in bridge.requests {
            #expect(request.type == .get)
            #expect(bridge.reply(to: request, with: XMLElement("conference-modified", "jitsi:colibri2")))
        }
        #expect(try await bench.wait { creates.allSatisfy { focus.outcomes[$0] != nil } })
        #expect(
            creates.allSatisfy { focus.outcomes[$0] == .result(XMLElement("conference-modified", "jitsi:colibri2")) })
    }

    @Test("an unhealthy bridge says so, and why")
    func unhealthy() async throws {
        let (_, bench, bridge, focus) = try await scene()
        bridge.connection.update(at: bench.loop.now) { $0.healthFailure = "No usable address" }
        let id = focus.send(toOccupant: "via-1", healthCheck)
        #expect(try await bench.wait { focus.outcomes[id] != nil })
        #expect(focus.outcomes[id] == .error(StanzaError(.internalServerError, text: "No usable address")))
    }

    @Test("T7: requests straight to the bridge's own address, from one who is no occupant, are forbidden")
    func forbidden() async throws {
        let (prosody, bench, bridge, _) = try await scene()
        let other = bench.focus(port: prosody.port, user: "other") { $0.rooms = [] }
        #expect(try await bench.wait { other.connection.isOnline })
        let address = bridge.events.compactMap { if case .online(let jid, _, _) = $0 { jid } else { nil } }.first
        for payload in [healthCheck, create, XMLElement("what", "urn:unknown")] {
            let id = other.send(to: address, payload)
            #expect(try await bench.wait { other.outcomes[id] != nil })
            guard case .error(let error)? = other.outcomes[id] else {
                #expect(Bool(false), "\(String(describing: other.outcomes[id]))")
                continue
            }
            #expect(error.condition == .forbidden)
        }
        let ping = other.send(to: address, XMLElement("ping", "urn:xmpp:ping"))
        #expect(try await bench.wait { other.outcomes[ping] == .result(nil) })
        // An outsider cannot reach the occupant either: the room answers for us.
        let outside = other.send(toOccupant: "via-1", healthCheck)
        #expect(try await bench.wait { other.outcomes[outside] != nil })
        #expect(bridge.requests.isEmpty)
    }

    @Test("a stranger's request too complex to read is refused and disturbs nobody")
    func tooComplex() async throws {
        let (prosody, bench, bridge, focus) = try await scene()
        let other = bench.focus(port: prosody.port, user: "other") { $0.rooms = [] }
        #expect(try await bench.wait { other.connection.isOnline })
        let address = bridge.events.compactMap { if case .online(let jid, _, _) = $0 { jid } else { nil } }.first
        var deep = XMLElement("a", "urn:x")
        for _ in 0..<100 { deep = XMLElement("a", "urn:x", children: [deep]) }
        var wide = XMLElement("a", "urn:x")
        for index in 0..<300 { wide["k\(index)"] = "v" }
        let names = XMLElement("a", "urn:x", children: (0..<9_000).map { XMLElement("n\($0)", "urn:x") })
        for (payload, condition) in [
            (deep, StanzaError.Condition.badRequest), (wide, .badRequest), (names, .forbidden),
        ] {
            let id = other.send(to: address, payload)
            #expect(try await bench.wait { other.outcomes[id] != nil })
            guard case .error(let error)? = other.outcomes[id] else {
                #expect(Bool(false), "\(String(describing: other.outcomes[id]))")
                continue
            }
            #expect(error.condition == condition)
            let check = focus.send(toOccupant: "via-1", healthCheck)
            #expect(try await bench.wait { focus.outcomes[check] == .result(nil) })
        }
        #expect(bridge.disconnects.isEmpty && bridge.joins == 1)
    }

    @Test("T8: unknown payloads, version, ping and disco")
    func library() async throws {
        let (_, bench, _, focus) = try await scene()
        let unknown = focus.send(.set, toOccupant: "via-1", XMLElement("what", "urn:unknown"))
        let version = focus.send(toOccupant: "via-1", XMLElement("query", "jabber:iq:version"))
        let ping = focus.send(toOccupant: "via-1", XMLElement("ping", "urn:xmpp:ping"))
        let disco = focus.send(toOccupant: "via-1", XMLElement("query", "http://jabber.org/protocol/disco#info"))
        let shutdown = focus.send(
            .set, toOccupant: "via-1", XMLElement("graceful-shutdown", "http://jitsi.org/protocol/colibri"))
        #expect(try await bench.wait { focus.outcomes.count == 5 })
        #expect(focus.outcomes[unknown] == .error(StanzaError(.featureNotImplemented)))
        #expect(focus.outcomes[shutdown] == .error(StanzaError(.serviceUnavailable, text: "Not offered over XMPP")))
        if case .result(let query?)? = focus.outcomes[version] {
            #expect(query.child("name", "jabber:iq:version")?.text == "JVB")
            #expect(query.child("version", "jabber:iq:version") != nil)
            #expect(query.child("os", "jabber:iq:version") != nil)
        } else {
            #expect(Bool(false), "\(String(describing: focus.outcomes[version]))")
        }
        if case .result(let query?)? = focus.outcomes[disco] {
            let features = query.elements.compactMap { $0["var"] }
            for feature in [
                "http://jitsi.org/protocol/healthcheck", "urn:xmpp:jingle:apps:dtls:0",
                "urn:xmpp:jingle:transports:ice-udp:1", "jabber:iq:version",
            ] {
                #expect(features.contains(feature))
            }
        } else {
            #expect(Bool(false), "\(String(describing: focus.outcomes[disco]))")
        }
        // Ping to an occupant may be answered by the room in the occupant's name; both are a result.
        #expect(focus.outcomes[ping] == .result(nil))
    }

    @Test("T31: a request of two hundred kilobytes arrives whole")
    func largeRequest() async throws {
        let (_, bench, bridge, focus) = try await scene()
        bridge.answersWith = "conference-modified"
        var request = create
        for index in 0..<200 {
            request.append(
                XMLElement(
                    "endpoint", "jitsi:colibri2", attributes: ["id": "endpoint\(index)"],
                    children: [XMLElement("sources", "jitsi:colibri2", text: String(repeating: "x", count: 900))]))
        }
        let id = focus.send(toOccupant: "via-1", request)
        #expect(try await bench.wait { focus.outcomes[id] != nil })
        #expect(focus.outcomes[id] == .result(XMLElement("conference-modified", "jitsi:colibri2")))
    }

    @Test("requests that are sent back to back are handed over in order")
    func order() async throws {
        let (_, bench, bridge, focus) = try await scene()
        for index in 0..<50 {
            var request = create
            request["meeting-id"] = String(index)
            _ = focus.send(index.isMultiple(of: 2) ? .get : .set, toOccupant: "via-1", request)
        }
        #expect(try await bench.wait { bridge.requests.count == 50 })
        #expect(bridge.requests.map { $0.payload["meeting-id"] } == (0..<50).map { String($0) })
    }
}
