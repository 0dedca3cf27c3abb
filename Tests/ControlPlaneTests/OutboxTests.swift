// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import ControlPlane

@Suite("Outbox")
struct OutboxTests {
    @Test("a full mailbox loses nothing, changes no order, and is tried again after a pause")
    func fullMailbox() {
        var outbox = Outbox<Int>()
        var source = Array(1...6)
        var taken: [Int] = []
        var room = 2
        let now = Timestamp(nanoseconds: 1_000)
        func pass(at now: Timestamp) {
            outbox.pass(
                at: now, next: { source.isEmpty ? nil : source.removeFirst() },
                to: { element in
                    guard taken.count < room else { return false }
                    taken.append(element)
                    return true
                })
        }
        pass(at: now)
        #expect(taken == [1, 2])
        // What does not fit is not taken from where it comes from, but for the one that was tried.
        #expect(source == [4, 5, 6])
        #expect(outbox.nextTimeout == now + ControlPlaneLimits.fullRingPause)
        pass(at: now)
        #expect(taken == [1, 2] && source == [4, 5, 6])
        room = 4
        pass(at: now)
        #expect(taken == [1, 2, 3, 4])
        room = 10
        pass(at: now)
        #expect(taken == Array(1...6))
        #expect(outbox.nextTimeout == nil)
    }
}
