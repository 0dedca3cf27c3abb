// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// What senders are to send (media-plane.md 9.6).
@Suite("Sender constraints")
struct SenderConstraintsTests {
    @Test("the most that anybody wants counts, and no limit is more than any height")
    func most() {
        var demand = HeightDemand()
        #expect(demand.maxHeight == 0)
        #expect(demand.exchange(0, for: 180) == true)
        #expect(demand.exchange(0, for: 720) == true)
        #expect(demand.exchange(0, for: 360) == false)
        #expect(demand.maxHeight == 720)
        #expect(demand.exchange(360, for: -1) == true)
        #expect(demand.maxHeight == -1)
        #expect(demand.exchange(0, for: .max) == false)
        #expect(demand.exchange(.max, for: 0) == false)
        #expect(demand.exchange(-1, for: 0) == true)
        #expect(demand.exchange(720, for: 0) == true)
        #expect(demand.maxHeight == 180)
        #expect(demand.exchange(180, for: 180) == false)
        #expect(demand.exchange(180, for: 0) == true)
        #expect(demand.maxHeight == 0)
    }

    @Test("what nobody had asked for cannot be taken back")
    func takenBack() {
        var demand = HeightDemand()
        demand.exchange(0, for: 180)
        #expect(demand.exchange(90, for: 0) == false)
        #expect(demand.exchange(720, for: 90) == false)
        #expect(demand.maxHeight == 180)
    }

    @Test("any changes: as counted anew over all receivers")
    func counted() {
        let failure = checkProperty(cases: 300) { random in
            var constraints = SenderConstraints()
            var wishes = [[Int32]](repeating: [Int32](repeating: 0, count: 20), count: 4)
            var told = [Int32?](repeating: nil, count: 4)
            for slot in 0..<4 { constraints.add(slot) }
            for _ in 0..<200 {
                let (slot, receiver) = (random.int(in: 0...3), random.int(in: 0...19))
                let wish: Int32 =
                    [0, 0, 180, 360, 720, -1, Int32(random.int(in: 1...2_000))]
                    .randomElement(using: &random) ?? 0
                constraints.exchange(wishes[slot][receiver], for: wish, of: slot)
                wishes[slot][receiver] = wish
                let expected = wishes[slot].contains(-1) ? -1 : wishes[slot].max() ?? 0
                if constraints.maxHeight(of: slot) != expected { return "\(constraints.maxHeight(of: slot))" }
                guard random.int(in: 0...4) == 0 else { continue }
                while let constraint = constraints.pollConstraint() {
                    if told[constraint.slot] == constraint.maxHeight { return "told twice" }
                    told[constraint.slot] = constraint.maxHeight
                }
                if let slot = (0..<4).first(where: { told[$0] != constraints.maxHeight(of: $0) }) {
                    return "\(slot) was told \(String(describing: told[slot]))"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a source is told at once, be it nothing, then only what is new, in the order of the changes")
    func told() {
        var constraints = SenderConstraints()
        constraints.add(1)
        constraints.add(0)
        #expect(constraints.pollConstraint() == SenderConstraint(slot: 1, maxHeight: 0))
        #expect(constraints.pollConstraint() == SenderConstraint(slot: 0, maxHeight: 0))
        #expect(constraints.pollConstraint() == nil)
        constraints.exchange(0, for: 180, of: 0)
        constraints.exchange(180, for: 0, of: 0)
        // It came and went.
        #expect(constraints.pollConstraint() == nil)
        constraints.exchange(0, for: 180, of: 0)
        constraints.exchange(180, for: 720, of: 0)
        #expect(constraints.pollConstraint() == SenderConstraint(slot: 0, maxHeight: 720))
        #expect(constraints.pollConstraint() == nil)
        constraints.tellAgain(0)
        constraints.tellAgain(0)
        #expect(constraints.pollConstraint() == SenderConstraint(slot: 0, maxHeight: 720))
        #expect(constraints.pollConstraint() == nil)
    }

    @Test("a source that went is not told, and its slot knows nothing of it")
    func removed() {
        var constraints = SenderConstraints()
        constraints.add(0)
        constraints.exchange(0, for: 720, of: 0)
        constraints.remove(0)
        #expect(constraints.maxHeight(of: 0) == 0)
        #expect(constraints.pollConstraint() == nil)
        constraints.exchange(0, for: 720, of: 0)
        constraints.tellAgain(0)
        #expect(constraints.pollConstraint() == nil)
        constraints.add(0)
        #expect(constraints.pollConstraint() == SenderConstraint(slot: 0, maxHeight: 0))
    }

    @Test("slots beyond the limit, or that were never given out, are refused")
    func refused() {
        var constraints = SenderConstraints()
        #expect(constraints.add(-1) == false)
        #expect(constraints.add(AllocationLimits.sources) == false)
        constraints.exchange(0, for: 180, of: .max)
        constraints.exchange(0, for: 180, of: -7)
        constraints.remove(3)
        constraints.tellAgain(.min)
        #expect(constraints.maxHeight(of: 5) == 0)
        #expect(constraints.pollConstraint() == nil)
    }

    @Test("changes that are polled one at a time and never to the end stay bounded, and none is lost")
    func neverPolledToTheEnd() {
        var constraints = SenderConstraints()
        constraints.add(0)
        constraints.add(1)
        var told: [Int32] = [0, 0]
        for step in 0..<Int32(30_000) {
            let slot = Int(step & 1)
            constraints.exchange(step < 2 ? 0 : step - 1, for: step + 1, of: slot)
            if let constraint = constraints.pollConstraint() { told[constraint.slot] = constraint.maxHeight }
        }
        while let constraint = constraints.pollConstraint() { told[constraint.slot] = constraint.maxHeight }
        #expect(told == [29_999, 30_000])
    }

    @Test("a thousand receivers that change their minds allocate nothing once all heights were there")
    func cost() {
        var constraints = SenderConstraints()
        for slot in 0..<20 { constraints.add(slot) }
        var polled = 0
        let heights: [Int32] = [0, 180, 360, 720, -1]
        func turn(_ from: Int, _ to: Int) {
            for _ in 0..<1_000 {
                for slot in 0..<20 { constraints.exchange(heights[from], for: heights[to], of: slot) }
            }
            while constraints.pollConstraint() != nil { polled += 1 }
        }
        func turnAll() {
            for step in 0..<5 { turn(step, (step + 1) % 5) }
        }
        turnAll()
        #expect(countAllocations { turnAll() } == 0)
        #expect(polled == 20 * 10)
    }
}
