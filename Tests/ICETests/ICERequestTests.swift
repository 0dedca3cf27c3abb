// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// How the agent treats requests (media-plane.md 1.2, 1.6).
@Suite struct ICERequestTests {
    private let path = Destination(remote: ScriptedPeer.address, local: 0)

    @Test("a good check is answered from the same socket with XOR-MAPPED-ADDRESS, integrity and fingerprint")
    func success() throws {
        let peer = ScriptedPeer(hasCredentials: false)
        let request = peer.request()
        let answer = try #require(peer.deliver(request).first)
        #expect(answer.destination == path)
        #expect(answer.messageClass == .success)
        #expect(answer.attributes.xorMappedAddress == ScriptedPeer.address)
        #expect(hasIntegrity(answer.bytes, ScriptedPeer.agentPassword))
        #expect(answer.isFingerprinted)
        #expect(answer.bytes[8..<20] == request[8..<20])
        #expect(peer.events.isEmpty)
        #expect(peer.agent.pairs.map(\.destination) == [path])
    }

    @Test("another user fragment gets no answer")
    func unknownUser() {
        let peer = ScriptedPeer()
        for name in ["agenT", "agen", "agentx", "", "peer"] {
            #expect(peer.deliver(peer.request(username: Array(name.utf8))).isEmpty)
        }
        #expect(peer.agent.counters.unknownUser == 5)
        #expect(peer.events.isEmpty)
    }

    @Test("another user fragment without MESSAGE-INTEGRITY gets no answer either: no sign of who has the slot now")
    func unknownUserWithoutIntegrity() {
        let peer = ScriptedPeer()
        #expect(peer.deliver(peer.request(username: Array("agenT".utf8), password: nil)).isEmpty)
        #expect(peer.agent.counters.unknownUser == 1)
        #expect(peer.agent.counters.missingIntegrity == 0)
    }

    @Test("a wrong password gets no answer, binds nothing and is counted")
    func badIntegrity() {
        let peer = ScriptedPeer()
        #expect(peer.deliver(peer.request(password: Array("wrong".utf8))).isEmpty)
        #expect(peer.agent.counters.badIntegrity == 1)
        #expect(peer.events.isEmpty)
        #expect(peer.agent.pairs.isEmpty == true)
    }

    @Test("a request without MESSAGE-INTEGRITY gets 400, never longer than itself, and has no effect")
    func missingIntegrity() throws {
        let peer = ScriptedPeer()
        let request = peer.request(password: nil)
        let answer = try #require(peer.deliver(request).first)
        #expect(answer.attributes.errorCode == 400)
        #expect(answer.attributes.integrityOffset == nil)
        #expect(answer.bytes.count <= request.count)
        #expect(peer.events.isEmpty)
        let tiny = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: 2)).finish(key: nil)
        #expect(peer.deliver(tiny).isEmpty)
        #expect(peer.agent.counters.missingIntegrity == 2)
    }

    @Test("an authentic request without PRIORITY or USERNAME gets 400 with integrity")
    func badRequest() throws {
        let peer = ScriptedPeer()
        for request in [peer.request(priority: nil), peer.request(username: nil)] {
            let answer = try #require(peer.deliver(request).first)
            #expect(answer.attributes.errorCode == 400)
            #expect(hasIntegrity(answer.bytes, ScriptedPeer.agentPassword))
        }
        #expect(peer.agent.counters.badRequest == 2)
        #expect(peer.events.isEmpty)
    }

    @Test("an unknown required attribute gets 420 with the list; an unknown optional one is ignored")
    func unknownAttributes() throws {
        let peer = ScriptedPeer()
        let request = peer.request { $0.attribute(0x7ABC, [1, 2]) }
        let answer = try #require(peer.deliver(request).first)
        #expect(answer.attributes.errorCode == 420)
        #expect(hasIntegrity(answer.bytes, ScriptedPeer.agentPassword))
        let list = [UInt8](hex: "000a 0002 7abc 0000")
        #expect(answer.bytes.indices.contains { Array(answer.bytes[$0...].prefix(8)) == list })
        #expect(peer.events.isEmpty)
        let fine = peer.request { $0.attribute(0xC057, [0, 1, 0, 10]) }
        #expect(peer.deliver(fine).first?.messageClass == .success)
    }

    /// RFC 8445 §7.3.1.1: our role and tie-breaker, the peer's tie-breaker; whether it is refused, our role then.
    @Test(
        "role conflict: the greater tie-breaker controls, the equal one of ours too; 487 carries integrity",
        arguments: [
            (true, 100, 99, true, true), (true, 100, 100, true, true), (true, 100, 101, false, false),
            (false, 100, 99, false, true), (false, 100, 100, false, true), (false, 100, 101, true, false),
        ] as [(Bool, UInt64, UInt64, Bool, Bool)])
    func roleConflict(isControlling: Bool, ours: UInt64, theirs: UInt64, isRefused: Bool, after: Bool) throws {
        let peer = ScriptedPeer(isControlling: isControlling, tieBreaker: ours)
        let answer = try #require(
            peer.deliver(peer.request(isControlling: isControlling, tieBreaker: theirs)).first)
        #expect(answer.messageClass == (isRefused ? .error : .success))
        #expect(answer.attributes.errorCode == (isRefused ? 487 : nil))
        #expect(hasIntegrity(answer.bytes, ScriptedPeer.agentPassword))
        #expect(peer.agent.isControlling == after)
        #expect(peer.agent.pairs.isEmpty == isRefused)
    }

    @Test("tie-breakers are compared as unsigned numbers")
    func unsignedTieBreaker() throws {
        let peer = ScriptedPeer(isControlling: true, tieBreaker: 1 << 63)
        let answer = try #require(peer.deliver(peer.request(isControlling: true, tieBreaker: 1)).first)
        #expect(answer.attributes.errorCode == 487)
    }

    @Test("a retransmitted request gets the same answer for 16 s and has no effect twice")
    func retransmission() throws {
        let peer = ScriptedPeer(isControlling: true, tieBreaker: 100, hasCredentials: false)
        let request = peer.request(isControlling: true, tieBreaker: 50)
        let first = try #require(peer.deliver(request).first)
        // Our role changes in between; the refusal stays what it was.
        peer.deliver(peer.request(isControlling: true, tieBreaker: 200))
        #expect(peer.agent.isControlling == false)
        peer.wait(.seconds(15))
        #expect(peer.deliver(request).first?.bytes == first.bytes)
        #expect(peer.agent.counters.roleConflicts == 1)
        #expect(peer.agent.counters.requestsRepeated == 1)
        peer.wait(.seconds(2))
        #expect(peer.deliver(request).first?.messageClass == .success)
    }

    @Test("a repeated transaction number from another address is another request")
    func sameIDOtherAddress() {
        let peer = ScriptedPeer()
        let request = peer.request()
        let other = TransportAddress(ipv4: 0xCB00_7106, port: 40_001)
        #expect(peer.deliver(request).first?.attributes.xorMappedAddress == ScriptedPeer.address)
        #expect(peer.deliver(request, from: other).first?.attributes.xorMappedAddress == other)
        #expect(peer.agent.counters.requestsRepeated == 0)
    }

    @Test("what is not a Binding request for this socket is counted by reason")
    func drops() {
        let peer = ScriptedPeer()
        peer.deliver([1, 2, 3])
        #expect(peer.agent.counters.malformed == 1)
        var broken = peer.request()
        broken[broken.count - 1] ^= 1
        peer.deliver(broken)
        #expect(peer.agent.counters.badFingerprint == 1)
        let id = TransactionID(high: 1, low: 1)
        peer.deliver(STUNBuilder(.request, method: 3, transactionID: id).finish(key: ScriptedPeer.agentPassword))
        #expect(peer.agent.counters.unsupported == 1)
        peer.deliver(peer.request(), local: 1)
        peer.deliver(peer.request(), from: TransportAddress(ipv6High: 1, low: 1, port: 9))
        peer.deliver(peer.request(), from: ScriptedPeer.address.with(port: 0))
        #expect(peer.agent.counters.wrongSocket == 3)
        peer.deliver(STUNBuilder(.success, transactionID: id).finish(key: ScriptedPeer.password))
        #expect(peer.agent.counters.unmatchedResponse == 1)
        #expect(peer.events.isEmpty)
        #expect(peer.sent.isEmpty)
    }

    @Test("a Binding indication keeps a mapping alive: it is neither answered nor counted as a fault")
    func indication() {
        let peer = ScriptedPeer()
        peer.deliver(STUNBuilder(.indication, transactionID: TransactionID(high: 1, low: 1)).finish(key: nil))
        #expect(peer.agent.counters == ICECounters())
        #expect(peer.sent.isEmpty)
    }

    @Test("as controlled agent, USE-CANDIDATE selects the pair once it works")
    func useCandidate() throws {
        let peer = ScriptedPeer(isControlling: false)
        peer.deliver(peer.request(isControlling: true) { $0.useCandidate() })
        #expect(peer.agent.selected == nil)
        let check = try #require(peer.lastRequest)
        #expect(!check.attributes.hasUseCandidate)
        #expect(check.attributes.controlled == 100)
        peer.deliver(peer.success(to: check))
        #expect(peer.events == [.bound(path), .writable(path), .selected(path)])
        #expect(peer.agent.state == .completed)
    }

    @Test("after nomination checks from new addresses are still answered and answered back")
    func newAddressAfterNomination() throws {
        let peer = ScriptedPeer()
        peer.establish()
        peer.wait(.seconds(20))
        let other = TransportAddress(ipv4: 0xCB00_7199, port: 5_000)
        let answers = peer.deliver(peer.request(), from: other)
        #expect(answers.first?.messageClass == .success)
        let check = try #require(answers.last { $0.messageClass == .request && $0.destination.remote == other })
        #expect(peer.events.last == .selected(path))
        peer.deliver(peer.success(to: check), from: other)
        #expect(peer.events.last == .bound(Destination(remote: other, local: 0)))
    }
}
