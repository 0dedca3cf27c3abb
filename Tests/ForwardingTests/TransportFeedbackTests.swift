// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import TestSupport
import Testing

@Suite("TransportFeedback (media-plane.md 7.4)")
struct TransportFeedbackTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    static func info(_ sequence: UInt16, marker: Bool = false) -> PacketInfo {
        var info = TestPacket(marker: marker, ssrc: 0xAB).info()
        info.hasTransportSequence = true
        info.transportSequence = sequence
        return info
    }

    static func packets(_ feedback: inout TransportFeedback, now: Timestamp, room: Int = 1_500) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0xEE, count: room)
        while result.count < 200 {
            let count = buffer.withUnsafeMutableBytes { feedback.write(senderSSRC: 0x51, now: now, to: $0) }
            if count == 0 { break }
            result.append(Array(buffer[..<count]))
        }
        return result
    }

    static func statuses(_ packet: [UInt8]) -> [TransportWideReader.Status] {
        var walk = RTCPReader()
        guard let head = walk.next(in: packet.rawSpan), var reader = TransportWideReader(head, in: packet.rawSpan)
        else { return [] }
        var result: [TransportWideReader.Status] = []
        while let status = reader.next(in: packet.rawSpan) { result.append(status) }
        return result.count == reader.statusCount ? result : []
    }

    @Test("the bytes of a small feedback, with RTCP padding")
    func vector() {
        var feedback = TransportFeedback()
        feedback.record(Self.info(10), now: Self.ms(129))
        feedback.record(Self.info(11), now: Self.ms(131))
        feedback.record(Self.info(13), now: Self.ms(130))
        let packets = Self.packets(&feedback, now: Self.ms(240))
        // Base 10, 4 packets, reference 2 × 64 ms; vector: small, small, lost, large; 4, 8 and -4 quarters of a ms.
        #expect(
            packets == [
                [UInt8](
                    hex: """
                        af cd 00 06 00 00 00 51 00 00 00 ab 00 0a 00 04 00 00 02 00
                        d4 80 04 08 ff fc 00 02
                        """)
            ])
    }

    @Test("feedback is due after 100 ms, or after 20 ms with the end of a frame")
    func due() {
        var feedback = TransportFeedback()
        let state1 = feedback.nextTimeout
        #expect(state1 == nil)
        feedback.record(Self.info(1), now: Self.ms(0))
        let state2 = feedback.nextTimeout
        #expect(state2 == Self.ms(100))
        let early = feedback.isDue(now: Self.ms(99))
        let late = feedback.isDue(now: Self.ms(100))
        #expect(!early)
        #expect(late)
        feedback.record(Self.info(2, marker: true), now: Self.ms(15))
        let state3 = feedback.nextTimeout
        #expect(state3 == Self.ms(20))
        let count = Self.packets(&feedback, now: Self.ms(20)).count
        #expect(count == 1)
        let state4 = feedback.nextTimeout
        #expect(state4 == nil)
        feedback.record(Self.info(3), now: Self.ms(30))
        let state5 = feedback.nextTimeout
        #expect(state5 == Self.ms(120))
    }

    @Test("packets without the extension, and second arrivals, are nothing to report")
    func ignored() {
        var feedback = TransportFeedback()
        feedback.record(TestPacket().info(), now: Self.ms(0))
        let state6 = feedback.hasNews
        #expect(!state6)
        feedback.record(Self.info(1), now: Self.ms(1))
        _ = Self.packets(&feedback, now: Self.ms(101))
        feedback.record(Self.info(1), now: Self.ms(102))
        let state7 = feedback.hasNews
        #expect(!state7)
    }

    @Test("a late packet reopens the window, with the first arrival of those already reported")
    func late() {
        var feedback = TransportFeedback()
        for sequence in [1, 2, 4] as [UInt16] { feedback.record(Self.info(sequence), now: Self.ms(Int64(sequence))) }
        _ = Self.packets(&feedback, now: Self.ms(100))
        feedback.record(Self.info(5), now: Self.ms(110))
        feedback.record(Self.info(3), now: Self.ms(111))
        let statuses = Self.packets(&feedback, now: Self.ms(200)).flatMap(Self.statuses)
        #expect(statuses.map(\.sequence) == [3, 4, 5])
        #expect(statuses.map(\.arrival) == [444, 16, 440])
    }

    @Test("an arrival time too far from the one before begins another packet")
    func overflow() {
        var feedback = TransportFeedback()
        feedback.record(Self.info(1), now: Self.ms(0))
        feedback.record(Self.info(2), now: Self.ms(8_191))
        feedback.record(Self.info(4), now: Self.ms(8_191 + 8_192))
        let packets = Self.packets(&feedback, now: Self.ms(20_000)).map(Self.statuses)
        #expect(packets.map { $0.map(\.sequence) } == [[1, 2, 3], [4]])
        #expect(packets.last?.last?.arrival == Int64(65_532))
    }

    @Test("a jump beyond the window forgets what lies between")
    func jump() {
        var feedback = TransportFeedback()
        feedback.record(Self.info(1), now: Self.ms(0))
        feedback.record(Self.info(30_000), now: Self.ms(1))
        let statuses = Self.packets(&feedback, now: Self.ms(100)).flatMap(Self.statuses)
        #expect(statuses.count == ForwardingLimits.transportWindow)
        #expect(statuses.last?.sequence == 30_000)
        #expect(statuses.count { $0.arrival != nil } == 1)
    }

    @Test("numbers that run back further than any network delays start the feedback anew")
    func runBack() {
        var feedback = TransportFeedback()
        for number in 20_000..<20_010 as Range<UInt16> { feedback.record(Self.info(number), now: Self.ms(0)) }
        for number in 5..<9 as Range<UInt16> { feedback.record(Self.info(number), now: Self.ms(50)) }
        let statuses = Self.packets(&feedback, now: Self.ms(100)).flatMap(Self.statuses)
        #expect(statuses.map(\.sequence) == [5, 6, 7, 8])
        feedback.record(Self.info(10), now: Self.ms(150))
        let next = Self.packets(&feedback, now: Self.ms(300)).flatMap(Self.statuses)
        #expect(next.map(\.sequence) == [9, 10])
        #expect(next.map { $0.arrival != nil } == [false, true])
    }

    @Test("one report has no more packets than the limit; the rest is given up")
    func packetLimit() {
        var feedback = TransportFeedback()
        for index in 0..<100 { feedback.record(Self.info(UInt16(index)), now: Self.ms(Int64(index) * 9_000)) }
        let count = Self.packets(&feedback, now: Self.ms(900_000)).count
        #expect(count == ForwardingLimits.feedbackPackets)
        feedback.record(Self.info(100), now: Self.ms(900_001))
        let statuses = Self.packets(&feedback, now: Self.ms(901_000)).flatMap(Self.statuses)
        #expect(statuses.map(\.sequence) == [100])
    }

    @Test("a buffer too small for anything ends the report instead of spinning")
    func smallBuffer() {
        var feedback = TransportFeedback()
        feedback.record(Self.info(1), now: Self.ms(0))
        let packets = Self.packets(&feedback, now: Self.ms(100), room: 16)
        #expect(packets.isEmpty)
        let state9 = feedback.nextTimeout
        #expect(state9 == nil)
    }

    @Test("what is built reads back as the arrivals, whatever order, loss and size")
    func roundTrip() {
        let failure = checkProperty(cases: 400) { random in
            var feedback = TransportFeedback()
            var arrivals: [UInt16: Int64] = [:]
            var reported: [UInt16: Int64] = [:]
            var next = UInt16(truncatingIfNeeded: random.next())
            var now: Int64 = Int64(random.int(in: 0...10_000_000)) * 1_000
            let lossy = random.int(in: 0...2)
            for _ in 0..<random.int(in: 1...6) {
                let block = (0..<random.int(in: 1...400)).map { next &+ UInt16($0) }
                next = block.last! &+ 1
                var order = block.filter { _ in lossy == 0 || random.int(in: 0...9) > lossy * 3 }
                let isShuffled = random.next() & 1 == 0
                if isShuffled { order.shuffle(using: &random) }
                for sequence in order {
                    // Now and then a pause too long for a delta; shuffled, each would need many packets.
                    let isPause = !isShuffled && random.int(in: 0...50) == 0
                    now += Int64(random.int(in: 0...(isPause ? 9_000_000 : 4_000))) * 1_000
                    feedback.record(Self.info(sequence), now: Timestamp(nanoseconds: now))
                    if arrivals[sequence] == nil { arrivals[sequence] = max(1, now / 250_000) }
                }
                for packet in Self.packets(
                    &feedback, now: Timestamp(nanoseconds: now), room: random.int(in: 800...1_500))
                {
                    guard packet.count <= ForwardingLimits.feedbackBytes, packet.count % 4 == 0 else { return "size" }
                    let statuses = Self.statuses(packet)
                    guard !statuses.isEmpty else { return "unreadable" }
                    for status in statuses {
                        guard let arrival = status.arrival else { continue }
                        if let earlier = reported[status.sequence], earlier != arrival { return "two arrivals" }
                        reported[status.sequence] = arrival
                    }
                }
            }
            let missing = arrivals.keys.filter { reported[$0] == nil }.sorted()
            return reported == arrivals
                ? nil : "missing \(missing), wrong \(reported.filter { arrivals[$0.key] != $0.value })"
        }
        #expect(failure == nil)
    }
}
