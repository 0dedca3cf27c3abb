// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives
import TestSupport
import Testing

@testable import PacketIO

@Suite("Arrival times")
struct ArrivalTests {
    private static let second = 1_000_000_000 as Int64

    /// A port with a played kernel.
    private final class Bench {
        let kernel = FakeKernel()
        var port: UDPPort
        var slab = ReceiveSlab()

        init() throws {
            port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
            kernel.install(below: &port)
        }

        /// The times of arrival of datagrams with these stamps.
        func arrivals(_ stamps: [Int64]) -> [Timestamp] {
            kernel.receiveAnswers = [.gives(stamps.map { .init(bytes: [1], stamp: $0) })]
            slab.removeAll()
            _ = port.receive(local: 0, into: &slab)
            return (0..<slab.count).map { slab.datagrams[$0].arrival }
        }
    }

    @Test("the kernel's stamp becomes a moment of our clock, to some microseconds")
    func converted() throws {
        let bench = try Bench()
        _ = bench.arrivals([0])
        usleep(20_000)
        let now = MonotonicClock.now()
        let wall = WallClock.nanosecondsSinceEpoch()
        let times = bench.arrivals([wall - 9_000_000, wall - 1_000_000])
        #expect(abs((times[0] - now).nanoseconds + 9_000_000) < 1_000_000, "\(times) \(now)")
        #expect((times[1] - times[0]).nanoseconds == 8_000_000)
    }

    @Test("without a stamp the time of reading stands for it")
    func absent() throws {
        let bench = try Bench()
        let before = MonotonicClock.now()
        let times = bench.arrivals([0, 0])
        let after = MonotonicClock.now()
        #expect(times[0] == times[1] && before <= times[0] && times[0] <= after)
    }

    @Test("a wall clock that jumps moves no arrival out of the time since the socket was last seen empty")
    func jumps() throws {
        let bench = try Bench()
        let empty = MonotonicClock.now()
        // Nothing there: seen empty.
        _ = bench.port.receive(local: 0, into: &bench.slab)
        let wall = WallClock.nanosecondsSinceEpoch()
        for jump in [-3_600, -1, 1, 3_600, -4_000_000_000] as [Int64] {
            let time = bench.arrivals([wall &+ jump &* Self.second])[0]
            #expect(empty <= time && time <= MonotonicClock.now())
        }
        #expect(bench.arrivals([.max])[0] <= MonotonicClock.now())
        #expect(bench.arrivals([.min])[0] >= empty)
    }

    @Test("the datagrams of a train came together")
    func train() throws {
        let bench = try Bench()
        let stamp = WallClock.nanosecondsSinceEpoch()
        bench.kernel.receiveAnswers = [
            .gives([.init(bytes: [UInt8](repeating: 1, count: 250), segmentBytes: 100, stamp: stamp)])
        ]
        _ = bench.port.receive(local: 0, into: &bench.slab)
        #expect(bench.slab.count == 3)
        #expect(Set((0..<3).map { bench.slab.datagrams[$0].arrival }).count == 1)
    }

    @Test("time that the loop's clock does not count is not in the arrivals either")
    func skipped() throws {
        let bench = try Bench()
        bench.port.skippedTime = .seconds(1_000 as Int64)
        let time = bench.arrivals([WallClock.nanosecondsSinceEpoch()])[0]
        let now = MonotonicClock.now() - .seconds(1_000 as Int64)
        #expect(now - time >= .zero && now - time < .milliseconds(100))
    }

    @Test("the real kernel stamps what comes, before we read it")
    func real() throws {
        var port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
        var batch = EgressBatch()
        _ = batch.append([1, 2, 3].rawSpan, to: Destination(remote: port.boundAddresses[0], local: 0))
        let before = MonotonicClock.now()
        port.flush(&batch)
        let sent = MonotonicClock.now()
        usleep(30_000)
        var slab = ReceiveSlab()
        _ = port.receive(local: 0, into: &slab)
        try #require(slab.count == 1)
        let arrival = slab.datagrams[0].arrival
        #expect(arrival >= before - .milliseconds(1) && arrival <= sent + .milliseconds(20), "\(arrival) \(sent)")
        #expect(MonotonicClock.now() - arrival >= .milliseconds(29))
    }
}

@Suite("LoopClock")
struct LoopClockTests {
    /// A clock under the test's hand.
    private struct Hand {
        var monotonic = Timestamp(nanoseconds: 5_000_000_000)
        var boot: Int64 = 7_000_000_000
        var clock: LoopClock

        init() {
            clock = LoopClock(LoopClock.Reading(monotonic: monotonic, boot: boot))
        }

        /// Time passes.
        mutating func pass(_ delta: TimeDelta, suspended: TimeDelta = .zero) {
            monotonic = monotonic + delta
            boot += delta.nanoseconds + suspended.nanoseconds
        }

        mutating func tick() -> Timestamp {
            clock.tick(LoopClock.Reading(monotonic: monotonic, boot: boot))
        }
    }

    @Test("while the loop is in time nothing is skipped, however long it sleeps or works")
    func inTime() {
        var hand = Hand()
        var random = Random(seed: 1)
        let start = hand.tick()
        var passed = TimeDelta.zero
        for _ in 0..<1_000 {
            let now = hand.tick()
            let end = hand.clock.sleep(until: now + .milliseconds(Int64(random.int(in: 0...5_000))), from: now)
            let sleep = end - now + .milliseconds(Int64(random.int(in: 0...499)))
            #expect(end - now <= PacketIOLimits.longestSleep)
            hand.pass(sleep)
            passed = passed + sleep
            #expect(hand.tick() - start == passed)
            let work = TimeDelta.milliseconds(Int64(random.int(in: 0...499)))
            hand.pass(work)
            passed = passed + work
        }
        #expect(hand.tick() - start == passed)
        #expect(hand.clock.takePause() == nil)
    }

    @Test(
        "a stop in a sleep is skipped but for the sleep itself, one in a turn as a whole",
        arguments: [TimeDelta.milliseconds(501), .seconds(75 as Int64), .seconds(86_400 as Int64)])
    func stopped(pause: TimeDelta) {
        var hand = Hand()
        let now = hand.tick()
        let end = hand.clock.sleep(until: now + .milliseconds(20), from: now)
        hand.pass(.milliseconds(20) + pause)
        #expect(hand.tick() == end)
        #expect(hand.clock.takePause() == pause)
        #expect(hand.clock.takePause() == nil)
        hand.pass(pause)
        #expect(hand.tick() == end)
        #expect(hand.clock.skipped == pause * 2)
        #expect(hand.clock.takePause() == pause)
        hand.pass(.milliseconds(3))
        #expect(hand.tick() == end + .milliseconds(3))
    }

    @Test("a stop within a sleep without a deadline costs a second at most")
    func idle() {
        var hand = Hand()
        let now = hand.tick()
        _ = hand.clock.sleep(until: nil, from: now)
        hand.pass(.seconds(75 as Int64))
        #expect(hand.tick() - now <= PacketIOLimits.longestSleep)
    }

    @Test("a suspended machine, whose monotonic clock stands still, is told as a pause and skips nothing")
    func suspended() {
        var hand = Hand()
        let now = hand.tick()
        _ = hand.clock.sleep(until: nil, from: now)
        hand.pass(.milliseconds(100), suspended: .seconds(3_600 as Int64))
        #expect(hand.tick() == now + .milliseconds(100))
        #expect(hand.clock.takePause() == .seconds(3_600 as Int64))
        #expect(hand.clock.skipped == .zero)
        hand.pass(.milliseconds(100))
        _ = hand.tick()
        #expect(hand.clock.takePause() == nil)
    }

    @Test("the clock never goes back, whatever stops and suspensions do")
    func monotone() {
        var random = Random(seed: 9)
        var hand = Hand()
        var last = hand.tick()
        for _ in 0..<5_000 {
            let now = hand.tick()
            #expect(now >= last)
            last = now
            if random.int(in: 0...1) == 0 {
                last = max(last, now)
                _ = hand.clock.sleep(until: now + .milliseconds(Int64(random.int(in: -50...2_000))), from: now)
            }
            hand.pass(
                .milliseconds(Int64(random.int(in: 0...3_000))),
                suspended: .milliseconds(Int64(random.int(in: 0...3_000))))
        }
    }

    @Test("the real clocks agree with themselves")
    func real() {
        var clock = LoopClock()
        let first = clock.tick()
        usleep(2_000)
        let second = clock.tick()
        #expect(second - first >= .milliseconds(2))
        #expect(clock.read() >= second)
        #expect(clock.skipped == .zero || second - first > PacketIOLimits.longestStall)
    }
}
