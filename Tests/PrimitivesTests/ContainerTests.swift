// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@Suite("Containers")
struct ContainerTests {
    @Test("a fixed table behaves like a dictionary under random insertions and removals")
    func tableModel() {
        let failure = checkProperty(cases: 200) { random in
            var table = FixedTable<UInt32, UInt32>(capacity: 24)
            var model: [UInt32: UInt32] = [:]
            for _ in 0..<200 {
                let key = UInt32(random.int(in: 0...40))
                if random.fraction() < 0.6 {
                    let value = UInt32(truncatingIfNeeded: random.next())
                    let fits = model[key] != nil || model.count < 24
                    if table.insert(key, value) != fits { return "insertion into \(model.count) entries" }
                    if fits { model[key] = value }
                } else if table.remove(key) != model.removeValue(forKey: key) {
                    return "removal"
                }
                if table.count != model.count { return "count" }
                for key in UInt32(0)...40 where table[key] != model[key] { return "look-up of \(key)" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("forEach visits every entry once and removeAll leaves none")
    func tableIteration() {
        var table = FixedTable<UInt64, UInt32>(capacity: 8)
        for key in UInt64(1)...8 { table.insert(key, UInt32(key) * 2) }
        var sum: UInt32 = 0
        table.forEach { _, value in sum += value }
        expect(sum == 72)
        table.removeAll()
        expect(table.count == 0)
        expect(table[3] == nil)
    }

    @Test("a slab's outdated key finds nothing after the slot was reused")
    func slabGenerations() {
        var slab = Slab<String>(capacity: 2)
        let first = slab.insert("a")
        expect(slab.remove(first) == "a")
        let second = slab.insert("b")
        expect(second.index == first.index)
        expect(!slab.contains(first))
        expect(slab.contains(second))
        expect(slab.remove(first) == nil)
        expect(slab[Int(second.index)] == "b")
    }

    @Test("a full slab has no next key, and every slot serves again")
    func slabCapacity() {
        var slab = Slab<Int>(capacity: 3)
        let keys = (0..<3).map { slab.insert($0) }
        expect(slab.nextKey == nil)
        slab.remove(keys[1])
        expect(slab.nextKey?.index == keys[1].index)
        slab.insert(7)
        expect(slab.count == 3)
        expect(slab.touchedCount == 3)
        expect(!slab.isLive(3))
        expect(!slab.isLive(-1))
    }

    @Test("a slab ends its elements with itself")
    func slabDeinit() {
        final class Token {}
        weak var token: Token?
        do {
            var slab = Slab<Token>(capacity: 4)
            let strong = Token()
            token = strong
            slab.insert(strong)
            expect(token != nil)
        }
        expect(token == nil)
    }

    @Test("what a slab discards ends at once, once, and its slot serves again")
    func slabDiscard() {
        final class Token {}
        weak var token: Token?
        var slab = Slab<Token>(capacity: 1)
        let key: SlabKey
        do {
            let strong = Token()
            token = strong
            key = slab.insert(strong)
        }
        expect(token != nil && slab.nextKey == nil)
        expect(slab.discard(key))
        expect(token == nil && slab.count == 0 && !slab.contains(key))
        expect(!slab.discard(key))
        expect(slab.insert(Token()).index == key.index)
    }

    @Test("a growable buffer keeps its elements while it grows and swaps the last into a hole")
    func growableBuffer() {
        var buffer = GrowableBuffer<String>(capacity: 1)
        for number in 0..<20 { buffer.append("\(number)") }
        expect(buffer.count == 20)
        expect(buffer[13] == "13")
        expect(buffer.swapRemove(at: 3) == "3")
        expect(buffer[3] == "19")
        expect(buffer.popLast() == "18")
        buffer.removeAll()
        expect(buffer.popLast() == nil)
    }

    @Test("deadlines come out in order, and only when due")
    func deadlines() {
        let failure = checkProperty(cases: 200) { random in
            var queue = DeadlineQueue()
            var expected: [Int64] = []
            for index in 0..<UInt32(random.int(in: 1...60)) {
                let time = Int64(random.int(in: 0...1_000))
                expected.append(time)
                queue.insert(Timestamp(nanoseconds: time), owner: SlabKey(index: index, generation: 1))
            }
            expected.sort()
            let now = Int64(random.int(in: 0...1_000))
            var seen: [Int64] = []
            while let entry = queue.popDue(at: Timestamp(nanoseconds: now)) { seen.append(entry.deadline.nanoseconds) }
            if seen != expected.filter({ $0 <= now }) { return "order" }
            if queue.earliest?.nanoseconds != expected.first(where: { $0 > now }) { return "earliest" }
            return nil
        }
        #expect(failure == nil)
    }
}
