// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import ICE
import MediaTransport
import Primitives
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Tables of door 2")
struct FlowTableTests {
    private func key(_ index: Int, local: UInt16 = 0) -> FlowKey {
        FlowKey(remote: TransportAddress(ipv4: UInt32(index), port: 9), local: local)
    }

    private func owner(_ index: UInt32, _ generation: UInt32 = 1) -> SlabKey {
        SlabKey(index: index, generation: generation)
    }

    @Test("a 4-tuple has one owner, the last to prove it; the former is named")
    func owners() {
        var table = FlowTable(capacity: 8)
        #expect(table.prove(key(1), by: owner(1)) == .new)
        #expect(table.prove(key(1), by: owner(1)) == .known)
        #expect(table.prove(key(1), by: owner(2)) == .taken(from: owner(1)))
        #expect(table.prove(key(1), by: owner(2, 3)) == .taken(from: owner(2)))
        #expect(table.prove(key(1, local: 1), by: owner(1)) == .new)
        table.remove(key(1), of: owner(2))
        #expect(table[key(1)] == owner(2, 3))
        table.remove(key(1), of: owner(2, 3))
        #expect(table[key(1)] == nil)
        #expect(table.count == 1)
    }

    @Test("a full table refuses new 4-tuples, keeps the others and lets them change hands")
    func full() {
        var table = FlowTable(capacity: 3)
        for index in 0..<3 { #expect(table.prove(key(index), by: owner(1)) == .new) }
        #expect(table.prove(key(3), by: owner(2)) == .full)
        #expect(table[key(3)] == nil)
        #expect(table.prove(key(2), by: owner(2)) == .taken(from: owner(1)))
        table.remove(key(0), of: owner(1))
        #expect(table.prove(key(3), by: owner(2)) == .new)
    }

    @Test("the table behaves like a dictionary, whatever comes and goes")
    func model() {
        let failure = checkProperty(cases: 40) { random in
            var table = FlowTable(capacity: 300)
            var model: [Int: SlabKey] = [:]
            let keys = random.int(in: 2...600)
            for step in 0..<4_000 {
                let (name, who) = (random.int(in: 0...keys), owner(UInt32(random.int(in: 0...3))))
                if random.int(in: 0...2) == 0 {
                    table.remove(key(name), of: who)
                    if model[name] == who { model[name] = nil }
                } else {
                    let expected: FlowTable.Proof =
                        switch model[name] {
                        case who?: .known
                        case let former?: .taken(from: former)
                        case nil: model.count < 300 ? .new : .full
                        }
                    if expected != .full { model[name] = who }
                    if table.prove(key(name), by: who) != expected { return "step \(step)" }
                }
                if table.count != model.count { return "count at step \(step)" }
            }
            for name in 0...keys where table[key(name)] != model[name] { return "key \(name)" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("there is room for all that the agents of a full worker may hold")
    func room() {
        #expect(ConferencingLimits.flows >= ConferencingLimits.endpoints * ICELimits.remoteAddresses)
        #expect(ConferencingLimits.endpoints <= Int(TransactionOwner.slots))
    }

    @Test("claims end with time, and a new one takes the place of an old one")
    func claims() {
        var claims = FlowClaims()
        let start = Timestamp(nanoseconds: 5)
        claims.insert(key(1), owner(1), at: start)
        #expect(claims.owner(of: key(1), at: start + ConferencingLimits.claimLifetime) == owner(1))
        #expect(claims.owner(of: key(1), at: start + ConferencingLimits.claimLifetime + .nanoseconds(1)) == nil)
        #expect(claims.owner(of: key(1, local: 1), at: start) == nil)
        for index in 0..<100_000 { claims.insert(key(index), owner(UInt32(index)), at: start) }
        let kept = (0..<100_000).filter { claims.owner(of: key($0), at: start) == owner(UInt32($0)) }
        // Every place holds the last one that fell on it.
        #expect(kept.count > ConferencingLimits.flowClaims / 2 && kept.count <= ConferencingLimits.flowClaims)
    }

    @Test("the sorter reads owner and kind from the bytes first, then from the 4-tuple")
    func verdicts() {
        var sorter = PacketSorter(worker: 3, prefix: "px")
        let source = TransportAddress(ipv4: 7, port: 7)
        let media = FlowKey(remote: source, local: 0)
        func request(worker: UInt8, slot: UInt32, prefix: String = "px") -> [UInt8] {
            var builder = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: 1))
            let name = UserFragment.make(prefix: prefix, worker: worker, slot: slot, random: [1, 2, 3])
            builder.username(Array(name.utf8), [1])
            return builder.finish(key: [1])
        }
        func sort(_ bytes: [UInt8]) -> PacketSorter.Verdict {
            sorter.sort(bytes.rawSpan, from: source, local: 0, at: .zero)
        }
        let rtp: [UInt8] = [128, 111] + [UInt8](repeating: 0, count: 10)
        #expect(sort(rtp) == .refused(.droppedUnknownSource))
        _ = sorter.flows.prove(media, by: owner(9))
        #expect(sort(rtp) == .flow(.rtp, owner: owner(9)))
        #expect(sort([128, 200] + [UInt8](repeating: 0, count: 6)) == .flow(.rtcp, owner: owner(9)))
        #expect(sort([22, 254]) == .flow(.dtls, owner: owner(9)))
        #expect(sort([64, 0]) == .flow(.turnChannel, owner: owner(9)))
        #expect(sort([0, 1, 0, 0]) == .flow(.stun, owner: owner(9)))
        #expect(sort([255, 255]) == .refused(.droppedTooShort))
        #expect(sort([UInt8](repeating: 255, count: 12)) == .refused(.droppedNotMedia))
        #expect(sort([]) == .refused(.droppedTooShort))
        #expect(sort(request(worker: 3, slot: 44)) == .check(slot: 44))
        #expect(sort(request(worker: 4, slot: 44)) == .foreign(worker: 4))
        #expect(sort(request(worker: 3, slot: 44, prefix: "qq")) == .check(slot: 44))
        #expect(sort(request(worker: 3, slot: 44, prefix: "a")) != .check(slot: 44))
        for (worker, verdict) in [(3, PacketSorter.Verdict.check(slot: 5)), (0, .foreign(worker: 0))] {
            let id = TransactionID(owner: TransactionOwner(worker: UInt8(worker), slot: 5), secret: 1)
            #expect(sort(STUNBuilder(.success, transactionID: id).finish(key: [1])) == verdict)
            #expect(sort(STUNBuilder(.error, transactionID: id).finish(key: nil)) == verdict)
        }
    }

    @Test("no datagram traps the sorter, and none is sent where its bytes do not say")
    func damagedDatagrams() {
        var builder = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: 1))
        builder.username(Array(UserFragment.make(worker: 0, slot: 1, random: [1, 2, 3]).utf8), [1])
        let id = TransactionID(owner: TransactionOwner(worker: 0, slot: 1), secret: 1)
        let samples = [
            builder.finish(key: [1]), STUNBuilder(.success, transactionID: id).finish(key: [1]),
            [128, 111] + [UInt8](repeating: 0, count: 40),
        ]
        let failure = checkProperty(cases: 3_000) { random in
            let sorter = PacketSorter(worker: 0, prefix: "")
            let bytes = mutate(samples[random.int(in: 0...2)], using: &random)
            let source = TransportAddress(ipv4: 1, port: 1)
            if case .flow = sorter.sort(bytes.rawSpan, from: source, local: 0, at: .zero) { return "flow of nobody" }
            return nil
        }
        #expect(failure == nil)
    }
}
