// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import MediaTransport
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

@Suite("Feedback with SSRC rewriting")
struct RewritingFeedbackTests {
    private func meeting(_ count: Int = 3) throws -> World {
        var world = try World()
        expect(world.assembleRewriting(count))
        world.run(for: .milliseconds(200))
        return world
    }

    private func pictureLoss(_ world: inout World, of ssrc: UInt32, from client: Int) throws {
        let datagram = world.clients[client].makeRTCP {
            KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: ssrc, to: &$0)
        }
        world.send([try require(datagram)], from: client)
    }

    @Test("PLI and FIR for a slot, also by the SSRC of its repeats, go to the owner under its own SSRC")
    func keyframes() throws {
        var world = try meeting()
        for client in 0..<3 { try world.show(client, isKeyframe: true) }
        world.run(for: .seconds(11.0))
        _ = world.takePictureLosses(1)
        let slot = try world.slot("v1", at: 0)
        try pictureLoss(&world, of: slot.ssrc, from: 0)
        #expect(world.takePictureLosses(1) == [2_001])
        world.run(for: .seconds(1.0))
        try pictureLoss(&world, of: try require(slot.rtxSSRC), from: 0)
        #expect(world.takePictureLosses(1) == [2_001])
        world.run(for: .seconds(1.0))
        let datagram = world.clients[0].makeRTCP {
            KeyframeRequest.writeFullIntra(senderSSRC: 9, entry: .init(ssrc: slot.ssrc, sequence: 1), to: &$0)
        }
        world.send([try require(datagram)], from: 0)
        #expect(world.takePictureLosses(1) == [2_001])
        expect(world.counters.value(.keyframeRequestsUnknown) == 0)
    }

    @Test("what is no slot of theirs is nobody's: originals, other receivers' slots, anything; each is counted")
    func unknown() throws {
        var world = try meeting()
        for client in 0..<3 { try world.show(client, isKeyframe: true) }
        world.run(for: .seconds(11.0))
        for client in 0..<3 { _ = world.takePictureLosses(client) }
        let others = [2_001, try world.slot("v1", at: 2).ssrc, try world.slot("v0", at: 2).ssrc, 77, 1, 2]
        let sent = world.clients[0].received.count
        for ssrc in others {
            try pictureLoss(&world, of: ssrc, from: 0)
            try world.nack([1, 2, 3], of: ssrc, from: 0)
        }
        // Numbers are the media's, not those of repeats.
        try world.nack([1], of: try require(world.slot("v1", at: 0).rtxSSRC), from: 0)
        for client in 0..<3 { #expect(world.takePictureLosses(client).isEmpty) }
        expect(world.clients[0].received.count == sent)
        expect(world.counters.value(.keyframeRequestsUnknown) == UInt64(others.count))
        expect(world.counters.value(.nacksUnknown) == UInt64(others.count) + 1)
    }

    @Test("repeats come over the slot's own RTX SSRC, one stream whatever source it carries")
    func repeats() throws {
        var world = try World { $0.lastN.slots = 1 }
        expect(world.assembleRewriting(3))
        var repeats: [Client.Received] = []
        var slots: Set<SlotMapping> = []
        for round in 0..<6 {
            let shown = round % 2 + 1
            world.prefer(0) {
                $0.video.defaultConstraint = .nothing
                $0.video.constraints["v\(shown)"] = VideoConstraint(maxHeight: 180)
            }
            world.run(for: .milliseconds(60))
            var slot = try world.slot("v\(shown)", at: 0)
            let former = world.clients[0].received.last { $0.ssrc == slot.ssrc }
            if let former {
                // Of what the slot carried before nothing comes any more.
                let count = world.clients[0].received.count
                try world.nack([former.sequence], of: slot.ssrc, from: 0)
                expect(world.clients[0].received.count == count)
            }
            for step in 0..<4 { try world.show(shown, isKeyframe: step == 0) }
            let lost = try require(world.clients[0].received.last { $0.ssrc == slot.ssrc })
            try world.nack([lost.sequence], of: slot.ssrc, from: 0)
            let again = try require(world.clients[0].received.last)
            #expect(again.ssrc == slot.rtxSSRC && again.payloadType == World.rtxType)
            #expect(again.payload == [UInt8(lost.sequence >> 8), UInt8(lost.sequence & 255)] + lost.payload)
            repeats.append(again)
            slot.source = nil
            slots.insert(slot)
        }
        #expect(slots.count == 1)
        #expect(repeats.map(\.sequence) == [1, 2, 3, 4, 5, 6])
        expect(world.counters.value(.repeatsSentPlain) == 0)
        expect(world.counters.value(.droppedSRTPSend) == 0)
    }

    @Test("sender reports have the slot's SSRC and its time, and count all that it carried")
    func forwardedReports() throws {
        var world = try World { $0.audioSlots = 1 }
        expect(world.assembleRewriting(3))
        world.run(for: .milliseconds(200))
        var last: Client.Received?
        for (round, client) in [1, 2, 1].enumerated() {
            world.run(for: .milliseconds(1_500))
            _ = world.take(0)
            try world.speak(client)
            world.run(for: .milliseconds(20))
            world.clients[0].receivedRTCP = []
            let report = SenderReport(
                ssrc: 1_000 + UInt32(client), ntp: NTPTime(0xB44D_B705_2000_0000 + UInt64(round)),
                rtpTimestamp: world.clients[client].timestamp + 480, packetCount: 999, octetCount: 999)
            let datagram = world.clients[client].makeRTCP { report.write(to: &$0) }
            world.send([try require(datagram)], from: client)
            try world.speak(client)
            let packets = world.take(0)
            let packet = try require(packets.last)
            let told = try require(senderReports(world.clients[0].receivedRTCP).first)
            #expect(told.ssrc == packet.ssrc && told.ntp == report.ntp)
            // The report is of the moment half a packet before.
            #expect(packet.timestamp &- told.rtpTimestamp == 480)
            #expect(told.packetCount == UInt32(2 * round + 2))
            if let last {
                #expect(last.ssrc == packet.ssrc && Int32(bitPattern: packet.timestamp &- last.timestamp) > 0)
            }
            last = packet
        }
    }

    @Test("receiver reports of a slot give its round trip and losses")
    func receiverReports() throws {
        var world = try meeting(2)
        let slot = try world.slot("a1", at: 0)
        try world.speak(1)
        let ntp = NTPTime(0xB44D_B705_2000_0000)
        let report = SenderReport(ssrc: 1_001, ntp: ntp, rtpTimestamp: 1, packetCount: 9, octetCount: 9)
        world.send([try require(world.clients[1].makeRTCP { report.write(to: &$0) })], from: 1)
        try world.speak(1)
        world.now = world.now + .milliseconds(80)
        for ssrc in [1_001, slot.ssrc] {
            let datagram = world.clients[0].makeRTCP { writer in
                var report = ReceiverReportWriter(senderSSRC: 5)
                _ = report.append(
                    ReportBlock(
                        ssrc: ssrc, fractionLost: 0, cumulativeLost: 0, highestSequence: 1, jitter: 0,
                        lastSenderReport: ntp.compact, delaySinceLastSenderReport: 0), to: &writer)
            }
            world.send([try require(datagram)], from: 0)
            let index = try require(world.host.endpointIndex(world.clients[0].number))
            let trip = world.host.endpoints.pointer(at: index).pointee.downlink.roundTrip
            #expect(trip == (ssrc == slot.ssrc ? .milliseconds(80) : .zero), "\(ssrc)")
        }
    }

    @Test("who signals another's slot as a source of its own gets nothing of it, and takes nothing")
    func claimed() throws {
        var world = try meeting()
        let slot = try world.slot("v1", at: 0)
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(
                name: "mine", mediaType: .video,
                streams: [SourceStreamDescription(ssrc: slot.ssrc, rtxSSRC: slot.rtxSSRC)]),
            // And a name that is another's.
            SourceDescription(name: "a1", mediaType: .audio, streams: [SourceStreamDescription(ssrc: 8_888)]),
        ]
        _ = world.request([.updateEndpoint(world.clients[2].number, media: media, remote: nil)])
        world.run(for: .milliseconds(200))
        try world.show(1, isKeyframe: true)
        #expect(world.take(0).map(\.ssrc) == [slot.ssrc])
        try world.show(2, ssrc: slot.ssrc, isKeyframe: true)
        let claimed = try world.slot("mine", at: 0)
        #expect(world.take(0).map(\.ssrc) == [claimed.ssrc] && claimed.ssrc != slot.ssrc)
        for client in 0..<3 { _ = world.takePictureLosses(client) }
        world.run(for: .seconds(11.0))
        try pictureLoss(&world, of: slot.ssrc, from: 0)
        #expect(world.takePictureLosses(2).isEmpty)
        #expect(world.takePictureLosses(1) == [2_001])
    }

    @Test("nothing is allocated per packet")
    func allocations() throws {
        var world = try World(profiles: [.aeadAES128GCM])
        expect(world.assembleRewriting(6, .namedSlots))
        world.run(for: .milliseconds(200))
        let addresses = (0..<6).map { world.clients[$0].address }
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * 512, alignment: 16)
        defer { slab.deallocate() }
        var counted: UInt64 = 0
        for round in 0..<100 {
            var datagrams: [(client: Int, bytes: [UInt8])] = []
            for client in 0..<4 {
                let sender = world.clients[client].makeRTP(
                    ssrc: UInt32(client % 2 == 0 ? 1_000 : 2_000) + UInt32(client),
                    payloadType: client % 2 == 0 ? 111 : 100, payload: World.picture(9, isKeyframe: round == 0))
                datagrams.append((client, try require(sender)))
            }
            for (number, datagram) in datagrams.enumerated() { slab[(number * 512)...].copyBytes(from: datagram.bytes) }
            let sizes = datagrams.map { ($0.client, $0.bytes.count) }
            let inRound = countAllocations {
                for number in 0..<sizes.count {
                    let place = UnsafeMutableRawBufferPointer(
                        rebasing: slab[number * 512..<number * 512 + sizes[number].1])
                    world.host.receive(
                        place, from: addresses[sizes[number].0], local: 0, at: world.now, arrival: world.now,
                        into: &world.egress)
                }
                while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
            }
            world.egress.removeAll()
            if round >= 10 { counted += inRound }
            world.now = world.now + .milliseconds(20)
        }
        #expect(counted == 0)
        expect(world.counters.value(.rtpForwarded) >= 100 * 4 * 5)
    }
}
