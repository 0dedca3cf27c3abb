// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// What senders are to send (media-plane.md 9.6).
@Suite("What senders are told")
struct HeightDemandTests {
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
            var demand = HeightDemand()
            var wishes = [Int32](repeating: 0, count: 20)
            for _ in 0..<200 {
                let receiver = random.int(in: 0...19)
                let wish: Int32 =
                    [0, 0, 180, 360, 720, -1, Int32(random.int(in: 1...2_000))]
                    .randomElement(using: &random) ?? 0
                let before = demand.maxHeight
                let isNews = demand.exchange(wishes[receiver], for: wish)
                wishes[receiver] = wish
                let expected = wishes.contains(-1) ? -1 : wishes.max() ?? 0
                if demand.maxHeight != expected { return "\(demand.maxHeight), not \(expected)" }
                if isNews != (before != expected) { return "news: \(isNews)" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a thousand receivers that change their minds allocate nothing once all heights were there")
    func cost() {
        var demand = HeightDemand()
        let heights: [Int32] = [0, 180, 360, 720, -1]
        func turnAll() {
            for step in 0..<5 {
                for _ in 0..<1_000 { demand.exchange(heights[step], for: heights[(step + 1) % 5]) }
            }
        }
        turnAll()
        #expect(countAllocations { turnAll() } == 0)
        #expect(demand.maxHeight == 0)
    }
}
