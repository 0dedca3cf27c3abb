// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// What a receiver report says about one stream (RFC 3550 6.4.1, A.3, A.8), from RTP headers alone.
struct ReceptionStatistics: BitwiseCopyable {
    private(set) var firstNumber: Int64 = -1
    private(set) var highestNumber: Int64 = -1
    private var received: Int64 = 0
    private var reportedExpected: Int64 = 0
    private var reportedReceived: Int64 = 0
    private var jitter = 0.0
    private var lastTransit = 0.0
    /// Middle 32 bits of the last sender report's NTP time; 0 without one.
    var lastSenderReport: UInt32 = 0
    /// When it came.
    var lastSenderReportAt = Timestamp.zero

    /// Interarrival jitter in units of the media clock.
    var jitterUnits: UInt32 { UInt32(min(jitter, 4e9)) }
    /// Whether anything came since the last report.
    var isFresh: Bool { received > reportedReceived }

    /// Notes a packet.
    @inline(__always)
    mutating func note(number: Int64, timestamp: UInt32, clockRate: Double, at now: Timestamp) {
        if firstNumber < 0 { firstNumber = number }
        received += 1
        guard number > highestNumber else { return }
        highestNumber = number
        let transit = Double(now.nanoseconds) * clockRate / 1e9 - Double(timestamp)
        if received > 1 {
            let difference = abs(transit - lastTransit)
            // A wrapped time stamp is no jitter.
            if difference < clockRate * 10 { jitter += (difference - jitter) / 16 }
        }
        lastTransit = transit
    }

    /// Fraction lost since the last report (in 256ths) and lost packets in all; begins a new interval.
    mutating func takeLoss() -> (fraction: UInt8, cumulative: Int32) {
        let expected = firstNumber < 0 ? 0 : highestNumber - firstNumber + 1
        let expectedNow = expected - reportedExpected
        let lostNow = expectedNow - (received - reportedReceived)
        reportedExpected = expected
        reportedReceived = received
        let fraction = expectedNow > 0 && lostNow > 0 ? min(lostNow * 256 / expectedNow, 255) : 0
        let cumulative = min(max(expected - received, -0x80_0000), 0x7F_FFFF)
        return (UInt8(fraction), Int32(cumulative))
    }
}
