// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import Testing
import VideoPayload

@testable import Conferencing

/// What a receiver was sent of a camera, and whether it can be shown.
private struct Screen {
    struct Picture: Equatable {
        var encoding: Int
        var frame: Int
    }

    private(set) var pictures: [Picture] = []
    private(set) var faults: [String] = []
    private var last: Client.Received?
    private var lastID: Int?
    private var lastBase: UInt8?

    /// Takes in what came, in order.
    mutating func show(_ received: [Client.Received]) {
        for packet in received {
            guard let descriptor = VP8Descriptor(packet.payload.rawSpan, from: 0, to: packet.payload.count) else {
                faults.append("no descriptor")
                continue
            }
            let tail = packet.payload.suffix(4).map { Int($0) }
            let picture = Picture(encoding: tail[0], frame: tail[1] << 8 | tail[2])
            if let last {
                if packet.sequence != last.sequence &+ 1 {
                    faults.append("\(picture): number \(packet.sequence) behind \(last.sequence)")
                }
                let step = Int32(bitPattern: packet.timestamp &- last.timestamp)
                let isSame = pictures.last == picture
                if isSame ? step != 0 : step <= 0 || step > 3_000 * 40 { faults.append("\(picture): time \(step)") }
            }
            if pictures.last != picture {
                note(descriptor, of: picture)
                pictures.append(picture)
            }
            last = packet
        }
    }

    private mutating func note(_ descriptor: VP8Descriptor, of picture: Picture) {
        let mask = descriptor.hasLongPictureID ? 0x7FFF : 0x7F
        if let lastID, Int(descriptor.pictureID) != (lastID + 1) & mask {
            faults.append("\(picture): picture id \(descriptor.pictureID) behind \(lastID)")
        }
        lastID = Int(descriptor.pictureID)
        let base = UInt8(max(0, descriptor.tl0PictureIndex))
        if let lastBase, base != lastBase &+ (descriptor.temporalID == 0 ? 1 : 0) {
            faults.append("\(picture): base \(base) behind \(lastBase)")
        }
        lastBase = base
    }
}

extension World {
    /// Members who all send a camera in three sizes.
    fileprivate mutating func assembleCameras(_ count: Int) -> Bool {
        createConference()
        for index in 0..<count {
            let isIn = join { media in
                media.sources?.removeAll { $0.mediaType == .video }
                media.sources?.append(Self.camera(of: index))
            }
            if !isIn { return false }
        }
        return connectAll()
    }

    private static func camera(of index: Int) -> ShardMessages.SourceDescription {
        let first = UInt32(5_000 + index * 10)
        return SourceDescription(
            name: "v\(index)", mediaType: .video,
            streams: (0..<3).map { SourceStreamDescription(ssrc: first + $0, rtxSSRC: first + 5 + $0) })
    }

    fileprivate static func makeCamera(of index: Int) -> Camera {
        Camera(ssrcs: camera(of: index).streams.map(\.ssrc))
    }

    /// Lets time go on by a frame and sends it.
    fileprivate mutating func film(_ packets: [Camera.Packet], by client: Int) {
        run(for: .milliseconds(33))
        var datagrams: [[UInt8]] = []
        for packet in packets {
            let datagram = clients[client].makeRTP(
                ssrc: packet.ssrc, payloadType: 100, sequence: packet.sequence, timestamp: packet.timestamp,
                payload: packet.payload, marker: packet.marker)
            if let datagram { datagrams.append(datagram) }
        }
        send(datagrams, from: client)
    }

    /// What is decided of a receiver and somebody's camera, as the allocation does.
    fileprivate mutating func aim(_ receiver: Int, at sender: Int, _ target: LayerTarget) throws {
        let index = try require(host.endpointIndex(clients[receiver].number))
        let endpoint = host.endpoints.pointer(at: index)
        let conference = host.conferences.pointer(at: endpoint.pointee.conference)
        let slot = try require(conference.pointee.sourceSlot(outgoing: UInt32(5_000 + sender * 10)))
        let source = conference.pointee.sources.pointer(at: slot)
        let pair = try require(host.pair(of: endpoint, with: slot, source, at: now))
        endpoint.pointee.downlink.projection(at: pair).pointee.aim(at: target)
        host.noteUse(of: slot, in: conference)
        // And nobody decides anything else of this receiver.
        endpoint.pointee.reception.schedule.ran(at: now + .seconds(3_600.0), rate: .unlimited, AllocationOutcome())
    }

    fileprivate mutating func takeReceived(_ client: Int) -> [Client.Received] {
        defer { clients[client].received = [] }
        return clients[client].received
    }

    /// Key frames that a client was asked for since the last call.
    fileprivate mutating func takeRequests(_ client: Int) -> Int {
        defer { clients[client].receivedRTCP = [] }
        return clients[client].receivedRTCP.count { bytes in
            var actions = IncomingRTCP()
            while let action = actions.next(in: bytes.rawSpan) {
                if case .pictureLoss = action { return true }
            }
            return false
        }
    }
}

@Suite("A camera in several sizes through the hall (media-plane.md 5.4, 5.5)")
struct SimulcastTests {
    @Test("each receiver gets the size and the frame rate it is to get, as one stream", arguments: [true, false])
    func sizes(isLong: Bool) throws {
        var world = try World()
        expect(world.assembleCameras(4))
        try world.aim(1, at: 0, LayerTarget(encoding: 0, temporal: 0))
        try world.aim(2, at: 0, LayerTarget(encoding: 2, temporal: 1))
        try world.aim(3, at: 0, LayerTarget(encoding: 2, temporal: 7))
        var camera = World.makeCamera(of: 0)
        camera.hasLongPictureIDs = isLong
        var screens = [Screen](repeating: Screen(), count: 4)
        for number in 0..<200 {
            world.film(camera.next(isKeyframe: number == 120), by: 0)
            for index in 1...3 { screens[index].show(world.takeReceived(index)) }
        }
        for index in 1...3 { #expect(screens[index].faults.isEmpty, "\(index)") }
        #expect(screens[1].pictures.allSatisfy { $0.encoding == 0 && $0.frame % 4 == 0 })
        #expect(screens[1].pictures.count == 50)
        // Of the first group of key frames the smallest comes first and is shown until the better ones are there; then
        // there is no way back, also with the next group.
        #expect(screens[2].pictures.dropFirst().allSatisfy { $0.encoding == 2 })
        #expect(screens[2].pictures.count { $0.encoding == 2 } == 100)
        #expect(screens[3].pictures.count { $0.encoding == 2 } == 200)
        #expect(world.takeReceived(0).isEmpty)
    }

    @Test("up and down: a key frame is asked for, nothing is missing meanwhile, and the stream goes on")
    func switches() throws {
        var world = try World()
        expect(world.assembleCameras(3))
        for receiver in [1, 2] { try world.aim(receiver, at: 0, LayerTarget(encoding: 0, temporal: 7)) }
        var camera = World.makeCamera(of: 0)
        var screens = [Screen](repeating: Screen(), count: 3)
        func film(_ world: inout World, _ count: Int, key: Bool = false) {
            for number in 0..<count {
                world.film(camera.next(isKeyframe: key && number == 0), by: 0)
                for index in 1...2 { screens[index].show(world.takeReceived(index)) }
            }
        }
        film(&world, 20)
        _ = world.takeRequests(0)
        try world.aim(1, at: 0, LayerTarget(encoding: 2, temporal: 7))
        film(&world, 5)
        #expect(world.takeRequests(0) == 1)
        #expect(screens[1].pictures.last == Screen.Picture(encoding: 0, frame: 24))
        film(&world, 20, key: true)
        #expect(screens[1].pictures.last == Screen.Picture(encoding: 2, frame: 44))
        try world.aim(1, at: 0, LayerTarget(encoding: 1, temporal: 7))
        film(&world, 20)
        #expect(world.takeRequests(0) > 0)
        // On the way down what is needed to go on is sent, and no more.
        #expect(screens[1].pictures.last == Screen.Picture(encoding: 2, frame: 61))
        film(&world, 20, key: true)
        #expect(screens[1].pictures.last == Screen.Picture(encoding: 1, frame: 84))
        #expect(screens[2].pictures.allSatisfy { $0.encoding == 0 } && screens[2].pictures.count == 85)
        #expect(screens[1].faults.isEmpty && screens[2].faults.isEmpty)
    }

    @Test("who changes its picture often within ten seconds waits for none of its key frames")
    func oftenSwitching() throws {
        var world = try World()
        expect(world.assembleCameras(2))
        var camera = World.makeCamera(of: 0)
        var screen = Screen()
        try world.aim(1, at: 0, LayerTarget(encoding: 0, temporal: 7))
        for number in 0..<180 {
            if number % 30 == 29 {
                try world.aim(1, at: 0, LayerTarget(encoding: number % 60 == 29 ? 2 : 0, temporal: 7))
            }
            let isAsked = world.takeRequests(0) > 0
            world.film(camera.next(isKeyframe: isAsked), by: 0)
            screen.show(world.takeReceived(1))
        }
        let large = screen.pictures.filter { $0.encoding == 2 }
        #expect(screen.faults.isEmpty && Set(screen.pictures.map(\.frame)).count > 165)
        #expect((85...95).contains(large.count), "\(large.count)")
    }

    @Test("what nobody uses ends at the door, and comes back when somebody needs it")
    func unused() throws {
        var world = try World()
        expect(world.assembleCameras(3))
        for receiver in [1, 2] { try world.aim(receiver, at: 0, LayerTarget(encoding: 0, temporal: 7)) }
        var camera = World.makeCamera(of: 0)
        for _ in 0..<10 { world.film(camera.next(), by: 0) }
        let dropped = world.counters.value(.droppedNotForwardedEncoding)
        #expect(dropped == 10 * 2 * 2)
        try world.aim(1, at: 0, LayerTarget(encoding: 1, temporal: 7))
        for _ in 0..<10 { world.film(camera.next(), by: 0) }
        world.film(camera.next(isKeyframe: true), by: 0)
        _ = world.takeReceived(1)
        world.film(camera.next(), by: 0)
        #expect(world.takeReceived(1).map { $0.payload.suffix(4).first } == [1, 1])
        try world.aim(1, at: 0, .suspended)
        try world.aim(2, at: 0, .suspended)
        for receiver in [1, 2] { _ = world.takeReceived(receiver) }
        for number in 0..<10 { world.film(camera.next(isKeyframe: number == 0), by: 0) }
        #expect(world.takeReceived(1).isEmpty && world.takeReceived(2).isEmpty)
    }

    @Test("a size that vanishes is waited for, one that comes begins with its key frame")
    func vanishing() throws {
        var world = try World()
        expect(world.assembleCameras(2))
        try world.aim(1, at: 0, LayerTarget(encoding: 2, temporal: 7))
        var camera = World.makeCamera(of: 0)
        var screen = Screen()
        for number in 0..<60 {
            camera.active[2] = !(20..<40).contains(number)
            // What the allocation makes of it.
            if number == 22 || number == 42 {
                try world.aim(1, at: 0, LayerTarget(encoding: number == 22 ? 1 : 2, temporal: 7))
            }
            world.film(camera.next(isKeyframe: number == 25 || number == 45), by: 0)
            screen.show(world.takeReceived(1))
        }
        #expect(screen.faults.isEmpty)
        let shown = screen.pictures.filter { $0.frame > 0 }
        // The key frame of the size that is left is sent, too: nobody knows then whether the other one arrives.
        #expect(shown.map(\.frame) == Array(1..<20) + Array(25...45) + Array(45..<60))
        #expect(
            shown.map(\.encoding) == Array(repeating: 2, count: 19) + Array(repeating: 1, count: 21)
                + Array(repeating: 2, count: 15))
    }

    @Test("sender reports are those of the size that is sent, in its receivers' time")
    func reports() throws {
        var world = try World()
        expect(world.assembleCameras(2))
        try world.aim(1, at: 0, LayerTarget(encoding: 1, temporal: 7))
        var camera = World.makeCamera(of: 0)
        for number in 0..<60 {
            let packets = camera.next(isKeyframe: number == 10)
            if number % 20 == 15 {
                for encoding in 0..<3 {
                    let packet = try #require(packets.first { $0.encoding == encoding })
                    let report = SenderReport(
                        ssrc: packet.ssrc, ntp: NTPTime(UInt64(number) << 32 | UInt64(encoding)),
                        rtpTimestamp: packet.timestamp, packetCount: 1, octetCount: 1)
                    let datagram = try #require(world.clients[0].makeRTCP { report.write(to: &$0) })
                    world.send([datagram], from: 0)
                }
            }
            world.clients[1].receivedRTCP = []
            world.clients[1].received = []
            world.film(packets, by: 0)
            guard number % 20 == 15 else { continue }
            var reports: [SenderReport] = []
            for bytes in world.clients[1].receivedRTCP {
                var actions = IncomingRTCP()
                while let action = actions.next(in: bytes.rawSpan) {
                    if case .senderReport(let report) = action { reports.append(report) }
                }
            }
            #expect(reports.map(\.ntp) == [NTPTime(UInt64(number) << 32 | 1)])
            #expect(reports.map(\.rtpTimestamp) == [world.clients[1].received.first?.timestamp ?? 0])
            #expect(reports.first?.ssrc == 5_000)
        }
    }

    @Test("where only the last size ever comes, as of a screen, a receiver gets that one, and a key frame is asked for")
    func onlyTheLast() throws {
        var world = try World()
        expect(world.assembleCameras(2))
        var camera = World.makeCamera(of: 0)
        camera.active = [false, false, true]
        var screen = Screen()
        for _ in 0..<40 {
            let isAsked = world.takeRequests(0) > 0
            world.film(camera.next(isKeyframe: isAsked), by: 0)
            screen.show(world.takeReceived(1))
        }
        #expect(screen.faults.isEmpty && screen.pictures.allSatisfy { $0.encoding == 2 })
        #expect(screen.pictures.count > 30, "\(screen.pictures.count)")
    }

    @Test("encodings that are signalled in another order, or fewer, end with what waited of them, and begin with a key")
    func reordered() throws {
        var world = try World()
        expect(world.assembleCameras(2))
        var camera = World.makeCamera(of: 0)
        world.film(camera.next(), by: 0)
        var datagrams: [(client: Int, bytes: [UInt8])] = []
        for packet in camera.next() {
            let datagram = world.clients[0].makeRTP(
                ssrc: packet.ssrc, payloadType: 100, sequence: packet.sequence, timestamp: packet.timestamp,
                payload: packet.payload, marker: packet.marker)
            datagrams.append((0, try #require(datagram)))
        }
        world.receive(datagrams)
        var media = EndpointMedia()
        media.sources = [
            SourceDescription(
                name: "v0", mediaType: .video,
                streams: [5_000, 5_002].map { SourceStreamDescription(ssrc: $0) })
        ]
        _ = world.request([.updateEndpoint(world.clients[0].number, media: media, remote: nil)])
        world.clients[1].received = []
        var budget = Int.max
        world.pump(&budget)
        #expect(world.clients[1].received.isEmpty)
        _ = world.takeRequests(0)
        // What is the second encoding now goes on behind nothing that the receiver has.
        world.film(camera.next(), by: 0)
        #expect(world.clients[1].received.isEmpty)
        for _ in 0..<10 { world.film(camera.next(isKeyframe: world.takeRequests(0) > 0), by: 0) }
        #expect(world.clients[1].received.last?.payload.suffix(4).first == 2)
    }
}
