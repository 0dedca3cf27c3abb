// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("The hall: order, shares and limits")
struct HallTests {
    /// Packets of `senders`, `count` of each, sent one sender after the other or in turn.
    private func packets(
        _ world: inout World, senders: Int, count: Int, isInterleaved: Bool
    ) throws -> [(client: Int, bytes: [UInt8])] {
        var list: [(client: Int, bytes: [UInt8])] = []
        for sender in 0..<senders {
            for number in 0..<count {
                let packet = world.clients[sender].makeRTP(
                    ssrc: 2_000 + UInt32(sender), payloadType: 100, sequence: UInt16(1_000 + number),
                    timestamp: 90_000, payload: vp8(isKeyframe: number == 0, size: 900 + sender))
                list.append((sender, try require(packet)))
            }
        }
        guard isInterleaved else { return list }
        return (0..<count).flatMap { number in (0..<senders).map { list[$0 * count + number] } }
    }

    @Test("mixed packets of many senders make as many kernel messages as packets that come sender by sender")
    func interleaved() throws {
        var messages: [Int] = []
        for isInterleaved in [false, true] {
            var world = try World()
            expect(world.assemble(12))
            let batch = try packets(&world, senders: 6, count: 4, isInterleaved: isInterleaved)
            world.messagesSent = 0
            world.send(batch)
            messages.append(world.messagesSent)
            for index in 0..<12 {
                #expect(world.clients[index].received.count == (index < 6 ? 20 : 24))
                for sender in 0..<6 where sender != index {
                    let numbers = world.clients[index].received.filter { $0.ssrc == 2_000 + UInt32(sender) }
                        .map(\.sequence)
                    for (one, next) in zip(numbers, numbers.dropFirst()) { #expect(next &- one == 1) }
                }
            }
        }
        #expect(messages[1] <= messages[0])
        // Six streams are five messages: the shortest one's packets are the last of four others.
        #expect(messages[0] == 6 * 5 + 5 * 4 + 5)
    }

    /// Messages to somebody who sends nothing, for packets of `lengths`, each list from a sender of its own.
    private func messages(_ lengths: [[Int]], isVideo: Bool) throws -> Int {
        var world = try World()
        expect(world.assemble(lengths.count + 1))
        var batch: [(client: Int, bytes: [UInt8])] = []
        for number in 0..<(lengths.map(\.count).max() ?? 0) {
            for (sender, list) in lengths.enumerated() where number < list.count {
                let packet = world.clients[sender].makeRTP(
                    ssrc: (isVideo ? 2_000 : 1_000) + UInt32(sender), payloadType: isVideo ? 100 : 111,
                    sequence: UInt16(1_000 + number), timestamp: UInt32(number) * 3_000,
                    payload: isVideo
                        ? vp8(isKeyframe: number == 0, size: list[number])
                        : [UInt8](
                            repeating: 7, count: list[number]))
                batch.append((sender, try require(packet)))
            }
        }
        world.messagesTo = [:]
        world.send(batch)
        let received = world.clients[lengths.count].received
        #expect(received.count == batch.count)
        for sender in 0..<lengths.count {
            let own = received.filter { $0.ssrc % 1_000 == UInt32(sender) }
            #expect(own.count == lengths[sender].count)
            for (one, next) in zip(own, own.dropFirst()) { #expect(next.sequence &- one.sequence == 1) }
        }
        return world.messagesTo[world.clients[lengths.count].address] ?? 0
    }

    @Test("sources of one length are one message; the shortest are the last packets of longer ones' messages")
    func tails() throws {
        let falling = (0..<6).map { [1_100 - 20 * $0, 1_100 - 20 * $0] }
        #expect(try messages(falling, isVideo: true) == 4)
        #expect(try messages(falling.reversed(), isVideo: true) == 4)
        #expect(try messages([[Int]](repeating: [80], count: 10), isVideo: false) == 1)
        #expect(try messages([[80], [81], [82], [83], [84], [85]], isVideo: false) == 3)
        // A frame whose last packet is shorter leaves no place; the second and third share one.
        #expect(try messages([[1_000, 1_000, 500], [900], [800]], isVideo: true) == 2)
        #expect(try messages([[1_000, 1_000, 500]], isVideo: true) == 1)
        #expect(try messages([[700]], isVideo: true) == 1)
    }

    @Test("every packet of every source leaves once and in its order, however many there are of each")
    func anyLengths() throws {
        var random = Random(seed: 5)
        for _ in 0..<20 {
            let lengths = (0..<random.int(in: 1...9)).map { _ in
                (0..<random.int(in: 1...6)).map { _ in [300, 700, random.int(in: 200...1_100)][random.int(in: 0...2)] }
            }
            let count = try messages(lengths, isVideo: true)
            #expect(count >= 1 && count <= lengths.reduce(0) { $0 + $1.count })
        }
    }

    @Test("a frame is made even although another sender's packets came between its own")
    func evenBetweenOthers() throws {
        var world = try World()
        expect(world.assemble(3))
        var batch: [(client: Int, bytes: [UInt8])] = []
        for number in 0..<3 {
            for sender in 0...1 {
                let packet = world.clients[sender].makeRTP(
                    ssrc: 2_000 + UInt32(sender), payloadType: 100, sequence: UInt16(number + 1), timestamp: 90_000,
                    payload: vp8(isKeyframe: number == 0, size: 900 + number))
                batch.append((sender, try require(packet)))
            }
        }
        world.send(batch)
        for sender in 0...1 {
            let frame = world.clients[2].received.filter { $0.ssrc == 2_000 + UInt32(sender) }
            #expect(frame.map(\.padding) == [2, 1, 0])
            #expect(frame.map(\.payload) == (0..<3).map { vp8(isKeyframe: $0 == 0, size: 900 + $0) })
        }
    }

    @Test("nothing that a member sends as RTCP is amplified: at most a sender report per source, receiver and interval")
    func amplification() throws {
        var world = try World()
        expect(world.assemble(12))
        for index in 0..<12 { world.clients[index].receivedRTCP = [] }
        var reports: UInt64 = 0
        for round in 0..<6 {
            for _ in 0..<10 {
                // 42 reports in one datagram, as long as a datagram can be.
                let compound = world.clients[0].makeRTCP { writer in
                    for number in 0..<42 {
                        reports += 1
                        SenderReport(
                            ssrc: number % 2 == 0 ? 1_000 : 2_000, ntp: NTPTime(reports << 20), rtpTimestamp: 1,
                            packetCount: 1, octetCount: 1
                        ).write(to: &writer)
                    }
                }
                world.send([try require(compound)], from: 0)
                let media = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1])
                world.send([try require(media)], from: 0)
            }
            for index in 1..<12 {
                let received = senderReports(world.clients[index].receivedRTCP)
                #expect(received.count <= round + 1)
                #expect(received.allSatisfy { $0.ssrc == 1_000 })
            }
            world.run(for: .milliseconds(500))
        }
        // It still gets through, and it is the latest.
        let last = senderReports(world.clients[1].receivedRTCP).last
        #expect(try require(last).ntp.value > (reports - 1_000) << 20)
    }

    @Test("whatever RTCP a member sends, the others get no more packets than there are media packets and receivers")
    func amplificationOfEverything() throws {
        var random = Random(seed: 11)
        for round in 0..<40 {
            var world = try World(profiles: [.aeadAES128GCM])
            expect(world.assemble(6))
            for index in 0..<6 { (world.clients[index].received, world.clients[index].receivedRTCP) = ([], []) }
            var media = 0
            for _ in 0..<100 {
                if random.int(in: 0...3) == 0 {
                    let packet = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1])
                    world.send([try require(packet)], from: 0)
                    media += 1
                } else {
                    let datagram = world.clients[0].makeRTCP { writer in Self.anyRTCP(&random, &writer) }
                    world.send([try require(datagram)], from: 0)
                }
                if round % 2 == 1 { world.run(for: .milliseconds(10)) }
            }
            for index in 1..<6 {
                let count = world.clients[index].received.count
                #expect(count == media)
                // A sender report in 500 ms, and a picture asked for by one pair: once while no time passes, and three
                // times in ten seconds.
                #expect(world.clients[index].receivedRTCP.count <= (round % 2 == 0 ? 1 + 1 : 3 + 3))
            }
        }
    }

    /// A compound of everything that RTCP knows, and of every other type (192 to 223, RFC 5761) in every format.
    private static func anyRTCP(_ random: inout Random, _ writer: inout BufferWriter) {
        // Ends: a bounded count.
        for _ in 0..<random.int(in: 1...20) {
            let ssrc = [1_000, 2_000, 1_001, 2_001, 2_002, 77][random.int(in: 0...5)] as UInt32
            switch random.int(in: 0...9) {
            case 7...9:
                // SDES, APP, XR, transport-wide feedback, TMMBR and whatever else there may be, about such a source.
                let words = random.int(in: 1...7)
                writer.uint8(UInt8(0x80 | random.int(in: 0...31)))
                writer.uint8(UInt8(random.int(in: 192...223)))
                writer.uint16(UInt16(words))
                for _ in 0..<words { writer.uint32(random.int(in: 0...2) == 0 ? ssrc : UInt32(random.int(in: 0...9))) }
            case 0:
                SenderReport(
                    ssrc: ssrc, ntp: NTPTime(random.next()), rtpTimestamp: 1, packetCount: 1, octetCount: 1
                ).write(to: &writer)
            case 1: KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: ssrc, to: &writer)
            case 2:
                KeyframeRequest.writeFullIntra(
                    senderSSRC: 9, entry: .init(ssrc: ssrc, sequence: UInt8(random.int(in: 0...255))), to: &writer)
            case 3:
                GenericNACK.write(senderSSRC: 9, mediaSSRC: ssrc, lost: ([1, 2, 900] as [UInt16]).span, to: &writer)
            case 4: SourceDescription.writeGoodbye(ssrc: ssrc, to: &writer)
            case 5: MaximumBitrateEstimate(senderSSRC: 9, bitrate: 1_000).write(sources: [ssrc].span, to: &writer)
            default:
                var report = ReceiverReportWriter(senderSSRC: 9)
                _ = report.append(
                    ReportBlock(
                        ssrc: ssrc, fractionLost: 255, cumulativeLost: -1, highestSequence: 7, jitter: 1,
                        lastSenderReport: 5, delaySinceLastSenderReport: 1), to: &writer)
            }
        }
    }

    /// A meeting of twenty, and two people, 20 and 21, in another one.
    private func twoMeetings() throws -> World {
        var world = try World()
        expect(world.assemble(20))
        let other = ConferenceNumber(8)
        _ = world.request([.createConference(name: "small", audioSSRC: 3, videoSSRC: 4)], conference: other)
        for _ in 0..<2 { expect(world.join(conference: other)) }
        expect(world.connectAll())
        return world
    }

    @Test("a turn's budget is kept, what is left goes on later in the same order, and others are served in between")
    func turns() throws {
        var world = try twoMeetings()
        var large: [(client: Int, bytes: [UInt8])] = []
        for number in 0..<40 {
            let packet = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [UInt8(number)])
            large.append((0, try require(packet)))
        }
        let small = try require(world.clients[20].makeRTP(ssrc: 1_020, payloadType: 111, payload: [99]))
        // 760 packets for the large meeting. The small one's comes behind them, a turn later, and leaves first in that.
        world.receive(large)
        var turns = 0
        var smallTurn = 0
        // Ends: each turn sends something.
        while world.host.hasWaiting {
            turns += 1
            let before = world.counters.value(.rtpForwarded)
            var budget = 100
            world.pump(&budget)
            expect(world.counters.value(.rtpForwarded) - before <= 100 + 40)
            if turns == 1 { world.receive([(20, small)]) }
            if smallTurn == 0, !world.clients[21].received.isEmpty { smallTurn = turns }
        }
        #expect(turns >= 6)
        #expect(smallTurn == 2)
        for index in 1..<20 { #expect(world.clients[index].received.map(\.payload) == (0..<40).map { [UInt8($0)] }) }
        expect(world.counters.value(.droppedBatchFull) == 0)
    }

    @Test("a meeting that lets others pass goes on although they have something in every turn")
    func yields() throws {
        var world = try twoMeetings()
        let large = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))
        world.receive([(0, large)])
        var turns = 0
        // Ends: by the limit.
        while turns < 60, world.clients[19].received.isEmpty {
            turns += 1
            // As much as the turn may send: two packets, each with its visit.
            let small = try (0..<2).map { _ in
                (20, try require(world.clients[20].makeRTP(ssrc: 1_020, payloadType: 111, payload: [99])))
            }
            world.receive(small)
            var budget = 3
            world.pump(&budget)
        }
        #expect((1..<20).allSatisfy { world.clients[$0].received.count == 1 })
        #expect(turns < 60)
    }

    @Test("what waits is bounded; a meeting beyond the worker's means loses its newest packets and nobody else's")
    func waitingIsBounded() throws {
        var world = try World()
        expect(world.assemble(3))
        var sent = 0
        for _ in 0..<20 {
            var batch: [(client: Int, bytes: [UInt8])] = []
            for _ in 0..<100 {
                batch.append((0, try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))))
            }
            world.receive(batch)
            sent += 100
            world.host.park()
        }
        let dropped = Int(world.counters.value(.droppedBatchFull))
        #expect(dropped == sent - ConferencingLimits.waitingPackets)
        var budget = Int.max
        world.pump(&budget)
        expect(world.clients[1].received.count == sent - dropped)
        expect(world.host.batch.count == 0)
    }

    @Test("who leaves, what ends and who joins in the middle of a walk disturb nobody")
    func changesInTheMiddle() throws {
        var random = Random(seed: 3)
        for _ in 0..<12 {
            var world = try World(profiles: [.aeadAES128GCM])
            expect(world.assemble(8))
            for round in 0..<6 {
                var batch: [(client: Int, bytes: [UInt8])] = []
                for sender in 0..<3 where !world.clients[sender].isDeaf {
                    for _ in 0..<5 {
                        let packet = world.clients[sender].makeRTP(
                            ssrc: 1_000 + UInt32(sender), payloadType: 111, payload: [UInt8(round)])
                        batch.append((sender, try require(packet)))
                    }
                }
                world.receive(batch)
                var budget = random.int(in: 1...30)
                world.pump(&budget)
                let victim = random.int(in: 0...7)
                switch random.int(in: 0...3) {
                case 0:
                    _ = world.request([.expireEndpoint(world.clients[victim].number)])
                    world.clients[victim].isDeaf = true
                case 1:
                    var media = EndpointMedia()
                    media.sources = []
                    _ = world.request([.updateEndpoint(world.clients[victim].number, media: media, remote: nil)])
                case 2 where round == 5: _ = world.request([.expireConference])
                default: break
                }
                budget = random.int(in: 0...1) == 0 ? .max : 20
                world.pump(&budget)
            }
            var budget = Int.max
            world.pump(&budget)
            world.run(for: .seconds(1 as Int64))
            expect(world.host.batch.count == 0)
            expect(!world.host.hasWaiting)
            for index in 0..<8 {
                for ssrc in 1_000..<1_003 as Range<UInt32> {
                    let numbers = world.clients[index].received.filter { $0.ssrc == ssrc }.map(\.sequence)
                    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 &- $0 >= 1 && $1 &- $0 < 40 })
                }
            }
        }
    }

    @Test("a receiver that joins where the sender's numbers wrap can lose its first packets and still follow")
    func wrapAfterJoin() throws {
        var world = try World()
        expect(world.assemble(2))
        for (step, sequence) in (65_530...65_545).enumerated() {
            // The first six are lost on the way to the receiver.
            world.clients[1].isDeaf = step < 6
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, sequence: UInt16(truncatingIfNeeded: sequence), timestamp: 1,
                payload: [UInt8(step)])
            world.send([try require(packet)], from: 0)
        }
        expect(world.clients[1].received.map(\.payload) == (6..<16).map { [UInt8($0)] })
    }

    @Test("nobody is sent what nobody wants, and it costs no visit")
    func unwanted() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        expect(world.join { $0.payloadTypes = $0.payloadTypes.filter { $0.codec.mediaType == .audio } })
        expect(world.connectAll())
        let packet = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(packet)], from: 0)
        expect(world.clients[1].received.isEmpty)
        expect(world.counters.value(.droppedUnwanted) == 1)
        // A payload type that comes later makes it wanted.
        var media = EndpointMedia()
        media.payloadTypes = [PayloadType(number: 100, codec: .vp8, clockRate: 90_000)]
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        let key = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(key)], from: 0)
        expect(world.clients[1].received.count == 1)
    }

    @Test("who cannot take a format is visited once for it, and again when either side changes formats")
    func otherFormat() throws {
        var world = try World()
        world.createConference()
        expect(world.join { $0.payloadTypes.append(PayloadType(number: 98, codec: .vp9, clockRate: 90_000)) })
        expect(world.join())
        expect(world.connectAll())
        let send = { (world: inout World, payloadType: UInt8) throws in
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: payloadType,
                payload: payloadType == 98 ? [0x0C, 1] : vp8(isKeyframe: true))
            world.send([try require(packet)], from: 0)
        }
        for _ in 0..<3 { try send(&world, 98) }
        expect(world.clients[1].received.isEmpty)
        expect(world.counters.value(.droppedNoReceiverRoute) == 1)
        expect(world.counters.value(.droppedUnwanted) == 2)
        try send(&world, 100)
        expect(world.clients[1].received.map(\.payloadType) == [100])
        try send(&world, 98)
        expect(world.counters.value(.droppedNoReceiverRoute) == 2)
        var media = EndpointMedia()
        media.payloadTypes = [PayloadType(number: 96, codec: .vp9, clockRate: 90_000)]
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        try send(&world, 98)
        expect(world.clients[1].received.map(\.payloadType) == [100, 96])
    }

    @Test("who could not take a format for longer than half a round of numbers goes on when it can")
    func longOtherFormat() throws {
        var world = try World()
        world.createConference()
        expect(world.join { $0.payloadTypes.append(PayloadType(number: 98, codec: .vp9, clockRate: 90_000)) })
        expect(world.join())
        expect(world.connectAll())
        var sequence: UInt16 = 100
        let packet = { (world: inout World, payloadType: UInt8, step: UInt16, isKeyframe: Bool) throws -> [UInt8] in
            sequence &+= step
            return try require(
                world.clients[0].makeRTP(
                    ssrc: 2_000, payloadType: payloadType, sequence: sequence, timestamp: 1,
                    payload: vp8(isKeyframe: isKeyframe)))
        }
        world.send([try packet(&world, 100, 1, true)], from: 0)
        for _ in 0..<20 { world.send([try packet(&world, 98, 2_000, true)], from: 0) }
        // The change may come in the middle of a batch.
        world.send(
            [try packet(&world, 98, 1, false), try packet(&world, 100, 1, true), try packet(&world, 100, 1, false)],
            from: 0)
        world.send([try packet(&world, 100, 1, false)], from: 0)
        let received = world.clients[1].received
        #expect(received.count == 4)
        #expect(zip(received, received.dropFirst()).allSatisfy { $1.sequence &- $0.sequence == 1 })
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("who could not be reached for longer than half a round of numbers goes on when it is reached again")
    func unreachable() throws {
        var world = try World()
        expect(world.assemble(3))
        var sequence: UInt16 = 100
        let send = { (world: inout World, step: UInt16) throws in
            sequence &+= step
            for (ssrc, payloadType, payload) in [(1_000, 111, [1]), (2_000, 100, vp8(isKeyframe: false))] {
                let packet = world.clients[0].makeRTP(
                    ssrc: UInt32(ssrc), payloadType: UInt8(payloadType), sequence: sequence, timestamp: 1,
                    payload: payload)
                world.send([try require(packet)], from: 0)
            }
        }
        let key = world.clients[0].makeRTP(
            ssrc: 2_000, payloadType: 100, sequence: 100, timestamp: 1, payload: vp8(isKeyframe: true))
        world.send([try require(key)], from: 0)
        try send(&world, 1)
        let before = world.clients[1].received
        #expect(before.count == 3)
        world.clients[1].isDeaf = true
        world.run(for: .seconds(40 as Int64))
        for _ in 0..<20 { try send(&world, 2_000) }
        world.clients[1].isDeaf = false
        world.run(for: .seconds(10 as Int64))
        world.clients[0].receivedRTCP = []
        try send(&world, 1)
        // Audio goes on at once; of the picture a key frame is asked for.
        expect(world.clients[1].received.count == 4)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
        let audio = world.clients[1].received.filter { $0.ssrc == 1_000 }
        #expect(audio.count == 2 && audio.last.map { $0.sequence &- audio[0].sequence } == 1)
        // The others were not disturbed.
        expect(world.clients[2].received.count == 3 + 20 * 2 + 2)
    }

    @Test("a key frame can be asked for of a source that has sent nothing yet, a repeated FIR asks once")
    func stillScreen() throws {
        var world = try World()
        expect(world.assemble(2))
        world.clients[0].receivedRTCP = []
        for sequence in [5, 5, 5, 6] as [UInt8] {
            let request = world.clients[1].makeRTCP { writer in
                KeyframeRequest.writeFullIntra(
                    senderSSRC: 9, entry: .init(ssrc: 2_000, sequence: sequence), to: &writer)
            }
            world.send([try require(request)], from: 1)
            world.run(for: .milliseconds(300))
        }
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 2)
        expect(world.counters.value(.keyframeRequestsRepeated) == 2)
    }

    @Test("a member's quota of key frame requests holds among more pairs than a table could count")
    func quota() throws {
        var world = try World(profiles: [.aeadAES128GCM]) { $0.keyframes.sourceInterval = .zero }
        expect(world.assemble(40))
        for sender in 0..<40 {
            let packet = world.clients[sender].makeRTP(
                ssrc: 2_000 + UInt32(sender), payloadType: 100, payload: vp8(isKeyframe: true))
            world.send([try require(packet)], from: sender)
        }
        for index in 0..<40 { world.clients[index].receivedRTCP = [] }
        // 39 × 39 pairs ask once.
        for requester in 1..<40 {
            for owner in 0..<40 where owner != requester {
                let request = world.clients[requester].makeRTCP { writer in
                    KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: 2_000 + UInt32(owner), to: &writer)
                }
                world.send([try require(request)], from: requester)
            }
            world.run(for: .milliseconds(1))
        }
        world.clients[0].receivedRTCP = []
        world.run(for: .seconds(11 as Int64))
        world.clients[0].receivedRTCP = []
        // Then one pair asks 50 times in ten seconds.
        for _ in 0..<50 {
            let request = world.clients[1].makeRTCP { writer in
                KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: 2_000, to: &writer)
            }
            world.send([try require(request)], from: 1)
            world.run(for: .milliseconds(199))
        }
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 3)
    }

    @Test(
        "mixed senders and receivers that come and go: only the first packet to a newcomer allocates, for its pairs",
        arguments: [false, true])
    func noAllocation(isRanked: Bool) throws {
        var world = try World(profiles: [.aeadAES128GCM]) {
            if isRanked { $0.setLoudest(40, withDominant: true, lifetime: .milliseconds(150), alpha: 50) }
        }
        expect(world.assemble(10))
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 24 * 512, alignment: 16)
        defer { slab.deallocate() }
        var present = Array(6..<10)
        var inOldPairs: UInt64 = 0
        var inNewPairs: UInt64 = 0
        var forwarded: UInt64 = 0
        for round in 0..<300 {
            // 50 leave and 50 join.
            let isNew = round % 6 == 0
            if isNew {
                _ = world.request([.expireEndpoint(world.clients[present.removeFirst()].number)])
                expect(world.join())
                present.append(world.clients.count - 1)
                expect(world.connectAll(from: world.clients.count - 1))
            }
            var sizes: [(sender: Int, count: Int)] = []
            for number in 0..<24 {
                let sender = number % 6
                // They speak in turn.
                let level: UInt8 = round / 40 % 6 == sender ? 20 : 110
                let packet = try require(
                    world.clients[sender].makeRTP(
                        ssrc: 1_000 + UInt32(sender), payloadType: 111, payload: [UInt8](repeating: 7, count: 80),
                        extensions: [(1, [0x80 | level])]))
                slab[(number * 512)...].copyBytes(from: packet)
                sizes.append((sender, packet.count))
            }
            let before = world.counters.value(.rtpForwarded)
            let addresses = (0..<6).map { world.clients[$0].address }
            let counted = countAllocations {
                for number in 0..<24 {
                    let start = number * 512
                    let place = UnsafeMutableRawBufferPointer(rebasing: slab[start..<start + sizes[number].count])
                    world.host.receive(
                        place, from: addresses[sizes[number].sender], local: 0, at: world.now, arrival: world.now,
                        into: &world.egress)
                }
                while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
                world.egress.removeAll()
            }
            forwarded += world.counters.value(.rtpForwarded) - before
            if isNew { inNewPairs += counted } else if round > 6 { inOldPairs += counted }
            world.now = world.now + .milliseconds(1)
        }
        #expect(forwarded >= 300 * 24 * 9)
        #expect(inOldPairs == 0)
        // Six pairs, one of them after the other: a slab that grows by half, its cold half, positions, contexts.
        #expect(inNewPairs <= 50 * 24)
    }
}
