// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import Testing
import VideoPayload

@testable import Conferencing

extension World {
    fileprivate static let av1Type: UInt8 = 41

    /// Members who send AV1 and number the dependency descriptor differently.
    fileprivate mutating func assembleDescribed(_ count: Int) -> Bool {
        createConference()
        for member in 0..<count {
            let isIn = joinNamed { media in
                var type = PayloadType(number: Self.av1Type, codec: .av1, clockRate: 90_000)
                (type.hasPLI, type.hasNACK) = (true, true)
                media.payloadTypes.append(type)
                var rtx = PayloadType(number: 97, codec: .rtx, clockRate: 90_000)
                rtx.associated = Self.av1Type
                media.payloadTypes.append(rtx)
                media.allowsMixedExtensions = true
                media.headerExtensions.append(
                    HeaderExtensionMapping(id: UInt8(11 + member % 2), kind: .dependencyDescriptor))
                media.sources?[1].streams = (0..<3).map {
                    SourceStreamDescription(ssrc: Self.camera(member) + $0, rtxSSRC: Self.camera(member) + 5 + $0)
                }
            }
            if !isIn { return false }
        }
        return connectAll()
    }

    /// Lets time go on by a frame and sends it.
    fileprivate mutating func film(_ packets: [DescribedCamera.Packet], isDescribed: Bool = true) {
        run(for: .milliseconds(33))
        var datagrams: [[UInt8]] = []
        for packet in packets {
            let datagram = clients[0].makeRTP(
                ssrc: packet.ssrc, payloadType: Self.av1Type, sequence: packet.sequence, timestamp: packet.timestamp,
                payload: packet.payload, extensions: isDescribed ? [(UInt8(11), packet.descriptor)] : [],
                marker: packet.marker)
            if let datagram { datagrams.append(datagram) }
        }
        send(datagrams, from: 0)
    }
}

@Suite("AV1 through the hall (media-plane.md 5.8)")
struct DescribedTests {
    @Test(
        "each receiver gets the layers it is to get, under numbers of its own, and can read what it gets",
        arguments: ScalableCamera.Mode.allCases)
    func layers(mode: ScalableCamera.Mode) throws {
        var world = try World()
        expect(world.assembleDescribed(4))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, spatial: 0, temporal: 0))
        try world.aim(2, atCamera: 0, LayerTarget(encoding: 0, spatial: 1, temporal: 1))
        try world.aim(3, atCamera: 0, LayerTarget(encoding: 0, spatial: 7, temporal: 7))
        var camera = DescribedCamera(mode, ssrcs: [World.camera(0)])
        let screens = (0..<4).map { DescribedScreen(element: UInt8(11 + $0 % 2)) }
        for number in 0..<200 {
            world.film(camera.next(isKeyframe: number == 120))
            for index in 1...3 { screens[index].show(world.takeVideo(index, of: 0), of: camera) }
        }
        for index in 1...3 { #expect(screens[index].faults.isEmpty, "\(index): \(screens[index].faults.prefix(3))") }
        #expect(screens[1].pictures.count == 50 && screens[1].pictures.allSatisfy { $0.spatial == 0 })
        #expect(screens[2].pictures.count == 100 && screens[2].pictures.allSatisfy { $0.spatial == 1 })
        #expect(screens[3].pictures.count == 200 && screens[3].pictures.allSatisfy { $0.spatial == 2 })
        #expect(world.counters.value(.keyframesReceived) == 2)
    }

    @Test("up and down among layers and encodings: templates renumbered, all decodable, key pictures asked for")
    func switches() throws {
        for seed in UInt64(1)...12 {
            var random = Random(seed: seed)
            let encodings = seed % 3 == 0 ? 3 : 1
            var world = try World()
            expect(world.assembleDescribed(3))
            var camera = DescribedCamera(
                seed % 2 == 0 ? .full : .key, ssrcs: (0..<UInt32(encodings)).map { World.camera(0) + $0 })
            let screens = (0..<3).map { DescribedScreen(element: UInt8(11 + $0 % 2)) }
            for moment in 0..<200 {
                for receiver in 1...2 where moment == 0 || random.next() % 25 == 0 {
                    try world.aim(
                        receiver, atCamera: 0,
                        LayerTarget(
                            encoding: Int8(random.next() % UInt64(encodings)), spatial: UInt8(random.next() % 4),
                            temporal: UInt8(random.next() % 3)))
                }
                let isAsked = world.takeKeyframeRequests(0) > 0
                if isAsked { camera.layers = encodings == 3 ? 1 + Int(random.next() % 3) : 3 }
                world.film(camera.next(isKeyframe: isAsked))
                for index in 1...2 { screens[index].show(world.takeVideo(index, of: 0), of: camera) }
            }
            for index in 1...2 {
                #expect(screens[index].faults.isEmpty, "seed \(seed): \(screens[index].faults.prefix(3))")
                #expect(screens[index].pictures.count > 50, "seed \(seed): \(screens[index].pictures.count)")
            }
        }
    }

    @Test("layers that receivers asked for by height are chosen by the structure")
    func heights() throws {
        var world = try World()
        expect(world.assembleDescribed(2))
        var camera = DescribedCamera(.full, ssrcs: [World.camera(0)])
        let screen = DescribedScreen(element: 12)
        func film(_ count: Int) {
            for _ in 0..<count {
                let isAsked = world.takeKeyframeRequests(0) > 0
                world.film(camera.next(isKeyframe: isAsked))
                screen.show(world.takeVideo(1, of: 0), of: camera)
            }
        }
        film(30)
        #expect(screen.pictures.last?.spatial == 2)
        for (height, spatial) in [(180, 0), (360, 1), (720, 2), (100, 0), (500, 1)] {
            world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: Int32(height)) }
            world.run(for: .milliseconds(12))
            film(20)
            #expect(screen.pictures.last?.spatial == spatial, "\(height)")
        }
        #expect(screen.faults.isEmpty, "\(screen.faults.prefix(3))")
        #expect(screen.pictures.count == 130)
    }

    @Test("what a receiver misses it gets again under the same frame number and template")
    func repeats() throws {
        var world = try World()
        expect(world.assembleDescribed(3))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 1, spatial: 0, temporal: 7))
        var camera = DescribedCamera(.full, ssrcs: (0..<3).map { World.camera(0) + $0 })
        for _ in 0..<9 { world.film(camera.next()) }
        let last = try require(world.takeVideo(1, of: 0).last)
        let nack = world.clients[1].makeRTCP {
            GenericNACK.write(senderSSRC: 77, mediaSSRC: World.camera(0), lost: [last.sequence].span, to: &$0)
        }
        world.send([try require(nack)], from: 1)
        let again = try require(world.clients[1].received.first { $0.ssrc == World.camera(0) + 5 })
        #expect(again.extensions[12] == last.extensions[12] && again.marker && last.marker)
        #expect(again.payload == [UInt8(last.sequence >> 8), UInt8(last.sequence & 255)] + last.payload)
    }

    @Test("without descriptors a receiver begins with a sequence, as one stream")
    func bare() throws {
        var world = try World()
        expect(world.assembleDescribed(2))
        var camera = DescribedCamera(.full, ssrcs: [World.camera(0)])
        camera.layers = 1
        world.film(camera.next(), isDescribed: false)
        for _ in 0..<5 { world.film(camera.next(), isDescribed: false) }
        expect(world.takeVideo(1, of: 0).count == 6)
        try world.aim(1, atCamera: 0, .suspended)
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        _ = world.takeKeyframeRequests(0)
        for _ in 0..<5 { world.film(camera.next(), isDescribed: false) }
        expect(world.takeVideo(1, of: 0).isEmpty && world.takeKeyframeRequests(0) > 0)
        world.film(camera.next(isKeyframe: true), isDescribed: false)
        for _ in 0..<5 { world.film(camera.next(), isDescribed: false) }
        #expect(world.takeVideo(1, of: 0).count == 6)
        // A browser that begins to describe its frames goes on with its next key picture.
        world.film(camera.next(isKeyframe: true))
        #expect(world.takeVideo(1, of: 0).count == 1)
    }

    @Test("a structure that was missed is asked for; descriptors that lie are not followed, nor harm others")
    func hostile() throws {
        var world = try World()
        expect(world.assembleDescribed(3))
        var camera = DescribedCamera(.full, ssrcs: [World.camera(0)])
        world.film(camera.next())
        for _ in 0..<4 { world.film(camera.next()) }
        _ = world.takeKeyframeRequests(0)
        // A key picture of other templates is lost.
        camera.layers = 2
        _ = camera.next(isKeyframe: true)
        for _ in 0..<4 { world.film(camera.next()) }
        #expect(world.takeKeyframeRequests(0) > 0)
        var random = Random(seed: 7)
        for _ in 0..<300 {
            var packets = camera.next(isKeyframe: random.next() % 20 == 0)
            for index in packets.indices where random.next() % 3 == 0 {
                for _ in 0...random.next() % 6 {
                    let place = Int(random.next() % UInt64(packets[index].descriptor.count))
                    packets[index].descriptor[place] = UInt8(truncatingIfNeeded: random.next())
                }
                if random.next() % 4 == 0 {
                    packets[index].descriptor.removeLast(
                        Int(random.next() % UInt64(packets[index].descriptor.count)))
                }
            }
            world.film(packets)
        }
        _ = world.takeVideo(1, of: 0)
        world.film(camera.next(isKeyframe: true))
        #expect(world.takeVideo(1, of: 0).count > 0)
    }
}
