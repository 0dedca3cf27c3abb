// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// A process that was stopped, or whose machine was.
@Suite struct ICEPauseTests {
    private let path = Destination(remote: ScriptedPeer.address, local: 0)

    private func established() -> ScriptedPeer {
        let peer = ScriptedPeer()
        peer.establish()
        return peer
    }

    /// Lets a pause pass in which nothing runs and which the clock does not count, and goes on.
    private func pause(_ peer: ScriptedPeer, _ length: TimeDelta) -> [ScriptedPeer.Sent] {
        peer.agent.resumeAfterPause(of: length, at: peer.now)
        return peer.wait(.zero)
    }

    @Test("after a short pause consent is asked for at once, and media goes on meanwhile")
    func shortPause() throws {
        let peer = established()
        let sent = pause(peer, .seconds(20))
        #expect(sent.map(\.destination) == [path])
        #expect(sent[0].attributes.hasUseCandidate)
        #expect(peer.agent.sendDestination == path)
        #expect(!peer.events.contains(.consentLost))
        peer.deliver(peer.success(to: sent[0]))
        #expect(peer.agent.lastConsent == peer.now)
        // And then as ever.
        #expect(peer.wait(.milliseconds(3_999)).isEmpty)
        #expect(!peer.wait(.milliseconds(2_001)).isEmpty)
    }

    @Test(
        "after a pause longer than consent lasts nothing is sent until the answer; then media goes on",
        arguments: [
            31, 75, 3_600,
        ])
    func longPause(seconds: Int64) {
        let peer = established()
        let sent = pause(peer, .seconds(seconds))
        #expect(peer.agent.sendDestination == nil)
        #expect(peer.agent.state == .completed)
        #expect(peer.agent.selected == path)
        #expect(sent.map(\.destination) == [path])
        // As far as inactivity goes, the peer was heard of just now.
        let heard = peer.agent.lastConsent ?? .zero
        #expect(heard + .seconds(1) > peer.now)
        // Requests of the peer that waited in the socket are answered, and change nothing.
        #expect(peer.deliver(peer.request()).first?.messageClass == .success)
        #expect(peer.agent.sendDestination == nil)
        peer.deliver(peer.success(to: sent[0]))
        #expect(peer.agent.sendDestination == path)
        #expect(peer.events.suffix(2) == [.consentLost, .consentRegained])
    }

    @Test("consent runs out in real time: a pause does not lengthen it")
    func realTime() {
        let peer = established()
        peer.wait(.milliseconds(3_000))
        _ = pause(peer, .seconds(25))
        #expect(peer.agent.sendDestination == path)
        peer.wait(.milliseconds(1_999))
        #expect(peer.agent.sendDestination == path)
        peer.wait(.milliseconds(1))
        #expect(peer.agent.sendDestination == nil)
        #expect(peer.events.last == .consentLost)
    }

    @Test("another pair's answer from before the pause gives no consent when it is selected, one from after it does")
    func otherPair() throws {
        let other = Destination(remote: TransportAddress(ipv4: 0xC633_6401, port: 1_000), local: 0)
        for length in [20, 40] as [Int64] {
            let peer = established()
            peer.deliver(peer.request(), from: other.remote)
            peer.deliver(peer.success(to: try #require(peer.lastRequest)), from: other.remote)
            _ = pause(peer, .seconds(length))
            #expect(
                peer.agent.realTime(of: peer.now - .nanoseconds(1)) == peer.now - .seconds(length) - .nanoseconds(1))
            #expect(peer.agent.realTime(of: peer.now) == peer.now)
            peer.agent.noteConsent(answer: peer.now - .nanoseconds(1), at: peer.now)
            #expect((peer.agent.sendDestination == nil) == (length == 40))
            peer.agent.noteConsent(answer: peer.now, at: peer.now)
            #expect(peer.agent.sendDestination == path)
        }
    }

    @Test("an answer to what was asked before the pause is no answer")
    func oldAnswer() throws {
        let peer = established()
        let old = try #require(peer.wait(.seconds(6)).last)
        let sent = pause(peer, .seconds(60))
        #expect(sent[0].id != old.id)
        peer.deliver(peer.success(to: old))
        #expect(peer.agent.sendDestination == nil)
        #expect(peer.agent.counters.unmatchedResponse == 1)
    }

    @Test("a peer that is gone after the pause is asked as ever and loses nothing but consent")
    func gone() {
        let peer = established()
        _ = pause(peer, .seconds(100))
        peer.wait(.seconds(100))
        #expect(peer.agent.state == .completed)
        #expect(peer.events.filter { $0 == .consentLost }.count == 1)
        #expect(peer.agent.sendDestination == nil)
    }

    @Test("checks go on where they were: neither retransmissions nor the waits before failure count the pause")
    func checks() {
        let peer = ScriptedPeer()
        peer.agent.addRemoteCandidate(path.remote, priority: 1, isRelayed: false, at: .zero)
        peer.wait(.milliseconds(1_000))
        #expect(pause(peer, .seconds(600)).isEmpty)
        let sent = peer.wait(.milliseconds(5_299))
        #expect(sent.map { ($0.time - .zero).milliseconds } == [1_500, 3_100, 4_700])
        peer.wait(.milliseconds(1))
        _ = pause(peer, .seconds(600))
        peer.wait(.milliseconds(4_999))
        #expect(peer.agent.state == .running)
        peer.wait(.milliseconds(1))
        #expect(peer.agent.state == .failed)
        #expect(pause(peer, .seconds(600)).isEmpty)
    }

    @Test("a doubted pair has its whole time to answer after a pause")
    func doubt() throws {
        let other = Destination(remote: TransportAddress(ipv4: 0xC633_6401, port: 1_000), local: 0)
        let peer = established()
        peer.deliver(peer.request(), from: other.remote)
        peer.deliver(peer.success(to: try #require(peer.lastRequest)), from: other.remote)
        peer.wait(.milliseconds(500))
        let sent = pause(peer, .seconds(10))
        peer.wait(.milliseconds(900))
        #expect(!peer.sent.contains { $0.destination == other && $0.attributes.hasUseCandidate })
        peer.deliver(peer.success(to: sent[0]))
        peer.wait(.seconds(2))
        #expect(peer.agent.selected == path)
        #expect(!peer.sent.contains { $0.destination == other && $0.attributes.hasUseCandidate })
    }

    @Test("a pause of nothing, or less, does nothing; so does one before anything works")
    func nothing() {
        let peer = established()
        let count = peer.sent.count
        _ = pause(peer, .zero)
        peer.agent.resumeAfterPause(of: .seconds(-5), at: peer.now)
        peer.wait(.zero)
        #expect(peer.sent.count == count)
        let young = ScriptedPeer(hasCredentials: false)
        #expect(pause(young, .seconds(60)).isEmpty)
        #expect(young.agent.state == .waiting)
    }

    @Test(
        "two agents connect and stay connected, whenever the one or both sleep",
        arguments: 1...20 as ClosedRange<UInt64>)
    func anyTime(seed: UInt64) {
        var random = Random(seed: seed)
        let addresses = [
            TransportAddress(ipv4: 0xC000_0201, port: 10_000), TransportAddress(ipv4: 0xCB00_7105, port: 40_001),
        ]
        let a = Peer("bridge", isControlling: true, tieBreaker: 1, addresses: [addresses[0]], seed: seed)
        let b = Peer("client", isControlling: false, tieBreaker: 2, addresses: [addresses[1]], seed: seed &+ 50)
        let network = Network([a, b], seed: seed)
        network.loss = 0.2
        network.connect(a, b)
        network.signal(a, to: b)
        for _ in 0..<12 {
            network.run(for: .milliseconds(Int64(random.int(in: 0...2_000))))
            let length = TimeDelta.milliseconds(Int64(random.int(in: 1...90_000)))
            a.agent.resumeAfterPause(of: length, at: network.now)
            b.agent.resumeAfterPause(of: length, at: network.now)
        }
        network.run(for: .seconds(12))
        #expect(a.agent.state == .completed && b.agent.state == .completed)
        #expect(a.agent.sendDestination?.remote == addresses[1])
        #expect(b.agent.sendDestination?.remote == addresses[0])
        #expect(!network.isBusy)
    }
}
