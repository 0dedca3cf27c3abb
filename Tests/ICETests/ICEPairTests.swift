// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// Two agents and a network, in virtual time.
@Suite struct ICEPairTests {
    private let bridgeAddress = TransportAddress(ipv4: 0xC000_0201, port: 10_000)
    private let clientAddress = TransportAddress(ipv4: 0xCB00_7105, port: 40_001)
    private let movedAddress = TransportAddress(ipv4: 0xC633_6407, port: 50_002)

    private func bridge(
        isControlling: Bool = true, tieBreaker: UInt64 = 10, seed: UInt64 = 1,
        settings: (inout ICEAgent.Settings) -> Void = { _ in }
    ) -> Peer {
        Peer(
            "bridge", isControlling: isControlling, tieBreaker: tieBreaker, addresses: [bridgeAddress], seed: seed,
            settings: settings)
    }

    private func client(isControlling: Bool = false, tieBreaker: UInt64 = 20, seed: UInt64 = 2) -> Peer {
        Peer("client", isControlling: isControlling, tieBreaker: tieBreaker, addresses: [clientAddress], seed: seed)
    }

    /// A bridge that knows credentials only, and a client that knows the bridge's candidate: how calls begin.
    private func connected(seed: UInt64 = 1) -> (Network, bridge: Peer, client: Peer) {
        let (a, b) = (bridge(seed: seed), client(seed: seed &+ 100))
        let network = Network([a, b], seed: seed)
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(2)) { a.agent.state == .completed && b.agent.state == .completed }
        return (network, a, b)
    }

    @Test("a client without signalled candidates is found by its check, validated and nominated at once")
    func connects() {
        let (network, bridge, client) = connected()
        let path = Destination(remote: clientAddress, local: 0)
        #expect(bridge.events == [.bound(path), .writable(path), .selected(path)])
        #expect(client.agent.selected == Destination(remote: bridgeAddress, local: 0))
        #expect(bridge.agent.sendDestination == path)
        #expect(client.agent.sendDestination == Destination(remote: bridgeAddress, local: 0))
        #expect(bridge.agent.lastConsent != nil)
        // Check and triggered check, nomination: three trips of 10 ms each way at most.
        #expect(network.now <= .zero + .milliseconds(60))
        #expect(!network.isBusy)
    }

    @Test("it works through loss, repetition and reordering, whoever controls", arguments: 1...30)
    func badNetwork(seed: Int) {
        let isBridgeControlling = seed % 3 != 0
        let a = bridge(isControlling: isBridgeControlling, seed: UInt64(seed))
        let b = client(isControlling: !isBridgeControlling, seed: UInt64(seed) + 500)
        let network = Network([a, b], seed: UInt64(seed))
        network.loss = 0.3
        network.duplication = 0.3
        network.delayMilliseconds = 1...80
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(20)) { a.agent.state == .completed && b.agent.state == .completed }
        #expect(a.agent.state == .completed)
        #expect(b.agent.state == .completed)
        #expect(a.agent.isControlling == isBridgeControlling)
        #expect(a.agent.sendDestination?.remote == clientAddress)
        #expect(b.agent.sendDestination?.remote == bridgeAddress)
        #expect(!network.isBusy)
    }

    @Test("checks that come before the credentials are answered at once and answered back later")
    func earlyChecks() {
        let (a, b) = (bridge(), client())
        let network = Network([a, b])
        b.agent.setRemoteCredentials(ufrag: a.ufrag, password: a.password, at: network.now)
        network.signal(a, to: b)
        network.run(for: .seconds(1))
        #expect(a.agent.state == .waiting)
        #expect(a.events.isEmpty)
        #expect(b.has { $0 == .writable(Destination(remote: bridgeAddress, local: 0)) })
        #expect(a.requests().isEmpty)
        a.agent.setRemoteCredentials(ufrag: b.ufrag, password: b.password, at: network.now)
        network.run(for: .milliseconds(60))
        #expect(a.agent.state == .completed)
        #expect(b.agent.state == .completed)
    }

    @Test(
        "two controlling or two controlled agents agree on one, for every order of their tie-breakers",
        arguments: [true, false], [(1, 2), (2, 1), (7, 7)] as [(UInt64, UInt64)])
    func roleConflict(isControlling: Bool, tieBreakers: (UInt64, UInt64)) {
        let a = bridge(isControlling: isControlling, tieBreaker: tieBreakers.0)
        let b = client(isControlling: isControlling, tieBreaker: tieBreakers.1)
        let network = Network([a, b])
        network.delayMilliseconds = 5...15
        network.connect(a, b)
        network.signal(a, to: b)
        network.signal(b, to: a)
        network.run(for: .seconds(5)) { a.agent.state == .completed && b.agent.state == .completed }
        #expect(a.agent.state == .completed)
        #expect(b.agent.state == .completed)
        #expect(a.agent.isControlling != b.agent.isControlling)
        if tieBreakers.0 != tieBreakers.1 {
            #expect(a.agent.isControlling == (tieBreakers.0 > tieBreakers.1))
        }
        #expect(!network.isBusy)
    }

    @Test("two sockets: IPv6 is preferred, every answer leaves from the socket that was asked")
    func twoFamilies() throws {
        let bridgeSix = try #require(TransportAddress(ip: "2001:db8::1", port: 10_000))
        let clientSix = try #require(TransportAddress(ip: "2001:db8:1::5", port: 40_001))
        let a = Peer("bridge", isControlling: true, tieBreaker: 1, addresses: [bridgeAddress, bridgeSix], seed: 1)
        let b = Peer("client", isControlling: false, tieBreaker: 2, addresses: [clientAddress, clientSix], seed: 2)
        let network = Network([a, b])
        for candidate in LocalCandidate.gather(hosts: b.addresses, mappings: []) {
            a.agent.addRemoteCandidate(candidate.address, priority: candidate.priority, isRelayed: false, at: .zero)
        }
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(1))
        #expect(a.agent.selected == Destination(remote: clientSix, local: 1))
        #expect(b.agent.selected == Destination(remote: bridgeSix, local: 1))
        for item in a.sent {
            #expect(a.addresses[Int(item.destination.local)].family == item.destination.remote.family)
        }
    }

    @Test("a relayed pair that is the only valid one is nominated after 800 ms")
    func relayed() {
        let (a, b) = (bridge(), client())
        let network = Network([a, b])
        network.signal(b, to: a, isRelayed: true)
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(1)) { a.has { if case .writable = $0 { true } else { false } } }
        let writable = network.now
        network.run(for: .milliseconds(799))
        #expect(a.agent.selected == nil)
        #expect(a.agent.sendDestination?.remote == clientAddress)
        network.run(for: .milliseconds(1))
        #expect(a.requests().contains { $0.isNominating && $0.time == writable + .milliseconds(800) })
        network.run(for: .milliseconds(50))
        #expect(a.agent.selected?.remote == clientAddress)
    }

    @Test("a direct pair that works within the 800 ms is nominated instead of the relayed one")
    func relayedThenDirect() {
        let relay = TransportAddress(ipv4: 0xC000_0263, port: 3_478)
        let a = bridge()
        let b = Peer("client", isControlling: false, tieBreaker: 2, addresses: [clientAddress, relay], seed: 2)
        let network = Network([a, b])
        a.agent.addRemoteCandidate(relay, priority: 16_777_215, isRelayed: true, at: .zero)
        network.dead = [clientAddress]
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .milliseconds(400))
        #expect(a.agent.sendDestination?.remote == relay)
        network.dead = []
        network.run(for: .milliseconds(390))
        #expect(a.agent.selected?.remote == clientAddress)
    }

    @Test("consent is asked for at once and then every 4 to 6 seconds, with USE-CANDIDATE, and renewed by answers")
    func consentInterval() {
        let (network, bridge, client) = connected()
        let start = network.now
        network.run(for: .seconds(300))
        let times = bridge.requests(since: start).map(\.time)
        #expect(bridge.requests(since: start).allSatisfy { $0.isNominating })
        #expect((50...75).contains(times.count), "\(times.count)")
        for (a, b) in zip(times, times.dropFirst()) { #expect((3_999...6_001).contains((b - a).milliseconds)) }
        #expect(network.now - (bridge.agent.lastConsent ?? .zero) < .seconds(7))
        #expect(client.requests(since: start).allSatisfy { !$0.isNominating })
        #expect(bridge.agent.counters.consentTimeouts == 0)
        #expect(!network.isBusy)
    }

    @Test("an unanswered consent check is repeated five times, 500 ms apart, and begun anew in the next interval")
    func consentRetransmission() throws {
        let (network, bridge, client) = connected()
        network.run(for: .seconds(1))
        network.dead = [clientAddress]
        client.agent = ICEAgent(client.agent.settings, random: Random(seed: 9), at: network.now)
        let start = network.now
        network.run(for: .seconds(12))
        let times = bridge.requests(since: start).map(\.time)
        let first = times.prefix(6)
        #expect(zip(first, first.dropFirst()).allSatisfy { $1 - $0 == .milliseconds(500) })
        #expect(first.count == 6)
        let pause = (times[6] - times[5]).milliseconds
        #expect((1_500...3_500).contains(pause), "\(pause)")
        #expect(bridge.agent.counters.consentTimeouts >= 1)
        #expect(bridge.agent.selected?.remote == clientAddress)
    }

    @Test("after 30 seconds without an answer nothing may be sent; the next answer allows it again")
    func consentExpiry() {
        let (network, bridge, _) = connected()
        network.run(for: .seconds(10))
        network.dead = [clientAddress]
        let last = bridge.agent.lastConsent ?? .zero
        network.run(for: last + .milliseconds(29_999) - network.now)
        #expect(!bridge.events.contains(.consentLost))
        #expect(bridge.agent.sendDestination != nil)
        network.run(for: .milliseconds(2))
        #expect(bridge.events.last == .consentLost)
        #expect(bridge.agent.sendDestination == nil)
        network.run(for: .seconds(60))
        #expect(bridge.events.filter { $0 == .consentLost }.count == 1)
        network.dead = []
        network.run(for: .seconds(7))
        #expect(bridge.events.last == .consentRegained)
        #expect(bridge.agent.sendDestination?.remote == clientAddress)
        #expect(bridge.agent.state == .completed)
        #expect(!network.isBusy)
    }

    @Test("a client that moves to another address is followed within two seconds of its first check from there")
    func clientMoves() {
        for seed in 1...10 as ClosedRange<UInt64> {
            let (network, bridge, client) = connected(seed: seed)
            network.run(for: .seconds(Int64(seed) * 3))
            client.addresses = [movedAddress]
            let moved = Destination(remote: movedAddress, local: 0)
            network.run(for: .seconds(10)) { bridge.agent.pairs.contains { $0.destination == moved } }
            network.run(for: .seconds(2)) { bridge.agent.selected == moved }
            #expect(bridge.agent.selected == moved)
            #expect(bridge.agent.sendDestination == moved)
            #expect(!bridge.events.contains(.consentLost))
            #expect(bridge.requests().last { $0.destination == moved }?.isNominating == true)
            network.run(for: .seconds(60))
            #expect(bridge.selections == [Destination(remote: clientAddress, local: 0), moved])
            #expect(bridge.agent.state == .completed && client.agent.state == .completed)
        }
    }

    @Test("the new address is nominated half a second after its first check, and the old one was asked three times")
    func moveTakesHalfASecond() {
        for seed in 1...10 as ClosedRange<UInt64> {
            let (network, bridge, client) = connected(seed: seed)
            network.run(for: .seconds(Int64(seed) * 3))
            let old = Destination(remote: clientAddress, local: 0)
            client.addresses = [movedAddress]
            network.dead = [clientAddress]
            let moved = Destination(remote: movedAddress, local: 0)
            network.run(for: .seconds(10)) { bridge.agent.pairs.contains { $0.destination == moved } }
            let heard = network.now
            network.run(for: .seconds(2)) { bridge.agent.selected == moved }
            #expect(bridge.agent.selected == moved)
            // Two round trips of 20 ms and 400 ms of doubt.
            #expect(network.now - heard <= .milliseconds(450), "seed \(seed): \(network.now - heard)")
            #expect(bridge.requests(since: heard).count { $0.destination == old } >= 3)
        }
    }

    @Test("a slow path has four of its round trips to answer before it is given up")
    func patience() {
        let (network, bridge, client) = connected()
        network.delayMilliseconds = 100...100
        network.run(for: .seconds(30))
        // The shortest round trip was the first one's, over the fast path: only the slow one shall be known.
        for index in bridge.agent.pairs.indices { bridge.agent.pairs[index].roundTrip = .milliseconds(200) }
        client.addresses = [movedAddress]
        let moved = Destination(remote: movedAddress, local: 0)
        network.run(for: .seconds(10)) { bridge.agent.pairs.contains { $0.destination == moved } }
        let heard = network.now
        network.run(for: .seconds(3)) { bridge.agent.selected == moved }
        let time = network.now - heard
        #expect(time >= .milliseconds(1_200) && time <= .milliseconds(1_250), "\(time)")
    }

    @Test("a path that loses every tenth datagram is not left for another while it answers", arguments: 1...20)
    func lossyDoubt(seed: Int) {
        let second = TransportAddress(ipv4: 0xC000_0263, port: 3_478)
        let a = bridge()
        let b = Peer("client", isControlling: false, tieBreaker: 2, addresses: [clientAddress, second], seed: 2)
        let network = Network([a, b], seed: UInt64(seed))
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(5))
        let selected = a.agent.selected
        network.loss = 0.1
        network.run(for: .seconds(60))
        #expect(a.agent.selected == selected && selected != nil)
    }

    @Test("a client that comes back to its old address is followed again")
    func clientReturns() {
        let (network, bridge, client) = connected()
        network.run(for: .seconds(5))
        for round in 0..<4 {
            client.addresses = [round % 2 == 0 ? movedAddress : clientAddress]
            network.run(for: .seconds(20))
            #expect(bridge.agent.sendDestination?.remote == client.addresses[0])
        }
        #expect(bridge.selections.count == 5)
        #expect(!bridge.events.contains(.consentLost))
    }

    @Test("a second path that works does not take over while the selected one answers")
    func steadySelection() {
        let relay = TransportAddress(ipv4: 0xC000_0263, port: 3_478)
        let a = bridge()
        let b = Peer("client", isControlling: false, tieBreaker: 2, addresses: [clientAddress, relay], seed: 2)
        let network = Network([a, b])
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(120))
        #expect(a.selections.count == 1)
        #expect(b.selections.count == 1)
        #expect(a.agent.state == .completed && b.agent.state == .completed)
    }

    @Test("a controlled bridge follows the peer's nomination to another pair")
    func followsNomination() {
        let a = bridge(isControlling: false)
        let b = Peer("client", isControlling: true, tieBreaker: 2, addresses: [clientAddress, movedAddress], seed: 2)
        let network = Network([a, b])
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(4))
        let first = a.agent.selected?.remote
        #expect(first != nil && a.agent.selected?.local == 0)
        network.dead = [first ?? clientAddress]
        network.run(for: .seconds(20))
        #expect(a.agent.selected?.remote != first)
        #expect(a.agent.sendDestination?.remote == b.addresses[Int(b.agent.sendDestination?.local ?? 9)])
        #expect(!a.events.contains(.failed))
    }

    @Test("the same seed replays the same run")
    func replay() {
        func trace() -> [String] {
            let (a, b) = (bridge(), client())
            let network = Network([a, b], seed: 77)
            network.loss = 0.4
            network.delayMilliseconds = 1...90
            network.connect(a, b)
            network.signal(a, to: b)
            network.run(for: .seconds(40))
            return a.sent.map { "\($0.time.nanoseconds) \($0.destination.remote) \($0.bytes)" }
        }
        #expect(trace() == trace())
    }
}
