// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import Forwarding

/// One receiver's stream out of a sender's encodings.
@Suite("LayerView")
struct LayerViewTests {
    private static let start = Timestamp(nanoseconds: 1_000_000_000)

    /// A sender with one encoding and a receiver, for streams written down packet by packet.
    private struct Bench {
        var history = FrameHistory()
        var view = LayerView(after: 100, random: 7)
        var now = LayerViewTests.start

        init(_ temporal: UInt8) { view.aim(at: LayerTarget(encoding: 0, temporal: temporal)) }

        /// Frame number, its packets' numbers first to last, temporal layer; the packet `sequence` of it.
        mutating func take(
            _ frame: UInt16, _ packets: ClosedRange<UInt16>, _ temporal: UInt8, _ sequence: UInt16
        ) -> UInt16? {
            let isStart = sequence == packets.lowerBound
            let sighting = FrameHistory.Sighting(
                pictureID: frame, isLong: true, temporal: temporal, isStart: isStart,
                isEnd: sequence == packets.upperBound, isKeyframe: frame == 1 && isStart)
            guard let number = history.note(sighting) else { return nil }
            return view.take(
                LayerView.Packet(
                    encoding: 0, sequence: sequence, timestamp: UInt32(frame) * 3_000, frame: number,
                    temporal: temporal, isStart: isStart, isKeyframe: sighting.isKeyframe, base: 0),
                history: &history, at: now)?.sequence
        }

        /// The stream of media-plane.md 5.4.4 in this order.
        mutating func take(_ order: [UInt16]) -> [UInt16: UInt16] {
            let frames: [(UInt16, ClosedRange<UInt16>, UInt8)] = [
                (1, 1...3, 0), (2, 4...5, 2), (3, 6...7, 1), (4, 8...8, 2), (5, 9...11, 0),
            ]
            var result: [UInt16: UInt16] = [:]
            for sequence in order {
                guard let frame = frames.first(where: { $0.1.contains(sequence) }) else { continue }
                if let outgoing = take(frame.0, frame.1, frame.2, sequence) { result[sequence] = outgoing }
            }
            return result
        }
    }

    private func expect(
        _ temporal: UInt8, _ order: [UInt16], _ expected: [UInt16: UInt16],
        _ location: SourceLocation = #_sourceLocation
    ) {
        var bench = Bench(temporal)
        #expect(bench.take(order) == expected, sourceLocation: location)
    }

    @Test("a key frame whose first packet comes behind its others begins nothing, and another one is asked for")
    func lateStart() {
        var bench = Bench(2)
        var results = [bench.take(1, 1...3, 0, 2), bench.take(1, 1...3, 0, 3), bench.take(1, 1...3, 0, 1)]
        #expect(results == [nil, nil, nil] && bench.view.needsKeyframe)
        // One that comes in order does.
        bench = Bench(2)
        results = [bench.take(1, 1...3, 0, 1), bench.take(1, 1...3, 0, 3), bench.take(1, 1...3, 0, 2)]
        #expect(results == [101, 103, 102] && !bench.view.needsKeyframe)
    }

    @Test("the worked examples of media-plane.md 5.4.4")
    func examples() {
        let base: [UInt16: UInt16] = [1: 101, 2: 102, 3: 103, 9: 104, 10: 105, 11: 106]
        expect(0, Array(1...11), base)
        let all = Dictionary(uniqueKeysWithValues: (UInt16(1)...11).map { ($0, $0 + 100) })
        expect(2, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 5], all)
        expect(0, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 5], base)
        expect(0, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11], base)
        // Whether the unseen frame is wanted nobody knows: its place stays open.
        expect(
            1, [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 8],
            [1: 101, 2: 102, 3: 103, 6: 104, 7: 105, 9: 107, 10: 108, 11: 109])
    }

    @Test("what is missing of a frame that is left out leaves no gap; a whole frame that nobody saw does")
    func losses() {
        let cases: [(missing: Set<UInt16>, last: UInt16)] = [
            ([5], 106), ([4], 106), ([7], 106), ([4, 5], 108), ([8], 107),
        ]
        for (missing, last) in cases {
            var bench = Bench(0)
            let result = bench.take((UInt16(1)...11).filter { !missing.contains($0) })
            #expect(result[11] == last, "\(missing)")
        }
        // Of what is kept a gap stays, and is filled.
        expect(0, [1, 3, 9, 10, 11, 2], [1: 101, 2: 102, 3: 103, 9: 109, 10: 110, 11: 111])
        expect(
            2, [1, 2, 3, 4, 5, 6, 8, 9, 7], [1: 101, 2: 102, 3: 103, 4: 104, 5: 105, 6: 106, 7: 107, 8: 108, 9: 109])
    }

    @Test("the numbers of packets that come late are remembered over 256 positions, and no further")
    func window() {
        var folder = SequenceFolder(65_500, outgoing: 10)
        var folded = FoldedPositions()
        func keep(_ sequence: UInt16) -> UInt16? { folder.keep(sequence, &folded) }
        #expect(keep(65_500) == 10)
        for number in UInt16(0)..<200 { if number % 2 == 0 { folder.leaveOut(65_501 &+ number, &folded) } }
        // 100 of 199 were left out.
        #expect(keep(65_501 &+ 199) == 110)
        #expect(keep(65_501 &+ 1) == 11 && keep(65_501 &+ 197) == 109)
        #expect(keep(65_501 &+ 2) == nil, "folded away")
        #expect(keep(65_499) == nil, "from before the beginning")
        #expect(keep(65_501 &+ 254) == 165 && keep(65_500) == 10, "as far back as the beginning")
        #expect(keep(65_501 &+ 255) == 166 && keep(65_500) == nil && keep(65_501 &+ 1) == 11, "255 back, no further")
        #expect(keep(65_501 &+ 1_000) == 911)
        #expect(keep(65_501 &+ 1) == nil, "too late")
        // Where something was left out a round before nothing is now.
        for number in UInt16(746)..<1_000 { #expect(keep(65_501 &+ number) == 911 &- 1_000 &+ number) }
    }

    @Test("a view fits a pair's record with 40 bytes to spare in two cache lines")
    func size() {
        #expect(MemoryLayout<LayerView>.size <= 88 && MemoryLayout<LayerView>.stride <= 88)
        #expect(MemoryLayout<LayerView>.offset(of: \.filter).map { $0 <= 32 } == true, "the first line")
        #expect(MemoryLayout<LayerView>.offset(of: \.accepted).map { $0 <= 40 } == true)
    }

    @Test("a history is read where its frames and decode targets lie")
    func glance() {
        let offsets = FrameHistory.offsets
        #expect([offsets.frames, offsets.targets] == offsets.used)
    }

    @Test("picture ids of 7 and 15 bits go on over their wrap; what jumps begins anew, what is too old is not known")
    func pictureIDs() {
        func sighting(_ id: UInt16, _ isLong: Bool) -> FrameHistory.Sighting {
            FrameHistory.Sighting(pictureID: id, isLong: isLong, temporal: 0, isStart: true, isEnd: true)
        }
        for isLong in [true, false] {
            var history = FrameHistory()
            let last: UInt16 = isLong ? 0x7FFF : 0x7F
            guard let first = history.note(sighting(last, isLong)) else { return #expect(Bool(false)) }
            #expect(history.note(sighting(0, isLong)) == first + 1)
            #expect(history.note(sighting(last, isLong)) == first)
            #expect(history.note(sighting(40, isLong)) == first + 41)
            #expect(history.note(sighting(last - 30, isLong)) == (isLong ? nil : first + 98))
        }
        var history = FrameHistory()
        let first = history.note(sighting(1_000, true)) ?? 0
        #expect(history.note(sighting(20_000, true)) == first + 1)
        #expect(history.note(sighting(20_001, true)) == first + 2)
        #expect(history.note(sighting(19_000, true)) == first + 3)
    }

    @Test(
        "a switch leaves a place for the end that the last frame may have had, and takes no key frame that is overtaken"
    )
    func switchPoint() {
        var histories = [FrameHistory(), FrameHistory()]
        var view = LayerView(after: 100, random: 7)
        view.aim(at: LayerTarget(encoding: 0, temporal: 0))
        var now = Self.start
        func take(
            _ encoding: Int8, _ frame: UInt16, _ sequence: UInt16, isStart: Bool = true, isEnd: Bool = true,
            isKeyframe: Bool = false
        ) -> UInt16? {
            let sighting = FrameHistory.Sighting(
                pictureID: frame, isLong: true, temporal: 0, isStart: isStart, isEnd: isEnd, isKeyframe: isKeyframe)
            guard let number = histories[Int(encoding)].note(sighting) else { return nil }
            return view.take(
                LayerView.Packet(
                    encoding: encoding, sequence: sequence, timestamp: UInt32(frame) * 3_000, frame: number,
                    temporal: 0, isStart: isStart, isKeyframe: isKeyframe, base: 0),
                history: &histories[Int(encoding)], at: now)?.sequence
        }
        #expect(take(0, 1, 1, isKeyframe: true) == 101)
        #expect(take(0, 2, 2, isEnd: false) == 102)
        view.aim(at: LayerTarget(encoding: 1, temporal: 0))
        now = now + .seconds(1 as Int64)
        #expect(take(1, 10, 500) == nil && view.needsKeyframe)
        // Its key frame's first packet comes behind the next frame.
        #expect(take(1, 12, 503) == nil)
        #expect(take(1, 11, 501, isKeyframe: true) == nil)
        #expect(view.currentEncoding == 0)
        #expect(take(1, 13, 504, isKeyframe: true) == 104, "103 may be the end of frame 2")
        #expect(take(0, 2, 3, isStart: false) == nil, "of what was before the switch nothing comes any more")
        #expect(take(1, 14, 505) == 105)
        view.interrupt()
        #expect(take(1, 15, 506) == nil && view.needsKeyframe)
        #expect(take(1, 16, 507, isKeyframe: true) == 106)
    }

    // MARK: Whole senders

    /// Three encodings of three temporal layers each, as Chromium makes them.
    private struct Sender {
        struct Encoding {
            var sequence: UInt16
            var picture: UInt16
            var base: UInt8
            var clock: UInt32
        }
        /// What a receiver's decoder has to find: who builds on whom.
        struct Sent {
            var packet: LayerView.Packet
            var sighting: FrameHistory.Sighting
            var frame: Int
        }
        var encodings: [Encoding]
        var frame = 0
        var wantsKeyframe = true
        var sinceKeyframe = 0

        init(_ random: inout Random) {
            encodings = (0..<3).map { _ in
                Encoding(
                    sequence: UInt16(truncatingIfNeeded: random.next()),
                    picture: UInt16(truncatingIfNeeded: random.next()) & 0x7FFF,
                    base: UInt8(truncatingIfNeeded: random.next()), clock: UInt32(truncatingIfNeeded: random.next()))
            }
        }

        /// The next moment's packets of all encodings.
        mutating func next(_ random: inout Random) -> [Sent] {
            let isKeyframe = wantsKeyframe
            wantsKeyframe = false
            sinceKeyframe = isKeyframe ? 0 : sinceKeyframe + 1
            let temporal: UInt8 = [0, 2, 1, 2][sinceKeyframe % 4]
            var result: [Sent] = []
            for index in encodings.indices {
                if temporal == 0 { encodings[index].base &+= 1 }
                let count = (index + 1) * (isKeyframe ? 4 : 1) + Int(random.next() % 3)
                for packet in 0..<count {
                    let (isStart, isEnd) = (packet == 0, packet == count - 1)
                    let encoding = encodings[index]
                    result.append(
                        Sent(
                            packet: LayerView.Packet(
                                encoding: Int8(index), sequence: encoding.sequence, timestamp: encoding.clock, frame: 0,
                                temporal: temporal, isStart: isStart, isKeyframe: isKeyframe && isStart,
                                base: encoding.base),
                            sighting: FrameHistory.Sighting(
                                pictureID: encoding.picture, isLong: true, temporal: temporal, isStart: isStart,
                                isEnd: isEnd, isKeyframe: isKeyframe && isStart), frame: frame))
                    encodings[index].sequence &+= 1
                }
                encodings[index].picture = (encodings[index].picture &+ 1) & 0x7FFF
                encodings[index].clock &+= 3_000
            }
            frame += 1
            return result
        }
    }

    /// A receiver that keeps what it got and judges it as a decoder would.
    private struct Receiver {
        struct Got {
            var outgoing: LayerView.Outgoing
            var sent: Sender.Sent
        }
        var got: [Got] = []

        /// Faults in what came, in the order of the receiver's numbers.
        func faults(areGapsFaults: Bool) -> [String] {
            var faults: [String] = []
            guard let first = got.first else { return ["nothing came"] }
            let ordered = got.sorted {
                Int16(bitPattern: $0.outgoing.sequence &- first.outgoing.sequence)
                    < Int16(bitPattern: $1.outgoing.sequence &- first.outgoing.sequence)
            }
            for (one, next) in zip(ordered, ordered.dropFirst()) {
                let step = next.outgoing.sequence &- one.outgoing.sequence
                if step == 0 { faults.append("number \(one.outgoing.sequence) twice") }
                if areGapsFaults, step != 1 { faults.append("gap of \(step - 1) behind \(one.outgoing.sequence)") }
                let isSameFrame =
                    one.sent.frame == next.sent.frame && one.sent.packet.encoding == next.sent.packet.encoding
                let time = Int32(bitPattern: next.outgoing.timestamp &- one.outgoing.timestamp)
                if isSameFrame ? time != 0 : time <= 0 || time > 90_000 * 3 {
                    faults.append("time goes on by \(time) behind \(one.outgoing.sequence)")
                }
                let pictures = next.outgoing.pictureID &- one.outgoing.pictureID
                if isSameFrame ? pictures != 0 : areGapsFaults && pictures != 1 || pictures == 0 {
                    faults.append("picture ids go on by \(pictures) behind \(one.outgoing.sequence)")
                }
            }
            return faults + undecodable(ordered)
        }

        /// Frames that build on something that was not sent.
        private func undecodable(_ ordered: [Got]) -> [String] {
            var faults: [String] = []
            // The last frame that came of each temporal layer, of the encoding in question.
            var last: [Int] = [-1, -1, -1]
            var encoding: Int8 = -1
            var keyframe = 0
            for one in ordered where one.sent.packet.isStart {
                let packet = one.sent.packet
                if packet.isKeyframe {
                    (encoding, keyframe) = (packet.encoding, one.sent.frame)
                    last = [one.sent.frame, one.sent.frame, one.sent.frame]
                    continue
                }
                let place = one.sent.frame - keyframe
                // TL0 on the TL0 before, TL1 on that, TL2 on what is before it.
                let needed =
                    switch packet.temporal {
                    case 0: (last[0], one.sent.frame - 4)
                    case 1: (last[0], one.sent.frame - 2)
                    default: (max(last[0], last[1]), one.sent.frame - 1)
                    }
                if packet.encoding != encoding || needed.0 != needed.1 {
                    faults.append("frame \(one.sent.frame) (TL\(packet.temporal), \(place)) lacks \(needed.1)")
                }
                for layer in Int(packet.temporal)...2 { last[layer] = one.sent.frame }
            }
            return faults
        }
    }

    /// A sender, a receiver, and the bridge between them.
    private struct Call {
        var random: Random
        var sender: Sender
        var histories = [FrameHistory](repeating: FrameHistory(), count: 3)
        var view: LayerView
        var receiver = Receiver()
        var now = LayerViewTests.start

        init(seed: UInt64) {
            random = Random(seed: seed)
            sender = Sender(&random)
            view = LayerView(after: UInt16(truncatingIfNeeded: random.next()), random: random.next())
        }

        /// Once in a while the receiver wants something else, and the sender hears of the key frame that this takes.
        mutating func wish(isFirst: Bool) {
            if isFirst || random.next() % 40 == 0 {
                view.aim(at: LayerTarget(encoding: Int8(random.next() % 3), temporal: UInt8(random.next() % 3)))
            }
            if view.needsKeyframe, random.next() % 8 == 0 { sender.wantsKeyframe = true }
        }

        mutating func pass(_ sent: Sender.Sent) {
            var packet = sent.packet
            guard let number = histories[Int(packet.encoding)].note(sent.sighting) else { return }
            packet.frame = number
            if let outgoing = view.take(packet, history: &histories[Int(packet.encoding)], at: now) {
                receiver.got.append(Receiver.Got(outgoing: outgoing, sent: sent))
            }
        }

        /// Moments on a network that loses nothing.
        mutating func run(_ moments: Int) {
            for _ in 0..<moments {
                for sent in sender.next(&random) { pass(sent) }
                now = now + .milliseconds(33)
            }
        }
    }

    @Test("whatever is wanted when: numbers, times and pictures go on without a gap, and all of it can be decoded")
    func switching() {
        for seed in UInt64(1)...200 {
            var call = Call(seed: seed)
            for moment in 0..<400 {
                call.wish(isFirst: moment == 0)
                if call.random.next() % 200 == 0 { call.view.interrupt() }
                call.run(1)
            }
            let faults = call.receiver.faults(areGapsFaults: true)
            #expect(faults.isEmpty, "seed \(seed): \(faults.prefix(3))")
            #expect(call.receiver.got.count > 300, "seed \(seed): \(call.receiver.got.count)")
        }
    }

    @Test("after a request the target is reached with the next key frame, and left at once when nothing is wanted")
    func reached() {
        var call = Call(seed: 1)
        call.view.aim(at: LayerTarget(encoding: 0, temporal: 2))
        #expect(call.view.needsKeyframe)
        call.run(20)
        #expect(call.view.currentEncoding == 0 && !call.view.needsKeyframe)
        call.view.aim(at: LayerTarget(encoding: 2, temporal: 2))
        call.run(20)
        #expect(call.view.currentEncoding == 0 && call.view.needsKeyframe, "no key frame yet")
        call.sender.wantsKeyframe = true
        call.run(1)
        #expect(call.view.currentEncoding == 2 && !call.view.needsKeyframe)
        call.view.aim(at: LayerTarget(encoding: 1, temporal: 0))
        let before = call.receiver.got.count
        call.run(8)
        #expect(call.view.currentEncoding == 2)
        let saved = call.receiver.got[before...]
        #expect(saved.allSatisfy { $0.sent.packet.temporal == 0 }, "on the way down bits are saved")
        call.sender.wantsKeyframe = true
        call.run(1)
        #expect(call.view.currentEncoding == 1)
        call.view.aim(at: .suspended)
        let count = call.receiver.got.count
        call.run(10)
        #expect(call.receiver.got.count == count && !call.view.needsKeyframe)
        #expect(call.receiver.faults(areGapsFaults: true).isEmpty)
    }

    @Test("packets lost, doubled and out of order: no number twice, and nothing goes back")
    func badNetwork() {
        for seed in UInt64(1)...300 {
            var call = Call(seed: seed)
            var late: [(moment: Int, sent: Sender.Sent)] = []
            var seen: Set<[Int]> = []
            for moment in 0..<300 {
                call.wish(isFirst: moment == 0)
                var arriving = late.filter { $0.moment <= moment }.map(\.sent)
                late.removeAll { $0.moment <= moment }
                for sent in call.sender.next(&call.random) {
                    // Lost ones are repeated, as NACKs would have it.
                    if call.random.next() % 20 == 0 {
                        late.append((moment + 1 + Int(call.random.next() % 4), sent))
                    } else {
                        arriving.append(sent)
                    }
                }
                if arriving.count > 1, call.random.next() % 3 == 0 {
                    let place = Int(call.random.next() % UInt64(arriving.count - 1))
                    arriving.swapAt(place, place + 1)
                }
                for sent in arriving {
                    // Doubled ones do not come so far (``DuplicateFilter``).
                    let key = [Int(sent.packet.encoding), Int(sent.packet.sequence), sent.frame]
                    if seen.insert(key).inserted { call.pass(sent) }
                }
                call.now = call.now + .milliseconds(33)
            }
            let faults = call.receiver.faults(areGapsFaults: false).filter { !$0.contains("lacks") }
            #expect(faults.isEmpty, "seed \(seed): \(faults.prefix(3))")
        }
    }
}
