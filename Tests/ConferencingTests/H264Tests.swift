// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages
import Telemetry
import Testing
import VideoPayload

@testable import Conferencing

/// How a sender wraps a key picture (RFC 6184 5).
enum KeyPictureForm: CaseIterable {
    /// An IDR slice alone: its parameters are told in SDP.
    case bare
    /// Parameters and slice in one packet.
    case together
    /// Parameters in one packet, the slice in fragments, as Chromium does.
    case fragmented
    /// Parameters in packets of their own, as Safari does.
    case apart

    /// The payloads of a key picture; each ends with its number.
    func payloads(_ number: Int) -> [[UInt8]] {
        let parameters: [[UInt8]] = [[0x67, 0x42, 0xE0, 0x1F], [0x68, 0xCE, 0x3C, 0x80]]
        let tail = [UInt8(number >> 8), UInt8(number & 255)]
        func aggregate(_ units: [[UInt8]]) -> [UInt8] {
            [0x78] + units.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 }
        }
        switch self {
        case .bare: return [[0x65, 0x88] + tail]
        case .together: return [aggregate(parameters + [[0x65, 0x88] + tail])]
        case .fragmented:
            return [aggregate([parameters[0], parameters[1] + tail])]
                + [0x85, 0x05, 0x45].map { [0x7C, $0, 0x88] + tail }
        case .apart: return parameters.map { $0 + tail } + [[0x65, 0x88] + tail]
        }
    }
}

/// A camera of H.264 in several sizes.
struct H264Camera {
    let ssrc: UInt32
    var form: KeyPictureForm
    private var sequences: [UInt16] = [65_500, 100, 30_000]
    private var timestamp: UInt32 = .max - 40_000
    private(set) var moment = 0

    init(_ ssrc: UInt32, _ form: KeyPictureForm) {
        self.ssrc = ssrc
        self.form = form
    }

    /// Packets of the next picture of some encodings; each payload ends with encoding and moment.
    mutating func next(isKeyframe: Bool, encodings: Range<Int> = 0..<1, client: inout Client) -> [[UInt8]] {
        moment += 1
        timestamp &+= 3_000
        var datagrams: [[UInt8]] = []
        for encoding in encodings {
            let name = encoding << 12 | moment
            let tail = [UInt8(name >> 8), UInt8(name & 255)]
            let payloads = isKeyframe ? form.payloads(name) : [[0x7C, 0x81, 9] + tail, [0x7C, 0x41, 9] + tail]
            for (part, payload) in payloads.enumerated() {
                sequences[encoding] &+= 1
                if let datagram = client.makeRTP(
                    ssrc: ssrc + UInt32(encoding), payloadType: World.h264Type, sequence: sequences[encoding],
                    timestamp: timestamp, payload: payload, marker: part == payloads.count - 1)
                {
                    datagrams.append(datagram)
                }
            }
        }
        return datagrams
    }
}

extension World {
    /// Encoding and moment of what was sent.
    fileprivate static func name(_ packet: Client.Received) -> (encoding: Int, moment: Int) {
        let value = packet.payload.suffix(2).reduce(0) { $0 << 8 | Int($1) }
        return (value >> 12, value & 0xFFF)
    }

    /// Lets time go on by a frame and sends it, but for the packets at some places.
    fileprivate mutating func film(
        _ camera: inout H264Camera, key: Bool = false, encodings: Range<Int> = 0..<1, but lost: Set<Int> = []
    ) {
        run(for: .milliseconds(33))
        let datagrams = camera.next(isKeyframe: key, encodings: encodings, client: &clients[0])
        send(datagrams.indices.filter { !lost.contains($0) }.map { datagrams[$0] }, from: 0)
    }
}

@Suite("H.264, and what nobody knows, through the hall (media-plane.md 5.7)")
struct H264Tests {
    @Test(
        "a receiver begins and goes on with a key picture, from its first packet, and one is asked for",
        arguments: KeyPictureForm.allCases)
    func begins(form: KeyPictureForm) throws {
        var world = try World()
        expect(world.assembleCodecs(3))
        var camera = H264Camera(World.camera(0), form)
        world.film(&camera, key: true)
        let size = form.payloads(0).count
        expect(world.takeVideo(1, of: 0).map { World.name($0).moment } == Array(repeating: 1, count: size))
        for _ in 0..<5 { world.film(&camera) }
        expect(world.takeVideo(1, of: 0).count == 10)
        try world.aim(1, atCamera: 0, .suspended)
        for _ in 0..<5 { world.film(&camera) }
        expect(world.takeVideo(1, of: 0).isEmpty)
        _ = world.takeKeyframeRequests(0)
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        for _ in 0..<5 { world.film(&camera) }
        expect(world.takeVideo(1, of: 0).isEmpty)
        #expect(world.takeKeyframeRequests(0) > 0)
        world.film(&camera, key: true)
        world.film(&camera)
        let got = world.takeVideo(1, of: 0)
        #expect(got.count == size + 2 && got.map { World.name($0).moment }.first == 17)
        #expect(Array(got[0].payload) == form.payloads(17)[0])
        for (one, next) in zip(got, got.dropFirst()) { #expect(next.sequence == one.sequence &+ 1) }
        // The other one got everything.
        #expect(world.takeVideo(2, of: 0).count == 2 * size + 2 * 16)
        #expect(world.counters.value(.keyframesReceived) == 2)
        _ = world.takeKeyframeRequests(0)
        for _ in 0..<5 { world.film(&camera) }
        #expect(world.takeKeyframeRequests(0) == 0, "who has a picture asks for nothing")
    }

    @Test("of several sizes a receiver gets one, changed at key pictures, as one stream")
    func simulcast() throws {
        var world = try World()
        expect(world.assembleCodecs(3))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        try world.aim(2, atCamera: 0, LayerTarget(encoding: 2, temporal: 7))
        var camera = H264Camera(World.camera(0), .fragmented)
        var got: [[Client.Received]] = [[], [], []]
        for number in 0..<90 {
            if number == 30 { try world.aim(1, atCamera: 0, LayerTarget(encoding: 1, temporal: 7)) }
            if number == 60 { try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7)) }
            world.film(&camera, key: number % 20 == 0, encodings: 0..<3)
            for index in 1...2 { got[index] += world.takeVideo(index, of: 0) }
        }
        for index in 1...2 {
            for (one, next) in zip(got[index], got[index].dropFirst()) {
                #expect(next.sequence == one.sequence &+ 1)
                let step = Int32(bitPattern: next.timestamp &- one.timestamp)
                #expect(step >= 0 && step <= 6_000)
                let (before, after) = (World.name(one), World.name(next))
                if before.encoding != after.encoding { #expect(next.payload[0] & 0x1F == 24, "not at a key picture") }
            }
        }
        let small = got[1].map { World.name($0) }
        // Of the group of key pictures the smallest comes first.
        #expect(small.allSatisfy { $0.moment == 41 || $0.encoding == ((41...60).contains($0.moment) ? 1 : 0) })
        #expect(Set(small.map(\.moment)).count == 90)
        #expect(got[2].dropFirst(4).allSatisfy { World.name($0).encoding == 2 })
    }

    @Test("where the parameters of a key picture got lost nobody begins with the rest; who sends none is believed")
    func lostParameters() throws {
        var world = try World()
        expect(world.assembleCodecs(2))
        var camera = H264Camera(World.camera(0), .fragmented)
        world.film(&camera, key: true)
        _ = world.takeVideo(1, of: 0)
        try world.aim(1, atCamera: 0, .suspended)
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        _ = world.takeKeyframeRequests(0)
        world.film(&camera, key: true, but: [0])
        #expect(world.takeVideo(1, of: 0).isEmpty && world.takeKeyframeRequests(0) > 0)
        world.film(&camera, key: true)
        #expect(world.takeVideo(1, of: 0).count == 4)
        camera.form = .bare
        try world.aim(1, atCamera: 0, .suspended)
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        world.film(&camera, key: true)
        #expect(world.takeVideo(1, of: 0).isEmpty)
        world.film(&camera, key: true)
        #expect(world.takeVideo(1, of: 0).count == 1)
    }

    @Test("payloads with lying lengths and forbidden bits start nothing, and reach who has a picture as they are")
    func hostile() throws {
        var world = try World()
        expect(world.assembleCodecs(3))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        try world.aim(2, atCamera: 0, .suspended)
        var camera = H264Camera(World.camera(0), .together)
        world.film(&camera, key: true)
        try world.aim(2, atCamera: 0, LayerTarget(encoding: 0, temporal: 7))
        var random = Random(seed: 12)
        let known: [[UInt8]] = [
            [0x78, 0xFF, 0xFF, 0x65, 1], [0x78, 0, 0, 0x67], [0x78], [0xE5, 1], [0x7C], [0x7C, 0x05, 1], [0x00],
            [0x78, 0, 2, 0x41, 1, 0, 3, 0x67, 1],
        ]
        for number in 0..<200 {
            let payload =
                number < known.count
                ? known[number] : [0x78] + (0..<random.next() % 20).map { _ in UInt8(random.next() & 0x60) }
            let datagram = world.clients[0].makeRTP(
                ssrc: World.camera(0), payloadType: World.h264Type, sequence: 65_502 &+ UInt16(number),
                timestamp: 90_000 &+ UInt32(number) * 3_000, payload: payload)
            world.send([try require(datagram)], from: 0)
        }
        #expect(world.takeVideo(1, of: 0).count == 201)
        #expect(world.takeVideo(2, of: 0).isEmpty && world.counters.value(.keyframesReceived) == 1)
    }

    @Test("a format that nobody knows begins anywhere, in one of its sizes")
    func unknown() throws {
        var world = try World()
        expect(world.assembleCodecs(2))
        try world.aim(1, atCamera: 0, LayerTarget(encoding: 1, temporal: 7))
        for number in 0..<20 {
            for encoding in UInt32(0)..<3 {
                let datagram = world.clients[0].makeRTP(
                    ssrc: World.camera(0) + encoding, payloadType: World.otherType,
                    sequence: UInt16(number) &+ UInt16(encoding) * 1_000, timestamp: UInt32(number) * 3_000,
                    payload: [UInt8(encoding), UInt8(number)])
                world.send([try require(datagram)], from: 0)
            }
            world.run(for: .milliseconds(33))
        }
        let got = world.takeVideo(1, of: 0)
        #expect(got.count == 20 && got.allSatisfy { $0.payload[0] == 1 })
        for (one, next) in zip(got, got.dropFirst()) { #expect(next.sequence == one.sequence &+ 1) }
    }

    @Test("a source that changes its codec goes on as one stream, each time with a key frame")
    func codecChange() throws {
        var world = try World()
        expect(world.assembleCodecs(2))
        var random = Random(seed: 5)
        var got: [Client.Received] = []
        var expected = 0
        var sequence: UInt16 = 65_000
        for turn in 0..<12 {
            let codec = turn % 4
            // No more key frames are asked for than a receiver may have.
            world.run(for: .milliseconds(1_500))
            _ = world.takeKeyframeRequests(0)
            for number in 0..<10 {
                // The first pictures of each turn are none to begin with.
                let isKey = number == 3
                let payload: [UInt8]
                switch codec {
                case 0: payload = vp8(isKeyframe: isKey, size: 30)
                case 1: payload = isKey ? [0x67, 1] : [0x41, 1]
                case 2: payload = [isKey ? 0x8C : 0xCC, UInt8(number), 1]
                default: payload = [UInt8(random.next() & 0xFF)]
                }
                sequence &+= 1
                let types: [UInt8] = [100, World.h264Type, World.vp9Type, World.otherType]
                let datagram = world.clients[0].makeRTP(
                    ssrc: World.camera(0), payloadType: types[codec], sequence: sequence,
                    timestamp: UInt32(turn * 1_000_000 + number * 3_000), payload: payload, marker: true)
                world.send([try require(datagram)], from: 0)
                world.run(for: .milliseconds(33))
            }
            expected += codec == 3 ? 10 : 7
            let new = world.takeVideo(1, of: 0)
            #expect(new.allSatisfy { $0.payloadType == [100, World.h264Type, World.vp9Type, World.otherType][codec] })
            got += new
            #expect(got.count == expected, "turn \(turn)")
            if codec != 3 { #expect(world.takeKeyframeRequests(0) > 0) }
        }
        for (one, next) in zip(got, got.dropFirst()) {
            #expect(next.sequence == one.sequence &+ 1)
            let step = Int32(bitPattern: next.timestamp &- one.timestamp)
            #expect(step > 0 && step <= 3 * 90_000)
        }
    }
}
