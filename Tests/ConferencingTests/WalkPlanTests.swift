// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Conferencing

@Suite("The order of a walk")
struct WalkPlanTests {
    private func plan(_ sources: [(length: UInt16, packets: UInt16, isEven: Bool)]) -> [WalkPlan.Entry] {
        var plan = WalkPlan()
        for (slot, source) in sources.enumerated() {
            plan.add(
                WalkPlan.Entry(
                    EncodingPlace(source: slot, encoding: 0), length: source.length, packets: source.packets,
                    isEven: source.isEven))
        }
        plan.make()
        return (0..<plan.count).map { plan[$0] }
    }

    @Test("longest first, equals in the order of first touch")
    func order() {
        let entries = plan([(10, 1, true), (30, 1, true), (20, 1, true), (30, 1, true), (20, 1, true)])
        #expect(entries.map(\.place.source) == [1, 3, 2, 4, 0])
    }

    @Test("as many places are filled as are open, by the shortest")
    func places() {
        let entries = plan((0..<9).map { (UInt16(1_000 - $0), 2, true) })
        #expect(entries.map(\.isTail) == [false, false, false, false, false, false, true, true, true])
        #expect(entries.map(\.takesTail) == [true, true, true, true, true, true, false, false, false])
    }

    @Test("who ends with a shorter packet leaves no place")
    func uneven() {
        let entries = plan([(900, 2, false), (800, 2, false), (100, 1, true)])
        #expect(entries.allSatisfy { !$0.isTail })
    }

    @Test("many of one length stay together; shorter ones fill places all the same")
    func crowd() {
        let many = [(UInt16, UInt16, Bool)](repeating: (80, 1, true), count: 20)
        let entries = plan([(900, 3, true)] + many + [(200, 1, true)])
        #expect(entries.map(\.isTail) == [false, true] + [Bool](repeating: false, count: 20))
    }

    @Test("whatever there is, nobody is lost and no more places are filled than are open")
    func anything() {
        let failure = checkProperty(cases: 2_000) { random in
            let count = random.int(in: 0...40)
            let sources = (0..<count).map { _ in
                (UInt16(random.int(in: 0...12) * 100), UInt16(random.int(in: 1...10)), random.int(in: 0...2) > 0)
            }
            let entries = plan(sources)
            guard Set(entries.map(\.place.source)).count == count, entries.count == count else {
                return "lost \(sources)"
            }
            for (one, next) in zip(entries, entries.dropFirst()) where one.length < next.length { return "order" }
            let filled = entries.reduce(0) { $0 + ($1.isTail ? Int($1.packets) : 0) }
            let open = entries.count { $0.takesTail }
            guard filled <= open else { return "\(filled) packets for \(open) places: \(sources)" }
            return entries.contains { $0.isTail && $0.takesTail } ? "both" : nil
        }
        #expect(failure == nil)
    }
}
