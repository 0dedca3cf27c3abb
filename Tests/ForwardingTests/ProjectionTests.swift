// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("Projection")
struct ProjectionTests {
    var projection = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: 0)
    var reports = ProjectionReport()
    static let report = SenderReport(
        ssrc: 7, ntp: NTPTime(0xB44D_B705_2000_0000), rtpTimestamp: 1_000, packetCount: 99, octetCount: 999)

    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    static func take(
        _ projection: inout Projection, _ sequence: UInt16, encoding: UInt8 = 0, canStart: Bool = false,
        restarts: UInt16 = 0, isAudio: Bool = false
    ) -> UInt16? {
        if projection.restarts != restarts { projection.begin(restart: restarts) }
        return projection.takePlain(
            encoding: encoding, sequence: sequence, timestamp: UInt32(sequence) &* 3_000, canStart: canStart,
            isAudio: isAudio, at: .zero)?.sequence
    }

    mutating func take(_ sequence: UInt16, canStart: Bool = false, restarts: UInt16 = 0) -> UInt16? {
        Self.take(&projection, sequence, canStart: canStart, restarts: restarts)
    }

    @Test("video begins with a key frame and then goes on")
    mutating func keyframe() {
        #expect(take(5) == nil)
        #expect(projection.currentEncoding == -1 && projection.needsKeyframe)
        #expect(take(6, canStart: true) == 0)
        #expect(take(7) == 1)
        #expect(projection.currentEncoding == 0 && !projection.needsKeyframe && projection.isSettled)
    }

    @Test("a receiver's first number is random and far from the wrap, wherever the sender begins")
    func firstNumber() {
        var random = Random(seed: 1)
        var first = Set<UInt16>()
        for _ in 0..<2_000 {
            var projection = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: random.next())
            let sequence = UInt16(truncatingIfNeeded: random.next())
            if let number = Self.take(&projection, sequence, canStart: true) { first.insert(number) }
        }
        #expect(first.count > 1_900)
        #expect(first.allSatisfy { $0 < 1 << 15 })
    }

    @Test("an SSRC that was sent before goes on behind its last number, with room for what comes late")
    func comesBack() {
        for last in [7, 65_534] as [UInt16] {
            var projection = Projection(generation: 1, outgoingSSRC: 8, after: last, random: 5)
            #expect(Self.take(&projection, 30_000, canStart: true) == last &+ 65)
        }
    }

    @Test("packets from before the first one are dropped, late ones after it are not")
    mutating func beforeStart() {
        #expect(take(65_535, canStart: true) == 0)
        #expect(take(65_534, canStart: true) == nil)
        #expect(take(3) == 4)
        #expect(take(0) == 1)
        #expect(take(65_535) == 0)
        #expect(take(65_533) == nil)
    }

    @Test("a stream of several rounds of numbers stays accepted, each number one further")
    mutating func manyRounds() {
        var refused = 0
        for number in 0..<300_000 {
            let sequence = UInt16(truncatingIfNeeded: number)
            if take(sequence, canStart: number == 0) != sequence { refused += 1 }
        }
        #expect(refused == 0)
        let last = 299_999
        #expect(take(UInt16(truncatingIfNeeded: last - 63)) == UInt16(truncatingIfNeeded: last - 63))
        #expect(take(UInt16(truncatingIfNeeded: last - 64)) == nil, "its number could not be encrypted any more")
    }

    @Test("after a restart a key frame is needed again; numbers and counters go on without a gap")
    mutating func restart() throws {
        let last = try #require(take(1, canStart: true))
        projection.noteSent(payloadBytes: 10)
        #expect(take(2, restarts: 1) == nil)
        #expect(projection.needsKeyframe)
        #expect(take(5, canStart: true, restarts: 1) == last &+ 1)
        #expect(take(4, restarts: 1) == nil)
        #expect(projection.packetsSent == 1)
    }

    @Test("only the target encoding is sent")
    mutating func otherEncoding() {
        #expect(Self.take(&projection, 1, encoding: 1, canStart: true) == nil)
        projection.aim(at: LayerTarget(encoding: 1, temporal: 0))
        #expect(projection.usedEncodings == 0b10)
        #expect(Self.take(&projection, 1, encoding: 1, canStart: true) == 0)
        #expect(projection.currentEncoding == 1)
        projection.aim(at: LayerTarget(encoding: 0, temporal: 0))
        #expect(projection.usedEncodings == 0b11 && !projection.isSettled)
        projection.aim(at: .suspended)
        #expect(projection.usedEncodings == 0 && Self.take(&projection, 2, encoding: 1, canStart: true) == nil)
    }

    @Test("the time of a voice stays the sender's; that of a picture goes on where another encoding begins")
    func time() {
        for isAudio in [true, false] {
            var projection = Projection(generation: 1, outgoingSSRC: 8, after: nil, random: 99)
            var times: [UInt32] = []
            for sequence in [5, 6] as [UInt16] {
                let outgoing = projection.takePlain(
                    encoding: 0, sequence: sequence, timestamp: 7_000 + UInt32(sequence) * 960, canStart: true,
                    isAudio: isAudio, at: .zero)
                if let outgoing { times.append(outgoing.timestamp) }
            }
            #expect(times.count == 2 && times[1] == times[0] &+ 960)
            #expect(times.first == 11_800 && projection.timestampOffset == 0)
            projection.aim(at: LayerTarget(encoding: 1, temporal: 0))
            let other = projection.takePlain(
                encoding: 1, sequence: 50, timestamp: 5, canStart: true, isAudio: isAudio, at: .zero)
            let expected: UInt32 = isAudio ? 5 : 12_760 + 3_000
            #expect(other?.timestamp == expected)
        }
    }

    @Test("a sender report is lacking until it was sent, and is of the encoding that is sent")
    mutating func lacksReport() {
        _ = take(1, canStart: true)
        #expect(projection.lacksReport(8, of: 0))
        #expect(!projection.lacksReport(9, of: 1) && !projection.lacksReport(0, of: 0))
        projection.reportGeneration = 8
        #expect(!projection.lacksReport(8, of: 0) && projection.lacksReport(16, of: 0))
    }

    @Test("it fits two cache lines, and what is written down goes on where it stopped")
    mutating func plainData() {
        #expect(MemoryLayout<Projection>.stride <= Projection.lineBytes && Projection.lineBytes == 128)
        #expect(MemoryLayout<ProjectionReport>.stride <= 80)
        for number in 100..<200 { _ = take(UInt16(number), canStart: true) }
        projection.noteSent(payloadBytes: 77)
        projection.transportHandle = 5
        projection.reportGeneration = 3
        _ = reports.forward(Self.report, of: projection, now: Self.ms(5))
        reports.keyframeRequests.note(now: Self.ms(9))
        let bytes = (withUnsafeBytes(of: projection) { Array($0) }, withUnsafeBytes(of: reports) { Array($0) })
        var (copy, reportsCopy) = (
            bytes.0.withUnsafeBytes { $0.loadUnaligned(as: Projection.self) },
            bytes.1.withUnsafeBytes { $0.loadUnaligned(as: ProjectionReport.self) }
        )
        for sequence in [200, 199, 99, 240] as [UInt16] {
            #expect(take(sequence) == Self.take(&copy, sequence))
        }
        #expect(
            copy.packetsSent == 1 && copy.octetsSent == 77 && copy.transportHandle == 5 && copy.reportGeneration == 3)
        #expect(reportsCopy.roundTrip(Self.block(dlsr: 0), now: Self.ms(25)) == .milliseconds(20))
        #expect(
            !reportsCopy.keyframeRequests.hasRoom(
                spacing: .milliseconds(200), quota: 3, within: .milliseconds(10_000), now: Self.ms(100)))
    }

    @Test("a sender report keeps its wall clock and gets our counters; before the first packet it is dropped")
    mutating func senderReport() {
        #expect(reports.forward(Self.report, of: projection, now: .zero) == nil)
        projection.noteSent(payloadBytes: 100)
        projection.noteSent(payloadBytes: 50)
        let forwarded = reports.forward(Self.report, of: projection, now: .zero)
        #expect(
            forwarded
                == SenderReport(ssrc: 8, ntp: Self.report.ntp, rtpTimestamp: 1_000, packetCount: 2, octetCount: 150))
    }

    @Test("a repeated FIR is the same request, another number is a new one")
    mutating func fullIntra() {
        var isNew: [Bool] = []
        for sequence in [0, 0, 1, 1, 0] as [UInt8] { isNew.append(reports.isNewFullIntra(sequence)) }
        #expect(isNew == [true, false, true, false, true])
    }

    static func block(lsr: UInt32 = report.ntp.compact, dlsr: UInt32) -> ReportBlock {
        ReportBlock(
            ssrc: 8, fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: lsr,
            delaySinceLastSenderReport: dlsr)
    }

    @Test("the round trip of RFC 3550 figure 2: 6.125 s")
    mutating func roundTrip() {
        projection.noteSent(payloadBytes: 1)
        _ = reports.forward(Self.report, of: projection, now: Self.ms(100_000))
        let trip = reports.roundTrip(Self.block(dlsr: 0x0005_4000), now: Self.ms(100_000 + 11_375))
        #expect(trip == .milliseconds(6_125))
    }

    @Test("where encodings bear the same time, the receiver counts from the report that went out last")
    mutating func sameTime() {
        projection.noteSent(payloadBytes: 1)
        _ = reports.forward(Self.report, of: projection, now: Self.ms(1_000))
        _ = reports.forward(Self.report, of: projection, now: Self.ms(1_800))
        // 100 ms after the second one came, 50 ms on the way.
        let later = Self.block(dlsr: 65_536 / 10)
        #expect(reports.roundTrip(later, now: Self.ms(1_950)).map { $0 < .milliseconds(51) } == true)
        // The second one is on its way still: only the first can be meant.
        let earlier = Self.block(dlsr: 65_536 * 8 / 10)
        #expect(reports.roundTrip(earlier, now: Self.ms(1_850)).map { $0 < .milliseconds(51) } == true)
    }

    @Test("a round trip that is negative, too long or about no report of ours is not believed")
    mutating func roundTripRefusals() {
        projection.noteSent(payloadBytes: 1)
        _ = reports.forward(Self.report, of: projection, now: Self.ms(0))
        #expect(reports.roundTrip(Self.block(dlsr: 0x0001_0000), now: Self.ms(999)) == nil)
        #expect(reports.roundTrip(Self.block(dlsr: 0x0001_0000), now: Self.ms(1_000)) == .zero)
        #expect(reports.roundTrip(Self.block(dlsr: 0), now: Self.ms(7_001)) == nil)
        #expect(reports.roundTrip(Self.block(dlsr: 301 << 16), now: Self.ms(301_000)) == nil)
        #expect(reports.roundTrip(Self.block(lsr: 0, dlsr: 0), now: Self.ms(1)) == nil)
        #expect(reports.roundTrip(Self.block(lsr: 5, dlsr: 0), now: Self.ms(1)) == nil)
    }

    @Test("the last four sender reports can be answered, an older one cannot")
    mutating func reportHistory() {
        projection.noteSent(payloadBytes: 1)
        for index in 0..<11 {
            var report = Self.report
            report.ntp = NTPTime(UInt64(index + 1) << 16)
            _ = reports.forward(report, of: projection, now: Self.ms(Int64(index)))
        }
        for index in 0..<11 {
            let trip = reports.roundTrip(Self.block(lsr: UInt32(index + 1), dlsr: 0), now: Self.ms(100))
            #expect(trip == (index < 7 ? nil : .milliseconds(100 - Int64(index))))
        }
    }
}
