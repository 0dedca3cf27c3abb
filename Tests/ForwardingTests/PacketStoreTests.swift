// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Forwarding

@Suite("PacketStore")
struct PacketStoreTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    /// Stores a packet as it came.
    static func insert(
        _ bytes: [UInt8], into store: inout PacketStore, codec: UInt8 = 0, at now: Timestamp = .zero
    ) -> PacketReference {
        bytes.withUnsafeBytes { packet in
            guard let info = PacketInfo(packet: packet, table: .usual), let base = packet.baseAddress else {
                return .none
            }
            return store.insert(info, from: base, codec: codec, at: now)
        }
    }

    /// What the store has of a packet.
    static func bytes(_ reference: PacketReference, in store: inout PacketStore, at now: Timestamp) -> [UInt8]? {
        store.find(reference, at: now).map { Array($0.bytes) }
    }

    @Test("a packet is found as it came, with what was read from it, but without padding")
    func found() throws {
        var store = PacketStore(byteCapacity: 100_000)
        var packet = TestPacket(
            marker: true, sequence: 77, timestamp: 9_000, csrcs: 2, extensions: [[6, 1]], payload: [9, 8, 7])
        let plain = packet.bytes
        packet.padding = 20
        let reference = Self.insert(packet.bytes, into: &store, codec: 5)
        _ = Self.insert(TestPacket(payload: [1]).bytes, into: &store)
        let found = store.find(reference, at: .zero)
        let stored = try #require(found)
        // The padding bit is the header's as it came; nobody reads it there.
        #expect(Array(stored.bytes.dropFirst()) == Array(plain.dropFirst()))
        #expect(stored.codec == 5)
        #expect(stored.info.sequence == 77 && stored.info.timestamp == 9_000 && stored.info.marker)
        #expect(stored.info.payloadBytes == 3 && stored.info.paddingBytes == 0)
        #expect(stored.info.byteCount == plain.count)
        #expect(stored.info.keptCount == 1)
        #expect(store.counters.stored == 2 && store.counters.found == 1)
    }

    @Test("packets are found for a second and no longer")
    func lifetime() {
        var store = PacketStore(byteCapacity: 100_000)
        let reference = Self.insert(TestPacket().bytes, into: &store, at: Self.ms(500))
        #expect(Self.bytes(reference, in: &store, at: Self.ms(1_500)) != nil)
        #expect(Self.bytes(reference, in: &store, at: Self.ms(1_501)) == nil)
        #expect(store.counters.tooOld == 1 && store.counters.gone == 0)
    }

    @Test("what is empty or longer than a slot is not kept, and no reference finds anything else")
    func refused() {
        var store = PacketStore(byteCapacity: 100_000)
        let empty = Self.insert(TestPacket(payload: [], padding: 9).bytes, into: &store)
        let long = Self.insert(TestPacket(payload: [UInt8](repeating: 1, count: 1_589)).bytes, into: &store)
        #expect(empty == .none && long == .none)
        #expect(store.counters.refused == 2 && store.counters.stored == 0)
        let full = Self.insert(TestPacket(payload: [UInt8](repeating: 1, count: 1_588)).bytes, into: &store)
        #expect(Self.bytes(full, in: &store, at: .zero)?.count == 1_600)
        #expect(Self.bytes(.none, in: &store, at: .zero) == nil)
        #expect(store.counters.neverStored == 1)
        for number in [2, 3, 1_000, .max] as [UInt32] {
            #expect(Self.bytes(PacketReference(rawValue: number), in: &store, at: .zero) == nil)
        }
        #expect(store.counters.gone == 4)
    }

    @Test("a full store gives up its oldest packets, and counts those whose time had not come")
    func overwriting() {
        // Room for four packets of 1,600 bytes.
        var store = PacketStore(byteCapacity: 0)
        let packet = TestPacket(payload: [UInt8](repeating: 1, count: 1_500)).bytes
        let references = (0..<5).map { Self.insert(packet, into: &store, at: Self.ms($0 * 400)) }
        #expect(store.counters.overwritten == 0, "the first one was too old by then")
        #expect(Self.bytes(references[0], in: &store, at: Self.ms(1_600)) == nil)
        #expect(Self.bytes(references[4], in: &store, at: Self.ms(1_600)) == packet)
        let sixth = Self.insert(packet, into: &store, at: Self.ms(1_600))
        #expect(store.counters.overwritten == 0)
        _ = Self.insert(packet, into: &store, at: Self.ms(1_600))
        #expect(store.counters.overwritten == 1)
        #expect(Self.bytes(references[2], in: &store, at: Self.ms(1_600)) == nil)
        #expect(Self.bytes(sixth, in: &store, at: Self.ms(1_600)) == packet)
        #expect(store.counters.gone == 2)
    }

    @Test("references go on where their numbers wrap")
    func wrap() {
        var store = PacketStore(byteCapacity: 50_000, after: PacketReference(rawValue: .max - 3))
        let packets = (0..<8).map { TestPacket(sequence: UInt16($0)).bytes }
        let references = packets.map { Self.insert($0, into: &store) }
        #expect(references.map(\.rawValue) == [.max - 2, .max - 1, .max, 1, 2, 3, 4, 5])
        for (packet, reference) in zip(packets, references) {
            #expect(Self.bytes(reference, in: &store, at: .zero) == packet)
        }
    }

    /// What a store has to have: what came last and fits, whole; and nothing else under any reference.
    private struct Model {
        var packets: [UInt32: (bytes: [UInt8], at: Timestamp)] = [:]
        var sizes: [Int] = []
        var references: [PacketReference] = []

        /// Whether a packet, counted from the newest, surely fits: each took whole lines, and the end of the memory
        /// that a packet does not fit in is left empty.
        func mustHold(_ back: Int, _ byteCapacity: Int) -> Bool {
            let sum = sizes.suffix(back + 1).reduce(0) { $0 + ($1 + 63) & ~63 }
            return sum + 1_600 <= byteCapacity
                && back < max(byteCapacity / ForwardingLimits.storeBytesPerRecord, 4)
        }
    }

    @Test("whatever comes, a reference finds its own packet, or nothing when it is old or the room is used up")
    func model() {
        let failure = checkProperty(cases: 200) { random in
            let byteCapacity = random.int(in: 6_400...30_000)
            var store = PacketStore(
                byteCapacity: byteCapacity,
                after: PacketReference(rawValue: UInt32.max - UInt32(random.int(in: 0...500))))
            var model = Model()
            var now = Self.ms(Int64(random.int(in: 0...1_000)))
            for step in 0..<400 {
                now = now + .milliseconds(Int64(random.int(in: 0...3) == 0 ? random.int(in: 0...150) : 0))
                let length = random.int(in: 0...2) == 0 ? random.int(in: 1...1_560) : random.int(in: 1...200)
                let packet = TestPacket(sequence: UInt16(step), payload: random.bytes(length)).bytes
                let reference = Self.insert(packet, into: &store, at: now)
                if model.packets[reference.rawValue] != nil { return "step \(step): \(reference) again" }
                model.packets[reference.rawValue] = (packet, now)
                model.references.append(reference)
                model.sizes.append(packet.count)
                let back = random.int(in: 0...min(step, 60))
                let asked = model.references[step - back]
                guard let expected = model.packets[asked.rawValue] else { return "no model" }
                let found = Self.bytes(asked, in: &store, at: now)
                if let found, found != expected.bytes { return "step \(step), \(back) back: another packet" }
                let isYoung = now - expected.at <= .seconds(1)
                if found != nil, !isYoung { return "step \(step), \(back) back: too old" }
                if found == nil, isYoung, model.mustHold(back, byteCapacity) {
                    return "step \(step), \(back) back: lost"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
