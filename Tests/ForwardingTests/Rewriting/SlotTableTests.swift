// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import TestSupport
import Testing

@Suite("Slots of a receiver")
struct SlotTableTests {
    /// The key of the first source in a place of its conference.
    private static func key(_ place: Int, tenant: UInt64 = 1) -> UInt64 { tenant << 16 | UInt64(place) }

    /// A table with `count` slots, slot n with the SSRCs 100 + n and 200 + n, carrying the source in place n.
    private static func table(_ count: Int, limit: Int? = nil) -> SlotTable {
        var table = SlotTable(isAudio: false, limit: limit ?? count)
        for index in 0..<count {
            let made = table.make(ssrc: UInt32(100 + index), rtxSSRC: UInt32(200 + index))
            table.map(made, to: key(index), at: .zero)
        }
        return table
    }

    @Test("a source is found by its key, an SSRC by either number, and a later tenant of the same place is another")
    func lookUp() {
        let table = Self.table(3)
        expect(table.slot(of: Self.key(1)) == 1)
        expect(table.slot(of: Self.key(1, tenant: 3)) == nil)
        expect(table.slot(of: Self.key(7)) == nil)
        expect(table.slot(ssrc: 102).map { $0.index == 2 && !$0.isRetransmission } == true)
        expect(table.slot(ssrc: 201).map { $0.index == 1 && $0.isRetransmission } == true)
        expect(table.slot(ssrc: 1) == nil)
        expect(table.has(100) && table.has(202) && !table.has(300))
        expect(table.mappedCount == 3)
    }

    @Test("a slot and what is kept of its stream are small")
    func size() {
        #expect(MemoryLayout<SourceSlot>.stride <= 96)
        #expect(MemoryLayout<StreamContinuation>.stride <= 24)
    }

    @Test("slots are made up to the limit, and named in the order in which they were made")
    func limit() {
        var table = Self.table(2, limit: 3)
        expect(table.hasRoom)
        let made = table.make(ssrc: 5, rtxSSRC: nil)
        expect(made == 2 && !table.hasRoom)
        expect((0..<3).allSatisfy { table.pointer(at: $0).pointee.mediaID.text == "v\($0)" })
        expect(SlotTable(isAudio: true, limit: 0).hasRoom == false)
        expect(SlotTable(isAudio: true, limit: -1).hasRoom == false)
        let audio = SlotTable(isAudio: true, limit: Int.max)
        expect(audio.hasRoom)
        #expect(MediaID(isAudio: true, number: 1_023).text == "a1023")
    }

    @Test("the one that was used least recently goes first, and none that was used since a moment")
    func eldest() {
        var table = Self.table(3)
        expect(table.eldestMapped(before: .max) == 0)
        table.touch(0)
        expect(table.eldestMapped(before: .max) == 1)
        let count = table.useCount
        table.touch(1)
        table.touch(2)
        expect(table.eldestMapped(before: count) == 0)
        table.touch(0)
        expect(table.eldestMapped(before: count) == nil)
        expect(table.eldestFree == nil)
    }

    @Test("what was given back is taken before the others, the one that rested longest first, and is news both times")
    func freeList() {
        var table = Self.table(3)
        for index in 0..<3 { table.pointer(at: index).pointee.isNews = false }
        table.release(2, continuation: nil)
        table.touch(0)
        table.release(0, continuation: nil)
        expect(table.mappedCount == 1 && table.slot(of: Self.key(0)) == nil)
        expect(table.pointer(at: 0).pointee.isNews && !table.pointer(at: 1).pointee.isNews)
        expect(table.eldestFree == 2)
        table.map(2, to: Self.key(9), at: .zero)
        expect(table.slot(of: Self.key(9)) == 2)
        expect(table.eldestFree == 0)
        expect(table.pointer(at: 2).pointee.ssrc == 102 && table.pointer(at: 2).pointee.rtxSSRC == 202)
    }

    @Test("a place whose source lost its slot does not lead to what the slot carries now")
    func evicted() {
        var table = Self.table(1)
        table.release(0, continuation: nil)
        table.map(0, to: Self.key(4), at: .zero)
        expect(table.slot(of: Self.key(0)) == nil)
        table.release(0, continuation: nil)
        table.map(0, to: Self.key(0, tenant: 3), at: .zero)
        expect(table.slot(of: Self.key(4)) == nil)
        expect(table.slot(of: Self.key(0)) == nil && table.slot(of: Self.key(0, tenant: 3)) == 0)
    }

    @Test("whatever is mapped, used and given back, each source has one slot, each slot one source, each SSRC its slot")
    func anyOrder() {
        let failure = checkProperty(cases: 300) { random in
            let limit = random.int(in: 1...12)
            var table = SlotTable(isAudio: random.int(in: 0...1) == 0, limit: limit)
            var carried: [UInt64: Int] = [:]
            // Slots by use, the least recent first.
            var order: [Int] = []
            var numbers: [UInt32] = []
            for step in 0..<200 {
                let key = Self.key(random.int(in: 0...20), tenant: UInt64(random.int(in: 0...1)) * 2 + 1)
                switch random.int(in: 0...3) {
                case 0:
                    guard let slot = carried[key] else { continue }
                    table.release(slot, continuation: nil)
                    carried[key] = nil
                case 1:
                    guard let slot = carried[key] else { continue }
                    table.touch(slot)
                    order = order.filter { $0 != slot } + [slot]
                default:
                    guard carried[key] == nil else { continue }
                    // A place has one tenant at a time.
                    let former = carried.first { SourceSlot.place(of: $0.key) == SourceSlot.place(of: key) }
                    if let former {
                        table.release(former.value, continuation: nil)
                        carried[former.key] = nil
                    }
                    let slot: Int
                    let free = order.first { !carried.values.contains($0) }
                    guard table.eldestFree == free else { return "step \(step): free \(free ?? -1)" }
                    if let free {
                        slot = free
                    } else if table.hasRoom {
                        slot = table.make(ssrc: UInt32(numbers.count), rtxSSRC: nil)
                        numbers.append(UInt32(numbers.count))
                    } else {
                        guard let eldest = table.eldestMapped(before: .max), eldest == order.first else {
                            return "step \(step): not the eldest"
                        }
                        carried = carried.filter { $0.value != eldest }
                        table.release(eldest, continuation: nil)
                        slot = eldest
                    }
                    table.map(slot, to: key, at: .zero)
                    carried[key] = slot
                    order = order.filter { $0 != slot } + [slot]
                }
                guard table.count <= limit, table.mappedCount == carried.count else { return "step \(step): count" }
                for (key, slot) in carried where table.slot(of: key) != slot { return "step \(step): \(key)" }
                for number in numbers where table.slot(ssrc: number)?.index != Int(number) { return "ssrc \(number)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
