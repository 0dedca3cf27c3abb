// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@testable import Forwarding

@Suite("NackResponder")
struct NackResponderTests {
    static func ms(_ value: Int64) -> Timestamp { Timestamp.zero + .milliseconds(value) }

    /// A receiver of one source, in slot 4, whose packets all have 100 bytes of payload.
    struct Receiver: ~Copyable {
        var memory: RepairMemory
        var responder = NackResponder()
        var ring = SentRing()

        init(_ settings: RepairSettings = RepairSettings()) { memory = RepairMemory(settings) }

        /// Sends it a packet.
        mutating func send(_ sequence: UInt16, at now: Timestamp = .zero, payload: Int = 100) {
            let packet = TestPacket(sequence: sequence &+ 7_000, payload: [UInt8](repeating: 1, count: payload))
            let reference = PacketStoreTests.insert(packet.bytes, into: &memory.store, at: now)
            memory.rings.note(sequence, reference, PacketPatch(), in: &ring)
        }

        mutating func ask(
            _ packetID: UInt16, mask: UInt16 = 0, roundTrip: TimeDelta? = .milliseconds(50), at now: Timestamp
        ) {
            responder.answer(
                GenericNACK(packetID: packetID, mask: mask), of: 4, ring, from: &memory, roundTrip: roundTrip,
                at: now)
        }

        /// The numbers that are repeated, in order.
        mutating func repeats(at now: Timestamp) -> [UInt16] {
            var result: [UInt16] = []
            while let (value, packet) = memory.nextRepeat(in: &responder.waiting, at: now) {
                #expect(value.source == 4)
                #expect(packet.info.sequence == value.sequence &+ 7_000)
                result.append(value.sequence)
            }
            return result
        }

        /// Every number asked for is counted under exactly one outcome.
        var isBalanced: Bool {
            let c = memory.counters
            return c.requested
                == c.queued + c.ignored + c.neverSent + c.forgotten + c.tooSoon + c.exhausted + c.overBudget
                + c.queueFull + c.missed
        }
    }

    @Test("a receiver and a stored packet need what docs/loss-repair.md says")
    func sizes() {
        #expect(MemoryLayout<NackResponder>.stride == 32)
        #expect(PacketStore.recordBytes <= 128)
    }

    @Test("a NACK brings back what it names, over the wrap, in the order asked")
    func repeats() {
        var receiver = Receiver()
        for number in 0..<20 { receiver.send(65_530 &+ UInt16(number)) }
        receiver.ask(65_535, mask: 0b1000_0000_0000_0011, at: Self.ms(40))
        #expect(receiver.responder.waiting.count == 3)
        let repeats = receiver.repeats(at: Self.ms(40))
        #expect(repeats == [65_535, 0, 1])
        #expect(receiver.memory.counters.neverSent == 1, "65,535 + 16 is ahead of what was sent")
        #expect(receiver.memory.counters.queued == 3)
        expect(receiver.isBalanced)
    }

    @Test("what was never sent, or left the ring or the store, is not answered, and counted as such")
    func misses() {
        var receiver = Receiver()
        receiver.ask(1, at: .zero)
        #expect(receiver.memory.counters.neverSent == 1)
        receiver.send(10)
        receiver.send(12, payload: 0)
        receiver.ask(9, mask: 0b111, at: .zero)
        #expect(receiver.memory.counters.neverSent == 3, "9 before the first one, 11 left out")
        #expect(receiver.memory.counters.missed == 1, "12 was not stored")
        receiver.ask(10, at: Self.ms(1_001))
        #expect(receiver.memory.counters.missed == 2)
        #expect(receiver.memory.store.counters.tooOld == 1)
        receiver.send(400, at: Self.ms(1_001))
        receiver.ask(10, at: Self.ms(1_002))
        #expect(receiver.memory.counters.forgotten == 1)
        expect(receiver.isBalanced)
    }

    @Test("a packet that goes while its repeat waits is passed over")
    func goneWhileWaiting() {
        var receiver = Receiver()
        receiver.send(1, at: .zero)
        receiver.send(2, at: Self.ms(500))
        receiver.ask(1, mask: 1, at: Self.ms(900))
        let repeats = receiver.repeats(at: Self.ms(1_100))
        #expect(repeats == [2])
        #expect(receiver.memory.counters.dropped == 1 && receiver.memory.counters.queued == 2)
        #expect(receiver.responder.waiting.isEmpty)
        expect(receiver.isBalanced)
    }

    @Test("no number goes out again before its repeat can have been seen")
    func spacing() {
        #expect(NackResponder.spacing(.milliseconds(200)) == .milliseconds(180))
        #expect(NackResponder.spacing(.milliseconds(30)) == .milliseconds(25))
        #expect(NackResponder.spacing(.milliseconds(1)) == .milliseconds(5))
        #expect(NackResponder.spacing(nil) == .milliseconds(100))
        var receiver = Receiver()
        receiver.send(1)
        var repeated: [Int64] = []
        for moment in Int64(65_500)...65_700 {
            // Over the wrap of the milliseconds: the packet is kept young.
            if moment == 65_500 { receiver.send(1, at: Self.ms(moment)) }
            receiver.ask(1, mask: 0, roundTrip: .milliseconds(50), at: Self.ms(moment))
            if receiver.repeats(at: Self.ms(moment)) == [1] { repeated.append(moment) }
        }
        #expect(repeated == [65_500, 65_545, 65_590, 65_635, 65_680])
        #expect(receiver.memory.counters.tooSoon == 196)
        expect(receiver.isBalanced)
    }

    @Test("a number is repeated ten times at most")
    func exhausted() {
        var receiver = Receiver()
        receiver.send(1)
        for moment in 0..<30 {
            receiver.ask(1, at: Self.ms(Int64(moment) * 30 + 10))
            receiver.ask(1, roundTrip: .milliseconds(20), at: Self.ms(Int64(moment) * 30 + 30))
        }
        #expect(receiver.memory.counters.queued == 10)
        #expect(receiver.memory.counters.exhausted > 10)
        expect(receiver.isBalanced)
    }

    @Test("a receiver that asks for everything all the time gets no more than its budget, and costs no more look-ups")
    func flood() {
        var settings = RepairSettings()
        settings.bytesPerSecond = 11_200
        settings.burstBytes = 1_120
        settings.numbersPerSecond = 500
        settings.burstNumbers = 100
        var receiver = Receiver(settings)
        var sent: UInt16 = 0
        var repeats = 0
        for moment in 0..<2_000 {
            let now = Self.ms(Int64(moment))
            receiver.send(sent, at: now)
            sent &+= 1
            for packetID in 0..<20 { receiver.ask(sent &- 17 &- UInt16(packetID * 17), mask: .max, at: now) }
            repeats += receiver.repeats(at: now).count
        }
        // 112 bytes each.
        #expect(repeats >= 199 && repeats <= 210, "\(repeats)")
        let counters = receiver.memory.counters
        #expect(counters.requested == 2_000 * 20 * 17)
        #expect(counters.requested - counters.ignored <= 100 + 500 * 2)
        #expect(counters.overBudget > 0)
        expect(receiver.isBalanced)
    }

    @Test("what waits is bounded for each receiver and for all, and can be dropped")
    func queue() {
        var settings = RepairSettings()
        settings.burstNumbers = 10_000
        settings.burstBytes = 10_000_000
        var receiver = Receiver(settings)
        for number in 0..<200 { receiver.send(UInt16(number)) }
        for number in 0..<200 { receiver.ask(UInt16(number), at: .zero) }
        #expect(receiver.responder.waiting.count == ForwardingLimits.queuedRepeatsPerReceiver)
        #expect(receiver.memory.counters.queueFull == 72)
        // The lists of others share what is left.
        var lists = [RepeatList](repeating: RepeatList(), count: 40)
        for index in lists.indices {
            var other = NackResponder()
            for number in 0..<200 {
                other.answer(
                    GenericNACK(packetID: UInt16(number), mask: 0), of: 4, receiver.ring, from: &receiver.memory,
                    roundTrip: .zero, at: Self.ms(Int64(index + 1) * 20))
            }
            lists[index] = other.waiting
        }
        let waiting = lists.reduce(0) { $0 + Int($1.count) } + 128
        #expect(waiting <= ForwardingLimits.queuedRepeats)
        expect(receiver.isBalanced)
        receiver.memory.dropRepeats(in: &receiver.responder.waiting)
        #expect(receiver.responder.waiting.isEmpty)
        #expect(receiver.memory.counters.dropped == 128)
        let repeats = receiver.repeats(at: .zero)
        #expect(repeats == [])
    }

    @Test("the queue keeps the lists of many receivers apart, each in its order, and uses every place")
    func queueModel() {
        let failure = checkProperty(cases: 100) { random in
            var queue = RepeatQueue(capacity: 300)
            var lists = [RepeatList](repeating: RepeatList(), count: 5)
            var model = [[UInt16]](repeating: [], count: 5)
            for step in 0..<2_000 {
                let list = random.int(in: 0...4)
                if random.int(in: 0...99) < (step / 300 % 2 == 0 ? 70 : 30) {
                    let value = Repeat(source: 0, sequence: UInt16(step), reference: .none, patch: PacketPatch())
                    let hasRoom = model[list].count < 128 && model.reduce(0) { $0 + $1.count } < 300
                    if queue.append(value, to: &lists[list]) != hasRoom { return "step \(step): room" }
                    if hasRoom { model[list].append(UInt16(step)) }
                } else {
                    let value = queue.popFirst(from: &lists[list])?.sequence
                    let expected = model[list].isEmpty ? nil : model[list].removeFirst()
                    if value != expected { return "step \(step): \(String(describing: value))" }
                }
                if Int(lists[list].count) != model[list].count { return "step \(step): count" }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("a bucket gives its burst, then its rate, and never more after a silence")
    func bucket() {
        var bucket = RateBucket()
        func take(_ amount: Int, at moment: Int64) -> Bool {
            bucket.take(amount, perSecond: 1_000, burst: 100, at: Self.ms(moment))
        }
        #expect(take(100, at: 1_000))
        #expect(!take(1, at: 1_000))
        #expect(take(10, at: 1_010))
        #expect(!take(1, at: 1_010))
        #expect(!take(101, at: 100_000))
        #expect(take(100, at: 100_000))
        #expect(!take(1, at: 100_000))
    }

    @Test("over any losses each packet comes back once for each time it is lost, as long as the store has it")
    func lossyReceiver() {
        let failure = checkProperty(cases: 100) { random in
            var receiver = Receiver()
            let base = UInt16(truncatingIfNeeded: random.next())
            var missing: Set<UInt16> = []
            var recovered = 0
            var lost = 0
            for step in 0..<1_000 {
                let now = Self.ms(Int64(step) * 5)
                let sequence = base &+ UInt16(step)
                receiver.send(sequence, at: now)
                if random.int(in: 0...9) == 0 {
                    lost += 1
                    missing.insert(sequence)
                }
                // Asks for all that is missing, every 20 ms, and loses a tenth of the repeats, too.
                guard step % 4 == 3 else { continue }
                for number in missing { receiver.ask(number, roundTrip: .milliseconds(20), at: now) }
                for number in receiver.repeats(at: now) {
                    if missing.contains(number) {
                        if random.int(in: 0...9) == 0 { continue }
                        missing.remove(number)
                        recovered += 1
                    } else {
                        return "step \(step): \(number) was not missing"
                    }
                }
            }
            for number in missing where base &+ 999 &- number > 8 { return "\(number) never came back" }
            if !receiver.isBalanced { return "counters" }
            return recovered > 50 && lost - recovered <= missing.count ? nil : "\(recovered) of \(lost)"
        }
        #expect(failure == nil)
    }
}
