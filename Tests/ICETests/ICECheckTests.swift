// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// The checks the agent sends and what it makes of the answers (media-plane.md 1.6, 1.7).
@Suite struct ICECheckTests {
    private let path = Destination(remote: ScriptedPeer.address, local: 0)

    private func candidate(_ index: Int) -> TransportAddress {
        TransportAddress(ipv4: 0xC633_6400 + UInt32(index), port: 1_000)
    }

    @Test("a check carries USERNAME, PRIORITY 1862270975, role and tie-breaker, the peer's key and a fingerprint")
    func contents() throws {
        let peer = ScriptedPeer(tieBreaker: 77) { $0.software = "Viaduct" }
        peer.deliver(peer.request())
        let check = try #require(peer.lastRequest)
        #expect(check.username == Array("peer:agent".utf8))
        #expect(check.attributes.priority == 1_862_270_975)
        #expect(check.attributes.controlling == 77)
        #expect(check.attributes.controlled == nil)
        #expect(!check.attributes.hasUseCandidate)
        #expect(check.attributes.software.map { Array(check.bytes[$0]) } == Array("Viaduct".utf8))
        #expect(hasIntegrity(check.bytes, ScriptedPeer.password))
        #expect(check.isFingerprinted)
    }

    @Test("the first check leaves at once, others every 20 ms, in order of priority, triggered ones first")
    func pace() {
        let peer = ScriptedPeer(hasCredentials: false)
        for index in 1...5 {
            peer.agent.addRemoteCandidate(candidate(index), priority: UInt32(index), isRelayed: false, at: .zero)
        }
        peer.setCredentials()
        #expect(peer.sent.map(\.destination.remote) == [candidate(5)])
        peer.now = .zero + .milliseconds(10)
        peer.deliver(peer.request())
        peer.wait(.milliseconds(89))
        let checks = peer.sent.filter { $0.messageClass == .request }
        #expect(checks.map(\.destination.remote) == [candidate(5), path.remote] + [4, 3, 2].map(candidate))
        #expect(checks.map(\.time.nanoseconds) == [0, 20, 40, 60, 80].map { $0 * 1_000_000 })
    }

    @Test(
        "a check is retransmitted after 100, 200, 400, 800, 1600, 1600 ms, bit for bit, then the agent gives up in 5 s")
    func retransmissionAndFailure() {
        let peer = ScriptedPeer()
        peer.agent.addRemoteCandidate(path.remote, priority: 1, isRelayed: false, at: .zero)
        let sent = peer.wait(.milliseconds(6_299))
        #expect(sent.map(\.time.nanoseconds) == [0, 100, 300, 700, 1_500, 3_100, 4_700].map { $0 * 1_000_000 })
        #expect(Set(sent.map(\.bytes)).count == 1)
        #expect(peer.agent.state == .running)
        peer.wait(.milliseconds(5_000))
        #expect(peer.agent.state == .running)
        #expect(peer.events.isEmpty)
        peer.wait(.milliseconds(1))
        #expect(peer.agent.state == .failed)
        #expect(peer.events == [.failed])
        #expect(peer.agent.nextTimeout == nil)
        #expect(peer.deliver(peer.request()).isEmpty)
        #expect(peer.agent.counters.afterFailure == 1)
    }

    @Test("a late check during the last 5 s saves the agent")
    func lateCheck() throws {
        let peer = ScriptedPeer()
        peer.agent.addRemoteCandidate(candidate(1), priority: 1, isRelayed: false, at: .zero)
        peer.wait(.milliseconds(11_000))
        peer.deliver(peer.request())
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        peer.wait(.milliseconds(400))
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        #expect(peer.agent.state == .completed)
        peer.wait(.seconds(10))
        #expect(!peer.events.contains(.failed))
    }

    @Test("an agent that nobody ever checks does not fail by itself")
    func patience() {
        let peer = ScriptedPeer()
        peer.wait(.seconds(600))
        #expect(peer.agent.state == .running)
        #expect(peer.sent.isEmpty)
    }

    @Test("a response from another address fails the pair")
    func asymmetricResponse() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        let check = try #require(peer.lastRequest)
        peer.deliver(peer.success(to: check), from: candidate(1))
        #expect(peer.agent.counters.asymmetricResponse == 1)
        #expect(peer.agent.pairs.map(\.state) == [.failed])
        #expect(peer.agent.sendDestination == nil)
        #expect(peer.events.isEmpty)
    }

    @Test("a response needs integrity with the peer's key and XOR-MAPPED-ADDRESS")
    func badResponses() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        let check = try #require(peer.lastRequest)
        peer.deliver(peer.success(to: check, password: nil))
        peer.deliver(peer.success(to: check, password: ScriptedPeer.agentPassword))
        peer.deliver(peer.error(400, to: check, password: nil))
        #expect(peer.agent.counters.missingIntegrity == 2)
        #expect(peer.agent.counters.badIntegrity == 1)
        #expect(peer.agent.pairs.map(\.state) == [.inProgress])
        peer.deliver(peer.success(to: check, address: nil))
        #expect(peer.agent.pairs.map(\.state) == [.failed])
    }

    @Test("an authentic error fails the pair; the peer's next check tries it again")
    func errorResponse() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        peer.deliver(peer.error(403, to: try #require(peer.lastRequest)))
        #expect(peer.agent.pairs.map(\.state) == [.failed])
        peer.wait(.seconds(1))
        peer.deliver(peer.request())
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        #expect(peer.agent.pairs.map(\.state) == [.succeeded])
    }

    @Test("487 changes the role, the tie-breaker and repeats the check in the new role", arguments: [true, false])
    func roleConflictResponse(isControlling: Bool) throws {
        let peer = ScriptedPeer(isControlling: isControlling, tieBreaker: 100)
        peer.deliver(peer.request(isControlling: !isControlling))
        let first = try #require(peer.lastRequest)
        peer.deliver(peer.error(487, to: first))
        #expect(peer.agent.isControlling == !isControlling)
        peer.wait(.milliseconds(20))
        let second = try #require(peer.lastRequest)
        #expect(second.id != first.id)
        #expect((second.attributes.controlling != nil) == !isControlling)
        #expect(second.attributes.controlling ?? second.attributes.controlled != 100)
    }

    @Test("nomination: one more check with USE-CANDIDATE on the first pair that works; its success selects the pair")
    func nomination() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        let check = try #require(peer.lastRequest)
        peer.deliver(peer.success(to: check))
        #expect(peer.events == [.bound(path), .writable(path)])
        let nomination = try #require(peer.lastRequest)
        #expect(nomination.id != check.id)
        #expect(nomination.attributes.hasUseCandidate)
        #expect(nomination.time == peer.now)
        peer.deliver(peer.success(to: nomination))
        #expect(peer.events.last == .selected(path))
        // The first consent check follows immediately (media-plane.md 1.8).
        let consent = try #require(peer.lastRequest)
        #expect(consent.id != nomination.id && consent.time == peer.now && consent.attributes.hasUseCandidate)
    }

    @Test("a nomination that is not answered falls to the next pair that works")
    func failedNomination() throws {
        let peer = ScriptedPeer(hasCredentials: false)
        peer.agent.addRemoteCandidate(candidate(1), priority: 1, isRelayed: false, at: .zero)
        peer.setCredentials()
        peer.deliver(peer.request())
        peer.deliver(
            peer.success(to: try #require(peer.sent.first { $0.messageClass == .request })), from: candidate(1))
        peer.wait(.milliseconds(20))
        let other = try #require(peer.sent.last { $0.destination == path && $0.messageClass == .request })
        peer.deliver(peer.success(to: other))
        let sent = peer.wait(.seconds(7))
        let nominated = sent.filter { $0.attributes.hasUseCandidate }.map(\.destination)
        #expect(nominated.last == path)
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        #expect(peer.agent.selected == path)
    }

    @Test("a candidate learned from a check and signalled as relayed afterwards counts as relayed")
    func lateSignalling() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        peer.agent.addRemoteCandidate(path.remote, priority: 5, isRelayed: true, at: peer.now)
        #expect(peer.agent.pairs.count == 1)
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        #expect(!peer.sent.contains { $0.attributes.hasUseCandidate })
        peer.wait(.milliseconds(800))
        #expect(peer.lastRequest?.attributes.hasUseCandidate == true)
    }

    @Test("credentials count once; unusable ones and candidates are refused")
    func refusals() {
        let peer = ScriptedPeer(hasCredentials: false)
        let long = String(repeating: "a", count: ICELimits.credentialBytes + 1)
        let attempts = [("", "x"), (long, "x"), ("x", long), ("peer", "secret"), ("other", "secret")]
        let taken = attempts.map { peer.agent.setRemoteCredentials(ufrag: $0.0, password: $0.1, at: .zero) }
        #expect(taken == [false, false, false, true, false])
        #expect(peer.agent.counters.credentialsRefused == 4)
        peer.agent.addRemoteCandidate(path.remote.with(port: 0), priority: 1, isRelayed: false, at: .zero)
        peer.agent.addRemoteCandidate(TransportAddress(ipv4: 0, port: 9), priority: 1, isRelayed: false, at: .zero)
        #expect(peer.agent.counters.candidatesRefused == 2)
        peer.agent.addRemoteCandidate(
            TransportAddress(ipv6High: 1, low: 1, port: 9), priority: 1, isRelayed: false, at: .zero)
        #expect(peer.agent.pairs.isEmpty == true)
    }
}
