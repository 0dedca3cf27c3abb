// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("The packet path allocates nothing")
struct PacketPathAllocationTests {
    /// Everything one source and one receiver need; the steps of doors 4 to 7.
    struct Path: ~Copyable {
        var stream = ReceptionStatistics(ssrc: 0xAAAA, clockRate: 90_000)
        var closer = SequenceGapCloser()
        var silence = SilenceFilter()
        var projection = Projection(generation: 1, outgoingSSRC: 7, after: nil, random: 0)
        var feedback = TransportFeedback()
        var reports = ReportGenerator()
        var forwarded = 0
        var written = 0
        var feedbackBytes = 0
        var reportBytes = 0

        mutating func walk(_ packet: UnsafeRawBufferPointer, _ slot: UnsafeMutableRawBufferPointer, now: Timestamp) {
            guard var info = PacketInfo(packet: packet, table: .usual) else { return }
            info.parseVP8(packet)
            feedback.record(info, now: now)
            reports.notePacket(now: now)
            if feedback.isDue(now: now) {
                while true {
                    let count = feedback.write(senderSSRC: 1, now: now, to: slot)
                    if count == 0 { break }
                    feedbackBytes += count
                }
            }
            if var report = reports.begin(senderSSRC: 1, now: now) {
                var writer = BufferWriter(slot)
                if let block = stream.makeReportBlock(now: now) { _ = report.append(block, to: &writer) }
                reportBytes += writer.count
            }
            switch stream.account(info, now: now) {
            case .duplicate: return
            case .restart: closer.restart(at: info.sequence)
            case .newest, .late: break
            }
            guard silence.admits(level: info.audioLevel) else { return closer.discard(info.sequence) }
            guard let sequence = closer.accept(info.sequence),
                let outgoing = projection.takePlain(
                    encoding: 0, sequence: sequence, timestamp: info.timestamp, canStart: info.isKeyframe,
                    isAudio: false, at: now)
            else { return }
            written += HeaderRewriter.write(
                info, from: packet, into: slot, receiver: .usual, ssrc: info.ssrc,
                sequence: outgoing.sequence, timestamp: outgoing.timestamp, payloadType: info.payloadType)
            projection.noteSent(payloadBytes: info.payloadBytes)
            forwarded += 1
        }
    }

    @Test("parse, account, choose, rewrite and report over 100,000 packets")
    func hundredThousand() {
        let template = TestPacket(
            extensions: [[1, 20], [5, 0, 0], [6, 1]], payload: [UInt8](hex: "90 80 11 50 2b 00 9d 01 2a 80 02 68 01")
        ).bytes
        let packet = UnsafeMutableRawBufferPointer.allocate(byteCount: template.count, alignment: 8)
        packet.copyBytes(from: template)
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_600, alignment: 8)
        defer {
            packet.deallocate()
            slot.deallocate()
        }
        var path = Path()
        func run(_ numbers: Range<Int>) {
            for number in numbers {
                let sequence = UInt16(truncatingIfNeeded: number)
                packet.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
                packet.storeBytes(of: UInt32(number * 90).bigEndian, toByteOffset: 4, as: UInt32.self)
                packet[17] = number % 10 < 5 ? 127 : 20
                packet.storeBytes(of: sequence.bigEndian, toByteOffset: 19, as: UInt16.self)
                path.walk(UnsafeRawBufferPointer(packet), slot, now: Timestamp.zero + .milliseconds(Int64(number)))
            }
        }
        // Warm-up: long enough for feedback and reports to have been made.
        run(0..<1_000)
        let allocations = countAllocations { run(1_000..<101_000) }
        #expect(allocations == 0)
        #expect(path.forwarded == 101_000 - 10_100)
        #expect(path.written == path.forwarded * (12 + 8))
        #expect(path.projection.packetsSent == UInt32(path.forwarded))
        #expect(path.feedbackBytes > 100_000)
        #expect(path.reportBytes == 201 * 32)
    }
}
