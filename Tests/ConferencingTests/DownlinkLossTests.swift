// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Losses on the way to receivers")
struct DownlinkLossTests {
    /// What a client got on the RTX stream of client 0's camera.
    private func repeats(_ world: borrowing World, _ client: Int = 1) -> [Client.Received] {
        world.clients[client].received.filter { $0.ssrc == 3_000 }
    }

    /// The number that a repeat says it is of.
    private func original(_ packet: Client.Received) -> UInt16 {
        UInt16(packet.payload[0]) << 8 | UInt16(packet.payload[1])
    }

    @Test(
        "what a receiver asks for it gets again over RTX: its own number in front, payload and media time as before",
        arguments: [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80])
    func rtx(profile: SRTPProfile) throws {
        var world = try World(profiles: [profile])
        expect(world.assembleRepairing(3))
        try world.sendVideo(Array(100..<110), key: 100)
        let sent = world.clients[1].received
        let other = world.clients[2].received.count
        let messages = world.messagesSent
        try world.nack([sent[3].sequence, sent[4].sequence, sent[9].sequence], from: 1)
        let repeats = repeats(world)
        #expect(repeats.map { original($0) } == [sent[3].sequence, sent[4].sequence, sent[9].sequence])
        for (packet, place) in zip(repeats, [3, 4, 9]) {
            #expect(Array(packet.payload.dropFirst(2)) == sent[place].payload)
            #expect(packet.timestamp == sent[place].timestamp)
            #expect(packet.payloadType == World.rtxType)
        }
        #expect(repeats.map(\.sequence) == [1, 2, 3])
        expect(world.clients[2].received.count == other)
        // They are of one length and leave together.
        #expect(world.messagesSent == messages + 1)
        expect(world.counters.value(.repeatsAskedFor) == 3)
        expect(world.counters.value(.repeatsSent) == 3)
        // Media goes on under its own numbers.
        try world.sendVideo([110])
        #expect(try require(world.clients[1].received.last).sequence &- sent[9].sequence == 1)
    }

    @Test("each receiver has numbers and payload types of its own, also those of repeats")
    func ownNumbers() throws {
        var world = try World()
        world.createConference()
        expect(world.joinRepairing())
        expect(
            world.joinRepairing { media in
                media.payloadTypes[1].number = 120
                media.payloadTypes[2].number = 121
                media.payloadTypes[2].associated = 120
            })
        expect(world.joinRepairing())
        expect(world.connectAll())
        try world.sendVideo(Array(100..<104), key: 100)
        for client in 1...2 {
            let sent = world.clients[client].received
            try world.nack([sent[2].sequence], from: client)
            let again = try require(repeats(world, client).first)
            #expect(original(again) == sent[2].sequence)
            #expect(Array(again.payload.dropFirst(2)) == World.picture(102))
            #expect(again.payloadType == (client == 1 ? 121 : World.rtxType))
        }
    }

    @Test("picture ids are in a repeat what they were when it was sent first, whatever the sender's are")
    func pictureIDs() throws {
        for hasRTX in [true, false] {
            var world = try World(profiles: [.aes128CMHMACSHA1_80])
            expect(world.assembleRepairing(3, hasRTX: hasRTX))
            var payloads: [[UInt8]] = []
            for number in 0..<6 as Range<UInt8> {
                let descriptor: [UInt8] = [0x90, 0xE0, 0x83, 0xE8 + number, 0x40 + number, 0x20]
                payloads.append(descriptor + vp8(isKeyframe: number == 0).dropFirst())
                let packet = world.clients[0].makeRTP(
                    ssrc: 2_000, payloadType: 100, sequence: 100 + UInt16(number),
                    timestamp: 90_000 + UInt32(number) * 3_000, payload: payloads[Int(number)], marker: true)
                // The fifth is lost for the second client.
                world.clients[2].isDeaf = number == 4
                world.send([try require(packet)], from: 0)
            }
            let sent = world.clients[1].received
            #expect(sent.count == 6)
            #expect(sent[4].payload != payloads[4])
            let first = try require(world.clients[2].received.first)
            // Each has picture ids of its own; what lies between them is the same.
            #expect(first.payload != sent[0].payload)
            try world.nack([sent[4].sequence], from: 1)
            if hasRTX { #expect(try require(repeats(world).first).payload.dropFirst(2) == sent[4].payload[...]) }
            try world.nack([first.sequence &+ 4], from: 2)
            let again = try require(world.clients[2].received.last)
            let payload = hasRTX ? Array(again.payload.dropFirst(2)) : again.payload
            #expect(payload[2...3] != payloads[4][2...3])
            let picture = { (bytes: [UInt8]) in UInt16(bytes[2] & 0x7F) << 8 | UInt16(bytes[3]) }
            #expect((picture(payload) &- picture(first.payload)) & 0x7FFF == 4)
            #expect(payload[4] &- first.payload[4] == 4)
            #expect(payload[5...] == payloads[4][5...])
        }
    }

    @Test("repeats leave behind the media of the turn, of all receivers")
    func order() throws {
        var world = try World()
        expect(world.assembleRepairing(3))
        try world.sendVideo(Array(100..<104), key: 100)
        let sent = world.clients[1].received
        world.clients[1].received = []
        let nack = world.clients[1].makeRTCP {
            GenericNACK.write(senderSSRC: 77, mediaSSRC: 2_000, lost: [sent[1].sequence].span, to: &$0)
        }
        let media = [try world.video(104), try world.video(105)]
        let messages = world.messagesSent
        world.send([(1, try require(nack)), (0, media[0]), (0, media[1])])
        #expect(world.clients[1].received.map(\.ssrc) == [2_000, 2_000, 3_000])
        #expect(world.messagesSent == messages + 3)
    }

    @Test("a repeat that the sender had to repeat first is answered like any other")
    func bothWays() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 102], key: 100)
        world.send([try world.repeated(101, as: 1)], from: 0)
        let sent = try require(world.clients[1].received.last)
        try world.nack([sent.sequence], from: 1)
        let again = try require(repeats(world).first)
        #expect(Array(again.payload.dropFirst(2)) == World.picture(101))
        #expect(original(again) == sent.sequence)
    }

    @Test("without RTX a packet goes out again as it was, where the cipher allows it, and not at all with AES-GCM")
    func plain() throws {
        for profile in [SRTPProfile.aes128CMHMACSHA1_80, .aeadAES128GCM] {
            var world = try World(profiles: [profile])
            expect(world.assembleRepairing(2, hasRTX: false))
            world.clients[1].isDeaf = true
            try world.sendVideo([100], key: 100)
            world.clients[1].isDeaf = false
            // So much later that no replay window knows it any more.
            try world.sendVideo(Array(101..<150))
            let first = try require(world.clients[1].received.first)
            let isCounterMode = profile == .aes128CMHMACSHA1_80
            try world.nack([first.sequence &- 1], from: 1)
            let received = world.clients[1].received
            #expect(received.count == (isCounterMode ? 50 : 49))
            if isCounterMode {
                let again = try require(received.last)
                #expect(again.sequence == first.sequence &- 1)
                #expect(again.payload == World.picture(100, isKeyframe: true))
                #expect(again.ssrc == 2_000 && again.payloadType == 100)
            }
            expect(world.counters.value(.repeatsSentPlain) == (isCounterMode ? 1 : 0))
            expect(world.counters.value(.droppedRepeatUnsendable) == (isCounterMode ? 0 : 1))
            expect(world.counters.value(.droppedSRTPSend) == 0)
        }
    }

    @Test("padding that made a frame even is left out of its repeat")
    func evenFrames() throws {
        var world = try World(profiles: [.aes128CMHMACSHA1_80])
        expect(world.assembleRepairing(2, hasRTX: false))
        var datagrams: [[UInt8]] = []
        for (number, size) in [(100, 600), (101, 603), (102, 603)] {
            datagrams.append(
                try require(
                    world.clients[0].makeRTP(
                        ssrc: 2_000, payloadType: 100, sequence: UInt16(number), timestamp: 90_000,
                        payload: vp8(isKeyframe: number == 100, size: size))))
        }
        world.clients[1].isDeaf = true
        world.send([datagrams[0], datagrams[1]], from: 0)
        world.clients[1].isDeaf = false
        world.send([datagrams[2]], from: 0)
        let last = try require(world.clients[1].received.first)
        try world.nack([last.sequence &- 2, last.sequence &- 1], from: 1)
        let received = world.clients[1].received
        #expect(received.map(\.payload.count) == [614, 611, 614])
        #expect(received.allSatisfy { $0.padding == 0 })
    }

    @Test("what is too old, was never sent or is another's is not found, each under its reason")
    func notFound() throws {
        var world = try World()
        expect(world.assembleRepairing(3))
        try world.sendVideo([100, 101], key: 100)
        let sent = world.clients[1].received
        // Of its own camera, of nobody's, of an RTX stream.
        try world.nack([100], from: 0)
        try world.nack([100], of: 4_711, from: 1)
        try world.nack([1], of: 3_000, from: 1)
        expect(world.counters.value(.nacksUnknown) == 3)
        try world.nack([sent[1].sequence &+ 1, sent[0].sequence &- 1], from: 1)
        expect(world.counters.value(.repeatsNeverSent) == 2)
        world.run(for: .milliseconds(1_100))
        try world.nack([sent[1].sequence], from: 1)
        expect(world.counters.value(.repeatsMissed) == 1)
        for start in stride(from: UInt16(102), to: 402, by: 100) { try world.sendVideo(Array(start..<start + 100)) }
        try world.nack([sent[1].sequence], from: 1)
        expect(world.counters.value(.repeatsForgotten) == 1)
        #expect(repeats(world).isEmpty)
        expect(world.counters.value(.repeatsAskedFor) == 4)
    }

    @Test("the same number in every NACK goes out again once a round trip, and ten times at most")
    func sameNumber() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 101], key: 100)
        let sent = world.clients[1].received
        for _ in 0..<20 { try world.nack([sent[1].sequence, sent[1].sequence], from: 1) }
        #expect(repeats(world).count == 1)
        expect(world.counters.value(.repeatsTooSoon) == 39)
    }

    @Test("a thousand NACKs of everything and of nothing bring no more than the receiver's budget, others get theirs")
    func flood() throws {
        var world = try World()
        expect(world.assembleRepairing(3))
        for start in stride(from: 100, to: 340, by: 60) {
            var datagrams: [[UInt8]] = []
            for number in start..<start + 60 {
                datagrams.append(try world.video(UInt16(number), isKeyframe: number == 100, size: 1_000))
            }
            world.send(datagrams, from: 0)
        }
        let sent = world.clients[1].received.map(\.sequence)
        let bytes = world.counters.value(.bytesSent)
        var random = Random(seed: 9)
        for round in 0..<1_000 {
            let numbers = round % 2 == 0 ? sent : (0..<250).map { _ in UInt16(truncatingIfNeeded: random.next()) }
            let datagram = world.clients[1].makeRTCP {
                GenericNACK.write(senderSSRC: 77, mediaSSRC: 2_000, lost: numbers.span, to: &$0)
            }
            world.send([try require(datagram)], from: 1)
        }
        // 150 kB at once, and nothing over time since no time has passed.
        let repeated = repeats(world)
        #expect(repeated.count > 100)
        expect(world.counters.value(.bytesSent) - bytes <= 160_000)
        expect(world.counters.value(.repeatsIgnored) > 100_000)
        expect(
            world.counters.value(.repeatsAskedFor)
                == world.counters.value(.repeatsIgnored) + world.counters.value(.repeatsNeverSent)
                + world.counters.value(.repeatsForgotten) + world.counters.value(.repeatsTooSoon)
                + world.counters.value(.repeatsOverBudget) + world.counters.value(.repeatsQueueFull)
                + UInt64(repeated.count))
        // The other receiver has its own.
        let other = try require(world.clients[2].received.last)
        try world.nack([other.sequence], from: 2)
        #expect(repeats(world, 2).count == 1)
    }

    @Test("more repeats than a turn or the egress batch takes leave in the turns to come")
    func manyTurns() throws {
        var world = try World(egressBytes: 1_600 * 12)
        expect(world.assembleRepairing(8))
        for start in stride(from: UInt16(100), to: 180, by: 10) {
            try world.sendVideo(Array(start..<start + 10), key: 100)
        }
        var datagrams: [(client: Int, bytes: [UInt8])] = []
        for client in 1..<8 {
            let numbers = world.clients[client].received.map(\.sequence)
            let datagram = world.clients[client].makeRTCP {
                GenericNACK.write(senderSSRC: 77, mediaSSRC: 2_000, lost: numbers.span, to: &$0)
            }
            datagrams.append((client, try require(datagram)))
        }
        world.receive(datagrams)
        expect(world.host.hasWaiting)
        expect(world.host.nextTimeout == .zero)
        var budget = 100
        world.pump(&budget)
        #expect((1..<8).reduce(0) { $0 + repeats(world, $1).count } == 100)
        expect(world.host.hasWaiting)
        // Where media has taken all, some leave nevertheless.
        world.pump(&budget)
        #expect((1..<8).reduce(0) { $0 + repeats(world, $1).count } == 164)
        budget = Int.max
        world.pump(&budget)
        for client in 1..<8 { #expect(repeats(world, client).count == 80) }
        expect(!world.host.hasWaiting)
    }

    @Test("who leaves, is cut off or ends with its source while repeats wait gets none, and others get theirs")
    func leaving() throws {
        var world = try World()
        expect(world.assembleRepairing(5))
        try world.sendVideo(Array(100..<110), key: 100)
        var datagrams: [(client: Int, bytes: [UInt8])] = []
        for client in 1..<5 {
            let numbers = world.clients[client].received.map(\.sequence)
            let datagram = world.clients[client].makeRTCP {
                GenericNACK.write(senderSSRC: 77, mediaSSRC: 2_000, lost: numbers.span, to: &$0)
            }
            datagrams.append((client, try require(datagram)))
        }
        world.receive(Array(datagrams[..<2]))
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        var budget = Int.max
        world.pump(&budget)
        #expect(repeats(world, 1).isEmpty)
        #expect(repeats(world, 2).count == 10)
        expect(world.counters.value(.droppedRepeatWaiting) == 10)
        // Now the source ends, and another takes its slot.
        world.receive([datagrams[2]])
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(
                name: "v", mediaType: .video, streams: [SourceStreamDescription(ssrc: 2_500, rtxSSRC: 3_500)])
        ]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.pump(&budget)
        #expect(repeats(world, 3).isEmpty)
        expect(world.counters.value(.droppedRepeatWaiting) == 20)
        // And the whole meeting.
        let late = world.clients[4].received.map(\.sequence)
        try world.nack(late, from: 4)
        expect(world.counters.value(.nacksUnknown) > 0)
        _ = world.request([.expireConference])
        world.run(for: .seconds(1 as Int64))
        expect(!world.host.hasWaiting)
    }

    @Test("receivers that come and go, and sources that do, leave no memory of what was sent in use")
    func ringsGoBack() throws {
        var world = try World()
        expect(world.assembleRepairing(4))
        try world.sendVideo(Array(100..<110), key: 100)
        expect(world.host.repair.rings.count == 3)
        _ = world.request([.expireEndpoint(world.clients[3].number)])
        expect(world.host.repair.rings.count == 2)
        _ = world.request([.expireEndpoint(world.clients[0].number)])
        expect(world.host.repair.rings.count == 0)
    }

    @Test("what is never asked for is not remembered: voices, and video of receivers without NACK")
    func notRemembered() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<2 { expect(world.joinRepairing { $0.payloadTypes[1].hasNACK = false }) }
        expect(world.connectAll())
        try world.sendVideo(Array(100..<110), key: 100)
        let voice = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1, 2, 3])
        world.send([try require(voice)], from: 0)
        expect(world.clients[1].received.count == 11)
        expect(world.host.repair.rings.count == 0)
    }

    @Test("a receiver that comes back to a source goes on with its RTX numbers: none is used twice")
    func secondPair() throws {
        var world = try World()
        expect(world.assembleRepairing(2))
        try world.sendVideo([100, 101], key: 100)
        try world.nack([try require(world.clients[1].received.last).sequence], from: 1)
        var media = EndpointMedia()
        media.sources = []
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        media.sources = [
            SourceDescription(
                name: "v", mediaType: .video, streams: [SourceStreamDescription(ssrc: 2_000, rtxSSRC: 3_000)])
        ]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        try world.sendVideo([200, 201], key: 200)
        try world.nack([try require(world.clients[1].received.last).sequence], from: 1)
        #expect(repeats(world).map(\.sequence) == [1, 2])
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("what receivers ask for again is known to be lost before they report it; what was never sent is not")
    func brake() throws {
        for (numbers, isBraking) in [(300..<420 as Range<UInt16>, false), (100..<220, true)] {
            var world = try World()
            expect(world.assembleRepairing(3))
            // The first packets begin the account, then come half a second's.
            try world.sendVideo(Array(90..<100), key: 90)
            world.run(for: .milliseconds(600))
            for first in stride(from: 100, to: 220, by: 10) as StrideTo<UInt16> {
                try world.sendVideo(Array(first..<first + 10))
                world.run(for: .milliseconds(20))
            }
            let sent = world.clients[1].received.map(\.sequence)
            let base = try require(sent.first) &- 90
            for number in numbers where number % 3 == 0 { try world.nack([base &+ number], from: 1) }
            world.run(for: .milliseconds(700))
            func hasEvidence(_ client: Int) throws -> Bool {
                let index = try require(world.host.endpointIndex(world.clients[client].number))
                return world.host.endpoints.pointer(at: index).pointee.reception.brake.hasEvidence
            }
            #expect(try hasEvidence(1) == isBraking)
            #expect(try !hasEvidence(2))
        }
    }
}
