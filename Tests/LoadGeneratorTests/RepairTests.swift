// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@testable import LoadGenerator

/// Packets asked for again and sent again, without a bridge between.
@Suite("Repair")
struct RepairTests {
    private static let begin = Timestamp(nanoseconds: 1_000_000_000)

    private func sender(_ line: String = "--repair") throws -> VideoSender {
        guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
            throw LoadError.usage("no run")
        }
        var random = Random(seed: 5)
        return VideoSender(
            planned: PlannedStream(ssrc: 0x1007, isVideo: true, sender: 3, hasRepair: true),
            encoding: VideoEncoding.all(options)[0], options: options, random: &random, firstFrame: Self.begin,
            at: Self.begin)
    }

    /// The packets of the next frame.
    private func frame(_ sender: inout VideoSender) -> (packets: [[UInt8]], at: Timestamp) {
        let due = sender.due
        _ = sender.beginFrame(at: due)
        var now = due
        var packets: [[UInt8]] = []
        while true {  // Ends: a frame has a last packet.
            while sender.hasPacket(at: now) {
                var packet = [UInt8](repeating: 0, count: 1_500)
                let count = packet.withUnsafeMutableBytes {
                    sender.writePacket(to: $0, transportWide: 7, at: now)
                }
                packets.append(Array(packet.prefix(count)))
            }
            if packets.last.map({ $0[1] & 0x80 != 0 }) == true { break }
            now = sender.due
        }
        _ = sender.hasPacket(at: now)
        return (packets, now)
    }

    private func sequence(_ packet: [UInt8]) -> UInt16 { packet.rawSpan.uint16(at: 2) }

    @Test("a retransmission is the packet with a header of its own and its number before the payload")
    func format() throws {
        var sender = try sender()
        let (packets, now) = frame(&sender)
        let original = try #require(packets.last)
        var again = [UInt8](repeating: 0, count: 1_500)
        let answer = again.withUnsafeMutableBytes {
            sender.writeRepeat(of: sequence(original), to: $0, transportWide: 0x0102, at: now)
        }
        #expect(answer == .written(original.count + 2))
        #expect(again[1] == 0x80 | Offer.rtx && again.rawSpan.uint16(at: 2) == 1)
        #expect(again.rawSpan.uint32(at: 4) == original.rawSpan.uint32(at: 4))
        #expect(again.rawSpan.uint32(at: 8) == 0x9007, "the SSRC of retransmissions")
        #expect(again.rawSpan.uint16(at: 21) == 0x0102, "a transport-wide number of its own")
        #expect(again.rawSpan.uint16(at: 28) == sequence(original))
        #expect(Array(again[30..<original.count + 2]) == Array(original[28...]))
        let more = again.withUnsafeMutableBytes { slot in
            [0, 4, 5].map {
                sender.writeRepeat(
                    of: sequence(original), to: slot, transportWide: 0, at: now + .milliseconds($0 as Int64))
            }
        }
        #expect(more == [.repeatedAlready, .repeatedAlready, .written(original.count + 2)])
        #expect(again.rawSpan.uint16(at: 2) == 2)
    }

    @Test("what is too old to be kept, or was never sent, is not sent again")
    func unknown() throws {
        var sender = try sender()
        let (first, now) = frame(&sender)
        var slot = [UInt8](repeating: 0, count: 1_500)
        let early = slot.withUnsafeMutableBytes {
            sender.writeRepeat(of: sequence(first[0]) &+ 500, to: $0, transportWide: 0, at: now)
        }
        #expect(early == .unknown)
        var count = first.count
        while count < 600 { count += frame(&sender).packets.count }
        let late = slot.withUnsafeMutableBytes {
            sender.writeRepeat(of: sequence(first[0]), to: $0, transportWide: 0, at: now)
        }
        #expect(late == .unknown)
    }

    @Test("with a fifth of the packets lost, and of their repeats, every picture is shown in the end")
    func endToEnd() throws {
        var sender = try sender()
        var random = Random(seed: 77)
        var gaps = GapList()
        var judged = JudgedPictures()
        var unwrapper = SequenceUnwrapper()
        var statistics = RepairStatistics()
        var roundTrip = TimeDelta.milliseconds(20)
        var slot = [UInt8](repeating: 0, count: 1_500)
        func arrive(_ packet: [UInt8], payload: Int, _ number: UInt16, at now: Timestamp) throws {
            let number = unwrapper.unwrap(number)
            let isMissing = gaps.take(
                number, isRepair: payload == 30, roundTrip: &roundTrip, at: now, &statistics)
            #expect(payload == 28 || !isMissing)
            let body = Array(packet[payload...])
            let layers = body.withUnsafeBytes { VP8Payload.layers(of: $0) }
            let stamp = body.withUnsafeBytes { PayloadStamp($0, covered: 6) }
            judged.now = now.nanoseconds
            judged.take([
                PicturePacket(
                    number: number, timestamp: packet.rawSpan.uint32(at: 4), isEnd: packet[1] & 0x80 != 0,
                    layers: try #require(layers), encoding: 0, stamp: try #require(stamp))
            ])
            gaps.settle(before: judged.judge.settled, &statistics)
        }
        for frameNumber in 0..<300 {
            let sent = frame(&sender)
            var now = sent.at
            for (index, packet) in sent.packets.enumerated()
            where (frameNumber == 0 && index == 0) || random.int(in: 1...5) > 1 {
                try arrive(packet, payload: 28, sequence(packet), at: now)
            }
            // A few round trips until the next frame.
            for _ in 0..<8 {
                var numbers: [UInt16] = []
                gaps.ask(roundTrip: roundTrip, at: now, into: &numbers, &statistics)
                for number in numbers where random.int(in: 1...5) > 1 {
                    let answer = slot.withUnsafeMutableBytes {
                        sender.writeRepeat(of: number, to: $0, transportWide: 0, at: now)
                    }
                    guard case .written(let count) = answer else { continue }
                    try arrive(Array(slot.prefix(count)), payload: 30, slot.rawSpan.uint16(at: 28), at: now)
                }
                now = now + roundTrip
            }
        }
        #expect(statistics.missed > 250 && statistics.givenUp == 0)
        #expect(statistics.repaired + UInt64(gaps.count) == statistics.missed && gaps.count < 10)
        #expect(judged.statistics.shown >= 298 && judged.statistics.skipped == 0 && judged.statistics.garbled == 0)
    }

    /// A list that has packet 10, and what became of it.
    private struct Listed {
        var gaps = GapList()
        var statistics = RepairStatistics()
        var roundTrip = TimeDelta.milliseconds(30)

        init() { _ = take(10, at: 0) }

        mutating func take(_ number: Int64, isRepair: Bool = false, at milliseconds: Int64) -> Bool {
            gaps.take(
                number, isRepair: isRepair, roundTrip: &roundTrip, at: Timestamp.zero + .milliseconds(milliseconds),
                &statistics)
        }

        mutating func ask(at milliseconds: Int64) -> [UInt16] {
            var numbers: [UInt16] = []
            gaps.ask(
                roundTrip: roundTrip, at: Timestamp.zero + .milliseconds(milliseconds), into: &numbers, &statistics)
            return numbers
        }
    }

    @Test("a gap is asked for at once and after each round trip, ten times; an answer tells the round trip")
    func asking() {
        var list = Listed()
        let missing = [list.take(11, at: 1), list.take(14, at: 2)]
        #expect(missing == [false, true])
        let asked = [2, 3, 31, 32].map { list.ask(at: $0) }
        #expect(asked == [[12, 13], [], [], [12, 13]])
        _ = list.take(12, isRepair: true, at: 40)
        #expect(list.statistics.repaired == 1 && list.roundTrip == .milliseconds(30), "the second request's, maybe")
        #expect(list.statistics.repairTime.maximum == 38_000_000)
        let more = (0..<12).map { list.ask(at: 62 + 30 * $0) }
        #expect(more == [[UInt16]](repeating: [13], count: 8) + [[UInt16]](repeating: [], count: 4))
        #expect(list.statistics.givenUp == 1 && list.gaps.count == 0)
        _ = list.take(13, isRepair: true, at: 900)
        #expect(list.statistics.cameTooLate == 1)
        _ = list.take(16, at: 1_000)
        _ = list.ask(at: 1_000)
        _ = list.take(15, isRepair: true, at: 1_070)
        #expect(list.roundTrip == .milliseconds(35))
    }

    @Test("what comes by itself, is passed over or is too much is asked for no more")
    func ending() {
        var list = Listed()
        _ = list.take(15, at: 1)
        _ = list.take(13, at: 2)
        #expect(list.statistics.cameLate == 1 && list.gaps.count == 3)
        list.gaps.settle(before: 13, &list.statistics)
        #expect(list.statistics.passedOver == 2 && list.gaps.count == 1)
        let isMissing = list.take(15 + 101, at: 3)
        #expect(!isMissing && list.gaps.count == 0 && list.statistics.givenUp == 101)
        #expect(list.statistics.missed == 104)
        for number in stride(from: 118, to: 118 + 2 * 300, by: 2) as StrideTo<Int64> { _ = list.take(number, at: 4) }
        #expect(list.gaps.count <= LoadGeneratorLimits.gaps)
    }

    @Test("a NACK is what an independent reader finds, across the wrap")
    func nack() throws {
        let lost: [UInt16] = [65_530, 65_533, 1, 10, 11, 12, 400]
        let bytes = Reports.nack(lost, from: 5, about: 6)
        var reader = RTCPReader()
        let found = reader.next(in: bytes.rawSpan)
        let packet = try #require(found)
        let header = FeedbackHeader(packet, in: bytes.rawSpan)
        #expect(header?.senderSSRC == 5 && header?.mediaSSRC == 6)
        var read: [UInt16] = []
        var index = 0
        while let entry = GenericNACK(index, of: packet, in: bytes.rawSpan) {
            index += 1
            read.append(entry.packetID)
            read += (0..<16).filter { entry.mask >> UInt16($0) & 1 == 1 }.map { entry.packetID &+ UInt16($0) + 1 }
        }
        #expect(read == lost && index == 3)
    }

    @Test("loss is what was asked for, and the same for the same seed")
    func loss() {
        var (one, two, none) = (
            LossGate(percent: 5, seed: 3), LossGate(percent: 5, seed: 3), LossGate(percent: 0, seed: 3)
        )
        var lost = 0
        for _ in 0..<20_000 {
            let drops = one.drops()
            let same = two.drops() == drops
            let never = none.drops()
            #expect(same && !never)
            if drops { lost += 1 }
        }
        #expect(lost > 900 && lost < 1_100)
    }

    @Test("loss brings repair with it, and repair brings SSRCs for it")
    func options() throws {
        for line in ["--repair", "--loss-up 1", "--loss-down 0.5", "--simulcast"] {
            guard case .run(let options) = try LoadOptions.parse(line.split(separator: " ").map(String.init)) else {
                return
            }
            #expect(options.isRepairing && options.judgesPictures)
            let sources = Plan(options).participants[0].sources
            #expect(sources.map { $0.repairs.count } == [0, line == "--simulcast" ? 3 : 1])
        }
        #expect(throws: LoadError.self) { try LoadOptions.parse(["--loss-up", "51"]) }
    }
}
