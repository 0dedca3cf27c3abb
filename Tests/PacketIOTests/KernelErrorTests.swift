// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CLinuxIO
import Glibc
import Primitives
import Testing

@testable import PacketIO

private let near = TransportAddress(ipv4: 0xC000_0201, port: 4_000)
private let far = TransportAddress(ipv4: 0xC633_6401, port: 5_000)

/// A port on loopback with a played kernel below it.
private final class Bench {
    let kernel = FakeKernel()
    var port: UDPPort
    var batch: EgressBatch
    var slab = ReceiveSlab()

    init() throws {
        port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
        batch = EgressBatch(joinsSegments: true)
        kernel.install(below: &port)
    }

    /// Sends datagrams of equal size, which the batch joins, in the order of the list.
    func send(_ list: [(TransportAddress, Int)]) {
        for (remote, count) in list {
            for index in 0..<count {
                _ = batch.append(
                    [UInt8](repeating: UInt8(index), count: 100).rawSpan, to: Destination(remote: remote, local: 0))
            }
        }
        port.flush(&batch)
    }

    var hasGSO: Bool { port.hasGSO }

    func receive() -> Bool {
        slab.removeAll()
        return port.receive(local: 0, into: &slab)
    }

    func segments(to remote: TransportAddress) -> [Int] {
        kernel.taken.filter { $0.to == remote }.map(\.segments)
    }
}

@Suite("Kernel errors")
struct KernelErrorTests {
    private static let trainErrors = [EIO, EOPNOTSUPP, ENOPROTOOPT]

    @Test("a way that takes no trains gets single datagrams, all others keep theirs", arguments: trainErrors)
    func trainRefusal(error: Int32) throws {
        let bench = try Bench()
        try #require(bench.hasGSO)
        bench.kernel.refuses = { $0.to == near && $0.segments > 1 ? error : nil }
        for _ in 0..<3 { bench.send([(near, 5), (far, 7)]) }
        #expect(bench.segments(to: near) == [Int](repeating: 1, count: 15))
        #expect(bench.segments(to: far) == [7, 7, 7])
        #expect(bench.port.counters.refusedTrains == 1)
        #expect(bench.port.counters.droppedOnSend == 0)
        #expect(bench.port.counters.sentDatagrams == 36)
        // Singles keep their order and bytes.
        #expect(bench.kernel.taken.filter { $0.to == near }.map { $0.bytes[0] } == (0..<3).flatMap { _ in 0..<5 })
    }

    @Test("a way that takes no trains is told once")
    func toldOnce() throws {
        let bench = try Bench()
        try #require(bench.hasGSO)
        bench.kernel.refuses = { $0.segments > 1 ? EIO : nil }
        for _ in 0..<3 { bench.send([(near, 2), (near.with(port: 77), 2), (far, 2)]) }
        var told: Set<TransportAddress> = []
        while let way = bench.port.nextTrainRefusal() { told.insert(way.remote) }
        // The route does not depend on the peer's port.
        #expect(told == [near, far])
        bench.send([(near, 2)])
        #expect(bench.port.nextTrainRefusal() == nil)
    }

    @Test("after a while trains are tried again, and a way that takes them has them back")
    func askedAgain() {
        var refusals = TrainRefusals()
        let way = Destination(remote: near, local: 0)
        let start = Timestamp(nanoseconds: 1_000)
        refusals.insert(way, at: start)
        let later = start + PacketIOLimits.trainRefusalTime
        let (isCutBefore, isCutAfter) = (
            refusals.contains(way, at: later - .nanoseconds(1)), refusals.contains(way, at: later)
        )
        #expect(isCutBefore && !isCutAfter)
        // Refused once more: known already, so nobody is told again.
        _ = refusals.nextUntold()
        refusals.insert(way, at: later)
        let (isCutAgain, untold) = (refusals.contains(way, at: later), refusals.nextUntold())
        #expect(isCutAgain && untold == nil)
        refusals.remove(way)
        let isEmpty = refusals.isEmpty
        #expect(isEmpty)
    }

    @Test("any number of refusing ways keeps within the limits, and the newest is known")
    func manyWays() {
        var refusals = TrainRefusals()
        for number in 0..<UInt32(3 * PacketIOLimits.trainRefusals) {
            let way = Destination(remote: TransportAddress(ipv4: number, port: 1), local: 0)
            refusals.insert(way, at: .zero)
            let isKnown = refusals.contains(way, at: .zero)
            #expect(isKnown)
        }
        var told = 0
        while refusals.nextUntold() != nil { told += 1 }
        #expect(told == PacketIOLimits.untoldRefusals)
    }

    @Test("a train longer than the route's MTU is cut, and the next is tried whole", arguments: [EINVAL, EMSGSIZE])
    func longTrain(error: Int32) throws {
        let bench = try Bench()
        try #require(bench.hasGSO)
        bench.kernel.sendAnswers = [.error(error)]
        bench.send([(near, 4)])
        bench.send([(near, 4)])
        #expect(bench.segments(to: near) == [1, 1, 1, 1, 4])
        #expect(bench.port.nextTrainRefusal() == nil)
    }

    @Test("no room is tried once more, then counted", arguments: [EAGAIN, ENOBUFS, ENOMEM, EINTR])
    func noRoom(error: Int32) throws {
        let bench = try Bench()
        bench.kernel.sendAnswers = [.error(error)]
        bench.send([(near, 1), (far, 1)])
        #expect(bench.kernel.taken.map(\.to) == [near, far])
        bench.kernel.sendAnswers = [.error(error), .error(error)]
        bench.send([(near, 3), (far, 1)])
        #expect(bench.port.counters.droppedNoRoom == 3)
        #expect(bench.segments(to: far) == [1, 1])
    }

    @Test("when the kernel has no room for long, the rest of a flush is not tried twice")
    func noRoomForLong() throws {
        let bench = try Bench()
        bench.kernel.refuses = { _ in ENOBUFS }
        bench.send((0..<100).map { (TransportAddress(ipv4: 0xC000_0200 + UInt32($0), port: 1), 1) })
        #expect(bench.port.counters.droppedNoRoom == 100)
        #expect(bench.kernel.sendCalls == 100 + PacketIOLimits.consecutiveRefusals)
    }

    @Test(
        "no way to a destination costs one call for all that goes there, and the others are served",
        arguments: [EINVAL, ENETUNREACH, EHOSTUNREACH, ENETDOWN, EPERM, EACCES, EADDRNOTAVAIL, EAFNOSUPPORT, ENODEV])
    func unreachable(error: Int32) throws {
        let bench = try Bench()
        bench.batch.joinsSegments = false
        bench.kernel.refuses = { $0.to == near ? error : nil }
        bench.send([(far, 2), (near, 20), (far, 3)])
        #expect(bench.segments(to: far) == [1, 1, 1, 1, 1])
        #expect(bench.port.counters.droppedUnreachable == 20)
        #expect(bench.kernel.sendCalls == 3)
    }

    @Test(
        "however many messages the kernel refuses, those behind them are not described again and again",
        arguments: [1, 2, 5])
    func refusedInTurn(every: Int) throws {
        let bench = try Bench()
        let count = 512
        bench.kernel.refuses = { Int($0.to.port) % every == 0 ? ENETUNREACH : nil }
        bench.send((0..<count).map { (TransportAddress(ipv4: 0xC000_0201 + UInt32($0), port: UInt16($0)), 1) })
        #expect(bench.kernel.taken.map { Int($0.to.port) } == (0..<count).filter { $0 % every != 0 })
        #expect(bench.port.counters.droppedUnreachable == UInt64((count + every - 1) / every))
        #expect(bench.kernel.described < 20 * count, "\(bench.kernel.described)")
    }

    @Test("datagrams that are too long, or refused for another reason, are counted by reason and lost alone")
    func reasons() throws {
        let bench = try Bench()
        bench.batch.joinsSegments = false
        bench.kernel.sendAnswers = [.error(EMSGSIZE), .error(ECONNREFUSED), .error(EFAULT)]
        bench.send([(near, 4)])
        #expect(bench.port.counters.droppedTooLong == 1)
        #expect(bench.port.counters.droppedUnreachable == 1)
        #expect(bench.port.counters.droppedOther == 1)
        #expect(bench.port.counters.sentDatagrams == 1)
    }

    @Test("a kernel that takes a part of a batch gets the rest in order")
    func partial() throws {
        let bench = try Bench()
        bench.batch.joinsSegments = false
        bench.kernel.sendAnswers = [.takes(2), .takes(1)]
        bench.send([(near, 6)])
        #expect(bench.kernel.taken.map { $0.bytes[0] } == [0, 1, 2, 3, 4, 5])
        #expect(bench.kernel.sendCalls == 3)
    }

    @Test("what goes to a hundred receivers and the reports behind it leave in one call")
    func oneCall() throws {
        let bench = try Bench()
        bench.batch.joinsSegments = false
        let receivers = (0..<100).map { TransportAddress(ipv4: 0xC000_0200 + UInt32($0), port: 1) }
        bench.send(receivers.map { ($0, 2) } + [(near, 1)])
        #expect(bench.kernel.taken.count == 201)
        #expect(bench.kernel.sendCalls == 1)
    }

    @Test("receive errors are counted and end the turn, but for an interruption", arguments: [EIO, ENOMEM, EBADF])
    func receiveErrors(error: Int32) throws {
        let bench = try Bench()
        bench.kernel.receiveAnswers = [.error(error), .error(EINTR), .error(EAGAIN), .gives([.init(bytes: [1])])]
        #expect(!bench.receive())
        #expect(bench.port.counters.receiveErrors == 1)
        #expect(bench.receive())
        #expect(!bench.receive())
        #expect(!bench.receive())
        #expect(bench.slab.count == 1)
        #expect(bench.port.counters.receiveErrors == 1)
        #expect(bench.port.counters.receiveCalls == 4)
    }

    @Test("what the kernel dropped on a full buffer is added up from its running total, also when that wraps")
    func kernelDrops() throws {
        let bench = try Bench()
        bench.kernel.receiveAnswers = [
            .givesWithDrops([.init(bytes: [1])], 7), .gives([.init(bytes: [2])]),
            .givesWithDrops([.init(bytes: [3])], .max), .givesWithDrops([.init(bytes: [4])], 2),
        ]
        for _ in 0..<4 { _ = bench.receive() }
        #expect(bench.port.counters.kernelDrops == UInt64(UInt32.max) + 3)
    }

    @Test("an empty datagram behind trains that fill the slab is dropped and counted like any other")
    func emptyAndFull() throws {
        let bench = try Bench()
        let train = FakeKernel.Arrival(bytes: [UInt8](repeating: 1, count: 1_000), segmentBytes: 1)
        bench.kernel.receiveAnswers = [.gives([FakeKernel.Arrival](repeating: train, count: 5) + [.init(bytes: [])])]
        _ = bench.receive()
        #expect(bench.slab.count == PacketIOLimits.slabDatagrams)
        #expect(bench.port.counters.slabOverflow == UInt64(5_001 - PacketIOLimits.slabDatagrams))
    }

    @Test("a message cut by the kernel and one from nowhere are dropped and counted, their neighbours kept")
    func strange() throws {
        let bench = try Bench()
        bench.kernel.receiveAnswers = [
            .gives([
                .init(bytes: [1]), .init(bytes: [2, 2], isTruncated: true),
                .init(bytes: [3, 3, 3, 3, 3], segmentBytes: 2),
            ])
        ]
        _ = bench.receive()
        #expect((0..<bench.slab.count).map { Array(bench.slab.bytes($0)) } == [[1], [3, 3], [3, 3], [3]])
        #expect(bench.port.counters.truncated == 1)
    }
}
