// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("ReceptionStatistics (RFC 3550 A.1, A.3, A.8)")
struct ReceptionStatisticsTests {
    var stream = ReceptionStatistics(ssrc: 7, clockRate: 8_000)

    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    mutating func receive(_ sequences: [UInt16]) -> [ReceptionStatistics.Arrival] {
        sequences.map { stream.account(TestPacket(sequence: $0).info(), now: .zero) }
    }

    mutating func report(_ now: Timestamp) throws -> ReportBlock {
        let block = stream.makeReportBlock(now: now)
        return try #require(block)
    }

    @Test("two of ten packets lost: cumulative 2, fraction 51/256; the next ten all there: fraction 0")
    mutating func loss() throws {
        _ = receive([1, 2, 3, 5, 6, 8, 9, 10])
        let first = try report(.zero)
        #expect(first.ssrc == 7)
        #expect(first.cumulativeLost == 2)
        #expect(first.fractionLost == 51)
        #expect(first.highestSequence == 10)
        _ = receive(Array(11...20))
        let second = try report(.zero)
        #expect(second.cumulativeLost == 2)
        #expect(second.fractionLost == 0)
    }

    @Test("a report speaks only of streams heard since the last one")
    mutating func silence() {
        #expect(stream.makeReportBlock(now: .zero) == nil)
        _ = receive([1])
        #expect(stream.makeReportBlock(now: .zero) != nil)
        #expect(stream.makeReportBlock(now: .zero) == nil)
    }

    @Test("late packets repair the loss")
    mutating func reordering() {
        #expect(receive([1, 4, 2, 3, 5]) == [.newest, .newest, .late, .late, .newest])
        #expect(stream.cumulativeLost == 0)
        #expect(stream.packetsReceived == 5)
    }

    @Test("duplicates are found and do not count as received")
    mutating func duplicates() {
        #expect(receive([10, 11, 11, 10, 12, 11]) == [.newest, .newest, .duplicate, .duplicate, .newest, .duplicate])
        #expect(stream.duplicates == 3)
        #expect(stream.packetsReceived == 3)
        #expect(stream.cumulativeLost == 0)
    }

    @Test("the highest number carries its wrap-arounds")
    mutating func wrap() {
        #expect(receive([65_534, 65_535, 0, 65_533, 1]) == [.newest, .newest, .newest, .late, .newest])
        #expect(stream.highestSequence == 65_537)
        #expect(stream.cumulativeLost == -1)
    }

    @Test("2,999 numbers may be skipped; beyond that the statistics start again, with that very packet")
    mutating func jumps() {
        #expect(receive([0, 2_999]) == [.newest, .newest])
        #expect(receive([2_899, 2_000]) == [.late, .late])
        #expect(receive([5_999]) == [.restart])
        #expect(receive([6_000, 5_998, 5_998]) == [.newest, .late, .duplicate])
        #expect(receive([6_000 &+ 32_767]) == [.restart])
        #expect(stream.packetsReceived == 8)
    }

    @Test("what an authentic packet was is never that it is refused for its number alone")
    mutating func nothingIsRefused() {
        let failure = checkProperty(cases: 100) { random in
            var stream = ReceptionStatistics(ssrc: 7, clockRate: 8_000)
            // Numbers as a replay window of 64 lets them pass: each once, none further behind than 63.
            var highest: Int64 = 0
            var seen = Set<Int64>()
            for _ in 0..<2_000 {
                let jump = random.int(in: 0...99) == 0 ? random.int(in: 1...32_767) : random.int(in: -63...70)
                let number = max(0, highest + Int64(jump))
                guard seen.insert(number).inserted else { continue }
                highest = max(highest, number)
                let packet = TestPacket(sequence: UInt16(truncatingIfNeeded: number)).info()
                if stream.account(packet, now: .zero) == .duplicate { return "number \(number), highest \(highest)" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a new sequence starts the statistics again")
    mutating func restart() throws {
        _ = receive([100, 101, 103])
        #expect(receive([30_000, 30_001, 30_002]) == [.restart, .newest, .newest])
        let block = try report(.zero)
        #expect(block.cumulativeLost == 0)
        #expect(block.highestSequence == 30_002)
        #expect(stream.cumulativeLost == 0)
    }

    @Test("jitter grows by a sixteenth of each deviation: 40 units give 2, then 4 at 8 kHz")
    mutating func jitter() {
        for (sequence, arrival) in [(0, 1_000), (1, 1_020), (2, 1_045), (3, 1_060)] as [(Int, Int64)] {
            let packet = TestPacket(sequence: UInt16(sequence), timestamp: UInt32(sequence * 160)).info()
            _ = stream.account(packet, now: Self.ms(arrival))
            #expect(stream.jitter == [0, 0, 2, 4][sequence])
        }
    }

    @Test("jitter survives timestamps that wrap, and a clock of hundreds of days")
    mutating func jitterWrap() {
        let start = Timestamp(nanoseconds: 500 * 86_400 * 1_000_000_000)
        stream = ReceptionStatistics(ssrc: 7, clockRate: 90_000)
        for index in 0..<100 {
            let packet = TestPacket(
                sequence: UInt16(index), timestamp: UInt32.max - 4_500 &+ UInt32(index) &* 900
            ).info()
            _ = stream.account(packet, now: start + .milliseconds(Int64(index) * 10))
        }
        #expect(stream.jitter == 0)
    }

    @Test("LSR and DLSR follow from the last sender report")
    mutating func senderReport() throws {
        _ = receive([1])
        let early = try report(.zero)
        #expect(early.lastSenderReport == 0)
        let senderReport = SenderReport(
            ssrc: 7, ntp: NTPTime(0xB44D_B705_2000_0000), rtpTimestamp: 0, packetCount: 0, octetCount: 0)
        stream.note(senderReport, now: Self.ms(1_000))
        _ = receive([2])
        let block = try report(Self.ms(6_250))
        #expect(block.lastSenderReport == 0xB705_2000)
        #expect(block.delaySinceLastSenderReport == 0x0005_4000)
    }

    @Test("any order of arrival leaves the numbers of the set: expected minus received, no duplicates taken twice")
    func anyOrder() {
        let failure = checkProperty(cases: 100) { random in
            var stream = ReceptionStatistics(ssrc: 1, clockRate: 0)
            let base = UInt16(truncatingIfNeeded: random.next())
            // The first number arrives first, so that it is the base; the rest in blocks of up to 50, shuffled.
            var arrivals: [Int] = [0]
            var next = 1
            while next < 2_000 {
                let block = (next..<(next + random.int(in: 1...50))).filter { _ in random.int(in: 0...9) > 0 }
                arrivals += (block + block.filter { _ in random.int(in: 0...9) == 0 }).shuffled(using: &random)
                next = (block.last ?? next) + 1
            }
            for number in arrivals {
                _ = stream.account(
                    TestPacket(sequence: base &+ UInt16(truncatingIfNeeded: number)).info(), now: .zero)
            }
            let set = Set(arrivals)
            let lost = Int32(set.max()! + 1 - set.count)
            guard stream.cumulativeLost == lost else { return "\(stream.cumulativeLost) lost instead of \(lost)" }
            let isCounted =
                stream.packetsReceived == UInt64(set.count)
                && stream.duplicates == UInt64(arrivals.count - set.count)
            return isCounted ? nil : "\(stream.packetsReceived) received, \(stream.duplicates) duplicates"
        }
        #expect(failure == nil)
    }
}
