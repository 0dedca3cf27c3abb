// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import PacketIO
import Primitives
import TestSupport
import Testing

private let loopback4 = TransportAddress(ipv4: 0x7F00_0001, port: 0)
private let loopback6 = TransportAddress(ipv6High: 0, low: 1, port: 0)

/// Two ports on loopback, a slab and a batch.
private final class Pair {
    var sender: UDPPort
    var receiver: UDPPort
    var slab = ReceiveSlab()
    var batch: EgressBatch
    let target: Destination

    init(_ address: TransportAddress = loopback4, gso: Bool = true, gro: Bool = true) throws {
        var options = UDPPortOptions()
        options.usesGSO = gso
        options.usesGRO = gro
        sender = try UDPPort(addresses: [address], options: options)
        receiver = try UDPPort(addresses: [address], options: options)
        batch = EgressBatch(joinsSegments: sender.hasGSO)
        target = Destination(remote: receiver.boundAddresses[0], local: 0)
    }

    func put(_ byteCount: Int, fill: UInt8) {
        guard let slot = batch.reserve() else { return }
        for index in 0..<byteCount { slot[index] = fill &+ UInt8(truncatingIfNeeded: index) }
        batch.commit(byteCount, to: target)
    }

    func send(_ bytes: [UInt8], to destination: Destination) {
        let isTaken = batch.append(bytes.rawSpan, to: destination)
        #expect(isTaken)
    }

    /// Receives until nothing comes for 20 ms, and gives sizes and whether all bytes are those `put` wrote.
    func drain(expecting count: Int) -> (sizes: [Int], isIntact: Bool) {
        var sizes: [Int] = []
        var isIntact = true
        for _ in 0..<20 where sizes.count < count {
            var ready = pollfd(fd: receiver.descriptors[0], events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 200) > 0 else { break }
            slab.removeAll()
            _ = receiver.receive(local: 0, into: &slab)
            for index in 0..<slab.count {
                let bytes = slab.bytes(index)
                sizes.append(bytes.count)
                for (at, byte) in bytes.enumerated() where byte != bytes[0] &+ UInt8(truncatingIfNeeded: at) {
                    isIntact = false
                }
                if slab.datagrams[index].source != sender.boundAddresses[0] { isIntact = false }
            }
        }
        return (sizes, isIntact)
    }
}

@Suite("UDPPort")
struct UDPPortTests {
    @Test(
        "runs of equal size with a short last one arrive as their datagrams", arguments: [true, false], [true, false])
    func run(gso: Bool, gro: Bool) throws {
        let pair = try Pair(gso: gso, gro: gro)
        for index in 0..<63 { pair.put(1_000, fill: UInt8(index)) }
        pair.put(300, fill: 63)
        pair.sender.flush(&pair.batch)
        let (sizes, isIntact) = pair.drain(expecting: 64)
        #expect(sizes == [Int](repeating: 1_000, count: 63) + [300])
        #expect(isIntact)
        #expect(pair.sender.counters.sentDatagrams == 64)
        #expect(pair.sender.counters.sentMessages == (pair.sender.hasGSO ? 1 : 64))
        #expect(pair.sender.counters.droppedOnSend == 0)
        #expect(pair.receiver.counters.receivedDatagrams == 64)
        #expect(pair.batch.messageCount == 0)
    }

    @Test("mixed sizes over IPv6 arrive in order")
    func ipv6() throws {
        let pair = try Pair(loopback6)
        let sizes = [100, 100, 90, 1_200, 1_200, 40, 41]
        for (index, size) in sizes.enumerated() { pair.put(size, fill: UInt8(index)) }
        pair.sender.flush(&pair.batch)
        let received = pair.drain(expecting: sizes.count)
        #expect(received.sizes == sizes)
        #expect(received.isIntact)
    }

    @Test("a batch joined for GSO is cut when the port was opened without it")
    func switchedOff() throws {
        let pair = try Pair(gso: false)
        let hasGSO = pair.sender.hasGSO
        #expect(!hasGSO)
        pair.batch.joinsSegments = true
        for index in 0..<10 { pair.put(500, fill: UInt8(index)) }
        #expect(pair.batch.messageCount == 1)
        pair.sender.flush(&pair.batch)
        #expect(pair.drain(expecting: 10).sizes == [Int](repeating: 500, count: 10))
        #expect(pair.sender.counters.sentMessages == 10)
    }

    @Test("hundreds of messages in one batch leave in several calls")
    func manyMessages() throws {
        let pair = try Pair()
        // Rising sizes: no two neighbours can be joined.
        for index in 0..<300 { pair.put(100 + index, fill: UInt8(truncatingIfNeeded: index)) }
        #expect(pair.batch.messageCount == 300)
        pair.sender.flush(&pair.batch)
        #expect(pair.sender.counters.sendCalls == 2)
        #expect(pair.drain(expecting: 300).sizes == (0..<300).map { 100 + $0 })
    }

    @Test("a message longer than its slot is dropped and counted")
    func truncation() throws {
        let pair = try Pair(gso: false, gro: false)
        pair.slab = ReceiveSlab(messages: 8, datagrams: 8, slotBytes: 512)
        for size in [200, 900, 300] { pair.put(size, fill: UInt8(truncatingIfNeeded: size)) }
        pair.sender.flush(&pair.batch)
        #expect(pair.drain(expecting: 2).sizes == [200, 300])
        #expect(pair.receiver.counters.truncated == 1)
    }

    @Test("a full slab asks to be emptied and loses nothing")
    func fullSlab() throws {
        let pair = try Pair(gso: false, gro: false)
        pair.slab = ReceiveSlab(messages: 4, datagrams: 4, slotBytes: 2_048)
        for index in 0..<6 { pair.put(100 + index, fill: UInt8(index)) }
        pair.sender.flush(&pair.batch)
        #expect(pair.receiver.receive(local: 0, into: &pair.slab))
        #expect(pair.slab.count == 4)
        #expect(pair.receiver.receive(local: 0, into: &pair.slab))
        #expect(pair.slab.count == 4)
        #expect(pair.drain(expecting: 2).sizes == [104, 105])
    }

    @Test("a train with more datagrams than entries keeps the first and counts the rest")
    func slabOverflow() throws {
        let pair = try Pair()
        try #require(pair.receiver.hasGRO && pair.sender.hasGSO)
        pair.slab = ReceiveSlab(messages: 4, datagrams: 10)
        for index in 0..<16 { pair.put(400, fill: UInt8(index)) }
        pair.sender.flush(&pair.batch)
        _ = pair.drain(expecting: 16)
        #expect(pair.receiver.counters.receivedDatagrams + pair.receiver.counters.slabOverflow == 16)
        #expect(pair.receiver.counters.slabOverflow == 6)
    }

    @Test("a port in use is refused with the call and the reason")
    func inUse() throws {
        let first = try UDPPort(addresses: [loopback4])
        let address = first.boundAddresses[0]
        let error = #expect(throws: SystemError.self) { _ = try UDPPort(addresses: [address]) }
        #expect(error?.errno == EADDRINUSE)
        #expect(error?.call == "bind UDP \(address)")
        #expect(error?.description.hasSuffix("Address already in use") == true)
    }

    @Test("times of arrival are noted where asked for, one for each datagram of a train")
    func arrival() throws {
        var port = try UDPPort(addresses: [loopback4])
        var batch = EgressBatch(joinsSegments: port.hasGSO)
        let target = Destination(remote: port.boundAddresses[0], local: 0)
        for _ in 0..<3 { _ = batch.append([1, 2, 3].rawSpan, to: target) }
        let before = WallClock.nanosecondsSinceEpoch()
        port.flush(&batch)
        var slab = ReceiveSlab(notesArrival: true)
        _ = port.receive(local: 0, into: &slab)
        let after = WallClock.nanosecondsSinceEpoch()
        #expect(slab.count == 3)
        for index in 0..<3 {
            let time = slab.arrivals?[index] ?? 0
            #expect(time >= before && time <= after)
        }
        let plain = ReceiveSlab()
        #expect(plain.arrivals == nil)
    }

    @Test("several addresses share one port, and each socket knows its own")
    func severalAddresses() throws {
        var port = try UDPPort(addresses: [loopback4, loopback6])
        #expect(port.boundAddresses[0].port == port.boundAddresses[1].port)
        #expect(port.boundAddresses[0].port != 0)
        var batch = EgressBatch()
        _ = batch.append([1, 2, 3].rawSpan, to: Destination(remote: port.boundAddresses[0], local: 0))
        _ = batch.append([4, 5].rawSpan, to: Destination(remote: port.boundAddresses[1], local: 1))
        port.flush(&batch)
        var slab = ReceiveSlab()
        _ = port.receive(local: 0, into: &slab)
        _ = port.receive(local: 1, into: &slab)
        #expect(slab.count == 2)
        #expect(slab.datagrams[0].local == 0 && slab.datagrams[0].byteCount == 3)
        #expect(slab.datagrams[1].local == 1 && slab.datagrams[1].byteCount == 2)
        #expect(slab.datagrams[1].source == port.boundAddresses[1])
    }

    @Test("a socket that comes later receives and sends like the first ones, and takes the place of one that is gone")
    func later() throws {
        var port = try UDPPort(addresses: [loopback4])
        let number = port.boundAddresses[0].port
        let index = port.add(try UDPSocket(LocalAddress(loopback6.with(port: number))))
        #expect(index == 1)
        #expect(port.boundAddresses == [loopback4.with(port: number), loopback6.with(port: number)])
        let other = TransportAddress(ipv4: 0x7F00_0002, port: number)
        port.replace(local: 0, by: try UDPSocket(LocalAddress(other)))
        #expect(port.boundAddresses == [other, loopback6.with(port: number)])
        // The old socket is closed.
        _ = try UDPSocket(LocalAddress(loopback4.with(port: number)))
        var batch = EgressBatch()
        for (local, remote) in [(UInt16(0), other), (1, loopback6.with(port: number))] {
            _ = batch.append([7].rawSpan, to: Destination(remote: remote, local: local))
        }
        port.flush(&batch)
        var slab = ReceiveSlab()
        _ = port.receive(local: 0, into: &slab)
        _ = port.receive(local: 1, into: &slab)
        #expect(slab.count == 2)
        #expect(slab.datagrams[0].source == other && slab.datagrams[1].source == loopback6.with(port: number))
    }

    @Test("a port has a limited number of sockets")
    func full() throws {
        var port = try UDPPort(addresses: [loopback4])
        var added = 0
        while added < 2 * PacketIOLimits.localAddresses, port.add(try UDPSocket(LocalAddress(loopback4))) != nil {
            added += 1
        }
        #expect(added == PacketIOLimits.localAddresses - 1)
        #expect(throws: SystemError.self) { _ = try UDPPort(sockets: []) }
    }

    @Test("ports of one user share a number when they ask for it")
    func reuse() throws {
        var options = UDPPortOptions()
        options.reusesPort = true
        let first = try UDPPort(addresses: [loopback4], options: options)
        let second = try UDPPort(addresses: first.boundAddresses, options: options)
        #expect(second.boundAddresses == first.boundAddresses)
    }

    @Test("an unreachable destination is counted and does not stop the others")
    func unreachable() throws {
        let pair = try Pair()
        // An IPv6 destination on an IPv4 socket has no way.
        let nowhere = Destination(remote: TransportAddress(ipv6High: 0x2001_0DB8_0000_0000, low: 1, port: 9), local: 0)
        pair.send([1], to: nowhere)
        pair.put(100, fill: 1)
        pair.send([1], to: Destination(remote: loopback4, local: 7))
        pair.sender.flush(&pair.batch)
        #expect(pair.drain(expecting: 1).sizes == [100])
        #expect(pair.sender.counters.droppedOnSend == 2)
        #expect(pair.sender.counters.sentDatagrams == 1)
    }

    @Test("receiving and sending allocate nothing", arguments: [true, false])
    func allocations(offload: Bool) throws {
        let pair = try Pair(gso: offload, gro: offload)
        var received = 0
        let count = countAllocations {
            for _ in 0..<50 {
                for index in 0..<20 { pair.put(index < 10 ? 700 : 60 + index, fill: UInt8(index)) }
                pair.sender.flush(&pair.batch)
                pair.slab.removeAll()
                _ = pair.receiver.receive(local: 0, into: &pair.slab)
                received += pair.slab.count
            }
        }
        #expect(count == 0)
        #expect(received == 1_000)
    }
}
