// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// Down at once, up when it has fitted for a while (media-plane.md 9.5).
@Suite("Rising")
struct RiseTests {
    private func tile() -> Meeting {
        let meeting = Meeting()
        meeting.add()
        meeting.demand.defaultWish = SourceWish(maxHeight: 720)
        return meeting
    }

    @Test("what the rate had held back rises when it has fitted for a second and a half")
    func waits() {
        let meeting = tile()
        meeting.run(kilobits: 600)
        #expect(meeting.sent() == "360@30")
        let start = meeting.now
        var outcome = meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "360@30")
        #expect(outcome.nextRise == start + .milliseconds(1_500))
        #expect(outcome.targetRate == 500_000 && outcome.idealRate == 2_000_000 && !outcome.isIdeal)
        meeting.now = start + .milliseconds(1_499)
        outcome = meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "360@30")
        meeting.now = start + .milliseconds(1_500)
        outcome = meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "720@30")
        #expect(outcome.nextRise == nil && outcome.isIdeal)
    }

    @Test("it falls at once, and a dip begins the wait anew")
    func dips() {
        let meeting = tile()
        meeting.run(kilobits: 600)
        meeting.run(kilobits: 2_500)
        meeting.now = meeting.now + .seconds(Int64(1))
        meeting.run(kilobits: 600)
        meeting.now = meeting.now + .milliseconds(100)
        meeting.run(kilobits: 2_500)
        meeting.now = meeting.now + .seconds(Int64(1))
        meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "360@30")
        meeting.run(kilobits: 120)
        #expect(meeting.sent() == "180@15")
        meeting.run(kilobits: 20)
        #expect(meeting.results[0].state == .suspended)
    }

    @Test("what fitted all the time is what it rises to")
    func leastThatFitted() {
        let meeting = tile()
        meeting.run(kilobits: 120)
        meeting.run(kilobits: 600)
        meeting.now = meeting.now + .seconds(Int64(1))
        // Better fits too, but not for long.
        meeting.run(kilobits: 2_500)
        meeting.now = meeting.now + .milliseconds(500)
        meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "360@30")
        meeting.run(kilobits: 2_500)
        meeting.now = meeting.now + .milliseconds(1_500)
        meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "720@30")
    }

    @Test("a suspended source waits, too")
    func suspended() {
        let meeting = tile()
        meeting.run(kilobits: 20)
        meeting.run(kilobits: 600)
        #expect(meeting.results[0].state == .suspended)
        meeting.now = meeting.now + .milliseconds(1_500)
        meeting.run(kilobits: 600)
        #expect(meeting.sent() == "360@30")
    }

    @Test("a new wish, a source that had all there was, the stage and a rate without limit do not wait")
    func atOnce() {
        let wish = tile()
        wish.run(kilobits: 600)
        wish.demand.defaultWish.maxHeight = 1_080
        wish.run(kilobits: 2_500)
        #expect(wish.sent() == "720@30")

        let layers = tile()
        for place in 6..<9 { layers.layers[place].bitrate = 0 }
        layers.run(kilobits: 2_500)
        for place in 6..<9 { layers.layers[place].bitrate = 2_000_000 }
        layers.run(kilobits: 2_500)
        #expect(layers.sent() == "720@30")

        let stage = tile()
        stage.name(0)
        stage.run(kilobits: 600)
        stage.run(kilobits: 2_500)
        #expect(stage.sent() == "720@30")

        let unlimited = tile()
        unlimited.run(kilobits: 600)
        unlimited.demand.rate = .unlimited
        unlimited.run()
        #expect(unlimited.sent() == "720@30")

        let speaker = tile()
        speaker.demand.lastN = 0
        speaker.run(kilobits: 600)
        speaker.demand.lastN = 1
        speaker.run(kilobits: 2_500)
        #expect(speaker.sent() == "720@30")
    }

    @Test("without a delay it rises at once, as in the original")
    func off() {
        var settings = AllocationSettings()
        settings.riseDelay = .zero
        let meeting = Meeting(settings: settings)
        meeting.add()
        meeting.demand.defaultWish = SourceWish(maxHeight: 720)
        meeting.run(kilobits: 600)
        let outcome = meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "720@30")
        #expect(outcome.nextRise == nil)
    }

    @Test("a clock that runs back only makes it wait longer")
    func clock() {
        let meeting = tile()
        meeting.run(kilobits: 600)
        meeting.run(kilobits: 2_500)
        meeting.now = meeting.now - .seconds(Int64(10))
        meeting.run(kilobits: 2_500)
        #expect(meeting.sent() == "360@30")
    }

    @Test("a rate that swings around a layer's cost does not make the picture swing")
    func swinging() {
        let meeting = tile()
        meeting.run(kilobits: 1_900)
        var changes = 0
        for step in 0..<600 {
            meeting.now = meeting.now + .milliseconds(100)
            // Above for 800 ms, below for 200.
            if meeting.run(kilobits: step % 10 < 8 ? 2_100 : 1_900).hasNewTargets { changes += 1 }
        }
        #expect(changes == 0)
        #expect(meeting.sent() == "360@30")
    }

    @Test("whatever the rates do: never more than there is, and risen to the best once they have been still")
    func anyRates() {
        let failure = checkProperty(cases: 200) { random in
            let meeting = Meeting()
            for _ in 0..<random.int(in: 1...6) {
                meeting.add(Meeting.usual.map { $0 * UInt64(random.int(in: 5...20)) / 10 })
            }
            meeting.demand.defaultWish = SourceWish(maxHeight: 720)
            var rate: UInt64 = 0
            for _ in 0..<50 {
                meeting.now = meeting.now + .milliseconds(Int64(random.int(in: 0...400)))
                if random.int(in: 0...2) == 0 { rate = UInt64(random.int(in: 0...12_000)) }
                let outcome = meeting.run(kilobits: rate)
                if outcome.targetRate > rate * 1_000 { return "\(outcome.targetRate) of \(rate)" }
                let sum = meeting.sources.indices.reduce(0) { $0 + meeting.bitrate(of: $1) }
                if sum != UInt64(outcome.targetRate) { return "\(sum) told as \(outcome.targetRate)" }
            }
            var runs = 0
            repeat {
                let outcome = meeting.run(kilobits: rate)
                guard let next = outcome.nextRise else { break }
                meeting.now = max(next, meeting.now)
                runs += 1
            } while runs < 50
            let risen = meeting.sent()
            meeting.forget()
            meeting.run(kilobits: rate)
            return risen == meeting.sent() ? nil : "\(risen) instead of \(meeting.sent()) after \(runs)"
        }
        #expect(failure == nil)
    }
}
