// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@testable import Forwarding

@Suite("NackGenerator")
struct NackGeneratorTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    /// Feeds packets that came by themselves.
    private static func feed(
        _ sequences: [UInt16], to generator: inout NackGenerator, at now: Timestamp = .zero
    ) {
        for sequence in sequences { _ = generator.note(sequence, isRepeat: false, roundTrip: nil, now: now) }
    }

    /// The numbers of the NACK that is due, read from its packet.
    static func ask(
        _ generator: inout NackGenerator, roundTrip: TimeDelta? = nil, at now: Timestamp
    ) -> [UInt16] {
        var count = 0
        let datagram = BufferWriter.array(capacity: NackGenerator.requestBytes) { writer in
            count = generator.write(senderSSRC: 1, mediaSSRC: 7, roundTrip: roundTrip, now: now, to: &writer)
        }
        var walk = IncomingRTCP()
        var numbers: [UInt16] = []
        while let action = walk.next(in: datagram.rawSpan) {
            guard case .nack(mediaSSRC: 7, let nack) = action else { continue }
            numbers.append(nack.packetID)
            for bit in 0..<16 where nack.mask & (1 << UInt16(bit)) != 0 {
                numbers.append(nack.packetID &+ UInt16(bit) &+ 1)
            }
        }
        #expect(!walk.isMalformed)
        #expect(numbers.count == count)
        return numbers
    }

    @Test("it needs what docs/loss-repair.md says")
    func size() {
        #expect(MemoryLayout<NackGenerator>.stride <= 1_900)
    }

    @Test("a gap is asked for at once, over the wrap")
    func gap() {
        var generator = NackGenerator()
        Self.feed([65_530], to: &generator)
        #expect(generator.nextTimeout == nil, "the first packet only begins")
        Self.feed([2], to: &generator, at: Self.ms(10))
        #expect(generator.nextTimeout == Self.ms(10))
        #expect(generator.missingCount == 7)
        #expect(Self.ask(&generator, at: Self.ms(9)) == [])
        #expect(Self.ask(&generator, at: Self.ms(10)) == [65_531, 65_532, 65_533, 65_534, 65_535, 0, 1])
        #expect(Self.ask(&generator, at: Self.ms(10)) == [])
    }

    @Test("packets that change places within a turn are not asked for")
    func reordering() {
        var generator = NackGenerator()
        Self.feed([1, 3, 2, 6, 5, 4], to: &generator)
        #expect(generator.missingCount == 0)
        #expect(generator.nextTimeout == nil)
        #expect(Self.ask(&generator, at: Self.ms(1)) == [])
        #expect(generator.counters.reordered == 3)
    }

    @Test("it says what each packet was")
    func arrivals() {
        var generator = NackGenerator()
        func note(_ sequence: UInt16, isRepeat: Bool = false) -> NackGenerator.Arrival {
            generator.note(sequence, isRepeat: isRepeat, roundTrip: nil, now: .zero)
        }
        #expect(note(9, isRepeat: true) == .tooOld, "a repeat from before the first packet")
        #expect(note(10) == .newest)
        #expect(note(10) == .duplicate)
        #expect(note(13) == .newest)
        #expect(note(12, isRepeat: true) == .late)
        #expect(note(12, isRepeat: true) == .duplicate)
        #expect(note(12) == .duplicate)
        #expect(note(8) == .late)
        #expect(note(10 &- 2_045) == .tooOld)
        #expect(note(10 &- 2_044) == .late, "13 − 2,047")
        #expect(note(10 &- 2_044) == .duplicate)
        #expect(note(11, isRepeat: true) == .late)
        #expect(generator.missingCount == 0)
        #expect(note(5_000) == .newest)
        #expect(note(4_999) == .late, "nothing is left of before")
    }

    @Test("a gap of 99 is asked for, one of 100 is not, and what was missing before is given up with it")
    func jump() {
        var generator = NackGenerator()
        Self.feed([1, 3, 103], to: &generator)
        #expect(generator.missingCount == 100)
        #expect(Self.ask(&generator, at: .zero).count == 100)
        Self.feed([204], to: &generator, at: Self.ms(1))
        #expect(generator.missingCount == 0)
        #expect(generator.nextTimeout == nil)
        #expect(generator.counters.jumps == 1)
        Self.feed([206], to: &generator, at: Self.ms(2))
        #expect(Self.ask(&generator, at: Self.ms(2)) == [205])
    }

    @Test("requests are repeated every 150 ms at first where the round trip is unknown, ten times and within 2 s")
    func unknownRoundTrip() {
        var generator = NackGenerator()
        Self.feed([1, 3], to: &generator)
        var moments: [Int64] = []
        for moment in 0..<Int64(5_000) where !Self.ask(&generator, at: Self.ms(moment)).isEmpty {
            moments.append(moment)
        }
        #expect(moments == [0, 150, 375, 675, 1_050, 1_500])
        #expect(generator.counters.asked == 1 && generator.counters.askedAgain == 5)
        #expect(generator.counters.outlived == 1)
        #expect(generator.nextTimeout == nil)
    }

    @Test("no request is repeated within the round trip; after the tenth the number is given up")
    func knownRoundTrip() {
        for roundTrip in [0, 1, 10, 40, 80] as [Int64] {
            var generator = NackGenerator()
            Self.feed([1, 3], to: &generator)
            var moments: [Int64] = []
            for moment in 0..<Int64(10_000)
            where !Self.ask(&generator, roundTrip: .milliseconds(roundTrip), at: Self.ms(moment)).isEmpty {
                moments.append(moment)
            }
            for (earlier, later) in zip(moments, moments.dropFirst()) {
                #expect(later - earlier >= max(roundTrip * 5 / 4, 20))
            }
            #expect(moments.count == (roundTrip <= 40 ? 10 : 8), "\(roundTrip): \(moments)")
            #expect(generator.counters.exhausted + generator.counters.outlived == 1)
            #expect(generator.missingCount == 0)
        }
    }

    @Test("a packet that came is not asked for again, and one that comes after its last request is still taken")
    func repair() {
        var generator = NackGenerator()
        Self.feed([1, 5], to: &generator)
        #expect(Self.ask(&generator, roundTrip: .milliseconds(40), at: .zero) == [2, 3, 4])
        let arrival = generator.note(3, isRepeat: true, roundTrip: .milliseconds(40), now: Self.ms(40))
        #expect(arrival == .late)
        #expect(Self.ask(&generator, roundTrip: .milliseconds(40), at: Self.ms(50)) == [2, 4])
        #expect(generator.counters.repaired == 1)
        Self.feed([2, 4], to: &generator, at: Self.ms(90))
        #expect(generator.counters.repaired == 3)
        #expect(generator.nextTimeout == nil)
    }

    @Test("with a key frame, what is missing before it is given up")
    func keyframe() {
        var generator = NackGenerator()
        Self.feed([65_530, 65_532, 2, 4], to: &generator)
        generator.noteKeyframe(at: 2)
        generator.noteKeyframe(at: 3)
        #expect(Self.ask(&generator, at: .zero) == [3])
        #expect(generator.counters.superseded == 6)
        generator.noteKeyframe(at: 5)
        #expect(generator.nextTimeout == nil)
    }

    @Test("where packets change places over several milliseconds, requests come to wait as long, and no longer in time")
    func tolerance() {
        var generator = NackGenerator()
        let roundTrip = TimeDelta.milliseconds(50)
        var sequence: UInt16 = 0
        var asked = 0
        // Every tenth packet comes 8 ms behind its successor.
        for round in 0..<Int64(100) {
            let start = round * 100
            for step in 0..<Int64(10) where step != 5 {
                let now = Self.ms(start + step * 10)
                _ = generator.note(sequence &+ UInt16(step), isRepeat: false, roundTrip: roundTrip, now: now)
                asked += Self.ask(&generator, roundTrip: roundTrip, at: now).count
                if step == 6 {
                    let late = now + .milliseconds(8)
                    asked += Self.ask(&generator, roundTrip: roundTrip, at: late).count
                    _ = generator.note(sequence &+ 5, isRepeat: false, roundTrip: roundTrip, now: late)
                }
            }
            sequence &+= 10
        }
        #expect(asked == 1, "the first time")
        #expect(generator.counters.reordered == 99)
        // Real losses bring the tolerance down again.
        var delays: [Int64] = []
        for round in 0..<Int64(40) {
            let now = Self.ms(20_000 + round * 100)
            sequence &+= 1
            _ = generator.note(sequence, isRepeat: false, roundTrip: roundTrip, now: now)
            guard let due = generator.nextTimeout else { continue }
            delays.append((due - now).milliseconds)
            _ = Self.ask(&generator, roundTrip: roundTrip, at: due)
            _ = generator.note(sequence &- 1, isRepeat: true, roundTrip: roundTrip, now: due + roundTrip)
            sequence &+= 1
        }
        #expect(delays.first.map { $0 >= 8 && $0 <= 20 } == true, "\(delays)")
        #expect(delays.last == 0, "\(delays)")
    }

    @Test("repeats by a sender without RTX do not count as changing places")
    func plainRepeats() {
        var generator = NackGenerator()
        for round in 0..<Int64(20) {
            let now = Self.ms(round * 100)
            let sequence = UInt16(round * 2)
            _ = generator.note(sequence, isRepeat: false, roundTrip: .milliseconds(30), now: now)
            if round > 0 {
                #expect(generator.nextTimeout == now)
                #expect(Self.ask(&generator, roundTrip: .milliseconds(30), at: now) == [sequence &- 1])
                _ = generator.note(
                    sequence &- 1, isRepeat: false, roundTrip: .milliseconds(30), now: now + .milliseconds(31))
            }
        }
        #expect(generator.counters.repaired == 19)
    }

    @Test("more than 128 at once: the oldest are given up")
    func overflow() {
        var generator = NackGenerator()
        Self.feed([0, 100, 200], to: &generator)
        #expect(generator.missingCount == 128)
        #expect(generator.counters.overflowed == 70)
        let asked = Self.ask(&generator, at: .zero)
        #expect(asked.first == 71 && asked.last == 199 && asked.count == 128)
        for step in 3..<60 { Self.feed([UInt16(step * 100)], to: &generator) }
        #expect(generator.missingCount == 128)
    }

    @Test("stopped, it asks for nothing and begins anew; a restart of the sequence, too")
    func stop() {
        var generator = NackGenerator()
        Self.feed([1, 3], to: &generator)
        generator.stop()
        #expect(generator.nextTimeout == nil)
        Self.feed([50], to: &generator)
        #expect(generator.missingCount == 0)
        Self.feed([52], to: &generator)
        #expect(generator.missingCount == 1)
        generator.restart(at: 40_000)
        #expect(generator.missingCount == 0)
        Self.feed([40_002], to: &generator)
        #expect(Self.ask(&generator, at: .zero) == [40_001])
    }

    @Test("without room for the largest request nothing is written and nothing counts as asked")
    func noRoom() {
        var generator = NackGenerator()
        Self.feed([1, 3], to: &generator)
        var count = -1
        _ = BufferWriter.array(capacity: NackGenerator.requestBytes - 1) { writer in
            count = generator.write(senderSSRC: 1, mediaSSRC: 7, roundTrip: nil, now: .zero, to: &writer)
        }
        #expect(count == 0)
        #expect(Self.ask(&generator, at: .zero) == [2])
        // The worst case: every second number.
        var scattered = NackGenerator()
        Self.feed((0..<129).map { UInt16($0 * 17) }, to: &scattered)
        #expect(Self.ask(&scattered, at: .zero).count == 128)
    }

    // MARK: Model

    /// A path to the bridge: what is on its way, by arrival.
    private struct Path {
        var random: Random
        var inFlight: [(at: Int64, sequence: UInt16, isRepeat: Bool)] = []
        let lossPercent: Int
        let roundTrip: Int64

        mutating func send(_ sequence: UInt16, isRepeat: Bool, at now: Int64) {
            if random.int(in: 0...99) < lossPercent { return }
            let delay = roundTrip / 2 + (random.int(in: 0...19) == 0 ? Int64(random.int(in: 1...15)) : 0)
            inFlight.append((now + delay, sequence, isRepeat))
            if random.int(in: 0...49) == 0 { inFlight.append((now + delay + 3, sequence, isRepeat)) }
        }

        mutating func arrivals(until now: Int64) -> [(at: Int64, sequence: UInt16, isRepeat: Bool)] {
            let due = inFlight.filter { $0.at <= now }
            inFlight.removeAll { $0.at <= now }
            return due
        }
    }

    @Test("over loss, delay and duplicates nothing is asked for that is here, nothing too often, and all is repaired")
    func model() {
        let failure = checkProperty(cases: 150) { random in
            let roundTrip = Int64(random.int(in: 0...60))
            var path = Path(
                random: Random(seed: random.next()), lossPercent: random.int(in: 0...20), roundTrip: roundTrip)
            let known: TimeDelta? = random.int(in: 0...3) == 0 ? nil : .milliseconds(roundTrip)
            let base = UInt16(truncatingIfNeeded: random.next())
            var generator = NackGenerator()
            var received: Set<UInt16> = []
            var lastAsked: [UInt16: (at: Int64, times: Int)] = [:]
            // The first packet arrives, so that all later ones count.
            path.inFlight.append((0, base, false))
            for now in 0..<Int64(3_000) {
                if now > 0, now < 1_000, now % 2 == 0 {
                    path.send(base &+ UInt16(now / 2), isRepeat: false, at: now)
                }
                for arrival in path.arrivals(until: now) {
                    let verdict = generator.note(
                        arrival.sequence, isRepeat: arrival.isRepeat, roundTrip: known, now: Self.ms(now))
                    let isNew = received.insert(arrival.sequence).inserted
                    if isNew != (verdict == .newest || verdict == .late) {
                        return "\(now): \(arrival.sequence) is \(verdict)"
                    }
                }
                let asked = Self.ask(&generator, roundTrip: known, at: Self.ms(now))
                for number in asked {
                    if received.contains(number) { return "\(now): \(number) is here" }
                    if let last = lastAsked[number] {
                        if now - last.at < (known == nil ? 150 : max(roundTrip, 20)) {
                            return "\(now): \(number) again"
                        }
                        if last.times >= ForwardingLimits.nackAttempts { return "\(now): \(number) once more" }
                    }
                    lastAsked[number] = (now, (lastAsked[number]?.times ?? 0) + 1)
                    path.send(number, isRepeat: true, at: now + roundTrip / 2)
                }
                if let due = generator.nextTimeout, due <= Self.ms(now) { return "\(now): still due" }
            }
            // The last ones may be lost unnoticed; the others need ten bad draws in a row at 20 %, or six.
            let end = (0..<500).last { received.contains(base &+ UInt16($0)) } ?? 0
            let unrepaired = (0...end).count { !received.contains(base &+ UInt16($0)) }
            let givenUp = generator.counters.exhausted + generator.counters.outlived
            if unrepaired != Int(givenUp) { return "\(unrepaired) are missing, \(givenUp) given up" }
            return unrepaired <= 1 ? nil : "\(unrepaired) are missing"
        }
        #expect(failure == nil)
    }

    @Test("whatever numbers come, the set stays bounded and nothing that came is asked for")
    func hostile() {
        let failure = checkProperty(cases: 300) { random in
            var generator = NackGenerator()
            var now = Self.ms(0)
            var recent: [UInt16] = []
            var sequence = UInt16(truncatingIfNeeded: random.next())
            for step in 0..<500 {
                switch random.int(in: 0...9) {
                case 0: sequence = UInt16(truncatingIfNeeded: random.next())
                case 1: sequence &-= UInt16(random.int(in: 0...200))
                case 2...4: sequence &+= UInt16(random.int(in: 0...120))
                default: sequence &+= 1
                }
                now = now + .milliseconds(Int64(random.int(in: 0...30)))
                if random.int(in: 0...99) == 0 { generator.restart(at: sequence) }
                _ = generator.note(
                    sequence, isRepeat: random.int(in: 0...3) == 0, roundTrip: .milliseconds(10), now: now)
                recent.append(sequence)
                if random.int(in: 0...19) == 0 { generator.noteKeyframe(at: sequence) }
                if generator.missingCount > ForwardingLimits.missingNumbers { return "step \(step): too many" }
                if (generator.nextTimeout == nil) != (generator.missingCount == 0) { return "step \(step): timer" }
                let asked = Self.ask(&generator, roundTrip: .milliseconds(10), at: now)
                if asked.contains(sequence) { return "step \(step): \(sequence) is here" }
                if Set(asked).count != asked.count { return "step \(step): twice in one" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
