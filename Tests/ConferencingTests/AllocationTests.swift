// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
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
    /// A client with a camera in three sizes, whose encodings are `2000 + 100 * number + encoding`, and who takes
    /// retransmissions or not.
    mutating func joinSimulcast(takesRTX: Bool = false, hasTransportCC: Bool = true) -> Bool {
        let number = UInt32(clients.count)
        return joinNamed { media in
            media.sources?[1].streams = (0..<3).map {
                SourceStreamDescription(ssrc: 2_000 + 100 * number + $0)
            }
            if takesRTX { media.payloadTypes.append(PayloadType(number: 96, codec: .rtx, clockRate: 90_000)) }
            if !hasTransportCC {
                for index in media.payloadTypes.indices { media.payloadTypes[index].hasTransportCC = false }
            }
        }
    }

    /// A conference of senders of three sizes.
    mutating func assembleSimulcast(_ count: Int, takesRTX: Bool = false, hasTransportCC: Bool = true) -> Bool {
        createConference()
        for _ in 0..<count where !joinSimulcast(takesRTX: takesRTX, hasTransportCC: hasTransportCC) { return false }
        return connectAll()
    }

    /// A VP8 packet of an encoding of a client's camera.
    mutating func sendFrame(
        _ client: Int, encoding: UInt32, temporal: Int8 = 0, picture: Int16, isKeyframe: Bool = false,
        height: UInt16 = 0,
        bytes: Int = 500
    ) {
        var descriptor = VP8Descriptor()
        descriptor.isPartitionStart = true
        descriptor.pictureID = picture & 0x7FFF
        descriptor.hasLongPictureID = true
        descriptor.tl0PictureIndex = picture & 0xFF
        descriptor.temporalID = temporal
        var payload = BufferWriter.array(capacity: 16) { descriptor.write(to: &$0) }
        if isKeyframe {
            let lines = [UInt8(truncatingIfNeeded: height), UInt8(truncatingIfNeeded: height >> 8)]
            payload += [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02] + lines
        } else {
            payload += [0x11, 0, 0]
        }
        payload += [UInt8](repeating: 0, count: max(0, bytes - payload.count))
        let ssrc = 2_000 + 100 * UInt32(client) + encoding
        let sequence = (clients[client].sequences[ssrc] ?? 100) &+ 1
        clients[client].sequences[ssrc] = sequence
        if let packet = clients[client].makeRTP(
            ssrc: ssrc, payloadType: 100, sequence: sequence, timestamp: UInt32(picture) * 3_000, payload: payload,
            marker: true)
        {
            send([packet], from: client)
        }
    }

    /// Lets a camera run: 30 frames a second in these encodings, three temporal layers, packets of so many bytes.
    mutating func film(
        _ client: Int, encodings: [UInt32] = [0, 1, 2], bytes: [Int] = [250, 1_000, 1_400], packets: [Int] = [1, 1, 5],
        heights: [UInt16] = [180, 360, 720], for duration: TimeDelta, from first: Int = 0
    ) {
        let frames = Int(duration.milliseconds / 33)
        for frame in 0..<frames {
            let temporal: Int8 = frame % 4 == 0 ? 0 : frame % 2 == 0 ? 1 : 2
            for encoding in encodings {
                for part in 0..<packets[Int(encoding)] {
                    sendFrame(
                        client, encoding: encoding, temporal: temporal, picture: Int16((first + frame) & 0x7FFF),
                        isKeyframe: frame == 0 && part == 0, height: heights[Int(encoding)],
                        bytes: bytes[Int(encoding)])
                }
            }
            run(for: .milliseconds(33))
        }
    }

    /// What a receiver is to get of another's camera: "2.7" for encoding 2 with all its frames, "-" for nothing.
    func target(_ client: Int, of sender: Int) -> String {
        guard let receiver = host.endpointIndex(clients[client].number),
            let owner = host.endpointIndex(clients[sender].number)
        else { return "?" }
        let endpoint = host.endpoints.pointer(at: receiver)
        let conference = host.conferences.pointer(at: endpoint.pointee.conference)
        for slot in 0..<conference.pointee.sources.count {
            let source = conference.pointee.sources.pointer(at: slot)
            guard source.pointee.isLive, source.pointee.mediaType == .video, source.pointee.owner == UInt32(owner)
            else {
                continue
            }
            let target = endpoint.pointee.reception.target(
                ofSlot: slot, key: source.pointee.allocationKey(slot: slot))
            guard let target, target.encoding >= 0 else { return "-" }
            return "\(target.encoding).\(target.temporal)"
        }
        return "?"
    }

    /// What is measured of an encoding, in kilobits per second up to a temporal layer.
    func kilobits(_ sender: Int, encoding: Int, temporal: Int) -> UInt64 {
        guard let owner = host.endpointIndex(clients[sender].number) else { return 0 }
        let conference = host.conferences.pointer(at: host.endpoints.pointer(at: owner).pointee.conference)
        for slot in 0..<conference.pointee.sources.count {
            let source = conference.pointee.sources.pointer(at: slot)
            guard source.pointee.isLive, source.pointee.mediaType == .video, source.pointee.owner == UInt32(owner)
            else {
                continue
            }
            return source.pointee.layers.pointer(at: encoding).pointee.bitrate(upTo: temporal, at: now) / 1_000
        }
        return 0
    }
}

@Suite("Layers that receivers get")
struct AllocationTests {
    @Test("rates are those of the last second by temporal layer, from the start on, and fade within a second")
    func rates() throws {
        var layers = EncodingLayers(ssrc: 1)
        var now = Timestamp(nanoseconds: 1_000_000_000_000)
        // 100 packets a second of 1,250 bytes: 1 Mbit/s, half of it in the base.
        for number in 0..<300 {
            let note = layers.note(bytes: 1_250, layer: number % 2, at: now)
            #expect(note.isNews == (number < 2), "packet \(number)")
            now = now + .milliseconds(10)
            guard number >= 20 else { continue }
            let (base, all) = (layers.bitrate(upTo: 0, at: now), layers.bitrate(upTo: 2, at: now))
            #expect(all > 900_000 && all < 1_100_000, "\(all) after \(number)")
            #expect(base > 440_000 && base < 560_000, "\(base) after \(number)")
        }
        #expect(layers.isLive)
        now = now + .milliseconds(1_300)
        let silence = [layers.fallsSilent(at: now), layers.fallsSilent(at: now)]
        #expect(silence == [true, false], "told once")
        let gone = layers.bitrate(upTo: 2, at: now)
        #expect(gone == 0)
        let again = layers.note(bytes: 100, layer: 0, at: now)
        #expect(again.isNews)
        // Time that runs back changes nothing.
        _ = layers.note(bytes: 100, layer: 0, at: .zero)
        let back = layers.bitrate(upTo: 0, at: now)
        #expect(back > 0)
    }

    @Test("a receiver gets the encoding it asked for, and another one when it asks for another height")
    func heights() throws {
        var world = try World()
        expect(world.assembleSimulcast(2))
        world.film(0, for: .seconds(1.5))
        #expect(world.target(1, of: 0) == "2.7")
        world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 180) }
        world.run(for: .milliseconds(12))
        #expect(world.target(1, of: 0) == "0.7")
        world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 360) }
        world.run(for: .milliseconds(12))
        #expect(world.target(1, of: 0) == "1.7")
        world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 0) }
        world.run(for: .milliseconds(12))
        #expect(world.target(1, of: 0) == "-")
    }

    @Test("what is chosen is what comes: 180, 360 and 720 lines on one SSRC, after a key frame each, without a gap")
    func switching() throws {
        var world = try World()
        expect(world.assembleSimulcast(2))
        world.film(0, for: .seconds(1.0))
        var sizes: [Int] = []
        for (step, height) in [180, 720, 360].enumerated() {
            world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: Int32(height)) }
            world.run(for: .milliseconds(12))
            // The camera answers the request with a key frame.
            world.clients[1].received = []
            world.film(0, for: .seconds(1.0), from: 100 * (step + 1))
            let got = world.clients[1].received.filter { $0.ssrc == 2_000 }
            sizes.append(got.last?.payload.count ?? 0)
            for (before, after) in zip(got, got.dropFirst()) { #expect(after.sequence == before.sequence &+ 1) }
            #expect(Set(world.clients[1].received.map(\.ssrc)) == [2_000])
        }
        #expect(sizes == [250, 1_400, 1_000])
    }

    @Test("heights are those of key frames, not those that were signalled")
    func learntHeights() throws {
        var world = try World()
        expect(world.assembleSimulcast(2))
        world.prefer(1) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 360) }
        // A camera of 360 lines in its best size.
        world.film(0, heights: [90, 180, 360], for: .seconds(1.5))
        #expect(world.target(1, of: 0) == "2.7")
    }

    @Test("an encoding that stops is left within a good second, and taken again when it comes back")
    func stopped() throws {
        var world = try World()
        expect(world.assembleSimulcast(2))
        world.film(0, for: .seconds(1.5))
        #expect(world.target(1, of: 0) == "2.7")
        world.film(0, encodings: [0, 1], for: .seconds(1.5), from: 100)
        #expect(world.target(1, of: 0) == "1.7")
        world.film(0, for: .milliseconds(100), from: 200)
        #expect(world.target(1, of: 0) == "2.7")
    }

    @Test("a REMB decides what a receiver without transport-wide feedback gets; rate comes back after 1.5 s")
    func estimate() throws {
        var world = try World()
        expect(world.assembleSimulcast(2, takesRTX: true, hasTransportCC: false))
        world.film(0, for: .seconds(1.5))
        #expect(world.target(1, of: 0) == "2.7")
        func say(_ bitrate: UInt64, _ world: inout World) throws {
            let packet = world.clients[1].makeRTCP { writer in
                let sources: [UInt32] = [2_000]
                MaximumBitrateEstimate(senderSSRC: 9, bitrate: bitrate).write(sources: sources.span, to: &writer)
            }
            world.send([try require(packet)], from: 1)
        }
        // 60, 240 and 1,700 kbit/s.
        try say(500_000, &world)
        world.film(0, for: .milliseconds(100), from: 100)
        #expect(world.target(1, of: 0) == "1.7")
        // The account says so, and what there would be.
        world.events = []
        world.host.describe(3)
        world.run(for: .milliseconds(10))
        let account = world.events.compactMap { if case .description(_, let text) = $0 { text } else { nil } }.last
        let text = try require(account)
        #expect(
            text.contains(#""pictures":{"rate_bps":500000,"sources":[{"source":"v0","state":"forwarded""#), "\(text)")
        #expect(text.contains(#""layer":{"encoding":1,"spatial":0,"temporal":2}"#))
        #expect(text.contains(#""ideal_layer":{"encoding":2,"spatial":0,"temporal":2}"#))
        try say(100_000, &world)
        world.film(0, for: .milliseconds(100), from: 200)
        #expect(world.target(1, of: 0) == "0.7")
        try say(30_000, &world)
        world.film(0, for: .milliseconds(100), from: 300)
        #expect(["-", "0.0", "0.1"].contains(world.target(1, of: 0)))
        try say(5_000_000, &world)
        world.film(0, for: .milliseconds(400), from: 400)
        #expect(world.target(1, of: 0) != "2.7", "not at once")
        for step in 0..<4 {
            try say(5_000_000, &world)
            world.film(0, for: .seconds(1.0), from: 500 + 50 * step)
        }
        #expect(world.target(1, of: 0) == "2.7")
    }

    @Test("who comes and goes in a large meeting has everybody choose anew a tenth of the time at most")
    func rounds() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<60 { expect(world.join()) }
        world.run(for: .seconds(1.0))
        func state(_ world: borrowing World) throws -> (last: Timestamp, isWaiting: Bool) {
            let index = try require(world.host.conferenceIndex(world.conference))
            let conference = world.host.conferences.pointer(at: index)
            return (try require(conference.pointee.lastRound), conference.pointee.layerNewsDue != nil)
        }
        // 60 members with 120 sources: 1.3 ms.
        expect(world.join())
        world.run(for: .microseconds(1))
        let first = try state(world)
        #expect(first.last == world.now - .microseconds(1) || !first.isWaiting)
        for _ in 0..<10 {
            expect(world.join())
            world.run(for: .microseconds(1))
        }
        let second = try state(world)
        #expect(second.last == first.last && second.isWaiting, "eleven within eleven microseconds are one")
        world.run(for: .milliseconds(2))
        let third = try state(world)
        #expect(third.last > second.last && !third.isWaiting, "and they are not forgotten")
    }

    @Test("an estimate of zero or of 2^63 moves nothing out of its bounds")
    func absurdEstimates() throws {
        var world = try World()
        expect(world.assembleSimulcast(2, takesRTX: true, hasTransportCC: false))
        world.film(0, for: .seconds(1.5))
        for bitrate in [0, 1 << 63, 1, 1 << 62] as [UInt64] {
            let packet = world.clients[1].makeRTCP { writer in
                let sources: [UInt32] = [2_000]
                MaximumBitrateEstimate(senderSSRC: 9, bitrate: bitrate).write(sources: sources.span, to: &writer)
            }
            world.send([try require(packet)], from: 1)
            world.run(for: .milliseconds(300))
        }
        world.run(for: .seconds(2.0))
        #expect(world.target(0, of: 1) == "2.7", "others notice nothing")
    }

    @Test("what the receiver says of its bandwidth counts only where that is configured")
    func assumedBandwidth() throws {
        for isConfigured in [false, true] {
            var world = try World { $0.estimates.assumedLimit = isConfigured ? 400_000 : nil }
            expect(world.assembleSimulcast(2))
            world.film(0, for: .seconds(1.5))
            world.prefer(1) { $0.video.assumedBandwidth = 10_000_000 }
            world.run(for: .milliseconds(12))
            #expect(world.target(1, of: 0) == (isConfigured ? "1.7" : "2.7"))
        }
    }

    @Test("what the bridge allows of sources holds for everybody, also for who asked for everything")
    func limits() throws {
        var world = try World { settings in
            settings.lastN.bySize = [.init(size: 4, lastN: 2)]
        }
        expect(world.assembleNamed(3))
        #expect(world.heard(by: 0).intersection(2_000..<2_004) == [2_001, 2_002])
        expect(world.joinNamed())
        expect(world.connectAll(from: 3))
        #expect(world.heard(by: 0).intersection(2_000..<2_004) == [2_001, 2_002])
        #expect(world.heard(by: 3).intersection(2_000..<2_004) == [2_000, 2_001])
        _ = world.request([.expireEndpoint(world.clients[1].number)])
        world.run(for: .milliseconds(12))
        #expect(world.heard(by: 0).intersection(2_000..<2_004) == [2_002, 2_003])
    }

    /// What the control plane was told of a client since the last call.
    private func told(_ client: Int, _ world: inout World) -> [[String]] {
        defer { world.events = [] }
        return world.events.compactMap { event in
            if case .forwardedSourcesChanged(number(client), _, let names) = event { names } else { nil }
        }
    }

    private func number(_ client: Int) -> EndpointNumber { EndpointNumber(UInt64(client) + 1) }

    @Test("the control plane is told the pictures that a receiver is sent, by name, when they are others than before")
    func forwardedSources() throws {
        var world = try World()
        expect(world.assembleNamed(3))
        #expect(told(0, &world).last == ["v1", "v2"])
        world.sendAll()
        world.run(for: .seconds(12.0))
        #expect(told(0, &world) == [], "nothing new")
        world.prefer(0) { $0.video.lastN = 1 }
        world.run(for: .milliseconds(12))
        #expect(told(0, &world) == [["v1"]])
        world.host.setVideoType(of: number(1), source: "v1", to: .none)
        world.run(for: .milliseconds(12))
        #expect(told(0, &world) == [["v2"]])
        _ = world.request([.expireEndpoint(number(2))])
        world.run(for: .milliseconds(12))
        #expect(told(0, &world) == [[]])
    }

    @Test("a picture that the rate has no room for is not told as sent")
    func suspended() throws {
        var world = try World()
        expect(world.assembleSimulcast(2, takesRTX: true, hasTransportCC: false))
        // 75 kbit/s and more.
        world.film(0, bytes: [1_250, 1_300, 1_400], for: .seconds(1.5))
        #expect(told(1, &world).last == ["v0"])
        let packet = world.clients[1].makeRTCP { writer in
            let sources: [UInt32] = [2_000]
            MaximumBitrateEstimate(senderSSRC: 9, bitrate: 40_000).write(sources: sources.span, to: &writer)
        }
        world.send([try require(packet)], from: 1)
        world.film(0, bytes: [1_250, 1_300, 1_400], for: .milliseconds(100), from: 100)
        #expect(world.target(1, of: 0) == "-")
        #expect(told(1, &world) == [[]])
    }

    @Test("nothing is told of what a request makes before its answer, and nothing of who is not connected")
    func toldBehindTheAnswer() throws {
        var world = try World()
        expect(world.assemble(1))
        world.events = []
        let creations = (0..<20).map { index in
            var media = World.media(audioSSRC: nil, videoSSRC: 5_000 + UInt32(index))
            media.sources?[0].name = "v\(index)"
            return ShardOperation.createEndpoint(
                EndpointCreation(
                    number: EndpointNumber(UInt64(index) + 11), id: "e\(index)", isICEControlling: true, media: media))
        }
        world.host.take(ShardRequest(number: 7, conference: world.conference, operations: creations))
        var kinds: [String] = []
        for _ in 0..<60 {
            var steps = 1
            if !world.host.isIdle { world.host.work(at: world.now, into: &world.egress, steps: &steps) }
            world.now = world.now + .milliseconds(11)
            world.host.handleTimeout(at: world.now, into: &world.egress)
            while let event = world.host.pollEvent() {
                switch event {
                case .answer: kinds.append("answer")
                case .forwardedSourcesChanged(let number, _, let names): kinds.append("\(number.value): \(names.count)")
                default: break
                }
            }
        }
        #expect(kinds.first == "answer")
        #expect(kinds.last == "1: 20")
        #expect(kinds.dropFirst().allSatisfy { $0.hasPrefix("1: ") })
    }

    @Test("whatever is asked by the thousand: a run in 10 ms, memory for 50 pictures, and others get what they got")
    func hostileWishes() throws {
        var world = try World()
        expect(world.assembleSimulcast(3))
        world.film(0, for: .seconds(1.2))
        var random = Random(seed: 7)
        for round in 0..<1_000 {
            var preferences = ReceiverPreferences()
            preferences.video.lastN = Int32(truncatingIfNeeded: random.next())
            preferences.video.defaultConstraint.maxHeight = round % 3 == 0 ? .min : .max
            preferences.video.defaultConstraint.maxFrameRate = [.nan, .infinity, -.infinity, 1e300, -1][round % 5]
            preferences.video.onStageSources = (0..<50).map { "nobody\(round).\($0)" } + ["v0", "v0", "v1"]
            preferences.video.selectedSources = preferences.video.onStageSources.reversed()
            for name in 0..<50 { preferences.video.constraints["x\(name)"] = VideoConstraint(maxHeight: .min) }
            preferences.video.assumedBandwidth = Int64(bitPattern: random.next())
            world.host.setPreferences(of: world.clients[2].number, to: preferences)
            if round % 10 == 0 { world.run(for: .milliseconds(1)) }
        }
        world.run(for: .milliseconds(20))
        #expect(world.target(1, of: 0) == "2.7")
        let receiver = try require(world.host.endpointIndex(world.clients[2].number))
        #expect(world.host.endpoints.pointer(at: receiver).pointee.reception.pictures.count <= 50)
        #expect(world.host.allocations.count < 100)
    }

    @Test("a sender whose height changes with every packet has nobody's layers chosen more often than allowed")
    func flappingSender() throws {
        var world = try World()
        expect(world.assembleSimulcast(3))
        let start = world.now
        var rounds = 0
        var last: Timestamp?
        for number in 0..<2_000 {
            world.sendFrame(
                0, encoding: 0, picture: Int16(number & 0x7FFF), isKeyframe: true, height: UInt16(1 + number % 2_000))
            world.run(for: .milliseconds(1))
            let index = try require(world.host.endpointIndex(world.clients[0].number))
            let conference = world.host.conferences.pointer(
                at: world.host.endpoints.pointer(at: index).pointee.conference)
            if conference.pointee.lastLayerNews != last { rounds += 1 }
            last = conference.pointee.lastLayerNews
        }
        #expect(rounds <= Int((world.now - start).milliseconds / 50) + 1)
        #expect(rounds > 10)
    }
}
