// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("SSRC rewriting")
struct RewritingTests {
    // MARK: What comes under which SSRC

    @Test("each receiver gets sources under SSRCs of its own, which it is told before; those in plain mode as ever")
    func slots() throws {
        var world = try World()
        world.createConference()
        for number in 0..<4 { expect(number == 3 ? world.joinNamed() : world.joinRewriting()) }
        expect(world.connectAll())
        world.run(for: .milliseconds(200))
        var known: Set<UInt32> = [1, 2]
        for client in 0..<3 {
            // All that are not its own, told ahead of the first packet.
            let others = (0..<4).filter { $0 != client }.flatMap { ["a\($0)", "v\($0)"] }
            expect(Set(world.slots(of: client).keys) == Set(others))
            for (name, slot) in world.slots(of: client) {
                #expect(slot.mediaType == (name.hasPrefix("a") ? .audio : .video))
                #expect((slot.rtxSSRC == nil) == name.hasPrefix("a") && slot.mediaID == nil)
                for ssrc in [slot.ssrc, slot.rtxSSRC].compactMap({ $0 }) {
                    #expect(ssrc > 9_999 && known.insert(ssrc).inserted, "nobody else's")
                }
            }
        }
        expect(world.slots(of: 3).isEmpty)
        for client in 0..<4 { _ = world.take(client) }
        for client in 0..<4 {
            try world.speak(client)
            try world.show(client, isKeyframe: true)
        }
        for client in 0..<3 {
            let received = world.take(client)
            let expected = Set(world.slots(of: client).values.map(\.ssrc))
            #expect(Set(received.map(\.ssrc)) == expected && received.count == 6)
        }
        #expect(Set(world.take(3).map(\.ssrc)) == [1_000, 1_001, 1_002, 2_000, 2_001, 2_002])
    }

    @Test("a voice that comes later is told at once and heard a tenth of a second later; what is held back is counted")
    func hold() throws {
        var world = try World()
        expect(world.assembleRewriting(2))
        expect(world.joinRewriting())
        expect(world.connectAll(from: 2))
        world.run(for: .milliseconds(200))
        // A source of one who is in.
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(name: "a0", mediaType: .audio, streams: [SourceStreamDescription(ssrc: 1_000)]),
            SourceDescription(name: "late", mediaType: .audio, streams: [SourceStreamDescription(ssrc: 4_242)]),
        ]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.run(for: .milliseconds(20))
        _ = world.take(1)
        let slot = try world.slot("late", at: 1)
        for step in 0..<10 {
            try world.speak(0, ssrc: 4_242)
            let received = world.take(1)
            #expect(received.map(\.ssrc) == (step < 4 ? [] : [slot.ssrc]), "after \(20 + 20 * step) ms")
            world.run(for: .milliseconds(20))
        }
        #expect(world.counters.value(.droppedBeforeMapped) == 8, "two receivers, four packets")
    }

    @Test("a picture that is not asked for has a slot all the same, as far as there are some, and is not sent")
    func prepared() throws {
        var world = try World { $0.lastN.slots = 2 }
        world.createConference()
        var nothing = ReceiverPreferences()
        nothing.video.defaultConstraint = .nothing
        expect(world.joinRewriting(preferences: nothing))
        for _ in 0..<3 { expect(world.joinRewriting()) }
        expect(world.connectAll())
        expect(world.slots(of: 0).keys.filter { $0.hasPrefix("v") }.count == 2)
        _ = world.take(0)
        for client in 1...3 { try world.show(client, isKeyframe: true) }
        #expect(world.take(0).isEmpty)
        // The third is asked for: it takes the place of one that nobody asked for.
        world.prefer(0) {
            $0.video.defaultConstraint = .nothing
            $0.video.constraints = ["v3": VideoConstraint(maxHeight: 720)]
        }
        world.run(for: .milliseconds(20))
        let slot = try world.slot("v3", at: 0)
        for client in 1...3 { try world.show(client, isKeyframe: true) }
        #expect(world.take(0).map(\.ssrc) == [slot.ssrc])
        expect(world.slots(of: 0).keys.filter { $0.hasPrefix("v") }.count == 2)
    }

    @Test("a source that is called otherwise is told again in its slot, and goes on")
    func renamed() throws {
        var world = try World()
        expect(world.assembleRewriting(2))
        world.run(for: .milliseconds(200))
        try world.speak(1)
        let before = try world.slot("a1", at: 0)
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(name: "b1", mediaType: .audio, streams: [SourceStreamDescription(ssrc: 1_001)]),
            SourceDescription(
                name: "v1", mediaType: .video, streams: [SourceStreamDescription(ssrc: 2_001, rtxSSRC: 3_001)]),
        ]
        let changes = world.toldChanges(0)
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        world.run(for: .milliseconds(20))
        #expect(world.toldChanges(0) == changes + 1)
        #expect(try world.slot("b1", at: 0).ssrc == before.ssrc)
        expect(world.slots(of: 0)["a1"] == nil)
        try world.speak(1)
        let numbers = world.take(0).suffix(2).map(\.sequence)
        #expect(numbers[1] &- numbers[0] == 1)
    }

    // MARK: More sources than slots

    /// One who sends 51 pictures, and one who gets them in 50 slots; 50 are asked for.
    private func manyPictures() throws -> World {
        var world = try World()
        world.createConference()
        expect(
            world.joinRewriting { media in
                media.sources = (0..<51).map {
                    SourceDescription(
                        name: "p\($0)", mediaType: .video,
                        streams: [SourceStreamDescription(ssrc: 20_000 + UInt32($0), rtxSSRC: 30_000 + UInt32($0))])
                }
            })
        expect(world.joinRewriting { $0.sources = [] })
        expect(world.connectAll())
        ask(&world, for: 0..<50)
        return world
    }

    private func ask(_ world: inout World, for numbers: some Sequence<Int>) {
        world.prefer(1) {
            $0.video.defaultConstraint = .nothing
            for number in numbers { $0.video.constraints["p\(number)"] = VideoConstraint(maxHeight: 180) }
        }
        world.run(for: .milliseconds(100))
    }

    @Test("the 51st picture takes the eldest slot, and only that is told; the one that lost it is not sent")
    func eldest() throws {
        var world = try manyPictures()
        let before = world.slots(of: 1)
        #expect(before.count == 50)
        for number in 0..<51 { try world.show(0, ssrc: 20_000 + UInt32(number), isKeyframe: true) }
        #expect(Set(world.take(1).map(\.ssrc)).count == 50)
        // p1 is touched last, p0 first among the others.
        ask(&world, for: [1])
        ask(&world, for: Array(2..<50) + [1])
        let changes = world.toldChanges(1)
        ask(&world, for: Array(1..<51))
        #expect(world.toldChanges(1) == changes + 1)
        let after = world.slots(of: 1)
        #expect(after["p0"] == nil && after["p50"]?.ssrc == before["p0"]?.ssrc)
        #expect(after["p50"]?.rtxSSRC == before["p0"]?.rtxSSRC)
        for number in 1..<50 { #expect(after["p\(number)"] == before["p\(number)"]) }
        _ = world.take(1)
        try world.show(0, ssrc: 20_000, isKeyframe: true)
        #expect(world.take(1).isEmpty)
        try world.show(0, ssrc: 20_050)
        #expect(world.take(1).isEmpty, "it begins with a key frame")
        try world.show(0, ssrc: 20_050, isKeyframe: true)
        #expect(world.take(1).map(\.ssrc) == [try #require(before["p0"]).ssrc])
    }

    @Test("whatever takes a slot from whom, its stream is one: numbers, times, picture ids and TL0PICIDX go on")
    func oneStream() throws {
        var world = try World { $0.lastN.slots = 1 }
        world.createConference()
        for number in 0..<3 {
            expect(
                world.joinRewriting { media in
                    guard number > 0 else { return }
                    media.sources?[1].streams = (0..<2).map {
                        SourceStreamDescription(ssrc: UInt32(7_000 + number * 10 + $0))
                    }
                })
        }
        expect(world.connectAll())
        var cameras = [Camera(ssrcs: [7_010, 7_011]), Camera(ssrcs: [7_020, 7_021])]
        var received: [Client.Received] = []
        for round in 0..<12 {
            let shown = round % 2 + 1
            world.prefer(0) {
                $0.video.defaultConstraint = .nothing
                $0.video.constraints["v\(shown)"] = VideoConstraint(maxHeight: round % 3 == 0 ? 360 : 180)
            }
            world.run(for: .milliseconds(60))
            for frame in 0..<9 {
                for client in 1...2 {
                    for packet in cameras[client - 1].next(isKeyframe: frame == 3) {
                        let datagram = world.clients[client].makeRTP(
                            ssrc: packet.ssrc, payloadType: 100, sequence: packet.sequence,
                            timestamp: packet.timestamp, payload: packet.payload, marker: packet.marker)
                        world.send([try require(datagram)], from: client)
                    }
                }
                world.run(for: .milliseconds(33))
            }
            let batch = world.take(0).filter { $0.payloadType == 100 }
            #expect(!batch.isEmpty, "round \(round)")
            received += batch
        }
        let slot = try require(world.slots(of: 0).values.first { $0.mediaType == .video })
        #expect(Set(received.map(\.ssrc)) == [slot.ssrc])
        var last: (sequence: UInt16, time: UInt32, picture: UInt16, base: UInt8)?
        for packet in received {
            let picture = UInt16(packet.payload[2] & 0x7F) << 8 | UInt16(packet.payload[3])
            let base = packet.payload[4]
            if let last {
                let step = packet.sequence &- last.sequence
                #expect(step == 1 || step == 2, "a number free for the end of a frame that was cut off, no more")
                #expect(Int32(bitPattern: packet.timestamp &- last.time) >= 0)
                #expect((picture &- last.picture) & 0x7FFF <= 1 && base &- last.base <= 1)
                #expect((picture == last.picture) == (packet.timestamp == last.time))
            }
            last = (packet.sequence, packet.timestamp, picture, base)
        }
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("a source that ends gives its slot back: the next one has its SSRCs and goes on with its numbers")
    func freed() throws {
        var world = try World { $0.lastN.slots = 3 }
        expect(world.assembleRewriting(2))
        world.run(for: .milliseconds(200))
        try world.speak(1)
        try world.show(1, isKeyframe: true)
        let before = world.slots(of: 0)
        let first = world.take(0)
        #expect(first.count == 2)
        for number in 2..<12 {
            _ = world.request([.expireEndpoint(world.clients[number - 1].number)])
            world.run(for: .milliseconds(20))
            expect(world.slots(of: 0).isEmpty)
            expect(world.joinRewriting())
            expect(world.connectAll(from: number))
            world.run(for: .milliseconds(200))
            let after = world.slots(of: 0)
            #expect(after["a\(number)"]?.ssrc == before["a1"]?.ssrc)
            #expect(after["v\(number)"]?.ssrc == before["v1"]?.ssrc)
            try world.speak(number)
            try world.show(number, isKeyframe: true)
            let received = world.take(0)
            #expect(received.count == 2)
            for packet in received {
                let former = try #require(first.first { $0.ssrc == packet.ssrc })
                #expect(packet.sequence == former.sequence &+ UInt16(number - 1))
            }
        }
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("a voice without a slot takes that of one that rests; where all speak it is not heard, and that is counted")
    func voices() throws {
        var world = try World { $0.audioSlots = 2 }
        expect(world.assembleRewriting(5))
        world.run(for: .milliseconds(200))
        let names = world.slots(of: 0).keys.filter { $0.hasPrefix("a") }.sorted()
        #expect(names == ["a1", "a2"])
        _ = world.take(0)
        // 1 and 2 have slots and rest; 3 takes one of them at its first packet, the client knows the SSRC.
        try world.speak(2)
        world.run(for: .milliseconds(1_500))
        try world.speak(1)
        let before = world.take(0)
        try world.speak(3)
        world.run(for: .milliseconds(10))
        let taken = try require(world.take(0).first)
        let slot = try world.slot("a3", at: 0)
        #expect(taken.ssrc == slot.ssrc && before.contains { $0.ssrc == slot.ssrc })
        let former = try require(before.last { $0.ssrc == slot.ssrc })
        #expect(taken.sequence == former.sequence &+ 1)
        #expect(Int32(bitPattern: taken.timestamp &- former.timestamp) > 48 * 1_000)
        expect(world.slots(of: 0)["a2"] == nil)
        // Both speak: nobody is cut off for 2 and 4.
        let dropped = world.counters.value(.droppedUnmapped)
        for _ in 0..<50 {
            for client in 1...4 { try world.speak(client) }
            world.run(for: .milliseconds(20))
        }
        let heard = world.take(0).map { $0.payload[1] }
        #expect(Set(heard) == [1, 3] && heard.count == 100)
        // Receivers 1 to 4 have two slots each as well.
        #expect(world.counters.value(.droppedUnmapped) > dropped + 99)
        // Now they rest.
        world.run(for: .milliseconds(1_200))
        _ = world.take(0)
        try world.speak(4)
        world.run(for: .milliseconds(10))
        #expect(world.take(0).map { $0.payload[1] } == [4])
    }

    @Test("without slots nothing is sent")
    func none() throws {
        var world = try World {
            $0.audioSlots = 0
            $0.lastN.slots = 0
        }
        expect(world.assembleRewriting(2))
        world.run(for: .milliseconds(200))
        try world.speak(1)
        try world.show(1, isKeyframe: true)
        #expect(world.take(0).isEmpty)
        expect(world.slots(of: 0).isEmpty)
        expect(world.counters.value(.droppedUnmapped) == 1)
    }

    // MARK: Media lines

    @Test("names of media lines are told and stamped on all packets of a slot, repeats included, if negotiated")
    func mediaIDs() throws {
        var world = try World()
        world.createConference()
        expect(world.joinRewriting(.namedSlots))
        expect(world.joinRewriting(.namedSlots) { media in media.headerExtensions.removeAll { $0.kind == .mid } })
        expect(world.joinRewriting(.slots))
        expect(world.connectAll())
        world.run(for: .milliseconds(200))
        #expect(Set(world.slots(of: 0).values.compactMap(\.mediaID)) == ["a0", "a1", "v0", "v1"])
        #expect(Set(world.slots(of: 1).values.compactMap(\.mediaID)) == ["a0", "a1", "v0", "v1"])
        expect(world.slots(of: 2).values.allSatisfy { $0.mediaID == nil })
        try world.speak(2)
        try world.show(2, isKeyframe: true)
        try world.speak(0)
        let video = try world.slot("v2", at: 0)
        for (name, ssrc) in [("a2", try world.slot("a2", at: 0).ssrc), ("v2", video.ssrc)] {
            let packet = try require(world.clients[0].received.last { $0.ssrc == ssrc })
            #expect(packet.extensions[10] == Array(try world.slot(name, at: 0).mediaID.map { Array($0.utf8) } ?? []))
        }
        expect(world.clients[1].received.count >= 3)
        expect(world.clients[1].received.allSatisfy { $0.extensions[10] == nil })
        expect(world.clients[2].received.allSatisfy { $0.extensions[10] == nil })
        let lost = try require(world.clients[0].received.last { $0.ssrc == video.ssrc })
        try world.nack([lost.sequence], of: video.ssrc, from: 0)
        let again = try require(world.clients[0].received.last { $0.ssrc == video.rtxSSRC })
        #expect(again.extensions[10] == video.mediaID.map { Array($0.utf8) })
        #expect(again.payload.dropFirst(2).elementsEqual(lost.payload))
    }
}
