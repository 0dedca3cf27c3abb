// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Packets that nobody will get (media-plane.md 3, 14)")
struct UnopenedTests {
    private func mute(_ world: inout World, audio: Bool? = nil, video: Bool? = nil) {
        var media = EndpointMedia()
        media.forceMuteAudio = audio
        media.forceMuteVideo = video
        _ = world.request([.updateEndpoint(EndpointNumber(1), media: media, remote: nil)])
    }

    private func voice(_ world: inout World, level: UInt8? = 40) throws -> [UInt8] {
        try require(
            world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: [1, 2, 3],
                extensions: (level.map { [(1, [0x80 | $0])] } ?? []) + [(5, [0, 0])]))
    }

    /// What the last receiver report to client 0 says of its voice.
    private func block(_ world: inout World) throws -> ReportBlock {
        world.clients[0].receivedRTCP = []
        world.run(for: .milliseconds(600))
        for datagram in world.clients[0].receivedRTCP.reversed() {
            var reader = RTCPReader()
            while let packet = reader.next(in: datagram.rawSpan) {
                for index in 0..<Int(packet.count) where packet.type == .receiverReport {
                    if let block = ReportBlock(index, of: packet, in: datagram.rawSpan), block.ssrc == 1_000 {
                        return block
                    }
                }
            }
        }
        throw MissingReport()
    }

    private struct MissingReport: Error {}

    @Test(
        "a forced mute holds for every packet of its type, with a level and without, and it is counted as received",
        arguments: [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80])
    func mutes(profile: SRTPProfile) throws {
        var world = try World(profiles: [profile])
        expect(world.assemble(2))
        world.send([try voice(&world)], from: 0)
        mute(&world, audio: true)
        for _ in 0..<50 { world.send([try voice(&world), try voice(&world, level: nil)], from: 0) }
        expect(world.clients[1].received.count == 1)
        expect(world.counters.value(.droppedForceMuted) == 100)
        expect(world.counters.value(.discardedEarly) == 0)
        let report = try block(&world)
        #expect(report.cumulativeLost == 0)
        // The picture goes on, and the voice does later, without a gap.
        let picture = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(picture)], from: 0)
        mute(&world, audio: false, video: true)
        world.send([try voice(&world)], from: 0)
        let other = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: true))
        world.send([try require(other)], from: 0)
        let received = world.clients[1].received
        #expect(received.map(\.ssrc) == [1_000, 2_000, 1_000])
        // The picture took a number of the client's between the two.
        #expect(received[2].sequence &- received[0].sequence == 2)
        #expect(received[2].payload == [1, 2, 3])
    }

    @Test("what is muted and forged is refused, replays are")
    func forged() throws {
        for profile in [SRTPProfile.aeadAES128GCM, .aes128CMHMACSHA1_80] {
            var world = try World(profiles: [profile])
            expect(world.assemble(2))
            mute(&world, audio: true)
            var packet = try voice(&world)
            world.send([packet, packet], from: 0)
            expect(world.counters.value(.droppedSRTPReplay) == 1)
            packet = try voice(&world)
            packet[packet.count - 1] ^= 1
            world.send([packet], from: 0)
            expect(world.counters.value(.droppedSRTPAuthentication) == 1)
            expect(world.counters.value(.droppedForceMuted) == 1)
        }
    }

    @Test(
        "silence is dropped unopened as often as configured, then one is authenticated; receivers and reports see no gap"
    )
    func earlySilence() throws {
        var world = try World { $0.discardedEarly = 9 }
        expect(world.assemble(2))
        world.send([try voice(&world)], from: 0)
        for _ in 0..<104 { world.send([try voice(&world, level: 127)], from: 0) }
        // Four pass; of a hundred nine in ten are dropped unopened.
        expect(world.clients[1].received.count == 5)
        expect(world.counters.value(.discardedEarly) == 90)
        expect(world.counters.value(.droppedSilence) == 100)
        world.send([try voice(&world)], from: 0)
        let received = world.clients[1].received
        #expect(received.count == 6)
        #expect(received[5].sequence &- received[0].sequence == 5)
        #expect(try block(&world).cumulativeLost == 0)
    }

    @Test("what is lost among packets that were dropped unopened stays visible")
    func earlyLoss() throws {
        var world = try World { $0.discardedEarly = 1_000 }
        expect(world.assemble(2))
        world.send([try voice(&world)], from: 0)
        for _ in 0..<4 { world.send([try voice(&world, level: 127)], from: 0) }
        for step in 0..<20 {
            let packet = try voice(&world, level: 127)
            if step % 4 > 0 { world.send([packet], from: 0) }
        }
        world.send([try voice(&world)], from: 0)
        let received = world.clients[1].received
        #expect(received.count == 6)
        #expect(received[5].sequence &- received[4].sequence == 6)
        #expect(try block(&world).cumulativeLost == 5)
    }

    @Test("nothing is dropped unopened before a packet of its SSRC was authenticated, nor without the setting")
    func earlyContext() throws {
        var world = try World { $0.discardedEarly = 1_000 }
        expect(world.assemble(2))
        mute(&world, audio: true)
        world.send([try voice(&world)], from: 0)
        expect(world.counters.value(.discardedEarly) == 0)
        world.send([try voice(&world)], from: 0)
        expect(world.counters.value(.discardedEarly) == 1)
    }

    @Test(
        "a member that sends ten thousand muted packets a second: most are dropped unopened, and its voice is right after"
    )
    func flood() throws {
        var world = try World()
        expect(world.assemble(2))
        world.send([try voice(&world)], from: 0)
        mute(&world, audio: true)
        // Beyond a roll-over of the numbers.
        for _ in 0..<7 {
            for _ in 0..<100 {
                world.send(try (0..<100).map { _ in try voice(&world) }, from: 0)
                world.now = world.now + .milliseconds(10)
            }
        }
        let early = world.counters.value(.discardedEarly)
        #expect(early > 60_000 && early < 70_000)
        expect(world.counters.value(.droppedForceMuted) == 70_000)
        mute(&world, audio: false)
        world.send([try voice(&world)], from: 0)
        let received = world.clients[1].received
        #expect(received.count == 2)
        #expect(received[1].sequence &- received[0].sequence == 1)
        expect(world.counters.value(.droppedSRTPAuthentication) == 0)
    }
}
