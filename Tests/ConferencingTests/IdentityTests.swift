// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import MediaTransport
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@Suite("Who is who: addresses, SSRCs, slots")
struct IdentityTests {
    @Test("an SSRC belongs to the first who signals it, and the bridge's own to nobody")
    func foreignSource() throws {
        var world = try World()
        expect(world.assemble(3))
        var media = EndpointMedia()
        media.sources = World.media(audioSSRC: 1_000, videoSSRC: 2).sources
        _ = world.request([.updateEndpoint(world.clients[1].number, media: media, remote: nil)])
        for (ssrc, type) in [(1_000, 111), (2, 100)] as [(UInt32, UInt8)] {
            let packet = world.clients[1].makeRTP(ssrc: ssrc, payloadType: type, payload: vp8(isKeyframe: true))
            world.send([try require(packet)], from: 1)
        }
        expect(world.clients[2].received.isEmpty)
        expect(world.counters.value(.droppedUnknownSSRC) == 2)
        world.send([try require(world.clients[0].makeRTP(ssrc: 1_000, payloadType: 111, payload: [1]))], from: 0)
        expect(world.clients[2].received.count == 1)
    }

    @Test("a source that is withdrawn and signalled again goes on behind its last number")
    func returningSource() throws {
        var world = try World()
        expect(world.assemble(2))
        let send = { (world: inout World, level: UInt8) throws in
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: [1], extensions: [(1, [level])])
            world.send([try require(packet)], from: 0)
        }
        try send(&world, 10)
        for _ in 0..<100 { try send(&world, 127) }
        try send(&world, 10)
        let number = world.clients[0].number
        for audio in [nil, 1_000] as [UInt32?] {
            var media = EndpointMedia()
            media.sources = World.media(audioSSRC: audio, videoSSRC: nil).sources
            _ = world.request([.updateEndpoint(number, media: media, remote: nil)])
        }
        let before = try require(world.clients[1].received.last)
        try send(&world, 10)
        try send(&world, 10)
        let numbers = world.clients[1].received.suffix(2).map { $0.sequence &- before.sequence }
        // The hole has room for whatever comes late.
        #expect(numbers == [65, 66])
    }

    /// Uses up a client's key frame requests for the first client's video.
    private func exhaustRequests(_ world: inout World, of client: Int) throws {
        for _ in 0..<3 {
            let request = world.clients[client].makeRTCP { writer in
                KeyframeRequest.writePictureLoss(senderSSRC: 9, mediaSSRC: 2_000, to: &writer)
            }
            world.send([try require(request)], from: client)
            world.run(for: .seconds(1 as Int64))
        }
    }

    @Test("who joins in another's slot has key frame requests of its own")
    func slotOfAnother() throws {
        var world = try World()
        expect(world.assemble(2))
        try exhaustRequests(&world, of: 1)
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        expect(world.join())
        expect(world.connectAll() || world.clients[2].isConnected)
        world.clients[0].receivedRTCP = []
        let delta = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: false))
        world.send([try require(delta)], from: 0)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
    }

    @Test("a receiver that has asked too often does not stand in the way of the others that wait")
    func exhaustedReceiver() throws {
        var world = try World()
        expect(world.assemble(3))
        try exhaustRequests(&world, of: 2)
        world.clients[0].receivedRTCP = []
        let delta = world.clients[0].makeRTP(ssrc: 2_000, payloadType: 100, payload: vp8(isKeyframe: false))
        world.send([try require(delta)], from: 0)
        #expect(pictureLossCount(world.clients[0].receivedRTCP, media: 2_000) == 1)
    }

    @Test("a peer whose candidate was signalled as a relay's is counted as one")
    func relayedPeer() throws {
        var world = try World()
        world.createConference()
        expect(world.join())
        var remote = RemoteTransport()
        remote.candidates = [RemoteCandidate(address: world.clients[0].address, priority: 1, isRelayed: true)]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: EndpointMedia(), remote: remote)])
        expect(world.join())
        expect(world.connectAll())
        expect(world.counters.value(.iceSucceeded) == 2)
        expect(world.counters.value(.iceSucceededRelayed) == 1)
    }
}
