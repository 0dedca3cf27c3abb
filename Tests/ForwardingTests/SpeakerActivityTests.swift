// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import TestSupport
import Testing

@Suite("SpeakerActivity (media-plane.md 10.2)")
struct SpeakerActivityTests {
    var speaker = SpeakerActivity()
    var now = Timestamp(nanoseconds: 1_000_000_000)

    private mutating func hear(_ level: UInt8, count: Int = 1, every step: TimeDelta = .milliseconds(20)) {
        for _ in 0..<count {
            speaker.note(level, at: now, alpha: 50)
            now = now + step
        }
    }

    @Test("counts: steps of ten, loud ones among the newest five, groups of five that are loud throughout")
    mutating func counts() {
        hear(5)
        hear(89, count: 49)
        speaker.evaluate(at: now)
        #expect(speaker.immediate == 8)
        #expect(speaker.medium == 5)
        #expect(speaker.long == 9)
        hear(89)
        speaker.evaluate(at: now)
        #expect(speaker.long == 10)
        hear(79)
        speaker.evaluate(at: now)
        #expect(speaker.immediate == 7)
        #expect(speaker.medium == 4)
        #expect(speaker.long == 9)
    }

    @Test("levels less than ten above the member's least one count as silence")
    mutating func threshold() {
        hear(75)
        hear(84)
        speaker.evaluate(at: now)
        #expect(speaker.minLevel == 75)
        #expect(speaker.immediate == 0)
        hear(85)
        speaker.evaluate(at: now)
        #expect(speaker.immediate == 8)
        // Down at once, for the levels that came before as well.
        hear(20)
        speaker.evaluate(at: now)
        #expect(speaker.minLevel == 20)
        #expect(speaker.medium == 2)
    }

    @Test("after 750 levels the least one is the geometric mean of itself and the least of those")
    mutating func adaptation() {
        hear(16)
        hear(64, count: 749)
        #expect(speaker.minLevel == 16)
        hear(64)
        #expect(speaker.minLevel == 32)
        hear(0, count: 1_000)
        #expect(speaker.minLevel == 32, "silence is not a least level")
        hear(64, count: 300)
        hear(40)
        hear(64, count: 449)
        #expect(speaker.minLevel == 35)
    }

    @Test("where no packet comes there is a silent level for every 40 ms")
    mutating func timeouts() {
        hear(5)
        hear(100, count: 50)
        // The last one came 20 ms before `now`.
        speaker.evaluate(at: now + .milliseconds(20))
        #expect(speaker.long == 10)
        speaker.evaluate(at: now + .milliseconds(21))
        #expect(speaker.immediate == 0)
        #expect(speaker.medium == 4)
        speaker.evaluate(at: now + .milliseconds(21 + 4 * 40))
        #expect(speaker.medium == 0)
        #expect(speaker.long == 9)
        speaker.evaluate(at: now + .seconds(100 as Int64))
        #expect(speaker.long == 0)
        now = now + .seconds(100 as Int64)
        hear(100)
        speaker.evaluate(at: now)
        #expect(speaker.medium == 1)
    }

    @Test("a burst of packets fills no history: at most a level for every 10 ms counts")
    mutating func flood() {
        hear(5)
        // 5,000 loud packets in half a second.
        hear(127, count: 5_000, every: .microseconds(100))
        speaker.evaluate(at: now)
        #expect(speaker.long == 10)
        var other = SpeakerActivity()
        other.note(5, at: now, alpha: 50)
        // 5,000 in 50 ms: ten at once and one for every 10 ms.
        for _ in 0..<5_000 {
            other.note(127, at: now, alpha: 50)
            now = now + .microseconds(10)
        }
        other.evaluate(at: now)
        #expect(other.long == 2)
    }

    @Test("energy is the smoothed loudness in whole numbers (10.3)")
    mutating func energy() {
        hear(10)
        #expect(speaker.energy == 0)
        hear(100)
        #expect(speaker.energy == 50)
        hear(100)
        #expect(speaker.energy == 75)
        hear(19)
        #expect(speaker.energy == 38)
        hear(20)
        #expect(speaker.energy == 29)
    }

    @Test("goes on from its bytes")
    mutating func plainData() {
        hear(5)
        hear(97, count: 77)
        var copy = withUnsafeBytes(of: speaker) { $0.loadUnaligned(as: SpeakerActivity.self) }
        speaker.evaluate(at: now)
        copy.evaluate(at: now)
        #expect(copy.long == speaker.long)
        #expect(copy.energy == speaker.energy)
    }

    @Test("no sequence of levels and pauses breaks the bounds of the counts")
    func bounds() {
        let failure = checkProperty(cases: 300) { random in
            var speaker = SpeakerActivity()
            var now = Timestamp(nanoseconds: Int64(random.int(in: 0...1_000_000_000)))
            for _ in 0..<random.int(in: 1...400) {
                if random.int(in: 0...3) > 0 {
                    speaker.note(UInt8(random.int(in: 0...127)), at: now, alpha: random.int(in: 0...100))
                }
                now = now + .microseconds(Int64(random.int(in: 0...60_000)))
                if random.int(in: 0...9) == 0 { speaker.evaluate(at: now) }
                guard speaker.immediate <= 12, speaker.medium <= 5, speaker.long <= 10, speaker.energy <= 127,
                    speaker.energy >= 0
                else { return "\(speaker)" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
