// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// Peers that mean harm: nothing traps, nothing grows.
@Suite struct ICEHostileTests {
    private func address(_ index: Int) -> TransportAddress {
        TransportAddress(ipv4: 0x0B00_0000 + UInt32(index), port: 1_000)
    }

    @Test("random and damaged datagrams never trap an agent, whatever its state")
    func damagedDatagrams() {
        let failure = checkProperty(cases: 300) { random in
            let peer = ScriptedPeer(
                isControlling: random.int(in: 0...1) == 1, hasCredentials: random.int(in: 0...3) != 0)
            var samples = STUNVectors.all + [peer.request(), peer.request(isControlling: true) { $0.useCandidate() }]
            for _ in 0..<60 {
                let bytes = samples[random.int(in: 0...samples.count - 1)]
                let source = address(random.int(in: 0...30))
                let isDamaged = random.int(in: 0...2) == 0
                let answers = peer.deliver(isDamaged ? mutate(bytes, using: &random) : bytes, from: source)
                for item in answers where item.messageClass == .request && samples.count < 60 {
                    samples.append(peer.success(to: item))
                    samples.append(peer.error([400, 403, 487][random.int(in: 0...2)], to: item))
                }
                if random.int(in: 0...3) == 0 { peer.wait(.milliseconds(Int64(random.int(in: 0...3_000)))) }
                samples.append(peer.request(isControlling: random.int(in: 0...1) == 1, tieBreaker: random.next()))
                if samples.count > 80 { samples.removeFirst(20) }
            }
            if peer.agent.pairs.count > ICELimits.pairs { return "pairs" }
            if peer.agent.pairs.filter(\.isBound).count > ICELimits.remoteAddresses { return "bound" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("authentic checks from thousands of addresses: 16 are remembered, none is bound, nothing else is forgotten")
    func addressFlood() {
        let peer = ScriptedPeer()
        peer.establish()
        let selected = peer.agent.selected
        let events = peer.events
        for index in 1...3_000 {
            peer.now = peer.now + .milliseconds(1)
            peer.deliver(peer.request(), from: address(index))
        }
        #expect(peer.events == events)
        #expect(peer.agent.pairs.count == 1 + ICELimits.unprovenAddresses)
        #expect(peer.agent.transactions.count <= 1 + ICELimits.unprovenAddresses)
        #expect(peer.agent.triggered.count <= ICELimits.unprovenAddresses)
        #expect(peer.agent.selected == selected)
        #expect(peer.agent.sendDestination == selected)
        #expect(peer.agent.counters.candidatesRefused > 2_000)
        // Checks of ours follow the pace, not the flood: 3 s at 20 ms.
        #expect(peer.agent.counters.checksSent <= 160)
    }

    @Test("a peer that answers from hundreds of addresses keeps 16, the selected one among them")
    func provenAddresses() throws {
        let peer = ScriptedPeer()
        peer.establish()
        let selected = Destination(remote: ScriptedPeer.address, local: 0)
        #expect(peer.agent.selected == selected)
        for index in 1...300 {
            peer.wait(.milliseconds(40))
            peer.deliver(peer.request(), from: address(index))
            let check = try #require(peer.sent.last { $0.destination.remote == address(index) && isRequest($0) })
            peer.deliver(peer.success(to: check), from: address(index))
            for consent in peer.sent.suffix(4) where consent.destination == selected && isRequest(consent) {
                peer.deliver(peer.success(to: consent))
            }
        }
        let bound = peer.events.filter { if case .bound = $0 { true } else { false } }.count
        let unbound = peer.events.filter { if case .unbound = $0 { true } else { false } }.count
        #expect(bound == 301)
        #expect(bound - unbound == ICELimits.remoteAddresses)
        #expect(peer.agent.boundDestinations.count == ICELimits.remoteAddresses)
        #expect(peer.agent.boundDestinations.contains(selected) == true)
        #expect(peer.agent.selected == selected)
    }

    private func isRequest(_ item: ScriptedPeer.Sent) -> Bool { item.messageClass == .request }

    @Test("a thousand candidates make 100 pairs, of the highest priority")
    func candidateFlood() {
        let peer = ScriptedPeer(hasCredentials: false)
        for index in 1...1_000 {
            peer.agent.addRemoteCandidate(address(index), priority: UInt32(index), isRelayed: false, at: .zero)
        }
        #expect(peer.agent.pairs.count == ICELimits.pairs)
        #expect(peer.agent.pairs.allSatisfy { $0.remotePriority > 900 })
    }

    @Test("a peer that answers every check with 487 is refused after 16 role changes")
    func roleFlood() throws {
        let peer = ScriptedPeer()
        peer.deliver(peer.request())
        for _ in 0..<100 {
            if let check = peer.lastRequest { peer.deliver(peer.error(487, to: check)) }
            peer.wait(.milliseconds(20))
        }
        #expect(peer.agent.counters.roleSwitches == UInt32(ICELimits.roleSwitches))
        #expect(peer.agent.counters.checksSent <= UInt32(ICELimits.roleSwitches) + 2)
    }

    @Test("when nobody polls, datagrams and events stop at their limits and are counted")
    func unpolled() {
        let peer = ScriptedPeer()
        let requests = (0..<200).map { _ in peer.request() }
        for (index, request) in requests.enumerated() {
            peer.agent.handle(request.rawSpan, from: address(index), local: 0, at: .zero)
        }
        #expect(peer.agent.counters.transmitOverflow > 0)
        for _ in 0..<200 { peer.agent.emit(.consentLost) }
        #expect(peer.agent.counters.eventOverflow == UInt32(200 - ICELimits.queuedEvents))
        var datagrams = 0
        while peer.agent.pollTransmit() != nil { datagrams += 1 }
        #expect(datagrams == ICELimits.queuedTransmits)
    }

    @Test("unauthenticated floods allocate no state and send nothing larger than they are")
    func unauthenticatedFlood() {
        let peer = ScriptedPeer()
        var received = 0
        for index in 0..<2_000 {
            let bytes = index % 2 == 0 ? peer.request(password: nil) : peer.request(password: [1])
            received += bytes.count
            peer.deliver(bytes, from: address(index))
        }
        #expect(peer.agent.pairs.isEmpty == true)
        #expect(peer.events.isEmpty)
        #expect(peer.sent.reduce(0) { $0 + $1.bytes.count } < received)
    }

    @Test("an established agent is small")
    func memory() {
        let peer = ScriptedPeer()
        peer.establish()
        for index in 1...50 {
            peer.agent.addRemoteCandidate(address(index), priority: 1, isRelayed: false, at: peer.now)
        }
        peer.wait(.seconds(4))
        let agent = MemoryLayout<ICEAgent>.size
        let pairs = peer.agent.pairs.capacity * MemoryLayout<CandidatePair>.stride
        #expect(agent < 1_000)
        #expect(pairs < 1_000, "\(pairs)")
        #expect(peer.agent.transactions.count <= 1)
    }
}
