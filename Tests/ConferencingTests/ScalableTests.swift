// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing
import VideoPayload

@testable import Conferencing

extension World {
    /// Lets time go on by a frame and sends it.
    fileprivate mutating func film(_ packets: [ScalableCamera.Packet], by client: Int = 0) {
        run(for: .milliseconds(33))
        send(datagrams(packets, of: client), from: client)
    }

    fileprivate mutating func datagrams(_ packets: [ScalableCamera.Packet], of client: Int) -> [[UInt8]] {
        var datagrams: [[UInt8]] = []
        for packet in packets {
            let datagram = clients[client].makeRTP(
                ssrc: packet.ssrc, payloadType: Self.vp9Type, sequence: packet.sequence, timestamp: packet.timestamp,
                payload: packet.payload, marker: packet.marker)
            if let datagram { datagrams.append(datagram) }
        }
        return datagrams
    }

    /// The layer that a receiver is to get: encoding, spatial, temporal.
    fileprivate func layer(_ client: Int, of sender: Int) -> [Int] {
        guard let receiver = host.endpointIndex(clients[client].number) else { return [] }
        let endpoint = host.endpoints.pointer(at: receiver)
        let conference = host.conferences.pointer(at: endpoint.pointee.conference)
        guard let slot = conference.pointee.sourceSlot(outgoing: Self.camera(sender)) else { return [] }
        let key = conference.pointee.sources.pointer(at: slot).pointee.allocationKey(slot: slot)
        guard let target = endpoint.pointee.reception.target(ofSlot: slot, key: key) else { return [] }
        return [Int(target.encoding), Int(target.spatial), Int(target.temporal)]
    }
}

@Suite("A scalable camera of VP9 through the hall (media-plane.md 5.6)")
struct ScalableTests {
    @Test(
        "each receiver gets the layers it is to get, as one stream that ends where it shall",
        arguments: ScalableCamera.Mode.allCases, [(false, true), (true, true), (false, false)])
    func layers(mode: ScalableCamera.Mode, form: (isFlexible: Bool, isLong: Bool)) throws {
        var world = try World()
        expect(world.assembleCodecs(4))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, spatial: 0, temporal: 0))
        try world.aim(2, atCamera: 0, LayerTarget(encoding: 0, spatial: 1, temporal: 1))
        try world.aim(3, atCamera: 0, LayerTarget(encoding: 0, spatial: 7, temporal: 7))
        var camera = ScalableCamera(mode, ssrcs: [World.camera(0)])
        (camera.isFlexible, camera.hasLongPictureIDs) = form
        var screens = [ScalableScreen](repeating: ScalableScreen(), count: 4)
        for number in 0..<200 {
            world.film(camera.next(isKeyframe: number == 120))
            for index in 1...3 { screens[index].show(world.takeVideo(index, of: 0), of: camera) }
        }
        for index in 1...3 { #expect(screens[index].faults.isEmpty, "\(index): \(screens[index].faults.prefix(3))") }
        #expect(screens[1].pictures.count == 50 && screens[1].pictures.allSatisfy { $0.spatial == 0 })
        #expect(screens[2].pictures.count == 100 && screens[2].pictures.allSatisfy { $0.spatial == 1 })
        #expect(screens[3].pictures.count == 200 && screens[3].pictures.allSatisfy { $0.spatial == 2 })
        // With K-SVC lower layers are sent with key pictures alone.
        let lower = screens[3].complete.count { $0.spatial < 2 }
        #expect(lower == (mode == .key ? 4 : 400))
        #expect(world.counters.value(.keyframesReceived) == 2)
    }

    @Test("up and down among layers and encodings: no gap, all decodable, key pictures asked for where they are needed")
    func switches() throws {
        for seed in UInt64(1)...12 {
            var random = Random(seed: seed)
            let mode: ScalableCamera.Mode = seed % 2 == 0 ? .full : .key
            let encodings = seed % 3 == 0 ? 3 : 1
            var world = try World()
            expect(world.assembleCodecs(3))
            var camera = ScalableCamera(mode, ssrcs: (0..<UInt32(encodings)).map { World.camera(0) + $0 })
            camera.isFlexible = random.next() & 1 == 0
            camera.layers = encodings == 3 ? 1 + Int(random.next() % 3) : 3
            var screens = [ScalableScreen](repeating: ScalableScreen(), count: 3)
            for moment in 0..<200 {
                for receiver in 1...2 where moment == 0 || random.next() % 25 == 0 {
                    try world.aim(
                        receiver, atCamera: 0,
                        LayerTarget(
                            encoding: Int8(random.next() % UInt64(encodings)), spatial: UInt8(random.next() % 4),
                            temporal: UInt8(random.next() % 3)))
                }
                let isAsked = world.takeKeyframeRequests(0) > 0
                world.film(camera.next(isKeyframe: isAsked))
                for index in 1...2 { screens[index].show(world.takeVideo(index, of: 0), of: camera) }
            }
            for index in 1...2 {
                #expect(screens[index].faults.isEmpty, "seed \(seed): \(screens[index].faults.prefix(3))")
                #expect(screens[index].pictures.count > 50, "seed \(seed): \(screens[index].pictures.count)")
            }
        }
    }

    @Test("what a receiver misses it gets again with its own picture id, base and marker")
    func repeats() throws {
        var world = try World()
        expect(world.assembleCodecs(3))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, spatial: 1, temporal: 7))
        try world.aim(2, atCamera: 0, LayerTarget(encoding: 0, spatial: 0, temporal: 0))
        var camera = ScalableCamera(.full, ssrcs: [World.camera(0)])
        for _ in 0..<9 { world.film(camera.next()) }
        for client in 1...2 {
            let got = world.takeVideo(client, of: 0)
            let last = try require(got.last)
            #expect(last.marker)
            let nack = world.clients[client].makeRTCP {
                GenericNACK.write(
                    senderSSRC: 77, mediaSSRC: World.camera(0), lost: [last.sequence].span, to: &$0)
            }
            world.send([try require(nack)], from: client)
            let again = try require(world.clients[client].received.first { $0.ssrc == World.camera(0) + 5 })
            #expect(again.marker && again.payloadType == 97 && again.timestamp == last.timestamp)
            #expect(again.payload == [UInt8(last.sequence >> 8), UInt8(last.sequence & 255)] + last.payload)
            world.clients[client].received = []
        }
    }

    @Test("layers that receivers asked for by height are chosen by what the stream says of itself")
    func heights() throws {
        var world = try World()
        expect(world.assembleCodecs(2))
        var camera = ScalableCamera(.full, ssrcs: [World.camera(0)])
        var screen = ScalableScreen()
        func film(_ count: Int) {
            for _ in 0..<count {
                let isAsked = world.takeKeyframeRequests(0) > 0
                world.film(camera.next(isKeyframe: isAsked))
                screen.show(world.takeVideo(1, of: 0), of: camera)
            }
        }
        film(30)
        #expect(world.layer(1, of: 0) == [0, 2, 7])
        for (height, spatial) in [(180, 0), (360, 1), (720, 2), (100, 0), (500, 1)] {
            world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: Int32(height)) }
            world.run(for: .milliseconds(12))
            film(20)
            #expect(world.layer(1, of: 0) == [0, spatial, 7], "\(height)")
            #expect(screen.pictures.last?.spatial == spatial, "\(height)")
        }
        // The sender has fewer layers from now on, and then more again.
        world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 720) }
        for layers in [2, 3, 1, 3] {
            camera.layers = layers
            world.film(camera.next(isKeyframe: true))
            screen.show(world.takeVideo(1, of: 0), of: camera)
            film(45)
            #expect(screen.pictures.last?.spatial == layers - 1, "\(layers) layers")
        }
        #expect(screen.faults.isEmpty, "\(screen.faults.prefix(3))")
        #expect(screen.pictures.count == 30 + 100 + 4 * 46)
    }

    @Test("what a layer costs includes the lower ones where it is built on them, and not where it is not")
    func costs() throws {
        for mode in ScalableCamera.Mode.allCases {
            var world = try World()
            expect(world.assembleCodecs(2))
            var camera = ScalableCamera(mode, ssrcs: [World.camera(0)])
            for _ in 0..<60 { world.film(camera.next()) }
            let owner = try require(world.host.endpointIndex(world.clients[0].number))
            let endpoint = world.host.endpoints.pointer(at: owner)
            let conference = world.host.conferences.pointer(at: endpoint.pointee.conference)
            let slot = try require(conference.pointee.sourceSlot(outgoing: World.camera(0)))
            let layers = conference.pointee.sources.pointer(at: slot).pointee.layers.pointer(at: 0)
            #expect(layers.pointee.shownLayers == 3 && layers.pointee.height(of: 2) == 720)
            let rates = (0..<3).map { Int(layers.pointee.bitrate(of: $0, upTo: 2, at: world.now)) / 1_000 }
            // Packets of 120, 2 of 480 and 3 of 1,100 bytes in each of 30 pictures a second, with their headers.
            let own = [32, 237, 798]
            let expected = mode == .full ? [own[0], own[0] + own[1], own[0] + own[1] + own[2]] : own
            for (rate, expected) in zip(rates, expected) {
                #expect(abs(rate - expected) < expected / 6 + 4, "\(rates)")
            }
            let slow = layers.pointee.bitrate(of: 2, upTo: 0, at: world.now) / 1_000
            #expect(Int(slow) < rates[2] / 3)
            let none = layers.pointee.bitrate(of: 3, upTo: 2, at: world.now)
            #expect(none == 0)
        }
    }

    @Test("descriptors that lie, are cut off or lack what is needed: forwarded or dropped, and nobody else notices")
    func hostile() throws {
        var world = try World()
        expect(world.assembleCodecs(3))
        var camera = ScalableCamera(.full, ssrcs: [World.camera(0)])
        var other = ScalableCamera(.key, ssrcs: [World.camera(1)])
        var random = Random(seed: 99)
        var screen = ScalableScreen()
        for _ in 0..<300 {
            var packets = camera.next(isKeyframe: random.next() % 20 == 0)
            for index in packets.indices where random.next() % 3 == 0 {
                let count = Int(random.next() % 12)
                for _ in 0..<1 + count {
                    let place = Int(random.next() % UInt64(min(packets[index].payload.count, 14)))
                    packets[index].payload[place] = UInt8(truncatingIfNeeded: random.next())
                }
                if random.next() % 4 == 0 { packets[index].payload.removeLast(packets[index].payload.count - count) }
                if random.next() % 8 == 0 { packets[index].timestamp = UInt32(truncatingIfNeeded: random.next()) }
            }
            world.film(packets)
            world.film(other.next(), by: 1)
            screen.show(world.takeVideo(2, of: 1), of: other)
        }
        #expect(screen.faults.isEmpty && screen.pictures.count == 300, "\(screen.faults.prefix(3))")
    }

    @Test("scalable pictures for ten receivers of different layers allocate nothing")
    func noAllocation() throws {
        var world = try World()
        expect(world.assembleCodecs(11))
        for receiver in 1...10 {
            try world.aim(
                receiver, atCamera: 0,
                LayerTarget(encoding: 0, spatial: UInt8(receiver % 3), temporal: UInt8(receiver % 3)))
        }
        var camera = ScalableCamera(.full, ssrcs: [World.camera(0)])
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 16)
        defer { slab.deallocate() }
        let address = world.clients[0].address
        var allocations: UInt64 = 0
        for round in 0..<1_500 {
            let datagrams = world.datagrams(camera.next(isKeyframe: round % 100 == 0), of: 0)
            var offset = 0
            for bytes in datagrams {
                slab[offset...].copyBytes(from: bytes)
                offset += bytes.count
            }
            let sizes = datagrams.map(\.count)
            let counted = countAllocations {
                var offset = 0
                for index in 0..<sizes.count {
                    let place = UnsafeMutableRawBufferPointer(rebasing: slab[offset..<offset + sizes[index]])
                    offset += sizes[index]
                    world.host.receive(
                        place, from: address, local: 0, at: world.now, arrival: world.now, into: &world.egress)
                }
                while world.host.pump(into: &world.egress, at: world.now) { world.egress.removeAll() }
                world.egress.removeAll()
            }
            if round >= 100 { allocations += counted }
            world.now = world.now + .milliseconds(1)
        }
        #expect(world.counters.value(.rtpForwarded) > 30_000)
        #expect(allocations == 0)
    }
}
