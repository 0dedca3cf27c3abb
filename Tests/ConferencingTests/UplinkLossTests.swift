// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives
import RTP
import ShardMessages
import Telemetry
import Testing

@Suite("Losses on the way from senders")
struct UplinkLossTests {
    @Test("what is lost is asked for in the same turn, and its repeat reaches everybody in its place, as it was")
    func repaired() throws {
        var world = try World()
        expect(world.assembleRepairing(3))
        _ = world.takeNacks()
        try world.sendVideo([100, 101, 104], key: 100)
        #expect(world.takeNacks() == [[102, 103]])
        world.send([try world.repeated(102, as: 1), try world.repeated(103, as: 2)], from: 0)
        try world.sendVideo([105])
        #expect(world.takeNacks().isEmpty)
        for client in 1...2 {
            let received = world.clients[client].received
            #expect(world.pictures(client) == [100, 101, 104, 102, 103, 105])
            let first = try require(received.first)
            #expect(received.map { $0.sequence &- first.sequence } == [0, 1, 4, 2, 3, 5])
            #expect(received.map { ($0.timestamp &- first.timestamp) / 3_000 } == [0, 1, 4, 2, 3, 5])
            #expect(received[3].payload == World.picture(102))
            #expect(received.allSatisfy { $0.payloadType == 100 && $0.ssrc == 2_000 })
        }
        expect(world.counters.value(.nacksSent) == 1)
        expect(world.counters.value(.packetsAskedFor) == 2)
        expect(world.counters.value(.packetsRepaired) == 2)
        expect(world.counters.value(.repeatsReceived) == 2)
        expect(world.counters.value(.droppedNotForwardedEncoding) == 0)
        // The loss was one: reports tell it, whatever came after.
        world.run(for: .milliseconds(600))
        let blocks = reportBlocks(world.clients[0].receivedRTCP)
        #expect(blocks.contains { $0.ssrc == 2_000 && $0.cumulativeLost == 2 })
        #expect(!blocks.contains { $0.ssrc == 3_000 })
    }

    @Test("without an answer it is asked for again, ever later, and given up after two seconds")
    func repeatedRequests() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        try world.sendVideo([100, 102], key: 100)
        var times: [Int64] = []
        let start = world.now
        for _ in 0..<500 {
            world.run(for: .milliseconds(5))
            for numbers in world.takeNacks() {
                #expect(numbers == [101])
                times.append((world.now - start).milliseconds)
            }
        }
        #expect(times == [5, 150, 375, 675, 1_050, 1_500])
        expect(world.counters.value(.packetsAskedFor) == 1)
        expect(world.counters.value(.packetsAskedForAgain) == 5)
        expect(world.counters.value(.packetsGivenUp) == 1)
    }

    @Test("repeats of what has come, empty ones, cut ones and such of unknown type end there, each under its reason")
    func useless() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 101, 102], key: 100)
        // A probe of packets that have arrived, twice.
        world.send([try world.repeated(101, as: 1), try world.repeated(101, as: 2)], from: 0)
        expect(world.counters.value(.droppedRepeat) == 2)
        world.send([try world.repair([], as: 3), try world.repair([], as: 4, padding: 224)], from: 0)
        expect(world.counters.value(.droppedProbe) == 2)
        world.send([try world.repair([0], as: 5)], from: 0)
        expect(world.counters.value(.droppedMalformedRTX) == 1)
        world.send([try world.repair([0, 103] + vp8(isKeyframe: false), as: 6, payloadType: 100)], from: 0)
        expect(world.counters.value(.droppedUnknownPayloadType) == 1)
        // From long before all that is known.
        world.send([try world.repeated(60_000, as: 7)], from: 0)
        expect(world.counters.value(.droppedTooLate) == 1)
        #expect(world.pictures(1) == [100, 101, 102])
    }

    @Test("an original that comes behind its repeat is the duplicate")
    func lateOriginal() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 102], key: 100)
        world.send([try world.repeated(101, as: 1)], from: 0)
        try world.sendVideo([101])
        #expect(world.pictures(1) == [100, 102, 101])
        expect(world.counters.value(.droppedDuplicate) == 1)
    }

    @Test("packets that change places within a turn are not asked for")
    func reordered() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        try world.sendVideo([100, 103, 101, 102], key: 100)
        world.run(for: .milliseconds(400))
        #expect(world.takeNacks().isEmpty)
        #expect(world.pictures(1) == [100, 103, 101, 102])
    }

    @Test("of what nobody watches nothing is asked for, and what is repeated of it goes nowhere")
    func unwatched() throws {
        var world = try World()
        world.createConference()
        expect(world.joinRepairing())
        expect(world.connectAll())
        _ = world.takeNacks()
        try world.sendVideo([100, 102], key: 100)
        world.send([try world.repeated(101, as: 1)], from: 0)
        #expect(world.takeNacks().isEmpty)
        expect(world.counters.value(.droppedRepeat) == 1)
        // Somebody comes: what was lost before is of no interest.
        expect(world.joinRepairing())
        expect(world.connectAll(from: 1))
        _ = world.takeNacks()
        try world.sendVideo([110, 112], key: 110)
        #expect(world.takeNacks() == [[111]])
        // And goes: nothing is asked for any more.
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        try world.sendVideo([113])
        world.run(for: .seconds(3 as Int64))
        #expect(world.takeNacks().isEmpty)
    }

    @Test("a sender without NACK is not asked, and its repeats are not believed")
    func withoutNack() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<2 { expect(world.joinRepairing { $0.payloadTypes[1].hasNACK = false }) }
        expect(world.connectAll())
        _ = world.takeNacks()
        try world.sendVideo([100, 102], key: 100)
        world.send([try world.repeated(101, as: 1)], from: 0)
        world.run(for: .milliseconds(400))
        #expect(world.takeNacks().isEmpty)
        #expect(world.pictures(1) == [100, 102])
        expect(world.counters.value(.droppedRepeat) == 1)
    }

    @Test("padding alone has come, too: it is not asked for, and one that was lost is done with its repeat")
    func padding() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        let padding = try require(
            world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, sequence: 101, timestamp: 90_000, payload: [], padding: 100))
        world.send([try world.video(100, isKeyframe: true), padding, try world.video(102)], from: 0)
        try world.sendVideo([104])
        #expect(world.takeNacks() == [[103]])
        world.send([try world.repair([0, 103], as: 1, padding: 50)], from: 0)
        world.run(for: .milliseconds(400))
        #expect(world.takeNacks().isEmpty)
        expect(world.counters.value(.droppedPaddingOnly) == 2)
        // The gap of what came is closed, that of the loss receivers have seen.
        let first = try require(world.clients[1].received.first)
        #expect(world.clients[1].received.map { $0.sequence &- first.sequence } == [0, 1, 3])
    }

    @Test("a jump that large is a new beginning: nothing of before is asked for")
    func restart() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        try world.sendVideo([100, 102], key: 100)
        #expect(world.takeNacks() == [[101]])
        try world.sendVideo([10_000, 10_001], key: 10_000)
        try world.sendVideo([10_003])
        #expect(world.takeNacks() == [[10_002]])
        world.send([try world.repeated(101, as: 1), try world.repeated(10_002, as: 2)], from: 0)
        #expect(world.pictures(1) == [100, 102, 10_000, 10_001, 10_003, 10_002])
        expect(world.counters.value(.droppedTooLate) == 1)
    }

    @Test("nobody needs what is missing before a key frame")
    func keyframe() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        try world.sendVideo([100, 102, 104], key: 104)
        world.run(for: .milliseconds(400))
        #expect(world.takeNacks().isEmpty)
        expect(world.counters.value(.packetsGivenUp) == 2)
    }

    @Test("of what the focus has muted nothing is asked for, and its repeats are not even read")
    func muted() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 102], key: 100)
        _ = world.takeNacks()
        var media = EndpointMedia()
        media.forceMuteVideo = true
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        try world.sendVideo([103, 105])
        world.send([try world.repeated(104, as: 1)], from: 0)
        world.run(for: .milliseconds(400))
        #expect(world.takeNacks().isEmpty)
        expect(world.counters.value(.droppedForceMuted) == 3)
        expect(world.counters.value(.repeatsReceived) == 0)
        #expect(world.pictures(1) == [100, 102])
    }

    @Test("a source that is signalled again keeps what is missing of it")
    func signalledAgain() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 102], key: 100)
        #expect(world.takeNacks() == [[101]])
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(
                name: "v", mediaType: .video,
                streams: [
                    SourceStreamDescription(ssrc: 2_000, rtxSSRC: 3_000),
                    SourceStreamDescription(ssrc: 2_900, rtxSSRC: 3_900),
                ])
        ]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.send([try world.repeated(101, as: 1)], from: 0)
        #expect(world.pictures(1) == [100, 102, 101])
        expect(world.counters.value(.packetsRepaired) == 1)
    }

    @Test("a source that ends takes its requests with it")
    func ended() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 102], key: 100)
        _ = world.takeNacks()
        var media = EndpointMedia()
        media.sources = []
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.run(for: .seconds(1 as Int64))
        #expect(world.takeNacks().isEmpty)
    }

    @Test("who leaves out most of what it numbers gets one request a turn, of bounded size")
    func holes() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        _ = world.takeNacks()
        try world.sendVideo([100], key: 100)
        var sequence: UInt16 = 100
        for _ in 0..<300 {
            sequence &+= 90
            try world.sendVideo([sequence, sequence &+ 2])
            let nacks = world.takeNacks()
            #expect(nacks.count <= 1)
            #expect(nacks.allSatisfy { $0.count <= 128 })
            world.now = world.now + .milliseconds(1)
        }
        expect(world.counters.value(.nacksSent) <= 300)
    }
}
