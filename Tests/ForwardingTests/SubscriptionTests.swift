// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("Subscription")
struct SubscriptionTests {
    var subscription = Subscription()
    static let report = SenderReport(
        ssrc: 7, ntp: NTPTime(0xB44D_B705_2000_0000), rtpTimestamp: 1_000, packetCount: 99, octetCount: 999)

    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    @Test("video begins with a key frame and then goes on")
    mutating func keyframe() {
        #expect(subscription.accept(sequence: 5, canStart: false) == .awaitsKeyframe)
        #expect(!subscription.hasStarted)
        #expect(subscription.accept(sequence: 6, canStart: true) == .forward)
        #expect(subscription.accept(sequence: 7, canStart: false) == .forward)
        #expect(subscription.lastSequence == 7)
    }

    @Test("packets from before the first one are dropped, late ones after it are not")
    mutating func beforeStart() {
        #expect(subscription.accept(sequence: 65_535, canStart: true) == .forward)
        #expect(subscription.accept(sequence: 65_534, canStart: true) == .beforeStart)
        #expect(subscription.accept(sequence: 3, canStart: false) == .forward)
        #expect(subscription.accept(sequence: 0, canStart: false) == .forward)
        #expect(subscription.accept(sequence: 65_535, canStart: false) == .forward)
        #expect(subscription.accept(sequence: 65_533, canStart: false) == .beforeStart)
        #expect(subscription.lastSequence == 3)
    }

    @Test("a stream of several rounds of numbers stays accepted")
    mutating func manyRounds() {
        let refused = (0..<300_000).count {
            subscription.accept(sequence: UInt16(truncatingIfNeeded: $0), canStart: $0 == 0) != .forward
        }
        #expect(refused == 0)
        #expect(
            subscription.accept(sequence: UInt16(truncatingIfNeeded: 300_000 - 20_000), canStart: false) == .forward)
    }

    @Test("after a restart a key frame is needed again; the counters go on")
    mutating func restart() {
        #expect(subscription.accept(sequence: 1, canStart: true) == .forward)
        subscription.noteSent(payloadBytes: 10)
        subscription.restart()
        #expect(subscription.accept(sequence: 2, canStart: false) == .awaitsKeyframe)
        #expect(subscription.accept(sequence: 3, canStart: true) == .forward)
        #expect(subscription.packetsSent == 1)
    }

    @Test("a sender report keeps its wall clock and gets our counters; before the first packet it is dropped")
    mutating func senderReport() {
        #expect(subscription.forward(Self.report, ssrc: 8, now: .zero) == nil)
        subscription.noteSent(payloadBytes: 100)
        subscription.noteSent(payloadBytes: 50)
        let forwarded = subscription.forward(Self.report, ssrc: 8, now: .zero)
        #expect(
            forwarded
                == SenderReport(ssrc: 8, ntp: Self.report.ntp, rtpTimestamp: 1_000, packetCount: 2, octetCount: 150))
    }

    static func block(lsr: UInt32 = report.ntp.compact, dlsr: UInt32) -> ReportBlock {
        ReportBlock(
            ssrc: 8, fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 0, lastSenderReport: lsr,
            delaySinceLastSenderReport: dlsr)
    }

    @Test("the round trip of RFC 3550 figure 2: 6.125 s")
    mutating func roundTrip() {
        subscription.noteSent(payloadBytes: 1)
        _ = subscription.forward(Self.report, ssrc: 8, now: Self.ms(100_000))
        let trip = subscription.roundTrip(Self.block(dlsr: 0x0005_4000), now: Self.ms(100_000 + 11_375))
        #expect(trip == .milliseconds(6_125))
    }

    @Test("a round trip that is negative, too long or about no report of ours is not believed")
    mutating func roundTripRefusals() {
        subscription.noteSent(payloadBytes: 1)
        _ = subscription.forward(Self.report, ssrc: 8, now: Self.ms(0))
        #expect(subscription.roundTrip(Self.block(dlsr: 0x0001_0000), now: Self.ms(999)) == nil)
        #expect(subscription.roundTrip(Self.block(dlsr: 0x0001_0000), now: Self.ms(1_000)) == .zero)
        #expect(subscription.roundTrip(Self.block(dlsr: 0), now: Self.ms(7_001)) == nil)
        #expect(subscription.roundTrip(Self.block(dlsr: 301 << 16), now: Self.ms(301_000)) == nil)
        #expect(subscription.roundTrip(Self.block(lsr: 0, dlsr: 0), now: Self.ms(1)) == nil)
        #expect(subscription.roundTrip(Self.block(lsr: 5, dlsr: 0), now: Self.ms(1)) == nil)
    }

    @Test("the last four sender reports can be answered, an older one cannot")
    mutating func reportHistory() {
        subscription.noteSent(payloadBytes: 1)
        for index in 0..<11 {
            var report = Self.report
            report.ntp = NTPTime(UInt64(index + 1) << 16)
            _ = subscription.forward(report, ssrc: 8, now: Self.ms(Int64(index)))
        }
        for index in 0..<11 {
            let trip = subscription.roundTrip(Self.block(lsr: UInt32(index + 1), dlsr: 0), now: Self.ms(100))
            #expect(trip == (index < 7 ? nil : .milliseconds(100 - Int64(index))))
        }
    }
}
