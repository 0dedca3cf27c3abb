// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import TestSupport
import Testing

@Suite("SequenceGapCloser (media-plane.md 6.6)")
struct SequenceGapCloserTests {
    var closer = SequenceGapCloser()

    @Test("nothing discarded: numbers stay as they are, losses stay visible")
    mutating func untouched() {
        #expect([10, 11, 15, 13, 16].map { closer.accept($0) } == [10, 11, 15, 13, 16])
    }

    @Test("a discarded packet leaves no gap, a lost one does")
    mutating func closing() {
        #expect(closer.accept(10) == 10)
        closer.discard(11)
        #expect(closer.accept(12) == 11)
        #expect(closer.accept(14) == 13)
        closer.discard(15)
        closer.discard(16)
        #expect(closer.accept(17) == 14)
    }

    @Test("a late packet gets the number that is free for it")
    mutating func lateAccepted() {
        #expect(closer.accept(10) == 10)
        closer.discard(12)
        #expect(closer.accept(13) == 12)
        closer.discard(14)
        #expect(closer.accept(15) == 13)
        #expect(closer.accept(11) == 11)
    }

    @Test("a late packet whose number was given away is dropped")
    mutating func lateDiscarded() {
        #expect(closer.accept(10) == 10)
        closer.discard(11)
        #expect(closer.accept(12) == 11)
        #expect(closer.accept(11) == nil)
    }

    @Test("a packet discarded late changes nothing: its gap may have been seen")
    mutating func discardedLate() {
        #expect(closer.accept(10) == 10)
        #expect(closer.accept(12) == 12)
        closer.discard(11)
        #expect(closer.accept(13) == 13)
    }

    @Test("the stream may begin with discarded packets")
    mutating func discardedFirst() {
        closer.discard(65_535)
        #expect(closer.accept(0) == 65_535)
        #expect(closer.accept(1) == 0)
    }

    @Test("numbers older than the history are dropped once something was discarded")
    mutating func history() {
        closer.discard(0)
        #expect(closer.accept(5_000) == 4_999)
        #expect(closer.accept(5_000 - 1_023) == 3_976)
        #expect(closer.accept(5_000 - 1_024) == nil)
    }

    @Test("after a restart the numbers go on behind a hole in which whatever comes late has its place")
    mutating func restart() {
        #expect(closer.accept(100) == 100)
        closer.discard(101)
        #expect(closer.accept(102) == 101)
        closer.restart(at: 30_000)
        #expect(closer.accept(30_000) == 166)
        #expect(closer.accept(30_002) == 168)
        #expect(closer.accept(29_999) == 165)
        #expect(closer.accept(29_936) == 102)
        #expect(closer.accept(29_935) == nil)
        #expect(closer.accept(29_100) == nil)
        closer.discard(30_003)
        #expect(closer.accept(30_004) == 169)
        #expect(closer.accept(30_001) == 167)
    }

    @Test("rewriting any subset of a stream yields a continuous stream")
    func continuity() {
        let failure = checkProperty(cases: 100) { random in
            var closer = SequenceGapCloser()
            let base = UInt16(truncatingIfNeeded: random.next())
            var number = 0
            var expected = base
            // No loss and no reordering: whatever is discarded, what leaves counts up by one.
            for _ in 0..<3_000 {
                let sequence = base &+ UInt16(truncatingIfNeeded: number)
                number += 1
                if random.int(in: 0...2) == 0 {
                    closer.discard(sequence)
                } else {
                    guard closer.accept(sequence) == expected else { return "number \(number) is not \(expected)" }
                    expected &+= 1
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("with loss and reordering, every packet leaves as its number less the discarded ones before it")
    func reorderedContinuity() {
        let failure = checkProperty(cases: 100) { random in
            var closer = SequenceGapCloser()
            let base = UInt16(truncatingIfNeeded: random.next())
            var arrivals: [Int] = []
            var next = 0
            while next < 3_000 {
                let size = random.int(in: 1...60)
                arrivals += (next..<next + size).filter { _ in random.int(in: 0...9) > 0 }.shuffled(using: &random)
                next += size + (random.int(in: 0...99) == 0 ? random.int(in: 1...1_500) : 0)
            }
            var removed: [Int] = []
            var highest = -1
            var outgoing: Set<Int> = []
            for number in arrivals {
                let sequence = base &+ UInt16(truncatingIfNeeded: number)
                if random.int(in: 0...3) == 0 {
                    closer.discard(sequence)
                    if number > highest { removed.append(number) }
                } else {
                    let shift = removed.count - removed.reversed().prefix { $0 > number }.count
                    let expected = sequence &- UInt16(truncatingIfNeeded: shift)
                    guard closer.accept(sequence) == expected else { return "number \(number), \(shift) removed" }
                    guard outgoing.insert(number - shift).inserted else { return "number \(number) leaves twice" }
                }
                highest = max(highest, number)
            }
            return nil
        }
        #expect(failure == nil)
    }
}
