// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// Requests make the agent ask, answers decide: forged sources, repeated checks, guessed numbers.
@Suite struct ICEProofTests {
    private let path = Destination(remote: ScriptedPeer.address, local: 0)
    private let other = Destination(remote: TransportAddress(ipv4: 0xC633_6401, port: 1_000), local: 0)

    private let bridgeAddress = TransportAddress(ipv4: 0xC000_0201, port: 10_000)
    private let clientAddress = TransportAddress(ipv4: 0xCB00_7105, port: 40_001)
    private let movedAddress = TransportAddress(ipv4: 0xC633_6407, port: 50_002)

    /// A bridge and its client, connected.
    private func connected(seed: UInt64 = 1) -> (Network, bridge: Peer, client: Peer) {
        let a = Peer("bridge", isControlling: true, tieBreaker: 10, addresses: [bridgeAddress], seed: seed)
        let b = Peer("client", isControlling: false, tieBreaker: 20, addresses: [clientAddress], seed: seed &+ 100)
        let network = Network([a, b], seed: seed)
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(2)) { a.agent.state == .completed && b.agent.state == .completed }
        return (network, a, b)
    }

    /// A check that the bridge believes, as whoever has the credentials can write it.
    private func check(_ id: UInt64, of client: Peer, for bridge: Peer) -> [UInt8] {
        var builder = STUNBuilder(.request, transactionID: TransactionID(high: 9, low: id))
        builder.username(Array(bridge.ufrag.utf8), Array(client.ufrag.utf8))
        builder.priority(1)
        builder.role(isControlling: false, tieBreaker: 20)
        return builder.finish(key: Array(bridge.password.utf8))
    }

    @Test("a request binds nothing, the answer to our check does, once")
    func proof() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        #expect(peer.events.isEmpty)
        #expect(peer.agent.boundDestinations.isEmpty == true)
        let check = try #require(peer.lastRequest)
        peer.deliver(peer.success(to: check))
        #expect(peer.events.first == .bound(path))
        #expect(peer.agent.boundDestinations == [path])
    }

    @Test("an answer counts once: a copy of it matches nothing")
    func repeatedAnswer() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.seconds(6))
        let answer = peer.success(to: try #require(peer.lastRequest))
        peer.deliver(answer)
        let (events, consent) = (peer.events, peer.agent.lastConsent)
        peer.wait(.seconds(1))
        for source in [ScriptedPeer.address, other.remote] { peer.deliver(answer, from: source) }
        #expect(peer.agent.counters.unmatchedResponse == 2)
        #expect(peer.events == events)
        #expect(peer.agent.lastConsent == consent)
    }

    @Test("a copy of a consent answer from another address neither renews consent nor fails the pair")
    func answerFromElsewhere() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.seconds(6))
        let answer = peer.success(to: try #require(peer.lastRequest))
        let before = peer.agent.lastConsent
        for _ in 0..<5 { peer.deliver(answer, from: other.remote) }
        #expect(peer.agent.counters.asymmetricResponse == 5)
        #expect(peer.agent.pairs.map(\.isValid) == [true])
        #expect(peer.agent.lastConsent == before)
        #expect(peer.agent.boundDestinations.contains(other) == false)
        peer.deliver(answer)
        #expect(peer.agent.lastConsent == peer.now)
    }

    @Test("transaction numbers name worker and slot, and all the rest of them is hidden from who knows the others")
    func transactionNumbers() throws {
        let owner = TransactionOwner(worker: 201, slot: 0xABCDEF)
        #expect(TransactionID(owner: owner, secret: 5).owner == owner)
        func numbers(_ key: [UInt8]) -> [TransactionID] {
            let peer = ScriptedPeer {
                $0.owner = owner
                $0.transactionKey = key
            }
            for index in 1...16 {
                peer.deliver(peer.request(), from: TransportAddress(ipv4: 0x0B00_0000 + UInt32(index), port: 7))
            }
            peer.wait(.seconds(1))
            return peer.sent.filter { $0.messageClass == .request }.map(\.id)
        }
        let (first, second) = (numbers([1, 2, 3]), numbers([1, 2, 4]))
        #expect(Set(first).count >= 16)
        #expect(first.allSatisfy { $0.owner == owner })
        #expect(Set(first.map(\.low)).isDisjoint(with: second.map(\.low)))
        // The agent's generator is the same in both; no output of it is a number.
        var random = Random(seed: 5)
        let outputs = Set((0..<1_000).map { _ in random.next() })
        #expect(outputs.isDisjoint(with: first.map(\.low)))
        // Without a key the agent draws one.
        #expect(Set(numbers([]).map(\.low)).isDisjoint(with: outputs))
    }

    @Test("guessed numbers match nothing, whatever address they come from and however well they are signed")
    func guessedNumbers() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.milliseconds(20))
        peer.deliver(peer.request(), from: other.remote)
        let real = try #require(peer.lastRequest)
        #expect(real.destination == other)
        for guess in 0..<2_000 as Range<UInt64> {
            var near = real
            near.id.low = real.id.low &+ guess &+ 1
            peer.deliver(peer.success(to: near), from: other.remote)
        }
        #expect(peer.agent.counters.unmatchedResponse == 2_000)
        #expect(peer.agent.boundDestinations.contains(other) == false)
        peer.deliver(peer.success(to: real), from: other.remote)
        #expect(peer.agent.boundDestinations.contains(other) == true)
    }

    @Test("a controlled agent leaves its pair for another when that one answers, not when it is nominated")
    func forgedNomination() throws {
        let peer = ScriptedPeer(isControlling: false)
        peer.deliver(peer.request(isControlling: true) { $0.useCandidate() })
        peer.deliver(peer.success(to: try #require(peer.lastRequest)))
        #expect(peer.agent.selected == path)
        peer.wait(.milliseconds(20))
        peer.deliver(peer.request(isControlling: true), from: other.remote)
        peer.deliver(peer.success(to: try #require(peer.lastRequest)), from: other.remote)
        peer.wait(.seconds(1))
        #expect(peer.agent.boundDestinations == [path, other])
        peer.deliver(peer.request(isControlling: true) { $0.useCandidate() }, from: other.remote)
        #expect(peer.agent.selected == path)
        peer.deliver(
            peer.success(to: try #require(peer.sent.last { $0.destination == other && $0.messageClass == .request })),
            from: other.remote)
        #expect(peer.agent.selected == other)
        #expect(peer.events.last == .selected(other))
    }

    @Test("the peer's old checks, sent again from anywhere, move nothing and keep nothing from moving")
    func replays() throws {
        for seed in 1...6 as ClosedRange<UInt64> {
            let (network, bridge, client) = connected(seed: seed)
            network.run(for: .seconds(11))
            let old = try #require(
                client.sent.last { (try? STUNMessage($0.bytes.rawSpan))?.messageClass == .request })
            func replay(_ index: Int) {
                let sources = [clientAddress, movedAddress, TransportAddress(ipv4: 0x0B00_0001, port: UInt16(index))]
                bridge.agent.handle(old.bytes.rawSpan, from: sources[index % 3], local: 0, at: network.now)
            }
            for index in 1...100 {
                network.run(for: .milliseconds(100))
                replay(index)
            }
            #expect(bridge.selections == [Destination(remote: clientAddress, local: 0)])
            #expect(bridge.agent.boundDestinations == [Destination(remote: clientAddress, local: 0)])
            // Back and forth: the second move is to an address that was proven before.
            for (round, address) in [movedAddress, clientAddress, movedAddress].enumerated() {
                client.addresses = [address]
                let moved = Destination(remote: address, local: 0)
                client.agent.resumeAfterPause(of: .nanoseconds(1), at: network.now)
                network.drain()
                for index in 1...20 {
                    network.run(for: .milliseconds(100))
                    replay(index + round)
                }
                #expect(bridge.agent.selected == moved, "seed \(seed), round \(round)")
                network.run(for: .seconds(9))
            }
            #expect(!bridge.events.contains(.consentLost))
        }
    }

    @Test("forged checks from new addresses, ten a second: a client that really moves is followed within two seconds")
    func forgedSources() {
        for seed in 1...6 as ClosedRange<UInt64> {
            let (network, bridge, client) = connected(seed: seed)
            var count: UInt64 = 0
            func forge(for seconds: Int, until isDone: () -> Bool = { false }) {
                for _ in 0..<seconds * 10 where !isDone() {
                    network.run(for: .milliseconds(100), until: isDone)
                    count += 1
                    let source = TransportAddress(ipv4: 0x0B00_0000 + UInt32(count), port: 9)
                    bridge.agent.handle(
                        check(count, of: client, for: bridge).rawSpan, from: source, local: 0, at: network.now)
                }
            }
            forge(for: 20)
            client.addresses = [movedAddress]
            let moved = Destination(remote: movedAddress, local: 0)
            client.agent.resumeAfterPause(of: .nanoseconds(1), at: network.now)
            network.drain()
            forge(for: 2) { bridge.agent.selected == moved }
            #expect(bridge.agent.selected == moved)
            #expect(bridge.agent.boundDestinations.contains(moved) == true)
            #expect(bridge.agent.counters.candidatesRefused == 0)
            forge(for: 20)
            #expect(bridge.selections == [Destination(remote: clientAddress, local: 0), moved])
            #expect(bridge.agent.pairs.count <= ICELimits.unprovenAddresses + 2)
        }
    }

    @Test("a 4-tuple that another session proved its own is given up: nothing goes there until the peer answers again")
    func release() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.seconds(2))
        peer.agent.release(other, at: peer.now)
        #expect(peer.agent.sendDestination == path)
        peer.agent.release(path, at: peer.now)
        #expect(peer.agent.sendDestination == nil)
        #expect(peer.agent.boundDestinations.isEmpty == true)
        #expect(peer.agent.nextTimeout.map { $0 <= peer.now } == true)
        let check = try #require(peer.wait(.zero).last)
        #expect(check.destination == path)
        #expect(peer.events.last == .consentLost)
        peer.deliver(peer.success(to: check))
        #expect(peer.agent.sendDestination == path)
        #expect(peer.events.suffix(2) == [.bound(path), .consentRegained])
    }

    @Test("a peer that answers for two sessions from one address moves it once a second, not once a round trip")
    func contestedAddress() {
        let peer = ScriptedPeer()
        peer.establish()
        var count = 0
        for _ in 0..<1_000 {
            peer.agent.release(path, at: peer.now)
            for check in peer.wait(.milliseconds(10)) where check.messageClass == .request {
                peer.deliver(peer.success(to: check))
                count += 1
            }
        }
        #expect(count <= 11, "\(count)")
        #expect(peer.agent.selected == path)
    }

    @Test("candidates and forged addresses never push out the pair in use, also while it has to prove itself anew")
    func pairInUse() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.seconds(2))
        peer.agent.release(path, at: peer.now)
        for index in 1...400 {
            peer.deliver(peer.request(), from: TransportAddress(ipv4: 0x0B00_0000 + UInt32(index), port: 7))
            peer.wait(.milliseconds(50))
        }
        #expect(peer.agent.pairs.contains { $0.destination == path } == true)
        peer.wait(.seconds(6))
        let check = try #require(peer.sent.last { $0.destination == path && $0.messageClass == .request })
        peer.deliver(peer.success(to: check))
        #expect(peer.agent.sendDestination == path)
    }

    @Test("a response names its owner; what is no Binding response names nobody")
    func responseOwner() {
        let owner = TransactionOwner(worker: 3, slot: 77)
        let id = TransactionID(owner: owner, secret: 1)
        #expect(STUNPeek.responseOwner(of: STUNBuilder(.success, transactionID: id).finish(key: [1]).rawSpan) == owner)
        #expect(STUNPeek.responseOwner(of: STUNBuilder(.error, transactionID: id).finish(key: nil).rawSpan) == owner)
        for other in [STUNClass.request, .indication] {
            #expect(STUNPeek.responseOwner(of: STUNBuilder(other, transactionID: id).finish(key: [1]).rawSpan) == nil)
        }
        let allocation = STUNBuilder(.success, method: 3, transactionID: id).finish(key: [1])
        #expect(STUNPeek.responseOwner(of: allocation.rawSpan) == nil)
        let good = STUNBuilder(.success, transactionID: id).finish(key: [1])
        for count in 0..<good.count { #expect(STUNPeek.responseOwner(of: good.rawSpan.slice(0, count: count)) == nil) }
        #expect(STUNPeek.responseOwner(of: (good + [0]).rawSpan) == nil)
    }
}
