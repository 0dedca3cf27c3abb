// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import LoadGenerator

/// A decoder's view of what a bridge forwards, with each thing that a bridge may do wrong.
@Suite("PictureJudge")
struct PictureJudgeTests {
    @Test("a whole series is shown, across the wraps of all its numbers", arguments: [0, 1, 2] as [UInt8])
    func whole(highest: UInt8) {
        var sent = SentPictures()
        var seen = JudgedPictures()
        var frames: UInt64 = 0
        for index in 0..<70_000 {
            let packets = sent.frame(packets: 1 + index % 3, isKeyframe: index == 0, highest: highest)
            if !packets.isEmpty { frames += 1 }
            seen.next(packets)
        }
        #expect(seen.statistics.shown == frames && seen.judge.shown == frames)
        #expect(frames == [17_500, 35_000, 70_000][Int(highest)])
        #expect(seen.statistics.skipped == 0 && seen.statistics.garbled == 0 && seen.statistics.discontinuities == 0)
        #expect(seen.judge.time.freezes == 0)
    }

    @Test("nothing is shown before a key frame, whole from its first packet")
    func keyframeFirst() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        for _ in 0..<8 { seen.next(sent.frame()) }
        #expect(seen.statistics.shown == 0 && seen.judge.needsKeyframe && seen.judge.waitingSince > 0)
        seen.next(Array(sent.frame(isKeyframe: true).dropFirst()))
        seen.next(sent.frame())
        #expect(seen.statistics.shown == 0)
        seen.next(sent.frame(isKeyframe: true))
        seen.next(sent.frame())
        #expect(seen.statistics.shown == 2 && !seen.judge.needsKeyframe && seen.judge.waitingSince < 0)
    }

    @Test("packets of a picture may come in any order, and between them those of the next picture")
    func order() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        for _ in 0..<20 {
            let (one, two) = (sent.frame(), sent.frame())
            seen.next([two[1], one[2], two[2], one[0], one[1], two[0]])
        }
        #expect(seen.statistics.shown == 41 && seen.statistics.skipped == 0)
    }

    @Test("without a frame of the base layer the picture stands still until a key frame, or until it is repaired")
    func missingBase() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        for _ in 0..<3 { seen.next(sent.frame()) }
        let base = sent.frame()
        seen.next(Array(base.dropLast()))
        for _ in 0..<9 { seen.next(sent.frame()) }
        #expect(seen.statistics.shown == 4)
        var repaired = seen
        repaired.take([base[2]])
        #expect(repaired.statistics.shown == 14 && repaired.statistics.skipped == 0)
        seen.next(sent.frame(isKeyframe: true))
        #expect(seen.statistics.shown == 5 && seen.statistics.skipped == 10)
        #expect(seen.judge.settled == sent.number)
        seen.take([base[2]])
        #expect(seen.statistics.shown == 5, "it came too late")
    }

    @Test("without a frame of an upper layer the others go on")
    func missingUpper() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        _ = sent.frame()
        // The second of layer 2 needs layer 1 alone, which is there.
        for _ in 0..<7 { seen.next(sent.frame()) }
        #expect(seen.statistics.shown == 8 && seen.statistics.skipped == 1 && seen.statistics.garbled == 0)
        // Now layer 1: what needs it is not shown either.
        seen.next(sent.frame())
        _ = sent.frame()
        for _ in 0..<6 { seen.next(sent.frame()) }
        #expect(seen.statistics.skipped == 3 && seen.statistics.garbled == 0)
        #expect(seen.statistics.discontinuities == 0)
    }

    @Test(
        "a picture that only its descriptor allows is garbled: another encoding's, or one after a gap that was closed")
    func garbled() {
        for fault in 0..<2 {
            var sent = SentPictures()
            var seen = JudgedPictures()
            seen.next(sent.frame(isKeyframe: true))
            for _ in 0..<7 { seen.next(sent.frame()) }
            let (number, id, tl0) = (sent.number, sent.pictureID, sent.tl0)
            if fault == 0 {
                seen.next(sent.frame(encoding: 1))
            } else {
                for _ in 0..<4 { _ = sent.frame() }
                // The bridge dropped four frames and counts on as if they had not been.
                (sent.number, sent.pictureID, sent.tl0) = (number, id, tl0)
                seen.next(sent.frame())
            }
            #expect(seen.statistics.garbled == 1 && seen.judge.needsKeyframe, "fault \(fault)")
            #expect(seen.statistics.discontinuities == 0)
            seen.next(sent.frame())
            #expect(seen.statistics.shown == 8)
        }
    }

    @Test("numbers that jump where nothing is missing are a break in the series", arguments: 0..<6)
    func breaks(fault: Int) {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        for _ in 0..<3 { seen.next(sent.frame()) }
        var packets = sent.frame()
        for index in packets.indices {
            switch fault {
            case 0: packets[index].layers.pictureID = (packets[index].layers.pictureID + 1) & 0x7FFF
            case 1: packets[index].layers.tl0 &+= 1
            case 2: packets[index].timestamp &-= 3_000
            case 3: packets[index].isEnd = index != 2
            case 4: packets[index].layers.temporal = 1
            default: if index == 1 { packets[index].timestamp &+= 1 }
            }
        }
        seen.next(packets)
        #expect(seen.statistics.discontinuities > 0)
    }

    @Test("another encoding begins with a key frame; how long that took is noted")
    func switching() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        for _ in 0..<29 { seen.next(sent.frame()) }
        seen.judge.time.want(2, at: seen.now)
        for _ in 0..<5 { seen.next(sent.frame()) }
        seen.next(sent.frame(isKeyframe: true, encoding: 2))
        for _ in 0..<24 { seen.next(sent.frame(encoding: 2)) }
        seen.judge.time.end(at: seen.now)
        #expect(seen.statistics.shownOf == [35, 0, 25] && seen.statistics.garbled == 0)
        #expect(seen.statistics.firstPicture.count == 1 && seen.statistics.layerSwitch.count == 1)
        #expect(seen.statistics.layerSwitch.maximum == 6 * 33_333_333)
        let share = Double(seen.judge.time.atLayer) / Double(seen.judge.time.watched)
        #expect(abs(share - 53.0 / 60) < 0.001, "\(share)")
    }

    @Test(
        "the end of a picture that a change leaves out is no loss; anything else is",
        arguments: [
            (packets: [0, 1], encoding: 2, cuts: 1), ([0], 2, 0), ([0, 2], 2, 0), ([1], 2, 0), ([0, 1], 0, 0),
        ])
    func cutShort(packets: [Int], encoding: Int, cuts: UInt64) {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(sent.frame(isKeyframe: true))
        seen.next(sent.frame())
        let cut = sent.frame()
        seen.next(packets.map { cut[$0] })
        seen.next(sent.frame(isKeyframe: true, encoding: encoding))
        #expect(seen.statistics.shown == 3)
        #expect(seen.statistics.cutShort == cuts)
    }

    @Test("also the very first picture can be cut short, by a larger one that comes a moment later")
    func cutShortAtFirst() {
        var sent = SentPictures()
        var seen = JudgedPictures()
        seen.next(Array(sent.frame(isKeyframe: true).dropLast()))
        seen.next(sent.frame(isKeyframe: true, encoding: 2))
        #expect(seen.statistics.shown == 1 && seen.statistics.skipped == 0 && seen.statistics.cutShort == 1)
    }

    @Test("any packets are judged without a trap, and no more pictures shown than came")
    func hostile() {
        let failure = checkProperty(cases: 300) { random in
            var sent = SentPictures()
            var seen = JudgedPictures()
            for index in 0..<100 {
                var packets = sent.frame(isKeyframe: index % 20 == 0, encoding: random.int(in: 0...2))
                if random.int(in: 0...3) == 0 { packets.remove(at: random.int(in: 0...2)) }
                for index in packets.indices where random.int(in: 0...9) == 0 {
                    packets[index].layers.pictureID = UInt16(random.int(in: 0...0x7FFF))
                    packets[index].number = Int64(random.int(in: -100...100_000))
                    packets[index].layers.tl0 = UInt8(random.int(in: 0...255))
                    packets[index].stamp.frame = UInt16(random.int(in: 0...65_535))
                    packets[index].stamp.reference = UInt8(random.int(in: 0...7))
                }
                seen.next(packets)
            }
            return seen.statistics.shown <= 100 ? nil : "\(seen.statistics.shown) shown"
        }
        #expect(failure == nil)
    }
}

@Suite("ShownTime")
struct ShownTimeTests {
    private static let second: Int64 = 1_000_000_000

    @Test("gaps count while the picture is asked for, to the end, from the beginning of the call")
    func gaps() {
        var time = ShownTime()
        time.want(1, at: 0)
        let first = [time.show(0, at: Self.second), time.show(0, at: 5 * Self.second)]
        #expect(first == [.source(Self.second), nil], "any picture of the source ends the wait for it")
        #expect(time.freezes == 1 && time.longestGap == 4 * Self.second)
        time.begin(at: 6 * Self.second)
        #expect(time.freezes == 0 && time.longestGap == 0)
        let second = time.show(1, at: 6 * Self.second + 400)
        #expect(second == .layer(6 * Self.second + 400))
        time.want(nil, at: 7 * Self.second)
        #expect(time.freezes == 1, "a second without a picture until it was not asked for any more")
        time.want(1, at: 20 * Self.second)
        let third = time.show(1, at: 21 * Self.second)
        #expect(third == .source(Self.second))
        time.end(at: 21 * Self.second + 300_000_000)
        #expect(time.freezes == 1 && time.longestGap == Self.second - 400)
        #expect(time.watched == 2 * Self.second + 300_000_000)
        #expect(time.atLayer == Self.second - 400 + 300_000_000)
    }

    @Test("while this program stood still itself nothing froze; what lies beyond that did")
    func stalled() {
        var time = ShownTime()
        time.want(0, at: 0)
        _ = time.show(0, at: 0)
        time.stalled += 700_000_000
        _ = time.show(0, at: Self.second)
        #expect(time.freezes == 0 && time.longestGap == 300_000_000)
        time.stalled += 100_000_000
        _ = time.show(0, at: 2 * Self.second)
        #expect(time.freezes == 1 && time.longestGap == 900_000_000)
    }

    @Test("a picture that was never asked for is no freeze, and no time")
    func unasked() {
        var time = ShownTime()
        time.begin(at: 0)
        let wait = time.show(0, at: 5)
        #expect(wait == nil)
        time.end(at: 9 * Self.second)
        #expect(time.freezes == 0 && time.watched == 0 && time.longestGap == 0)
    }
}
