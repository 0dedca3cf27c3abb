// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@Suite("RTCP")
struct RTCPTests {
    static func packets(_ datagram: [UInt8]) -> (packets: [RTCPPacket], isMalformed: Bool) {
        var reader = RTCPReader()
        var result: [RTCPPacket] = []
        while let packet = reader.next(in: datagram.rawSpan) { result.append(packet) }
        return (result, reader.isMalformed)
    }

    static let block = ReportBlock(
        ssrc: 0x1111_2222, fractionLost: 51, cumulativeLost: 2, highestSequence: 0x1_0005, jitter: 77,
        lastSenderReport: 0xB705_2000, delaySinceLastSenderReport: 0x0005_4000)

    @Test("a sender report with a block is read field by field")
    func senderReport() throws {
        let datagram = [UInt8](
            hex: """
                81 c8 00 0c ca fe ba be b4 4d b7 05 20 00 00 00 00 01 02 03 00 00 00 64 00 00 27 10
                11 11 22 22 33 ff ff fe 00 01 00 05 00 00 00 4d b7 05 20 00 00 05 40 00
                """)
        let packet = try #require(Self.packets(datagram).packets.first)
        let read = SenderReport(packet, in: datagram.rawSpan)
        let report = try #require(read)
        #expect(report.ssrc == 0xCAFE_BABE)
        #expect(report.ntp == NTPTime(0xB44D_B705_2000_0000))
        #expect(report.ntp.compact == 0xB705_2000)
        #expect(report.rtpTimestamp == 0x0001_0203)
        #expect(report.packetCount == 100)
        #expect(report.octetCount == 10_000)
        var expected = Self.block
        expected.cumulativeLost = -2
        #expect(ReportBlock(0, of: packet, in: datagram.rawSpan) == expected)
        #expect(ReportBlock(1, of: packet, in: datagram.rawSpan) == nil)
    }

    @Test("a written sender report has 28 bytes, no blocks, and reads back the same")
    func senderReportRoundTrip() throws {
        let report = SenderReport(
            ssrc: 1, ntp: NTPTime(0x0102_0304_0506_0708), rtpTimestamp: 5, packetCount: 6, octetCount: 7)
        let datagram = BufferWriter.array(capacity: 64) { report.write(to: &$0) }
        #expect(datagram.count == 28)
        let packet = try #require(Self.packets(datagram).packets.first)
        #expect(packet.count == 0)
        #expect(SenderReport(packet, in: datagram.rawSpan) == report)
    }

    @Test(
        "a cumulative loss beyond 24 bits is clamped", arguments: [(Int32.max, Int32(0x7F_FFFF)), (.min, -0x80_0000)])
    func lossClamp(loss: Int32, expected: Int32) throws {
        var block = Self.block
        block.cumulativeLost = loss
        var writer = ReceiverReportWriter(senderSSRC: 9)
        let datagram = BufferWriter.array(capacity: 64) { _ = writer.append(block, to: &$0) }
        let packet = try #require(Self.packets(datagram).packets.first)
        #expect(ReportBlock(0, of: packet, in: datagram.rawSpan)?.cumulativeLost == expected)
    }

    @Test("32 blocks need two receiver reports, of 31 and of 1")
    func thirtyTwoBlocks() {
        var writer = ReceiverReportWriter(senderSSRC: 9)
        let datagram = BufferWriter.array(capacity: 1_200) { buffer in
            for index in 0..<32 {
                var block = Self.block
                block.ssrc = UInt32(index)
                #expect(writer.append(block, to: &buffer))
            }
        }
        let (packets, isMalformed) = Self.packets(datagram)
        #expect(!isMalformed)
        #expect(packets.map(\.count) == [31, 1])
        #expect(packets.allSatisfy { datagram.rawSpan.uint32(at: $0.offset + 4) == 9 })
        #expect(ReportBlock(30, of: packets[0], in: datagram.rawSpan)?.ssrc == 30)
        #expect(ReportBlock(0, of: packets[1], in: datagram.rawSpan)?.ssrc == 31)
    }

    @Test("a block that does not fit leaves a whole report behind")
    func fullReport() {
        var writer = ReceiverReportWriter(senderSSRC: 9)
        let datagram = BufferWriter.array(capacity: 8 + 24 + 23) { buffer in
            #expect(writer.append(Self.block, to: &buffer))
            #expect(!writer.append(Self.block, to: &buffer))
        }
        #expect(datagram.count == 32)
        #expect(Self.packets(datagram).packets.map(\.count) == [1])
        var empty = ReceiverReportWriter(senderSSRC: 9)
        let head = BufferWriter.array(capacity: 8) { empty.finish(&$0) }
        #expect(head == [UInt8](hex: "80 c9 00 01 00 00 00 09"))
    }

    @Test("a key frame is asked for in the bytes of RFC 4585 6.3.1 and RFC 5104 4.3.1")
    func keyframeRequests() {
        let pli = BufferWriter.array(capacity: 64) {
            KeyframeRequest.writePictureLoss(senderSSRC: 0x0102_0304, mediaSSRC: 0x0506_0708, to: &$0)
        }
        #expect(pli == [UInt8](hex: "81 ce 00 02 01 02 03 04 05 06 07 08"))
        let fir = BufferWriter.array(capacity: 64) {
            KeyframeRequest.writeFullIntra(
                senderSSRC: 0x0102_0304, entry: .init(ssrc: 0x0506_0708, sequence: 9), to: &$0)
        }
        #expect(fir == [UInt8](hex: "84 ce 00 04 01 02 03 04 00 00 00 00 05 06 07 08 09 00 00 00"))
        let packet = Self.packets(fir).packets[0]
        #expect(KeyframeRequest.Entry(0, of: packet, in: fir.rawSpan) == .init(ssrc: 0x0506_0708, sequence: 9))
        #expect(KeyframeRequest.Entry(1, of: packet, in: fir.rawSpan) == nil)
    }

    @Test("lost packets share a NACK entry when they lie within seventeen numbers")
    func nack() {
        let lost: [UInt16] = [65_530, 65_531, 10, 11, 200]
        let datagram = BufferWriter.array(capacity: 64) {
            GenericNACK.write(senderSSRC: 1, mediaSSRC: 2, lost: lost.span, to: &$0)
        }
        let packet = Self.packets(datagram).packets[0]
        let entries = (0..<4).map { GenericNACK($0, of: packet, in: datagram.rawSpan) }
        #expect(
            entries == [
                GenericNACK(packetID: 65_530, mask: 1 << 15 | 1), GenericNACK(packetID: 11, mask: 0),
                GenericNACK(packetID: 200, mask: 0), nil,
            ])
    }

    @Test("any list of lost packets survives a NACK")
    func nackRoundTrip() {
        let failure = checkProperty { random in
            var next = UInt16(truncatingIfNeeded: random.next())
            let lost: [UInt16] = (0..<random.int(in: 1...60)).map { _ in
                next &+= UInt16(random.int(in: 1...25))
                return next
            }
            let datagram = BufferWriter.array(capacity: 512) {
                GenericNACK.write(senderSSRC: 1, mediaSSRC: 2, lost: lost.span, to: &$0)
            }
            guard let packet = Self.packets(datagram).packets.first else { return "not read" }
            var read: [UInt16] = []
            var index = 0
            while let entry = GenericNACK(index, of: packet, in: datagram.rawSpan) {
                read.append(entry.packetID)
                for bit in 0..<16 where entry.mask & 1 << UInt16(bit) != 0 {
                    read.append(entry.packetID &+ UInt16(bit + 1))
                }
                index += 1
            }
            return read == lost ? nil : "\(lost) became \(read)"
        }
        #expect(failure == nil)
    }

    @Test("REMB keeps 18 significant bits", arguments: [0, 1, 262_143, 262_144, 2_500_000, UInt64.max])
    func remb(bitrate: UInt64) throws {
        let sources: [UInt32] = [7, 8]
        let datagram = BufferWriter.array(capacity: 64) {
            MaximumBitrateEstimate(senderSSRC: 3, bitrate: bitrate).write(sources: sources.span, to: &$0)
        }
        #expect(datagram.count == 28)
        let packet = try #require(Self.packets(datagram).packets.first)
        let read = MaximumBitrateEstimate(packet, in: datagram.rawSpan)
        let estimate = try #require(read)
        let lost = max(0, 64 - bitrate.leadingZeroBitCount - 18)
        #expect(estimate.bitrate == (bitrate >> UInt64(lost)) << UInt64(lost))
        #expect(estimate.senderSSRC == 3)
    }

    @Test("a REMB exponent that overflows 64 bits means the most there is")
    func rembOverflow() {
        let datagram = [UInt8](hex: "8f ce 00 04 00 00 00 03 00 00 00 00 52 45 4d 42 00 ff ff ff")
        let packet = Self.packets(datagram).packets[0]
        #expect(MaximumBitrateEstimate(packet, in: datagram.rawSpan)?.bitrate == .max)
    }

    @Test("a CNAME chunk ends with a zero on a word boundary", arguments: 0...8)
    func sourceDescription(length: Int) {
        let cname = [UInt8](repeating: 0x61, count: length)
        let datagram = BufferWriter.array(capacity: 64) { writer in
            SourceDescription.write(ssrc: 5, cname: cname, to: &writer)
            SourceDescription.writeGoodbye(ssrc: 5, to: &writer)
        }
        let (packets, isMalformed) = Self.packets(datagram)
        #expect(!isMalformed)
        #expect(packets.map(\.type) == [.sourceDescription, .goodbye])
        #expect(packets[0].byteCount == (4 + 4 + 2 + length + 1 + 3) / 4 * 4)
        #expect(Array(datagram[8..<10]) == [1, UInt8(length)])
        #expect(datagram[10 + length] == 0)
    }

    @Test("padding of the last packet is taken off, and impossible padding refused")
    func padding() {
        let good = [UInt8](hex: "a1 ce 00 03 00 00 00 01 00 00 00 02 00 00 00 04")
        #expect(Self.packets(good).packets.map(\.byteCount) == [12])
        for last in [0, 13] as [UInt8] {
            let bad = good.dropLast() + [last]
            let (packets, isMalformed) = Self.packets(Array(bad))
            #expect(packets.isEmpty)
            #expect(isMalformed)
        }
    }

    @Test("what comes before a malformed packet is still read")
    func malformedTail() {
        let pli = [UInt8](hex: "81 ce 00 02 00 00 00 01 00 00 00 02")
        for tail in ["81 ce 00", "41 ce 00 00", "81 ce 00 01 00 00 00"] {
            let (packets, isMalformed) = Self.packets(pli + [UInt8](hex: tail))
            #expect(packets.count == 1)
            #expect(isMalformed)
        }
    }

    @Test("no more packets are read from a compound than the limit")
    func compoundLimit() {
        let many = [UInt8]((0..<300).flatMap { _ in [0x80, 0xC9, 0, 0] as [UInt8] })
        #expect(Self.packets(many).packets.count == RTPLimits.packetsPerCompound)
    }

    @Test("NTP spans are in 1/65,536 s")
    func ntp() {
        #expect(NTPTime.compact(.milliseconds(5_250)) == 0x0005_4000)
        #expect(NTPTime.compact(.seconds(-1 as Int64)) == 0)
        #expect(NTPTime.span(0x0005_4000) == .milliseconds(5_250))
        #expect(NTPTime(nanosecondsSince1970: 500_000_000) == NTPTime(0x83AA_7E80_8000_0000))
    }
}
