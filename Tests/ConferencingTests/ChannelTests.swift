// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives
import ShardMessages
import Telemetry
import TestSupport
import Testing

/// Packets of data channels on their way through the worker.
@Suite("Data channels in the worker")
struct ChannelTests {
    @Test("what a client sends comes out under its number, and what is for it reaches it alone")
    func bothWays() throws {
        var world = try World()
        expect(world.assemble(2))
        let first: [UInt8] = [1, 2, 3]
        let second = [UInt8](repeating: 9, count: 1_200)
        world.send([try require(world.clients[0].makeRecord(first, at: world.now))], from: 0)
        world.send([try require(world.clients[1].makeRecord(second, at: world.now))], from: 1)
        expect(world.host.takeHasPushedRecords())
        expect(!world.host.takeHasPushedRecords())
        let records = world.takeRecords()
        expect(records.map(\.endpoint) == [world.clients[0].number, world.clients[1].number])
        expect(records.map(\.bytes) == [first, second])
        world.sendRecord(second, to: 0)
        expect(world.clients[0].receivedRecords == [second])
        expect(world.clients[1].receivedRecords.isEmpty)
        expect(world.counters.value(.channelRecordsReceived) == 2)
        expect(world.counters.value(.channelRecordsSent) == 1)
    }

    @Test("records wait while media does, in their order, and come behind it")
    func besideMedia() throws {
        var world = try World()
        expect(world.assemble(3))
        let audio = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [9]))
        let first = try require(world.clients[0].makeRecord([1], at: world.now))
        let second = try require(world.clients[1].makeRecord([2], at: world.now))
        let third = try require(world.clients[1].makeRecord([3], at: world.now))
        world.receive([(1, second), (0, audio), (0, first)])
        expect(world.takeRecords().map(\.bytes) == [[2]])
        expect(world.host.holdsRecords)
        var budget = Int.max
        world.pump(&budget)
        expect(world.clients[1].received.count == 1)
        // What comes behind those that wait does not overtake them.
        world.receive([(1, third)])
        expect(world.takeRecords().isEmpty)
        world.takeHeldRecords()
        expect(world.takeRecords().map(\.bytes) == [[1], [3]])
        // Once taken, a record is a repetition, held or not.
        world.receive([(0, first), (1, third)])
        expect(world.takeRecords().isEmpty)
    }

    @Test("more records than may wait: the oldest are taken before the media, none is lost")
    func manyBesideMedia() throws {
        var world = try World()
        expect(world.assemble(2))
        let audio = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [9]))
        var datagrams: [(client: Int, bytes: [UInt8])] = [(0, audio)]
        for number in 0..<400 {
            let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 1_000)
            datagrams.append((1, try require(world.clients[1].makeRecord(bytes, at: world.now))))
        }
        world.receive(datagrams)
        let early = world.takeRecords().count
        expect((100..<200).contains(early))
        world.takeHeldRecords()
        expect(world.takeRecords().map(\.bytes.first) == (early..<400).map { UInt8(truncatingIfNeeded: $0) })
        // Of those who are gone nothing is taken any more.
        let late = try require(world.clients[1].makeRecord([7], at: world.now))
        world.receive([
            (0, try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [8]))), (1, late),
        ])
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        world.takeHeldRecords()
        expect(world.takeRecords().isEmpty)
    }

    @Test("a flood beside media is cut before it is put aside, and leaves the others their room")
    func floodBesideMedia() throws {
        var world = try World()
        expect(world.assemble(3))
        let audio = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [9]))
        let record = try require(world.clients[0].makeRecord([1], at: world.now))
        let other = try require(world.clients[1].makeRecord([3], at: world.now))
        world.receive([(0, audio), (1, other)] + [(client: Int, bytes: [UInt8])](repeating: (0, record), count: 1_500))
        expect((450...550).contains(world.counters.value(.droppedChannelRate)))
        expect(world.takeRecords().isEmpty)
        world.takeHeldRecords()
        expect(world.takeRecords().map(\.bytes) == [[3], [1]])
        expect((450...550).contains(world.counters.value(.droppedChannelRate)))
    }

    @Test("a flood is cut before it is decrypted, comes to rest, and costs nobody else a packet")
    func flood() throws {
        var world = try World()
        expect(world.assemble(3))
        let record = try require(world.clients[0].makeRecord([1], at: world.now))
        // The same datagram again and again: what passes the allowance fails as a replay, which costs the most.
        for _ in 0..<30 { world.send([[UInt8]](repeating: record, count: 100), from: 0) }
        let dropped = world.counters.value(.droppedChannelRate)
        expect((1_900...2_100).contains(dropped))
        world.send([try require(world.clients[0].makeRecord([2], at: world.now))], from: 0)
        expect(world.counters.value(.droppedChannelRate) == dropped + 1)
        let other = try require(world.clients[1].makeRecord([3], at: world.now))
        let audio = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [9]))
        world.send([(1, other), (0, audio)])
        expect(world.clients[2].received.count == 1)
        expect(world.takeRecords().map(\.bytes) == [[1], [3]])
        world.run(for: .seconds(1 as Int64))
        world.send([try require(world.clients[0].makeRecord([4], at: world.now))], from: 0)
        expect(world.takeRecords().map(\.bytes) == [[4]])
    }

    @Test("what the control plane does not take is dropped and counted; what is taken makes room")
    func fullRing() throws {
        var world = try World(channelRingBytes: 4_096)
        expect(world.assemble(1))
        let record = [UInt8](repeating: 7, count: 1_000)
        for _ in 0..<10 { world.send([try require(world.clients[0].makeRecord(record, at: world.now))], from: 0) }
        let kept = world.takeRecords().count
        expect(kept == 3 || kept == 4)
        expect(world.counters.value(.droppedChannelRing) == UInt64(10 - kept))
        world.send([try require(world.clients[0].makeRecord([8], at: world.now))], from: 0)
        expect(world.takeRecords().map(\.bytes) == [[8]])
    }

    @Test("a packet for somebody who is gone, or not yet there, is dropped and counted")
    func unsent() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        let early = world.clients[0].number
        _ = world.request([.expireEndpoint(early)])
        world.sendRecord([1], to: 0)
        expect(world.counters.value(.droppedChannelUnsent) == 1)
        let creation = EndpointCreation(
            number: EndpointNumber(50), id: "waits", isICEControlling: true, media: EndpointMedia())
        _ = world.request([.createEndpoint(creation)])
        let record: [UInt8] = [1]
        world.host.sendRecord(record.rawSpan, to: EndpointNumber(50), at: world.now, into: &world.egress)
        expect(world.counters.value(.droppedChannelUnsent) == 2)
        expect(world.counters.value(.channelRecordsSent) == 0)
    }
}
