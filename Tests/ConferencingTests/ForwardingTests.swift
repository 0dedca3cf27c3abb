// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

/// A VP8 payload: descriptor and first byte of the frame.
func vp8(isKeyframe: Bool, size: Int = 200) -> [UInt8] {
    [0x10, isKeyframe ? 0x10 : 0x11, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xF0, 0x00]
        + [UInt8](repeating: 0xAB, count: size)
}

@Suite("Forwarding through a shard")
struct ForwardingTests {
    @Test(
        "audio reaches everybody else, untouched, with each receiver's own extension numbers",
        arguments: [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80])
    func audio(profile: SRTPProfile) throws {
        var world = try World(profiles: [profile])
        world.createConference()
        expect(world.join())
        expect(world.join { $0.headerExtensions = [HeaderExtensionMapping(id: 7, kind: .audioLevel)] })
        expect(world.join { $0.headerExtensions = [] })
        expect(world.connectAll())
        let payload: [UInt8] = [1, 2, 3, 4, 5]
        let packet = world.clients[0].makeRTP(
            ssrc: world.clients[0].audioSSRC, payloadType: 111, payload: payload,
            extensions: [(1, [0x8A]), (5, [0, 1]), (10, [0x30])], marker: true)
        world.send([try require(packet)], from: 0)
        expect(world.clients[0].received.isEmpty)
        let one = try require(world.clients[1].received.first)
        #expect(one.payload == payload)
        #expect(one.ssrc == 1_000)
        #expect(one.payloadType == 111)
        #expect(one.extensions == [7: [0x8A]])
        let two = try require(world.clients[2].received.first)
        #expect(two.extensions.isEmpty)
        #expect(two.payload == payload)
        expect(world.counters.value(.rtpForwarded) == 2)
    }

    @Test("sequence numbers stay continuous where padding-only packets are taken out")
    func paddingOnly() throws {
        var world = try World()
        expect(world.assemble(2))
        var datagrams: [[UInt8]] = []
        for index in 0..<10 {
            let isPadding = index == 3 || index == 4
            datagrams.append(
                try require(
                    world.clients[0].makeRTP(
                        ssrc: 2_000, payloadType: 100, payload: isPadding ? [] : vp8(isKeyframe: index == 0),
                        padding: isPadding ? 120 : (index == 6 ? 9 : 0))))
        }
        world.send(datagrams, from: 0)
        let received = world.clients[1].received
        #expect(received.count == 8)
        #expect(received.allSatisfy { $0.padding == 0 })
        for (earlier, later) in zip(received, received.dropFirst()) {
            #expect(later.sequence &- earlier.sequence == 1)
        }
        expect(world.counters.value(.droppedPaddingOnly) == 2)
    }

    @Test("video begins with a key frame, which is asked of the sender")
    func keyframe() throws {
        var world = try World()
        expect(world.assemble(3))
        world.clients[0].receivedRTCP = []
        for _ in 0..<4 {
            let packet = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: false))
            world.send([try require(packet)], from: 0)
        }
        expect(world.clients[1].received.isEmpty)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
        let key = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(key)], from: 0)
        expect(world.clients[1].received.count == 1)
        expect(world.clients[2].received.count == 1)
        expect(world.counters.value(.keyframesReceived) == 1)
    }

    @Test("who joins late has a key frame asked for and begins with it")
    func lateJoin() throws {
        var world = try World()
        expect(world.assemble(2))
        let key = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(key)], from: 0)
        expect(world.join())
        expect(world.connectAll())
        world.clients[0].receivedRTCP = []
        let delta = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: false))
        world.send([try require(delta)], from: 0)
        expect(world.clients[1].received.count == 2)
        expect(world.clients[2].received.isEmpty)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
    }

    @Test("a receiver's PLI goes to the sender of that source only, throttled")
    func pictureLoss() throws {
        var world = try World()
        expect(world.assemble(3))
        for index in 0..<3 { world.clients[index].receivedRTCP = [] }
        for _ in 0..<5 {
            let request = world.clients[1].makeRTCP { writer in
                KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: 2_000, to: &writer)
            }
            world.send([try require(request)], from: 1)
        }
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
        expect(world.clients[2].receivedRTCP.isEmpty)
        expect(world.counters.value(.keyframeRequestsThrottled) == 4)
        let full = world.clients[2].makeRTCP { writer in
            KeyframeRequest.writeFullIntra(senderSSRC: 9, entry: .init(ssrc: 2_001, sequence: 1), to: &writer)
        }
        world.send([try require(full)], from: 2)
        #expect(pictureLossCount(world.clients[1].receivedRTCP, media: 2_001) == 1)
    }

    @Test("sender reports keep their clock and carry the bridge's own counts; receiver reports come from the bridge")
    func reports() throws {
        var world = try World()
        expect(world.assemble(2))
        for _ in 0..<3 {
            let packet = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1, 2, 3, 4])
            world.send([try require(packet)], from: 0)
        }
        world.clients[1].receivedRTCP = []
        let report = SenderReport(
            ssrc: 1_000, ntp: NTPTime(0x1234_5678_9ABC_DEF0), rtpTimestamp: 77, packetCount: 500, octetCount: 9)
        world.send([try require(world.clients[0].makeRTCP { report.write(to: &$0) })], from: 0)
        // It travels with media.
        expect(world.clients[1].receivedRTCP.isEmpty)
        let next = world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1, 2, 3, 4])
        world.send([try require(next)], from: 0)
        let forwarded = try require(senderReports(world.clients[1].receivedRTCP).first)
        #expect(forwarded.ntp == report.ntp)
        #expect(forwarded.rtpTimestamp == 77)
        #expect(forwarded.packetCount == 4)
        #expect(forwarded.octetCount == 16)
        world.clients[0].receivedRTCP = []
        world.run(for: .seconds(1 as Int64))
        let blocks = reportBlocks(world.clients[0].receivedRTCP)
        #expect(
            blocks.contains { $0.ssrc == 1_000 && $0.cumulativeLost == 0 && $0.lastSenderReport == report.ntp.compact })
    }

    @Test("transport-wide feedback is generated for the sender")
    func transportFeedback() throws {
        var world = try World()
        expect(world.assemble(2))
        world.clients[0].receivedRTCP = []
        for number in 0..<20 {
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: [1], extensions: [(5, [0, UInt8(number)])])
            world.send([try require(packet)], from: 0)
            world.run(for: .milliseconds(20))
        }
        let feedback = world.clients[0].receivedRTCP.filter { $0.count > 2 && $0[1] == 205 && $0[0] & 31 == 15 }
        #expect(feedback.count >= 3)
    }

    @Test("muted, silent and unsignalled streams are not forwarded, and each is counted under its reason")
    func drops() throws {
        var world = try World()
        expect(world.assemble(2))
        let number = world.clients[0].number
        var mute = EndpointMedia()
        mute.forceMuteAudio = true
        _ = world.request([.updateEndpoint(number, media: mute, remote: nil)])
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        expect(world.counters.value(.droppedForceMuted) == 1)
        mute.forceMuteAudio = false
        _ = world.request([.updateEndpoint(number, media: mute, remote: nil)])
        for _ in 0..<8 {
            let silent = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: [1], extensions: [(1, [127])])
            world.send([try require(silent)], from: 0)
        }
        expect(world.clients[1].received.count == 4)
        expect(world.counters.value(.droppedSilence) == 4)
        world.send([try require(world.clients[0].makeRTP(ssrc: 55, payloadType: 111, payload: [1]))], from: 0)
        expect(world.counters.value(.droppedUnknownSSRC) == 1)
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 33, payload: [1]))], from: 0)
        expect(world.counters.value(.droppedUnknownPayloadType) == 1)
    }

    @Test("video that is unmuted begins anew with a key frame")
    func unmutedVideo() throws {
        var world = try World()
        expect(world.assemble(2))
        let number = world.clients[0].number
        let send = { (world: inout World, isKeyframe: Bool) throws in
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: isKeyframe))
            world.send([try require(packet)], from: 0)
        }
        try send(&world, true)
        var mute = EndpointMedia()
        mute.forceMuteVideo = true
        _ = world.request([.updateEndpoint(number, media: mute, remote: nil)])
        try send(&world, false)
        mute.forceMuteVideo = false
        _ = world.request([.updateEndpoint(number, media: mute, remote: nil)])
        world.clients[0].receivedRTCP = []
        try send(&world, false)
        expect(world.clients[1].received.count == 1)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
        try send(&world, true)
        try send(&world, false)
        let received = world.clients[1].received
        #expect(received.count == 3)
        #expect(received[2].sequence &- received[1].sequence == 1)
    }

    @Test("a visitor hears everybody and is heard by nobody")
    func visitor() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        expect(world.join(isVisitor: true))
        expect(world.connectAll())
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        world.send([try require(world.clients[1].makeRTP(ssrc: 1_001, payloadType: 111, payload: [1]))], from: 1)
        expect(world.clients[1].received.count == 1)
        expect(world.clients[0].received.isEmpty)
        expect(world.counters.value(.droppedVisitorMedia) == 1)
    }

    @Test("a receiver gets the payload type it negotiated for the encoding, and nothing it cannot take")
    func payloadTypes() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        expect(
            world.join { media in
                media.payloadTypes = [PayloadType(number: 96, codec: .opus, clockRate: 48_000)]
            })
        expect(world.connectAll())
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        world.send(
            [try require(world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true)))],
            from: 0)
        let received = world.clients[1].received
        #expect(received.map(\.payloadType) == [96])
    }

    @Test("a batch for more receivers than the egress batch holds is forwarded whole")
    func resumption() throws {
        var world = try World(egressBytes: EgressBatch.slotBytes * 60)
        expect(world.assemble(12))
        var batch: [[UInt8]] = []
        for number in 0..<40 {
            batch.append(
                try require(
                    world.clients[0].makeRTP(
                        ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: number == 0, size: 1_000))))
        }
        world.send(batch, from: 0)
        for index in 1..<12 {
            let received = world.clients[index].received
            #expect(received.count == 40)
            for (earlier, later) in zip(received, received.dropFirst()) {
                #expect(later.sequence &- earlier.sequence == 1)
            }
        }
    }

    @Test(
        "a frame leaves as one message per receiver: packets a few bytes short are padded, payloads stay untouched",
        arguments: [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80])
    func evenFrames(profile: SRTPProfile) throws {
        var world = try World(profiles: [profile])
        expect(world.assemble(3))
        // As libwebrtc splits frames: the larger packets last. One of them comes with padding of its sender's.
        let sizes = [1_000, 1_000, 1_000, 1_001, 1_001, 1_001]
        var batch: [[UInt8]] = []
        for (number, size) in sizes.enumerated() {
            let packet = world.clients[0].makeRTP(
                ssrc: 2_000, payloadType: 100, sequence: UInt16(number + 1), timestamp: 90_000,
                payload: vp8(isKeyframe: number == 0, size: size), padding: number == 1 ? 7 : 0)
            batch.append(try require(packet))
        }
        world.messagesSent = 0
        world.send(batch, from: 0)
        expect(world.messagesSent == 2)
        for index in 1...2 {
            let received = world.clients[index].received
            #expect(received.map(\.payload) == sizes.indices.map { vp8(isKeyframe: $0 == 0, size: sizes[$0]) })
            #expect(received.map(\.padding) == [1, 1, 1, 0, 0, 0])
        }
    }

    @Test("packets much shorter, of other frames, last in their frame, or audio get no padding")
    func unevenFrames() throws {
        var world = try World()
        expect(world.assemble(2))
        // The limit is ten bytes: the shortest tag.
        let packets: [(ssrc: UInt32, size: Int, timestamp: UInt32)] = [
            (2_000, 989, 90_000), (2_000, 990, 90_000), (2_000, 1_000, 90_000), (2_000, 991, 90_000),
            (1_000, 80, 500), (1_000, 81, 1_460),
            (2_000, 600, 93_000), (2_000, 601, 96_000),
        ]
        var batch: [[UInt8]] = []
        for (number, packet) in packets.enumerated() {
            batch.append(
                try require(
                    world.clients[0].makeRTP(
                        ssrc: packet.ssrc, payloadType: packet.ssrc == 2_000 ? 100 : 111, sequence: UInt16(number + 1),
                        timestamp: packet.timestamp, payload: vp8(isKeyframe: number == 0, size: packet.size))))
        }
        world.send(batch, from: 0)
        expect(world.clients[1].received.map(\.padding) == [0, 10, 0, 0, 0, 0, 0, 0])
    }

    @Test("sources that are replaced are heard at once under their new SSRC, and no more under the old one")
    func replacedSources() throws {
        var world = try World()
        expect(world.assemble(2))
        var media = EndpointMedia()
        media.sources = World.media(audioSSRC: 4_000_000_000, videoSSRC: nil).sources
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        world.send(
            [try require(world.clients[0].makeRTP(ssrc: 4_000_000_000, payloadType: 111, payload: [2]))], from: 0)
        let received = world.clients[1].received
        #expect(received.map(\.payload) == [[2]])
    }
}

func pictureLossCount(_ datagrams: [[UInt8]], media: UInt32) -> Int {
    datagrams.filter { $0.count == 12 && $0[1] == 206 && $0[0] & 31 == 1 && $0.rawSpan.uint32(at: 8) == media }.count
}

func senderReports(_ datagrams: [[UInt8]]) -> [SenderReport] {
    datagrams.compactMap { datagram in
        var reader = RTCPReader()
        while let packet = reader.next(in: datagram.rawSpan) {
            if let report = SenderReport(packet, in: datagram.rawSpan) { return report }
        }
        return nil
    }
}

func reportBlocks(_ datagrams: [[UInt8]]) -> [ReportBlock] {
    datagrams.flatMap { datagram -> [ReportBlock] in
        var reader = RTCPReader()
        var blocks: [ReportBlock] = []
        while let packet = reader.next(in: datagram.rawSpan) {
            for index in 0..<31 {
                if let block = ReportBlock(index, of: packet, in: datagram.rawSpan) { blocks.append(block) }
            }
        }
        return blocks
    }
}
