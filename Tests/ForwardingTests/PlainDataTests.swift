// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

/// What is known of an incoming stream is plain data: copied as bytes it goes on as if nothing had happened.
@Suite("Incoming streams as bytes")
struct PlainDataTests {
    /// The value as bytes and back; the bytes lie at an odd address, as they may in a file.
    private static func copied<Value: BitwiseCopyable>(_ value: Value) -> Value {
        let bytes = [0] + withUnsafeBytes(of: value) { Array($0) }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 1, as: Value.self) }
    }

    @Test("statistics, gaps and silence go on from their bytes, wherever in a stream they were written down")
    func continuation() {
        let failure = checkProperty(cases: 200) { random in
            var stream = Incoming(random.next())
            var copy = stream
            var isWritten = false
            let end = random.int(in: 50...600)
            let moment = random.int(in: 0...end - 1)
            for step in 0..<end {
                if step == moment {
                    copy = Incoming(
                        statistics: Self.copied(stream.statistics), gaps: Self.copied(stream.gaps),
                        silence: Self.copied(stream.silence), base: stream.base)
                    isWritten = true
                }
                let arrival = Arrival(&random, step)
                let one = stream.take(arrival)
                guard step >= moment else { continue }
                let other = copy.take(arrival)
                if one != other { return "step \(step) of \(end), written at \(moment): \(one) and \(other)" }
            }
            return isWritten ? nil : "never written down"
        }
        #expect(failure == nil)
    }

    /// A packet or a moment for a report.
    private struct Arrival {
        var number: Int
        var isPadding: Bool
        var level: UInt8
        var time: Timestamp
        var isReport: Bool
        var isSenderReport: Bool

        /// Losses, late and repeated packets, and now and then a jump.
        init(_ random: inout Random, _ step: Int) {
            number = step * 2 + random.int(in: -8...1) + (step / 100 % 2 == 1 ? 4_000 : 0)
            isPadding = random.int(in: 0...7) == 0
            level = random.int(in: 0...1) == 0 ? 127 : 30
            time = Timestamp(nanoseconds: Int64(step) * 20_000_000 + Int64(random.int(in: 0...5_000_000)))
            isReport = random.int(in: 0...15) == 0
            isSenderReport = random.int(in: 0...15) == 0
        }
    }

    private struct Incoming {
        var statistics = ReceptionStatistics(ssrc: 7, clockRate: 48_000)
        var gaps = SequenceGapCloser()
        var silence = SilenceFilter()
        var base: UInt16

        init(_ random: UInt64) { base = UInt16(truncatingIfNeeded: random) }

        init(statistics: ReceptionStatistics, gaps: SequenceGapCloser, silence: SilenceFilter, base: UInt16) {
            self.statistics = statistics
            self.gaps = gaps
            self.silence = silence
            self.base = base
        }

        /// Everything that can be seen of it afterwards, as text.
        mutating func take(_ arrival: Arrival) -> String {
            var packet = TestPacket()
            packet.sequence = base &+ UInt16(truncatingIfNeeded: arrival.number)
            packet.timestamp = UInt32(truncatingIfNeeded: arrival.number &* 960)
            let place = statistics.account(packet.info(), now: arrival.time)
            var result = "\(place)"
            if place == .restart { gaps.restart(at: packet.sequence) }
            if place != .duplicate {
                if arrival.isPadding || !silence.admits(level: arrival.level) {
                    gaps.discard(packet.sequence)
                } else {
                    result += " \(String(describing: gaps.accept(packet.sequence)))"
                }
            }
            if arrival.isSenderReport {
                statistics.note(
                    SenderReport(
                        ssrc: 7, ntp: NTPTime(nanosecondsSince1970: UInt64(arrival.time.nanoseconds)),
                        rtpTimestamp: packet.timestamp, packetCount: 1, octetCount: 1), now: arrival.time)
            }
            if arrival.isReport {
                result += " \(String(describing: statistics.makeReportBlock(now: arrival.time)))"
            }
            return result + " \(statistics.jitter) \(statistics.highestSequence) \(statistics.cumulativeLost)"
        }
    }
}
