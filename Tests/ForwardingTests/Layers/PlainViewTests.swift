// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import VideoPayload

@testable import Forwarding

/// One receiver's stream of a source of which no layers are known (media-plane.md 5.7).
@Suite("LayerView, plain")
struct PlainViewTests {
    /// A view, the clock, and what left.
    private struct Bench {
        var view = LayerView(after: 100, random: 7)
        var history = FrameHistory()
        var now = Timestamp(nanoseconds: 5_000_000_000)

        init(_ encoding: Int8 = 0) { view.aim(at: LayerTarget(encoding: encoding, temporal: 7)) }

        mutating func take(
            _ sequence: UInt16, _ timestamp: UInt32 = 0, encoding: Int8 = 0, canStart: Bool = false
        ) -> LayerView.Outgoing? {
            view.takePlain(
                encoding: encoding, sequence: sequence, timestamp: timestamp, canStart: canStart, at: now)
        }

        mutating func wait(_ milliseconds: Int64) { now = now + .milliseconds(milliseconds) }

        /// A frame of VP8 in one packet.
        mutating func takeFrame(
            _ picture: UInt16, _ sequence: UInt16, _ timestamp: UInt32, encoding: Int8 = 0, isKeyframe: Bool = false
        ) -> LayerView.Outgoing? {
            let sighting = FrameHistory.Sighting(
                pictureID: picture, isLong: true, temporal: 0, isStart: true, isEnd: true, isKeyframe: isKeyframe)
            guard let frame = history.note(sighting) else { return nil }
            return view.take(
                LayerView.Packet(
                    encoding: encoding, sequence: sequence, timestamp: timestamp, frame: frame, temporal: 0,
                    isStart: true, isKeyframe: isKeyframe, base: 0), history: &history, at: now)
        }
    }

    @Test("nothing before a packet that one can begin with; from it on everything, and nothing from before it")
    func start() {
        var bench = Bench()
        #expect(bench.view.needsKeyframe)
        #expect(bench.take(10) == nil && bench.view.needsKeyframe && bench.view.currentEncoding == -1)
        #expect(bench.take(12, canStart: true)?.sequence == 101)
        #expect(bench.view.currentEncoding == 0 && !bench.view.needsKeyframe)
        #expect(bench.take(11) == nil, "from before the start")
        #expect(bench.take(15)?.sequence == 104)
        #expect(bench.take(13)?.sequence == 102, "late, and its place is free")
        #expect(bench.take(16, canStart: true)?.sequence == 105)
        bench.view.aim(at: .suspended)
        #expect(bench.take(17, canStart: true) == nil && !bench.view.needsKeyframe)
    }

    @Test("time begins where the sender's is, so that it does not run back in a source that was here before")
    func beginning() {
        var bench = Bench()
        #expect(bench.take(12, 77_000, canStart: true)?.timestamp == 77_000)
        #expect(bench.take(13, 78_000)?.timestamp == 78_000)
        bench = Bench(1)
        #expect(bench.takeFrame(5, 12, 77_000, encoding: 1, isKeyframe: true)?.timestamp == 77_000)
    }

    @Test("where the wanted key frame was lost and those of others came, it is asked for again")
    func lostKeyframe() {
        var bench = Bench()
        #expect(bench.takeFrame(1, 10, 0, encoding: 1, isKeyframe: true) == nil)
        bench.wait(400)
        #expect(bench.takeFrame(2, 11, 3_000) == nil)
        #expect(bench.view.needsKeyframe && bench.view.currentEncoding == -1)
        #expect(bench.takeFrame(3, 12, 6_000, isKeyframe: true)?.sequence == 101)
        #expect(!bench.view.needsKeyframe)
    }

    @Test("numbers and time go on without a gap where the receiver missed something, over the wrap of both")
    func resumption() {
        var bench = Bench()
        guard let first = bench.take(65_534, .max - 2_000, canStart: true),
            let second = bench.take(65_535, .max - 1_000)
        else { return #expect(Bool(false)) }
        #expect(second.sequence == first.sequence &+ 1 && second.timestamp == first.timestamp &+ 1_000)
        bench.view.interrupt()
        #expect(bench.view.needsKeyframe && bench.view.currentEncoding == -1)
        bench.wait(100)
        #expect(bench.take(3, 5_000) == nil)
        // What was missed takes no numbers; the time goes on as the sender's does.
        let third = bench.take(7, 7_999, canStart: true)
        #expect(third?.sequence == second.sequence &+ 1 && third?.timestamp == second.timestamp &+ 9_000)
        #expect(bench.take(3) == nil && bench.take(65_535) == nil, "from before the new start")
        // A sender that began anew, anywhere: the time goes on by the clock.
        bench.view.interrupt()
        bench.wait(330)
        let fourth = bench.take(40_000, 3_000_000_000, canStart: true)
        #expect(fourth?.sequence == second.sequence &+ 2)
        let step = (fourth?.timestamp ?? 0) &- (third?.timestamp ?? 0)
        #expect(step >= 9 * 3_000 && step <= 11 * 3_000)
        // And backwards not at all.
        bench.view.interrupt()
        let fifth = bench.take(40_001, 2_999_999_999, canStart: true)
        #expect(fifth.map { $0.timestamp == (fourth?.timestamp ?? 0) &+ 3_000 } == true)
    }

    @Test("of several encodings one is sent: the target where it can begin, until then what is nearest below")
    func encodings() {
        var bench = Bench(1)
        #expect(bench.take(10, 1_000, encoding: 2, canStart: true) == nil, "more than what is wanted")
        #expect(bench.take(20, 1_000, encoding: 0, canStart: true)?.sequence == 101)
        #expect(bench.view.currentEncoding == 0 && !bench.view.needsKeyframe)
        #expect(bench.take(30, 1_000, encoding: 1) == nil && bench.view.needsKeyframe, "there is something better")
        #expect(bench.take(21, 1_000, encoding: 0)?.sequence == 102)
        let switched = bench.take(31, 777, encoding: 1, canStart: true)
        #expect(switched?.sequence == 103 && bench.view.currentEncoding == 1 && !bench.view.needsKeyframe)
        #expect(bench.take(22, 1_000, encoding: 0, canStart: true) == nil, "the target is not left for less")
        #expect(bench.take(32, 777, encoding: 1)?.sequence == 104)
        // Down: what was chosen before is sent until the target can begin.
        bench.view.aim(at: LayerTarget(encoding: 0, temporal: 0))
        #expect(bench.view.needsKeyframe)
        #expect(bench.take(33, 777, encoding: 1)?.sequence == 105)
        #expect(bench.take(23, 1_000, encoding: 0) == nil)
        #expect(bench.take(24, 1_000, encoding: 0, canStart: true)?.sequence == 106)
        #expect(bench.take(34, 777, encoding: 1, canStart: true) == nil && bench.view.currentEncoding == 0)
    }

    @Test("a change of the codec goes on from the highest number and the last time, either way")
    func codecChange() {
        var bench = Bench()
        let first = bench.takeFrame(7_000, 10, 9_000, isKeyframe: true)
        #expect(first?.sequence == 101)
        #expect(bench.takeFrame(7_001, 11, 12_000)?.sequence == 102)
        bench.wait(33)
        // Another codec, not to be begun with.
        #expect(bench.take(12, 500) == nil && bench.view.needsKeyframe && bench.view.currentEncoding == -1)
        let plain = bench.take(13, 500, canStart: true)
        #expect(plain?.sequence == 103 && plain?.timestamp == (first?.timestamp ?? 0) &+ 6_000)
        #expect(bench.takeFrame(7_002, 12, 15_000, isKeyframe: true) == nil, "late, of the codec before")
        #expect(bench.view.currentEncoding == 0)
        #expect(bench.take(14, 3_500)?.sequence == 104)
        bench.wait(33)
        #expect(bench.takeFrame(9, 15, 8_000) == nil && bench.view.needsKeyframe)
        let back = bench.takeFrame(10, 16, 8_000, isKeyframe: true)
        #expect(back?.sequence == 105 && back?.timestamp == (plain?.timestamp ?? 0) &+ 6_000)
        #expect(back?.pictureID == (first?.pictureID ?? 0) &+ 2 && back?.base == (first?.base ?? 0) &+ 1)
        #expect(bench.take(15, 500, canStart: true) == nil, "late, of the codec before")
        #expect(bench.takeFrame(11, 17, 11_000)?.sequence == 106)
    }

    @Test("H.264 begins with its parameters or with the first piece of an IDR picture, AV1 without descriptors with N")
    func parsedStarts() {
        func canStart(h264 bytes: [UInt8]) -> Bool {
            H264Payload(bytes.span.bytes, from: 0, to: bytes.count)?.isKeyframe ?? false
        }
        func canStart(av1 bytes: [UInt8]) -> Bool {
            AV1AggregationHeader(bytes.span.bytes, from: 0, to: bytes.count)?.startsSequence ?? false
        }
        let slice: [UInt8] = [0x41, 1, 2]
        let restOfIDR: [UInt8] = [0x7C, 0x05, 1]
        for start: [UInt8] in [[0x7C, 0x85, 1], [0x67, 1], [0x78, 0, 2, 0x67, 1, 0, 2, 0x68, 1], [0x65, 1]] {
            var bench = Bench()
            #expect(bench.take(10, canStart: canStart(h264: slice)) == nil)
            #expect(bench.take(11, canStart: canStart(h264: restOfIDR)) == nil)
            #expect(bench.take(12, canStart: canStart(h264: start))?.sequence == 101, "\(start)")
            #expect(bench.take(13, canStart: canStart(h264: restOfIDR))?.sequence == 102)
        }
        var bench = Bench()
        #expect(bench.take(10, canStart: canStart(av1: [0x10, 1])) == nil)
        #expect(bench.take(11, canStart: canStart(av1: [0x18, 1]))?.sequence == 101)
    }

    @Test("whatever comes: nothing of another encoding, no number far behind")
    func hostile() {
        for seed in UInt64(1)...100 {
            var random = Random(seed: seed)
            var bench = Bench(Int8(random.next() % 3))
            var highest: UInt16 = 100
            var count = 0
            for moment in 0..<2_000 {
                let sequence = UInt16(truncatingIfNeeded: random.next() % 8 == 0 ? random.next() : UInt64(moment))
                if random.next() % 50 == 0 {
                    bench.view.aim(at: LayerTarget(encoding: Int8(random.next() % 4) - 1, temporal: 0))
                }
                if random.next() % 100 == 0 { bench.view.interrupt() }
                let isKeyframe = random.next() % 4 == 0
                let (encoding, timestamp) = (Int8(random.next() % 3), UInt32(truncatingIfNeeded: random.next()))
                let outgoing =
                    random.next() % 4 == 0
                    ? bench.takeFrame(
                        UInt16(truncatingIfNeeded: random.next()), sequence, timestamp, encoding: encoding,
                        isKeyframe: isKeyframe)
                    : bench.take(sequence, timestamp, encoding: encoding, canStart: isKeyframe)
                bench.wait(Int64(random.next() % 20))
                guard let outgoing else { continue }
                #expect(encoding == bench.view.currentEncoding)
                let distance = Int(Int16(bitPattern: outgoing.sequence &- highest))
                #expect(distance > -256)
                if distance > 0 { highest = outgoing.sequence }
                count += 1
            }
            #expect(count > 10)
        }
    }
}
