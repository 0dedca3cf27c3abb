// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import ICE
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Drops and losses are counted for what they are")
struct DropTests {
    @Test("numbers that jump are forwarded all the same, every authentic packet of them")
    func jumps() throws {
        var world = try World()
        expect(world.assemble(2))
        // The first numbers after a jump come in another order than they were sent.
        for (payload, sequence) in [100, 10_003, 10_000, 10_001, 40_000, 39_950, 40_001, 100].enumerated() {
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, sequence: UInt16(sequence), timestamp: 1, payload: [UInt8(payload)])
            world.send([try require(packet)], from: 0)
        }
        expect(world.counters.value(.droppedDuplicate) == 0)
        expect(world.clients[1].received.map(\.payload) == (0..<8).map { [UInt8($0)] })
        #expect(Set(world.clients[1].received.map(\.sequence)).count == 8)
    }

    @Test("a datagram longer than an Ethernet frame carries is dropped at the door")
    func tooLong() throws {
        var world = try World()
        expect(world.assemble(2))
        for size in [1_500, 1_501] {
            let payload = [UInt8](repeating: 1, count: size - 12 - 16)
            let packet = try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: payload))
            #expect(packet.count == size)
            world.send([packet], from: 0)
        }
        expect(world.clients[1].received.count == 1)
        expect(world.counters.value(.droppedTooLong) == 1)
    }

    @Test("a payload type of another media type, or of retransmissions, has no business in a stream")
    func wrongPayloadType() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<2 {
            expect(
                world.join { media in
                    media.payloadTypes.append(PayloadType(number: 96, codec: .rtx, clockRate: 90_000))
                })
        }
        expect(world.connectAll())
        for (ssrc, type) in [(2_000, 111), (2_000, 96), (1_000, 100)] as [(UInt32, UInt8)] {
            let packet = world.clients[0].makeRTP(ssrc: ssrc, payloadType: type, payload: vp8(isKeyframe: true))
            world.send([try require(packet)], from: 0)
        }
        expect(world.clients[1].received.isEmpty)
        expect(world.counters.value(.droppedUnknownPayloadType) == 3)
    }

    @Test("audio packets of padding alone are taken out as well")
    func audioPadding() throws {
        var world = try World()
        expect(world.assemble(2))
        for payload in [[1], [], [2]] as [[UInt8]] {
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: payload, padding: payload.isEmpty ? 50 : 0)
            world.send([try require(packet)], from: 0)
        }
        let received = world.clients[1].received
        #expect(received.map(\.payload) == [[1], [2]])
        #expect(received[1].sequence &- received[0].sequence == 1)
        expect(world.counters.value(.droppedPaddingOnly) == 1)
    }

    @Test("a number that now means something else is not used any more; formats nobody knows keep their number or stay")
    func reusedPayloadType() throws {
        var world = try World()
        world.createConference()
        expect(
            world.join { media in
                media.payloadTypes.append(PayloadType(number: 9, codec: .otherAudio, clockRate: 8_000))
            })
        expect(
            world.join { media in
                media.payloadTypes.append(PayloadType(number: 103, codec: .otherAudio, clockRate: 16_000))
            })
        expect(world.connectAll())
        var media = EndpointMedia()
        media.payloadTypes = [PayloadType(number: 100, codec: .vp9, clockRate: 90_000)]
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        for (ssrc, type) in [(2_000, 100), (1_000, 9)] as [(UInt32, UInt8)] {
            let packet = world.clients[0].makeRTP(ssrc: ssrc, payloadType: type, payload: vp8(isKeyframe: true))
            world.send([try require(packet)], from: 0)
        }
        expect(world.clients[1].received.isEmpty)
        expect(world.counters.value(.droppedNoReceiverRoute) == 2)
    }

    @Test("handshake datagrams that find no room are counted")
    func handshakeFlood() throws {
        var world = try World()
        world.createConference()
        let creation = EndpointCreation(
            number: EndpointNumber(50), id: "early", isICEControlling: true, media: EndpointMedia())
        let answer = world.request([.createEndpoint(creation)])
        let local = try require(try? answer.result.get().first?.1)
        let address = TransportAddress(ipv4: 0xC000_02F0, port: 7)
        var check = STUNBuilder(.request, transactionID: TransactionID(high: 1, low: 2))
        check.username(Array(local.ufrag.utf8), Array("peer".utf8))
        check.priority(1)
        check.role(isControlling: false, tieBreaker: 1)
        world.sendStranger(check.finish(key: Array(local.password.utf8)), from: address)
        for _ in 0..<20 { world.sendStranger([22, 254, 253, 0], from: address) }
        expect(world.counters.value(.droppedDTLS) == 4)
    }

    @Test("what is lost on the way in and on the way out is told by the gauges, and fades")
    func losses() throws {
        var world = try World()
        expect(world.assemble(2))
        world.run(for: .milliseconds(50))
        for sequence in [10, 11, 12, 15] as [UInt16] {
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, sequence: sequence, timestamp: 1, payload: [1])
            world.send([try require(packet)], from: 0)
        }
        for (highest, lost) in [(12, 0), (112, 40)] as [(UInt32, Int32)] {
            let block = ReportBlock(
                ssrc: 1_000, fractionLost: 0, cumulativeLost: lost, highestSequence: highest, jitter: 0,
                lastSenderReport: 0, delaySinceLastSenderReport: 0)
            let report = world.clients[1].makeRTCP { writer in
                var reports = ReceiverReportWriter(senderSSRC: 5)
                _ = reports.append(block, to: &writer)
            }
            world.send([try require(report)], from: 1)
        }
        world.run(for: .milliseconds(1_600))
        let gauges = { (world: borrowing World) in
            [.packetsLostIncoming, .packetsExpectedIncoming, .packetsLostOutgoing, .packetsExpectedOutgoing].map {
                world.counters.value($0)
            }
        }
        let early = gauges(world)
        #expect(early[0] <= 2 && early[0] >= 1)
        #expect(early[1] <= 6 && early[1] >= 5)
        #expect(early[2] <= 40 && early[2] >= 38)
        #expect(early[3] <= 100 && early[3] >= 96)
        expect(world.counters.value(.endpointsWithHighOutgoingLoss) == 1)
        world.run(for: .seconds(300 as Int64))
        #expect(gauges(world)[2] <= 1)
        expect(world.counters.value(.endpointsWithHighOutgoingLoss) == 0)
    }
}
