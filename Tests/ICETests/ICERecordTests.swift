// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import ICE

/// An established session is written down and goes on from what was written.
@Suite struct ICERecordTests {
    private let bridgeAddress = TransportAddress(ipv4: 0xC000_0201, port: 10_000)
    private let clientAddress = TransportAddress(ipv4: 0xCB00_7105, port: 40_001)
    private let movedAddress = TransportAddress(ipv4: 0xC633_6407, port: 50_002)

    private func connected(isControlling: Bool = true, seed: UInt64 = 1) -> (Network, bridge: Peer, client: Peer) {
        let a = Peer("bridge", isControlling: isControlling, tieBreaker: 10, addresses: [bridgeAddress], seed: seed) {
            $0.owner = TransactionOwner(worker: 7, slot: 4_711)
        }
        let b = Peer(
            "client", isControlling: !isControlling, tieBreaker: 20, addresses: [clientAddress], seed: seed &+ 9)
        let network = Network([a, b], seed: seed)
        network.connect(a, b)
        network.signal(a, to: b)
        network.run(for: .seconds(3))
        return (network, a, b)
    }

    /// What the next process knows by itself.
    private func settings(_ addresses: [TransportAddress]) -> ICEAgent.Settings {
        ICEAgent.Settings(
            localUfrag: "unused", localPassword: "unused-password-of-22-chars", isControlling: true, tieBreaker: 0,
            localAddresses: addresses)
    }

    /// The record of a peer's agent, by way of its bytes.
    private func written(_ peer: Peer, at now: Timestamp) throws -> ICESessionRecord {
        let record = peer.agent.record(at: now)
        return try ICESessionRecord(try #require(record).encode().rawSpan)
    }

    /// Puts an agent in the place of the peer's that was made from the record.
    private func replace(
        _ peer: Peer, by record: ICESessionRecord, after outage: TimeDelta, at now: Timestamp
    ) -> Bool {
        let next = ICEAgent.resuming(
            record, settings(peer.addresses), after: outage, random: Random(seed: 99), at: now)
        guard let next else { return false }
        peer.agent = next
        return true
    }

    @Test(
        "the next agent answers the peer's checks, goes on with consent and follows a move", arguments: [true, false])
    func continues(isControlling: Bool) throws {
        let (network, bridge, client) = connected(isControlling: isControlling)
        network.run(for: .seconds(17))
        let record = try written(bridge, at: network.now)
        #expect(record.owner == TransactionOwner(worker: 7, slot: 4_711))
        bridge.events = []
        let start = network.now
        #expect(replace(bridge, by: record, after: .zero, at: network.now))
        let path = Destination(remote: clientAddress, local: 0)
        network.drain()
        #expect(bridge.events == [.bound(path), .selected(path)])
        #expect(bridge.agent.sendDestination == path)
        #expect(bridge.requests(since: start).count == 1)
        network.run(for: .seconds(120))
        #expect(bridge.agent.state == .completed && bridge.agent.isControlling == isControlling)
        #expect(!bridge.events.contains(.consentLost) && !client.events.contains(.consentLost))
        #expect(client.agent.counters.consentTimeouts == 0)
        #expect(network.now - (bridge.agent.lastConsent ?? .zero) < .seconds(7))
        #expect(bridge.agent.counters.requestsAnswered > 15)
        client.addresses = [movedAddress]
        network.run(for: .seconds(12))
        #expect(bridge.agent.sendDestination?.remote == movedAddress)
    }

    @Test("after an outage longer than consent lasts nothing is sent until the peer answers")
    func longOutage() throws {
        let (network, bridge, _) = connected()
        let record = try written(bridge, at: network.now)
        network.now = network.now + .seconds(40)
        #expect(replace(bridge, by: record, after: .seconds(40), at: network.now))
        #expect(bridge.agent.sendDestination == nil)
        #expect(network.now - (bridge.agent.lastConsent ?? .zero) < .seconds(10))
        network.run(for: .milliseconds(50))
        #expect(bridge.agent.sendDestination?.remote == clientAddress)
        #expect(bridge.events.suffix(2) == [.consentLost, .consentRegained])
    }

    @Test("consent that was lost stays lost until the answer")
    func lostConsent() throws {
        let (network, bridge, _) = connected()
        network.dead = [clientAddress]
        network.run(for: .seconds(60))
        #expect(replace(bridge, by: try written(bridge, at: network.now), after: .zero, at: network.now))
        #expect(bridge.agent.sendDestination == nil)
        network.run(for: .seconds(20))
        #expect(bridge.agent.sendDestination == nil)
        network.dead = []
        network.run(for: .seconds(7))
        #expect(bridge.agent.sendDestination?.remote == clientAddress)
    }

    @Test("sockets may come in another order; without the selected pair's there is nothing to go on with")
    func otherSockets() throws {
        let (network, bridge, _) = connected()
        let record = try written(bridge, at: network.now)
        let other = TransportAddress(ipv4: 0xC000_0299, port: 10_000)
        bridge.addresses = [other, bridgeAddress]
        #expect(replace(bridge, by: record, after: .zero, at: network.now))
        #expect(bridge.agent.selected == Destination(remote: clientAddress, local: 1))
        network.run(for: .seconds(20))
        #expect(bridge.agent.sendDestination?.remote == clientAddress)
        bridge.addresses = [other]
        #expect(!replace(bridge, by: record, after: .zero, at: network.now))
    }

    @Test("there is a record once a pair is selected, and none after failure")
    func noRecord() {
        let peer = ScriptedPeer()
        #expect(peer.agent.record(at: peer.now) == nil)
        peer.deliver(peer.request())
        #expect(peer.agent.record(at: peer.now) == nil)
        peer.establish()
        #expect(peer.agent.record(at: peer.now) != nil)
        let failed = ScriptedPeer()
        failed.agent.addRemoteCandidate(ScriptedPeer.address, priority: 1, isRelayed: false, at: .zero)
        failed.wait(.seconds(20))
        #expect(failed.agent.state == .failed)
        #expect(failed.agent.record(at: failed.now) == nil)
    }

    @Test("every record has the same length, decodes to itself, and a second writing is the same bytes")
    func roundTrip() {
        let failure = checkProperty(cases: 60) { random in
            let peer = ScriptedPeer(isControlling: random.int(in: 0...1) == 1)
            peer.deliver(peer.request(isControlling: random.int(in: 0...1) == 1) { $0.useCandidate() })
            for step in 0..<40 {
                if let last = peer.lastRequest {
                    peer.deliver(peer.success(to: last), from: last.destination.remote)
                }
                let source = TransportAddress(ipv4: 0x0B00_0000 + UInt32(random.int(in: 0...40)), port: 9)
                if step > 3 { peer.deliver(peer.request(isControlling: nil), from: source) }
                peer.wait(.milliseconds(Int64(random.int(in: 0...400))))
            }
            guard let record = peer.agent.record(at: peer.now) else { return "no record" }
            let bytes = record.encode()
            guard bytes.count == ICESessionRecord.byteCount else { return "length" }
            guard let again = try? ICESessionRecord(bytes.rawSpan) else { return "refused" }
            guard again.encode() == bytes else { return "other bytes" }
            guard again.paths == record.paths else { return "other paths" }
            let known = Set(record.paths.filter(\.isBound).map(\.remote))
            guard known == Set(peer.agent.boundDestinations.map(\.remote)) else { return "other flows" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("each kind of damage has its error")
    func errors() throws {
        let peer = ScriptedPeer()
        peer.establish()
        let record = peer.agent.record(at: peer.now)
        let good = try #require(record).encode()
        func error(_ bytes: [UInt8]) -> ICERecordError? {
            do {
                _ = try ICESessionRecord(bytes.rawSpan)
                return nil
            } catch { return error }
        }
        func changed(_ offset: Int, _ value: UInt8) -> [UInt8] {
            var bytes = good
            bytes[offset] = value
            return bytes
        }
        #expect(error(good) == nil)
        #expect(error([]) == .badSize)
        #expect(error(good.dropLast()) == .badSize)
        #expect(error(good + [0]) == .badSize)
        #expect(error(changed(0, 0)) == .badVersion)
        #expect(error(changed(4, 2)) == .badVersion)
        // Flags, number of paths, ages, length of a credential, family and port of an address.
        let places: [(Int, UInt8)] = [(5, 4), (7, 0), (7, 18), (20, 0x80), (28, 1), (36, 2), (37, 0)]
        let path = 36 + 4 * 258
        for (offset, value) in places + [(path, 5), (path + 50, 16)] {
            #expect(error(changed(offset, value)) == .badValue, "\(offset)")
        }
        var portless = good
        (portless[path + 1], portless[path + 2]) = (0, 0)
        #expect(error(portless) == .badValue)
        #expect(good.count == 36 + 4 * 258 + 17 * 51)
    }

    @Test("whatever decodes can be resumed and run without a trap")
    func damagedRecords() throws {
        let peer = ScriptedPeer()
        peer.establish()
        let record = peer.agent.record(at: peer.now)
        let good = try #require(record).encode()
        let failure = checkProperty(cases: 4_000) { random in
            var bytes = good
            for _ in 0...random.int(in: 0...4) {
                bytes[random.int(in: 0...bytes.count - 1)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.int(in: 0...9) == 0 { bytes = mutate(good, using: &random) }
            guard let record = try? ICESessionRecord(bytes.rawSpan) else { return nil }
            let start = Timestamp(nanoseconds: Int64(random.int(in: 0...1_000_000_000_000)))
            let next = ICEAgent.resuming(
                record, settings([ScriptedPeer.agentAddress]), after: .seconds(Int64(random.int(in: 0...100))),
                random: random, at: start)
            guard var next else { return nil }
            for _ in 0..<20 {
                guard let time = next.nextTimeout else { break }
                next.handleTimeout(at: max(time, start))
            }
            guard let again = next.record(at: start + .seconds(300)) else { return "no record of what was resumed" }
            return (try? ICESessionRecord(again.encode().rawSpan)) == nil ? "refused" : nil
        }
        #expect(failure == nil)
    }

    @Test("the sizes that a record is laid out for are the limits")
    func sizes() {
        #expect(ICESessionRecord.Credential([UInt8](repeating: 65, count: ICELimits.credentialBytes)) != nil)
        #expect(ICESessionRecord.Credential([UInt8](repeating: 65, count: ICELimits.credentialBytes + 1)) == nil)
        #expect(ICESessionRecord.Credential([]) == nil)
        #expect(ICESessionRecord.pathCapacity == 17)
    }
}
