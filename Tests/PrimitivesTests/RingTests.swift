// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Synchronization
import TestSupport
import Testing

@Suite("SPSCRing")
struct RingTests {
    @Test("a ring behaves like a bounded queue")
    func model() {
        let failure = checkProperty(cases: 200) { random in
            let ring = SPSCRing<[UInt64]>(capacity: 8)
            var model: [[UInt64]] = []
            for _ in 0..<100 {
                if random.fraction() < 0.55 {
                    let element = [random.next()]
                    if ring.push(element) != (model.count < 8) { return "push into \(model.count)" }
                    if model.count < 8 { model.append(element) }
                } else {
                    let expected = model.isEmpty ? nil : model.removeFirst()
                    if ring.pop() != expected { return "pop" }
                }
                if ring.freeCount() != 8 - model.count { return "free count" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a parked consumer is woken exactly once, and may not park while something waits")
    func parking() {
        let ring = SPSCRing<Int>(capacity: 4)
        #expect(!ring.needsWake())
        #expect(ring.park())
        #expect(ring.push(1))
        #expect(ring.needsWake())
        #expect(!ring.needsWake())
        #expect(!ring.park())
        #expect(ring.pop() == 1)
        #expect(ring.park())
        ring.unpark()
        #expect(!ring.needsWake())
    }

    @Test("elements cross two threads in order and none is lost")
    func twoThreads() async {
        let ring = SPSCRing<Int>(capacity: 64)
        let count = 100_000
        async let sum = Task.detached { () -> Int in
            var expected = 0
            while expected < count {
                guard let value = ring.pop() else {
                    await Task.yield()
                    continue
                }
                if value != expected { return -1 }
                expected += 1
            }
            return expected
        }.value
        let producer = Task.detached {
            var next = 0
            while next < count {
                if ring.push(next) { next += 1 } else { await Task.yield() }
            }
        }
        await producer.value
        #expect(await sum == count)
    }

    @Test("a ring ends the elements that were never taken")
    func leftovers() {
        final class Token: Sendable {}
        weak var token: Token?
        do {
            let ring = SPSCRing<Token>(capacity: 2)
            let strong = Token()
            token = strong
            #expect(ring.push(strong))
        }
        #expect(token == nil)
    }
}
