// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// What an operator can change of an agent (operations.md a.4, a.5).
@Suite("ICE settings")
struct ICESettingsTests {
    private static let first = TransportAddress(ipv4: 0xCB00_7105, port: 40_001)
    private static let second = TransportAddress(ipv4: 0xCB00_7106, port: 40_002)

    @Test("an unanswered consent check is repeated with doubled waits up to the longest, as often as set")
    func consentWaits() {
        let peer = ScriptedPeer {
            $0.keepAliveInterval = .seconds(60)
            $0.randomizesKeepAlive = false
            $0.consentRetransmit = .milliseconds(100)
            $0.consentRetransmitMaximum = .milliseconds(300)
            $0.consentRetransmissions = 4
            $0.consentExpiry = .seconds(600)
        }
        peer.establish()
        if let last = peer.lastRequest { peer.deliver(peer.success(to: last)) }
        let start = peer.now
        let sent = peer.wait(.seconds(119)).filter { $0.messageClass == .request }
        #expect(sent.map { ($0.time - start).milliseconds } == [60_000, 60_100, 60_300, 60_600, 60_900])
    }

    @Test("without randomization consent is asked for in equal intervals")
    func fixedInterval() {
        let peer = ScriptedPeer {
            $0.keepAliveInterval = .seconds(7)
            $0.randomizesKeepAlive = false
        }
        peer.establish()
        if let last = peer.lastRequest { peer.deliver(peer.success(to: last)) }
        let start = peer.now
        for round in 1...5 as ClosedRange<Int64> {
            let sent = peer.wait(.seconds(7)).filter { $0.messageClass == .request }
            #expect(sent.map { ($0.time - start).milliseconds } == [round * 7_000])
            if let last = peer.lastRequest { peer.deliver(peer.success(to: last)) }
        }
    }

    /// A controlling agent with two paths under check: the first has the higher priority.
    private func twoPaths(
        _ strategy: ICEAgent.NominationStrategy
    ) throws -> (ScriptedPeer, first: ScriptedPeer.Sent, second: ScriptedPeer.Sent) {
        let peer = ScriptedPeer { $0.nominationStrategy = strategy }
        peer.deliver(peer.request(priority: 1_862_270_975), from: Self.first)
        peer.deliver(peer.request(priority: 1_000_000), from: Self.second)
        peer.wait(.milliseconds(25))
        let checks = peer.sent.filter { $0.messageClass == .request }
        let first = try #require(checks.first { $0.destination.remote == Self.first })
        let second = try #require(checks.first { $0.destination.remote == Self.second })
        return (peer, first, second)
    }

    private func nominated(_ peer: ScriptedPeer) -> TransportAddress? {
        peer.sent.last { $0.messageClass == .request && $0.attributes.hasUseCandidate }?.destination.remote
    }

    @Test("NominateFirstValid takes the first path that answers")
    func firstValid() throws {
        let (peer, _, second) = try twoPaths(.firstValid)
        peer.deliver(peer.success(to: second), from: Self.second)
        #expect(nominated(peer) == Self.second)
    }

    @Test("NominateHighestPriority waits while a better path may still answer, but not for ever")
    func highestPriority() throws {
        let (peer, first, second) = try twoPaths(.highestPriority)
        peer.deliver(peer.success(to: second), from: Self.second)
        #expect(nominated(peer) == nil)
        peer.deliver(peer.success(to: first), from: Self.first)
        #expect(nominated(peer) == Self.first)

        let (other, _, late) = try twoPaths(.highestPriority)
        other.deliver(other.success(to: late), from: Self.second)
        other.wait(.milliseconds(799))
        #expect(nominated(other) == nil)
        other.wait(.milliseconds(1))
        #expect(nominated(other) == Self.second)
    }

    @Test("NominateBestRTT takes the path that answered faster, not the one of higher priority")
    func bestRoundTrip() throws {
        let (peer, first, second) = try twoPaths(.bestRoundTrip)
        peer.wait(.milliseconds(30))
        peer.deliver(peer.success(to: first), from: Self.first)
        #expect(nominated(peer) == nil)
        peer.deliver(peer.success(to: second), from: Self.second)
        #expect(nominated(peer) == Self.second)
    }

    @Test("None nominates nothing; media goes to the first path that works")
    func none() throws {
        let (peer, first, second) = try twoPaths(.none)
        peer.deliver(peer.success(to: second), from: Self.second)
        peer.deliver(peer.success(to: first), from: Self.first)
        peer.wait(.seconds(3))
        #expect(nominated(peer) == nil)
        #expect(peer.agent.sendDestination?.remote == Self.second)
    }
}
