// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@Suite("RecordRing")
struct RecordRingTests {
    private static func footprint(_ count: Int) -> Int { 16 + (count + 15) & ~15 }

    private static func push(_ ring: RecordRing, tag: UInt64, _ bytes: [UInt8]) -> Bool {
        ring.push(tag: tag, bytes.span.bytes)
    }

    private static func pop(_ ring: RecordRing) -> (UInt64, [UInt8])? {
        var record: (UInt64, [UInt8])?
        let found = ring.pop { tag, bytes in record = (tag, bytes.toArray()) }
        return found ? record : nil
    }

    @Test("a ring gives back what went in, in order, whatever the lengths, and refuses what does not fit")
    func model() {
        let failure = checkProperty(cases: 300) { random in
            let ring = RecordRing(capacity: 512)
            var model: [(UInt64, [UInt8])] = []
            for _ in 0..<200 {
                if random.fraction() < 0.55 {
                    let record = [UInt8](repeating: UInt8(random.next() & 255), count: Int(random.next() % 180))
                    let tag = random.next()
                    let held = model.reduce(0) { $0 + Self.footprint($1.1.count) }
                    let taken = Self.push(ring, tag: tag, record)
                    if taken { model.append((tag, record)) }
                    // At most two records' room is skipped: once for what lies in the ring, once for the new one.
                    let skipped = 2 * (Self.footprint(179) - 16)
                    if !taken, held + Self.footprint(record.count) + skipped <= 512 {
                        return "refused \(record.count) beside \(held)"
                    }
                } else {
                    let expected = model.isEmpty ? nil : model.removeFirst()
                    let found = Self.pop(ring)
                    if found?.0 != expected?.0 || found?.1 != expected?.1 { return "pop" }
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a record as long as the ring allows fits, one longer never does, an empty one is a record")
    func edges() {
        let ring = RecordRing(capacity: 64)
        #expect(!Self.push(ring, tag: 1, [UInt8](repeating: 1, count: 49)))
        #expect(Self.push(ring, tag: 2, [UInt8](repeating: 2, count: 48)))
        #expect(!Self.push(ring, tag: 3, []))
        #expect(Self.pop(ring)?.1.count == 48)
        #expect(Self.push(ring, tag: 4, []))
        #expect(Self.pop(ring)?.1 == [])
        #expect(Self.pop(ring) == nil)
    }

    @Test("a parked consumer is woken exactly once, and may not park while something waits")
    func parking() {
        let ring = RecordRing(capacity: 64)
        #expect(!ring.needsWake())
        #expect(ring.park())
        #expect(Self.push(ring, tag: 1, [1]))
        #expect(ring.needsWake())
        #expect(!ring.needsWake())
        #expect(!ring.park())
        #expect(Self.pop(ring)?.0 == 1)
        #expect(ring.park())
        ring.unpark()
        #expect(!ring.needsWake())
    }

    @Test("records cross two threads whole, in order, and none is lost")
    func twoThreads() async {
        let ring = RecordRing(capacity: 4_096)
        let count: UInt64 = 50_000
        let consumer = Task.detached { () -> UInt64 in
            var expected: UInt64 = 0
            // Ends: when all have come or one came wrong.
            while expected < count {
                var isRight = true
                let found = ring.pop { tag, bytes in
                    let length = Int(tag % 300)
                    isRight =
                        tag == expected && bytes.byteCount == length
                        && bytes.toArray().allSatisfy { $0 == UInt8(truncatingIfNeeded: tag) }
                }
                if !found { await Task.yield() } else if isRight { expected += 1 } else { return expected }
            }
            return expected
        }
        let producer = Task.detached {
            var next: UInt64 = 0
            while next < count {
                let record = [UInt8](repeating: UInt8(truncatingIfNeeded: next), count: Int(next % 300))
                if Self.push(ring, tag: next, record) { next += 1 } else { await Task.yield() }
            }
        }
        await producer.value
        #expect(await consumer.value == count)
    }
}
