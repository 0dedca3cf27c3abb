// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@testable import LoadGenerator

@Suite("Statistics")
struct StatisticsTests {
    @Test("quantiles are right within three per cent")
    func quantiles() {
        var histogram = LatencyHistogram()
        for value in 1...100_000 as ClosedRange<Int64> { histogram.note(value * 10) }
        for (fraction, wanted) in [(0.5, 500_000.0), (0.99, 990_000), (0.999, 999_000)] {
            let found = Double(histogram.quantile(fraction))
            #expect(found >= wanted && found <= wanted * 1.035)
        }
        #expect(histogram.maximum == 1_000_000)
        #expect(LatencyHistogram().quantile(0.5) == 0)
    }

    @Test("buckets follow each other without a gap, up to the largest number")
    func buckets() {
        let failure = checkProperty(cases: 5_000) { random in
            let value = random.next() >> UInt64(random.int(in: 1...63))
            let index = LatencyHistogram.index(value)
            guard UInt64(LatencyHistogram.upperEdge(index)) >= value else { return "\(value) above its bucket" }
            guard index == 0 || UInt64(LatencyHistogram.upperEdge(index - 1)) < value else {
                return "\(value) below it"
            }
            return nil
        }
        #expect(failure == nil)
        var histogram = LatencyHistogram()
        histogram.note(.max)
        histogram.note(-5)
        #expect(histogram.quantile(1) == .max)
        #expect(histogram.quantile(0.5) == 0)
    }

    @Test("histograms add up")
    func merge() {
        var a = LatencyHistogram()
        var b = LatencyHistogram()
        a.note(100)
        b.note(1_000_000)
        a.merge(b)
        #expect(a.count == 2 && a.maximum == 1_000_000 && a.quantile(0.5) == 101)
    }

    /// Feeds header numbers (stamp = header − `distance`), all decrypted or only the first.
    private func tracker(_ headers: [UInt16], distance: Int64 = 0, from: Int64 = 0, sampled: Bool = false)
        -> StreamTracker
    {
        var tracker = StreamTracker()
        tracker.expect(from: from)
        for header in headers {
            let number = tracker.unwrap(header)
            if sampled, !tracker.needsStamp {
                tracker.note(header: number)
            } else {
                tracker.note(header: number, stamp: number - distance)
            }
        }
        return tracker
    }

    @Test("a complete stream has no loss, across the wrap, decrypted or not", arguments: [true, false])
    func complete(sampled: Bool) {
        let headers = (0..<70_000).map { UInt16(truncatingIfNeeded: 65_000 + $0) }
        let tracker = tracker(headers, distance: 65_000, sampled: sampled)
        #expect(tracker.received == 70_000)
        #expect(tracker.missing(last: 69_999) == 0)
        #expect(tracker.duplicates == 0 && tracker.reordered == 0 && tracker.renumbered == 0)
    }

    @Test("missing packets are counted, at the end as well", arguments: [true, false])
    func loss(sampled: Bool) {
        let headers = (100..<200).filter { $0 != 120 && $0 != 150 }.map { UInt16($0) }
        let tracker = tracker(headers, distance: 100, sampled: sampled)
        #expect(tracker.missing(last: 99) == 2)
        #expect(tracker.missing(last: 104) == 7)
    }

    @Test("duplicates and reordering are told apart from loss")
    func disorder() {
        let tracker = tracker([0, 1, 3, 2, 4, 4, 2, 5])
        #expect(tracker.received == 6)
        #expect(tracker.missing(last: 5) == 0)
        #expect(tracker.reordered == 1)
        #expect(tracker.duplicates == 2)
    }

    @Test("what was sent before joining is not missed, and does not make up for loss")
    func beforeJoining() {
        let tracker = tracker([8, 9, 10, 12], from: 10)
        #expect(tracker.received == 2)
        #expect(tracker.expected(last: 12) == 3)
        #expect(tracker.missing(last: 12) == 1)
    }

    @Test("a renumbered stream is followed by its stamps")
    func renumbered() {
        var tracker = StreamTracker()
        tracker.expect(from: 0)
        for stamp in 0..<10 as Range<Int64> { tracker.note(header: stamp, stamp: stamp) }
        // The bridge closed a gap: stamps 10 and 11 never came.
        for stamp in 12..<20 as Range<Int64> { tracker.note(header: stamp - 2, stamp: stamp) }
        #expect(tracker.renumbered == 1)
        #expect(tracker.missing(last: 19) == 2)
        #expect(tracker.duplicates == 0)
    }

    @Test("any order of arrivals keeps the account: different packets plus duplicates are all packets")
    func account() {
        let failure = checkProperty(cases: 300) { random in
            var tracker = StreamTracker()
            tracker.expect(from: 0)
            var seen: Set<Int64> = []
            var count: UInt64 = 0
            for base in 0..<200 {
                let number = Int64(max(base - random.int(in: 0...random.int(in: 0...90)), 0))
                count += 1
                seen.insert(number)
                tracker.note(header: number, stamp: number)
            }
            guard tracker.received == UInt64(seen.count) else { return "\(tracker.received) of \(seen.count)" }
            return tracker.received + tracker.duplicates == count ? nil : "\(tracker.duplicates) duplicates of \(count)"
        }
        #expect(failure == nil)
    }

    @Test("the heap always gives the earliest deadline")
    func heap() {
        let failure = checkProperty(cases: 200) { random in
            var heap = DeadlineHeap(capacity: 20)
            var model: [Int: Int64] = [:]
            for _ in 0..<200 {
                let owner = random.int(in: 0...19)
                let deadline = random.int(in: 0...3) == 0 ? nil : Int64(random.int(in: 0...50))
                model[owner] = deadline
                heap.set(owner, deadline.map { Timestamp(nanoseconds: $0) })
                guard heap.first?.deadline.nanoseconds == model.values.min() else { return "wrong first" }
                if let first = heap.first, model[first.owner] != first.deadline.nanoseconds { return "wrong owner" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("transport-wide feedback says which packets came and when, as an independent reader sees it")
    func feedback() throws {
        var recorder = TransportWideRecorder()
        let start = Timestamp(nanoseconds: 640_000_000)
        for (number, milliseconds) in [(65_534, 0), (65_535, 1), (1, 5), (2, 90)] as [(UInt16, Int64)] {
            recorder.note(number, at: start + .milliseconds(milliseconds))
        }
        let feedback = recorder.takeFeedback(senderSSRC: 1, mediaSSRC: 2)
        let bytes = try #require(feedback)
        #expect(!recorder.isPending)
        let second = recorder.takeFeedback(senderSSRC: 1, mediaSSRC: 2)
        #expect(second == nil)
        #expect(bytes.count % 4 == 0)
        var walker = RTCPReader()
        let found = walker.next(in: bytes.rawSpan)
        let packet = try #require(found)
        #expect(packet.type == .transportFeedback && packet.count == 15)
        // Base 65534, five statuses; reference 10 × 64 ms; small, small, none, small, large delta.
        #expect(bytes.rawSpan.uint16(at: 12) == 65_534 && bytes.rawSpan.uint16(at: 14) == 5)
        #expect(bytes.rawSpan.uint24(at: 16) == 10)
        #expect(bytes.rawSpan.uint16(at: 20) == 0b11_01_01_00_01_10_00_00)
        #expect(Array(bytes[22..<27]) == [0, 4, 16, 0x01, 0x54])
    }

    @Test("numbers in tables are rounded to the wanted digits")
    func decimals() {
        #expect(decimal(1.005, 1) == "1.0")
        #expect(decimal(0.96, 1) == "1.0")
        #expect(decimal(12.345, 2) == "12.35")
        #expect(decimal(-0.04, 1) == "0.0")
        #expect(decimal(99.6, 0) == "100")
        #expect(decimal(.infinity, 2) == "–")
    }
}
