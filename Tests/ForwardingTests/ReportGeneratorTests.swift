// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import Testing

@Suite("ReportGenerator")
struct ReportGeneratorTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    @Test("reports are due every 500 ms from the first packet on")
    func rhythm() {
        var generator = ReportGenerator()
        #expect(generator.nextTimeout == nil)
        var begun = generator.begin(senderSSRC: 1, now: Self.ms(0))
        #expect(begun?.packetCount == nil)
        generator.notePacket(now: Self.ms(100))
        generator.notePacket(now: Self.ms(300))
        #expect(generator.nextTimeout == Self.ms(600))
        begun = generator.begin(senderSSRC: 1, now: Self.ms(599))
        #expect(begun?.packetCount == nil)
        begun = generator.begin(senderSSRC: 1, now: Self.ms(600))
        #expect(begun?.packetCount == 0)
        #expect(generator.nextTimeout == Self.ms(1_100))
        generator.stop()
        #expect(generator.nextTimeout == nil)
        generator.notePacket(now: Self.ms(5_000))
        #expect(generator.nextTimeout == Self.ms(5_500))
    }

    @Test("a report holds a block for each stream that was heard, under the bridge's SSRC")
    func blocks() throws {
        var generator = ReportGenerator()
        var streams = (0..<3).map { ReceptionStatistics(ssrc: $0, clockRate: 90_000) }
        for index in [0, 2] { _ = streams[index].account(TestPacket().info(), now: .zero) }
        generator.notePacket(now: .zero)
        let begun = generator.begin(senderSSRC: 0xB0B, now: Self.ms(500))
        var report = try #require(begun)
        let datagram = BufferWriter.array(capacity: 256) { writer in
            for index in streams.indices {
                if let block = streams[index].makeReportBlock(now: Self.ms(500)) {
                    _ = report.append(block, to: &writer)
                }
            }
        }
        #expect(report.packetCount == 1)
        var walk = IncomingRTCP()
        var heard: [UInt32] = []
        while let action = walk.next(in: datagram.rawSpan) {
            guard case .receptionReport(let sender, let block) = action else { continue }
            #expect(sender == 0xB0B)
            heard.append(block.ssrc)
        }
        #expect(heard == [0, 2])
    }
}
