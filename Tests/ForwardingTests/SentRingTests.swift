// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@testable import Forwarding

@Suite("SentRing")
struct SentRingTests {
    private static func reference(_ value: UInt32) -> PacketReference { PacketReference(rawValue: value) }

    /// What the ring knows of a number: reference, or why there is none.
    private static func look(_ sequence: UInt16, _ ring: SentRing, _ rings: borrowing SentRings) -> String {
        do throws(SentRing.Miss) {
            return "\(try rings.entry(sequence, in: ring).get().pointee.reference.rawValue)"
        } catch {
            return "\(error)"
        }
    }

    @Test("its entries have sixteen bytes and the pair eight")
    func size() {
        #expect(MemoryLayout<SentRing.Entry>.stride == 16)
        #expect(MemoryLayout<SentRing>.stride == 8)
        #expect(ForwardingLimits.sentRing & (ForwardingLimits.sentRing - 1) == 0)
        #expect(ForwardingLimits.repeatsPerNumber <= 15)
    }

    @Test("a number leads to its packet and patch, over the wrap and out of order")
    func lookUp() throws {
        var rings = SentRings()
        var ring = SentRing()
        #expect(Self.look(0, ring, rings) == "neverSent")
        let patch = PacketPatch(timestampOffset: 5, pictureID: 600, layerIndex: 7, fields: [.pictureID, .marker])
        rings.note(65_534, Self.reference(1), PacketPatch(), in: &ring)
        rings.note(1, Self.reference(4), patch, in: &ring)
        rings.note(65_535, Self.reference(2), PacketPatch(), in: &ring)
        #expect(Self.look(65_534, ring, rings) == "1")
        #expect(Self.look(65_535, ring, rings) == "2")
        #expect(Self.look(0, ring, rings) == "neverSent", "left out")
        #expect(Self.look(1, ring, rings) == "4")
        #expect(Self.look(2, ring, rings) == "neverSent", "ahead")
        #expect(Self.look(65_533, ring, rings) == "neverSent", "before the first")
        let entry = try rings.entry(1, in: ring).get()
        #expect(entry.pointee.patch == patch)
        entry.pointee.noteRepeat(at: .zero)
        #expect(entry.pointee.patch == patch)
        #expect(entry.pointee.repeats == 1)
    }

    @Test("the last 256 numbers are known; a late packet does not push a newer one out")
    func capacity() {
        var rings = SentRings()
        var ring = SentRing()
        for number in 0..<300 {
            rings.note(UInt16(number), Self.reference(UInt32(number + 1)), PacketPatch(), in: &ring)
        }
        #expect(Self.look(43, ring, rings) == "tooOld")
        #expect(Self.look(44, ring, rings) == "45")
        #expect(Self.look(299, ring, rings) == "300")
        rings.note(43, Self.reference(9_999), PacketPatch(), in: &ring)
        #expect(Self.look(299, ring, rings) == "300")
        // A jump leaves old entries in places that new numbers have left out.
        rings.note(1_000, Self.reference(1_001), PacketPatch(), in: &ring)
        #expect(Self.look(299, ring, rings) == "tooOld")
        #expect(Self.look(811, ring, rings) == "neverSent", "299 + 512 has its place")
    }

    @Test("memory is taken with the first packet, given back, cleared and used again; without any nothing is known")
    func pool() {
        var rings = SentRings(capacity: 3)
        var pairs = [SentRing](repeating: SentRing(), count: 4)
        #expect(rings.count == 0)
        for index in 0..<4 { rings.note(0, Self.reference(UInt32(index + 1)), PacketPatch(), in: &pairs[index]) }
        #expect(rings.count == 3)
        #expect(rings.refused == 1)
        #expect(!pairs[3].isOpen)
        #expect(Self.look(0, pairs[3], rings) == "neverSent")
        rings.close(&pairs[1])
        rings.close(&pairs[1])
        rings.close(&pairs[0])
        #expect(rings.count == 1)
        rings.note(5, Self.reference(50), PacketPatch(), in: &pairs[3])
        #expect(Self.look(5, pairs[3], rings) == "50")
        #expect(Self.look(0, pairs[3], rings) == "neverSent", "the former tenant's")
        #expect(Self.look(0, pairs[2], rings) == "3")
        rings.note(7, Self.reference(70), PacketPatch(), in: &pairs[0])
        #expect(Self.look(7, pairs[0], rings) == "70")
        #expect(Self.look(5, pairs[3], rings) == "50")
    }

    @Test("many rings beside each other know what a table knows")
    func model() {
        let failure = checkProperty(cases: 20) { random in
            var rings = SentRings(capacity: 200)
            var pairs = [SentRing](repeating: SentRing(), count: 150)
            var sent = [[UInt16: UInt32]](repeating: [:], count: 150)
            var newest = (0..<150).map { _ in UInt16(truncatingIfNeeded: random.next()) }
            for step in 1...10_000 {
                let pair = random.int(in: 0...149)
                switch random.int(in: 0...99) {
                case 0:
                    rings.close(&pairs[pair])
                    sent[pair] = [:]
                case 1...80:
                    let isFirst = sent[pair].isEmpty
                    let number =
                        isFirst ? newest[pair] : newest[pair] &+ UInt16(truncatingIfNeeded: random.int(in: -3...9))
                    if sent[pair][number] != nil { continue }
                    if SequenceNumber.delta(number, newest[pair]) > 0 { newest[pair] = number }
                    sent[pair][number] = UInt32(step)
                    rings.note(number, PacketReference(rawValue: UInt32(step)), PacketPatch(), in: &pairs[pair])
                default:
                    let number = newest[pair] &+ UInt16(truncatingIfNeeded: random.int(in: -300...20))
                    let isKnown = SequenceNumber.delta(number, newest[pair]) > -256
                    let expected = isKnown ? sent[pair][number].map { "\($0)" } ?? "neverSent" : "tooOld"
                    let found = Self.look(number, pairs[pair], rings)
                    if found != expected, !(sent[pair].isEmpty && found == "neverSent") {
                        return "step \(step), pair \(pair), number \(number): \(found), not \(expected)"
                    }
                }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
