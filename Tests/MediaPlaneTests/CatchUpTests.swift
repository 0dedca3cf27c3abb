// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import MediaPlane

@Suite("Catch-up after a pause")
struct CatchUpTests {
    @Test("timers wait until the sockets are empty, then the length of the pause is told once")
    func drained() {
        var catchUp = CatchUp()
        #expect(!catchUp.isRunning)
        catchUp.begin(after: .seconds(75 as Int64))
        for _ in 0..<10 {
            #expect(catchUp.isRunning)
            #expect(catchUp.turn(isDrained: false) == nil)
        }
        #expect(catchUp.turn(isDrained: true) == .seconds(75 as Int64))
        #expect(!catchUp.isRunning)
    }

    @Test("sockets that never get empty do not hold the timers up for ever")
    func bounded() {
        var catchUp = CatchUp()
        catchUp.begin(after: .seconds(1 as Int64))
        var turns = 0
        while catchUp.isRunning {
            turns += 1
            let pause = catchUp.turn(isDrained: false)
            #expect(pause == (turns == MediaPlaneLimits.catchUpTurns ? .seconds(1 as Int64) : nil))
        }
        #expect(turns == MediaPlaneLimits.catchUpTurns)
    }

    @Test("nor does a host that pauses the process again and again: timers run after as many turns as ever")
    func pausedAgain() {
        var catchUp = CatchUp()
        var turns = 0
        var told: TimeDelta?
        while told == nil, turns < 10 * MediaPlaneLimits.catchUpTurns {
            if turns % 100 == 0 { catchUp.begin(after: .seconds(1 as Int64)) }
            turns += 1
            told = catchUp.turn(isDrained: false)
        }
        #expect(turns == MediaPlaneLimits.catchUpTurns)
        #expect(told == .seconds(Int64(1 + (MediaPlaneLimits.catchUpTurns - 1) / 100)))
    }

    @Test("two pauses on end add up, and the next begins with nothing")
    func sum() {
        var catchUp = CatchUp()
        catchUp.begin(after: .seconds(2 as Int64))
        #expect(catchUp.turn(isDrained: false) == nil)
        catchUp.begin(after: .seconds(3 as Int64))
        #expect(catchUp.turn(isDrained: true) == .seconds(5 as Int64))
        catchUp.begin(after: .seconds(1 as Int64))
        #expect(catchUp.turn(isDrained: true) == .seconds(1 as Int64))
    }
}
