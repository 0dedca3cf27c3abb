// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

@testable import Conferencing

extension World {
    /// A client whose sources are `a` and `v` with its number behind them.
    mutating func joinNamed(
        preferences: ReceiverPreferences = .everything, edit: (inout EndpointMedia) -> Void = { _ in }
    ) -> Bool {
        let number = clients.count
        return join(preferences: preferences) { media in
            media.sources = media.sources?.map { source in
                var source = source
                source.name += "\(number)"
                return source
            }
            edit(&media)
        }
    }

    /// A conference of `count` connected clients with sources of different names.
    mutating func assembleNamed(_ count: Int) -> Bool {
        createConference()
        for _ in 0..<count where !joinNamed() { return false }
        return connectAll()
    }

    /// A key frame and two more packets of each client's picture, and one of its voice.
    mutating func sendAll() {
        for index in 0..<clients.count {
            for step in 0..<3 {
                if let packet = clients[index].makeRTP(
                    ssrc: clients[index].videoSSRC, payloadType: 100, payload: vp8(isKeyframe: step == 0))
                {
                    send([packet], from: index)
                }
            }
            speak(index, at: 8)
        }
    }

    /// What a client got of a round of everybody's.
    mutating func heard(by client: Int) -> Set<UInt32> {
        clients[client].received = []
        sendAll()
        return Set(clients[client].received.map(\.ssrc))
    }

    mutating func prefer(_ client: Int, _ change: (inout ReceiverPreferences) -> Void) {
        var preferences = ReceiverPreferences.everything
        change(&preferences)
        host.setPreferences(of: EndpointNumber(UInt64(client) + 1), to: preferences)
        run(for: .milliseconds(5))
    }
}

@Suite("What receivers ask for over the bridge channel")
struct PreferenceTests {
    private func number(_ index: Int) -> EndpointNumber { EndpointNumber(UInt64(index) + 1) }

    @Test("audio by name: all but some, some only, none; exclusion goes first")
    func audio() throws {
        var world = try World()
        expect(world.assembleNamed(4))
        world.prefer(0) { $0.video.lastN = 0 }
        #expect(world.heard(by: 0) == [1_001, 1_002, 1_003])
        world.prefer(0) {
            $0.video.lastN = 0
            $0.audio = AudioSubscription(all: true, exclude: ["a2"])
        }
        #expect(world.heard(by: 0) == [1_001, 1_003])
        world.prefer(0) {
            $0.video.lastN = 0
            $0.audio = AudioSubscription(all: false, include: ["a2", "a3", "a0"], exclude: ["a3"])
        }
        #expect(world.heard(by: 0) == [1_002])
        world.prefer(0) {
            $0.video.lastN = 0
            $0.audio = AudioSubscription(all: false)
        }
        #expect(world.heard(by: 0).isEmpty)
        // Nobody else notices.
        #expect(world.heard(by: 1) == [1_000, 1_002, 1_003, 2_000, 2_002, 2_003])
    }

    @Test("names that come later take effect when their source is there")
    func laterNames() throws {
        var world = try World()
        expect(world.assembleNamed(2))
        world.prefer(0) {
            $0.audio = AudioSubscription(all: false, include: ["a2"])
            $0.video.defaultConstraint = .nothing
            $0.video.constraints = ["v2": VideoConstraint(maxHeight: 360)]
        }
        #expect(world.heard(by: 0).isEmpty)
        expect(world.joinNamed())
        expect(world.joinNamed())
        expect(world.connectAll(from: 2))
        #expect(world.heard(by: 0) == [1_002, 2_002])
        // A new name for a source that is there.
        var media = World.media(audioSSRC: 1_001, videoSSRC: 2_001)
        media.payloadTypes = []
        media.sources = media.sources?.map { source in
            var source = source
            source.name = source.mediaType == .audio ? "a2" : "other"
            return source
        }
        _ = world.request([.updateEndpoint(number(1), media: media, remote: nil)])
        world.run(for: .milliseconds(5))
        #expect(world.heard(by: 0) == [1_001, 1_002, 2_002])
    }

    @Test("a voice that was off goes on without a gap in its numbers")
    func audioContinuity() throws {
        var world = try World()
        expect(world.assembleNamed(2))
        for round in 0..<6 {
            world.prefer(0) { $0.audio = round % 2 == 0 ? .everything : AudioSubscription(all: false) }
            for _ in 0..<20 { world.speak(1, at: 60) }
        }
        let numbers = world.clients[0].received.map(\.sequence)
        #expect(numbers.count == 60)
        for (earlier, later) in zip(numbers, numbers.dropFirst()) { #expect(later &- earlier == 1) }
    }

    @Test("pictures by constraint: height or rate 0 is nothing, names go before the default")
    func constraints() throws {
        var world = try World()
        expect(world.assembleNamed(4))
        world.prefer(0) {
            $0.audio = AudioSubscription(all: false)
            $0.video.defaultConstraint = VideoConstraint(maxHeight: 180)
            $0.video.constraints = [
                "v1": .nothing, "v2": VideoConstraint(maxHeight: 720, maxFrameRate: 0), "v9": .nothing,
            ]
        }
        #expect(world.heard(by: 0) == [2_003])
    }

    @Test("who said nothing yet and has a channel to say it gets no picture, and all the sound")
    func beforeTheFirstMessage() throws {
        var world = try World()
        expect(world.assembleNamed(2))
        expect(world.joinNamed(preferences: ReceiverPreferences()))
        expect(world.connectAll(from: 2))
        #expect(world.heard(by: 2) == [1_000, 1_001])
        #expect(world.heard(by: 0) == [1_001, 1_002, 2_001, 2_002])
        // lib-jitsi-meet's first message has no default: 180 is what the channel makes of it.
        world.prefer(2) { $0.video.defaultConstraint = VideoConstraint(maxHeight: 180) }
        #expect(world.heard(by: 2) == [1_000, 1_001, 2_000, 2_001])
    }

    @Test("last-N: named sources first, then those who spoke last, then the order of coming; muted ones do not count")
    func lastN() throws {
        var world = try World()
        expect(world.assembleNamed(5))
        func pictures(_ world: inout World) -> Set<UInt32> {
            // Changes in a row are one choice, 10 ms after the last.
            world.run(for: .milliseconds(12))
            return world.heard(by: 0).filter { $0 >= 2_000 }
        }
        world.prefer(0) { $0.video.lastN = 2 }
        #expect(pictures(&world) == [2_001, 2_002])
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [4: 110])
        #expect(pictures(&world) == [2_004, 2_001])
        world.talk(.seconds(2 as Int64), [3: 110])
        #expect(pictures(&world) == [2_003, 2_004])
        // Own speech takes no place away.
        world.talk(.seconds(2 as Int64), [0: 110])
        #expect(pictures(&world) == [2_003, 2_004])
        world.prefer(0) {
            $0.video.lastN = 2
            $0.video.selectedSources = ["v1"]
            $0.video.onStageSources = ["v2"]
        }
        #expect(pictures(&world) == [2_002, 2_001])
        world.prefer(0) {
            $0.video.lastN = 1
            $0.video.selectedSources = ["v1"]
            $0.video.onStageSources = ["v2"]
        }
        #expect(pictures(&world) == [2_002])
        // A source without a picture leaves its place to the next.
        world.host.setVideoType(of: number(2), source: "v2", to: .none)
        #expect(pictures(&world) == [2_001])
        world.host.setVideoType(of: number(2), source: "v2", to: .camera)
        #expect(pictures(&world) == [2_002])
        // So does one who leaves.
        _ = world.request([.expireEndpoint(number(2))])
        #expect(pictures(&world) == [2_001])
        world.prefer(0) { $0.video.lastN = 0 }
        #expect(pictures(&world).isEmpty)
    }

    @Test("a picture that is switched on is asked for a key frame at once, within its quota, and begins with it")
    func keyframe() throws {
        var world = try World()
        expect(world.assembleNamed(3))
        world.sendAll()
        world.prefer(0) { $0.video.defaultConstraint = .nothing }
        world.run(for: .seconds(11 as Int64))
        world.clients[1].receivedRTCP = []
        world.clients[2].receivedRTCP = []
        world.clients[0].received = []
        world.prefer(0) {
            $0.video.defaultConstraint = .nothing
            $0.video.constraints = ["v1": VideoConstraint(maxHeight: 180)]
        }
        #expect(pictureLossCount(world.clients[1].receivedRTCP, media: 2_001) == 1)
        #expect(pictureLossCount(world.clients[2].receivedRTCP, media: 2_002) == 0)
        for isKeyframe in [false, false, true, false] {
            let packet = world.clients[1].makeRTP(
                ssrc: 2_001, payloadType: 100, payload: vp8(isKeyframe: isKeyframe))
            world.send([try require(packet)], from: 1)
        }
        let received = world.clients[0].received.filter { $0.ssrc == 2_001 }
        #expect(received.count == 2)
        #expect(received.first?.payload == vp8(isKeyframe: true))
        // On and off many times: the quota of eight in ten seconds for changes of a picture holds.
        for round in 0..<20 {
            world.prefer(0) {
                $0.video.defaultConstraint = VideoConstraint(maxHeight: round % 2 == 0 ? 0 : 180)
            }
            world.run(for: .milliseconds(250))
        }
        #expect(pictureLossCount(world.clients[1].receivedRTCP, media: 2_001) <= KeyframeLimits().switchQuota)
    }

    @Test("a source that shows nothing goes to nobody, whoever wants it; a word before its source is remembered")
    func videoType() throws {
        var world = try World()
        expect(world.assembleNamed(3))
        #expect(world.heard(by: 0).contains(2_001))
        let last = world.clients[0].received.last { $0.ssrc == 2_001 }
        for type in [VideoType.none, .disabled] {
            world.host.setVideoType(of: number(1), source: "v1", to: type)
            #expect(!world.heard(by: 0).contains(2_001))
            #expect(!world.heard(by: 2).contains(2_001))
        }
        world.clients[1].receivedRTCP = []
        world.run(for: .seconds(11 as Int64))
        world.host.setVideoType(of: number(1), source: "v1", to: .desktop)
        world.run(for: .milliseconds(5))
        #expect(pictureLossCount(world.clients[1].receivedRTCP, media: 2_001) == 1)
        #expect(world.heard(by: 0).contains(2_001))
        // Numbers go on where they stopped.
        let first = world.clients[0].received.first { $0.ssrc == 2_001 }
        #expect(try #require(first).sequence &- (try #require(last).sequence) == 1)

        world.host.setVideoType(of: number(3), source: "v3", to: .none)
        expect(world.joinNamed())
        world.host.setVideoType(of: number(3), source: "v3", to: .none)
        var media = World.media(audioSSRC: 1_003, videoSSRC: 2_003)
        media.sources = []
        _ = world.request([.updateEndpoint(number(3), media: media, remote: nil)])
        media = World.media(audioSSRC: 1_003, videoSSRC: 2_003)
        media.sources?[1].name = "v3"
        _ = world.request([.updateEndpoint(number(3), media: media, remote: nil)])
        expect(world.connectAll(from: 3))
        #expect(!world.heard(by: 0).contains(2_003))
        #expect(world.heard(by: 0).contains(1_003))
        // Unknown names and endpoints do nothing.
        world.host.setVideoType(of: number(77), source: "v3", to: .camera)
        world.host.setPreferences(of: number(77), to: ReceiverPreferences())
    }

    @Test("what the server makes goes to those who ask for it by name, its owner too, and nobody can send it")
    func synthetic() throws {
        var world = try World()
        world.createConference()
        for _ in 0..<2 {
            expect(
                world.joinNamed { media in
                    let ssrc = (media.sources?.first?.streams.first?.ssrc ?? 0) + 5_000
                    media.sources?.append(
                        SourceDescription(
                            name: "a\(ssrc).fr", mediaType: .audio, isSynthetic: true,
                            streams: [SourceStreamDescription(ssrc: ssrc)]))
                })
        }
        expect(world.connectAll())
        func choice(_ world: inout World, of client: Int) throws -> Int64 {
            world.host.describe(UInt64(client))
            world.run(for: .milliseconds(5))
            let text = try require(
                world.events.compactMap { if case .description(_, let text) = $0 { text } else { nil } }.last)
            let account = try JSONValue.parse(Array(text.utf8))
            guard case .array(let conferences) = account["conferences"],
                case .array(let members) = conferences.first?["endpoints"]
            else { return -1 }
            return members[client]["receives"]?["audio_sources"]?.integerValue ?? -1
        }
        #expect(try choice(&world, of: 0) == 1)
        world.prefer(0) { $0.audio.include = ["a6001.fr", "a6000.fr"] }
        #expect(try choice(&world, of: 0) == 3)
        world.prefer(0) { $0.audio = AudioSubscription(all: true, include: ["a6000.fr"], exclude: ["a6000.fr"]) }
        #expect(try choice(&world, of: 0) == 1)
        #expect(try choice(&world, of: 1) == 1)
        let packet = world.clients[1].makeRTP(ssrc: 6_001, payloadType: 111, payload: [1])
        world.send([try require(packet)], from: 1)
        expect(world.counters.value(.droppedUnknownSSRC) == 1)
    }

    @Test("who chooses pictures alone hears a new voice at once; who chooses voices when it has chosen it")
    func newVoice() throws {
        var world = try World()
        expect(world.assembleNamed(2))
        world.prefer(0) { $0.video.lastN = 1 }
        world.prefer(1) { $0.audio = AudioSubscription(all: true, exclude: ["nobody"]) }
        world.run(for: .milliseconds(20))
        expect(world.join())
        let host = try require(world.host.conferenceIndex(world.conference))
        let conference = world.host.conferences.pointer(at: host)
        func denied(_ world: borrowing World) throws -> [Bool] {
            let slot = try require(
                (0..<conference.pointee.sources.count).first {
                    conference.pointee.sources[$0].isLive && conference.pointee.sources[$0].outgoingSSRC == 1_002
                })
            return try (0...1).map { client in
                let index = try require(world.host.endpointIndex(world.clients[client].number))
                let place = Int(world.host.endpoints.pointer(at: index).pointee.place)
                return conference.pointee.interest.isDenied(place, source: slot)
            }
        }
        #expect(try denied(world) == [false, true])
        world.run(for: .milliseconds(20))
        #expect(try denied(world) == [false, false])
    }

    @Test("a new dominant speaker is asked for a key frame ahead, where somebody has another camera on stage")
    func keyframeAhead() throws {
        var world = try World()
        expect(world.assembleNamed(3))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [1: 110])
        expect(world.counters.value(.keyframesAheadSent) == 0)
        world.prefer(0) { $0.video.onStageSources = ["v1"] }
        world.clients[2].receivedRTCP = []
        world.talk(.seconds(2 as Int64), [2: 110])
        expect(world.counters.value(.keyframesAheadSent) == 1)
        #expect(pictureLossCount(world.clients[2].receivedRTCP, media: 2_002) == 1)
        // The one on stage is the new speaker: nothing will change.
        let suppressed = world.counters.value(.keyframesAheadSuppressed)
        world.talk(.seconds(2 as Int64), [1: 110])
        expect(world.counters.value(.keyframesAheadSent) == 1)
        expect(world.counters.value(.keyframesAheadSuppressed) == suppressed + 1)
        // A screen on stage stays there.
        world.host.setVideoType(of: number(1), source: "v1", to: .desktop)
        world.run(for: .milliseconds(5))
        world.talk(.seconds(2 as Int64), [2: 110])
        expect(world.counters.value(.keyframesAheadSent) == 1)
    }

    @Test("a thousand receivers that choose are served in turns, and everybody gets what it asked for")
    func manyChoose() throws {
        var world = try World()
        expect(world.assembleNamed(12))
        for round in 0..<50 {
            for client in 0..<12 {
                world.host.setPreferences(
                    of: number(client), to: Self.preferences(UInt64(round * 12 + client), of: client))
            }
        }
        world.run(for: .milliseconds(50))
        for client in 0..<12 {
            let heard = world.heard(by: client)
            let preferences = Self.preferences(UInt64(49 * 12 + client), of: client)
            let voices = (0..<12).filter {
                $0 != client && preferences.audio.wants("a\($0)", isSynthetic: false)
            }
            #expect(heard.filter { $0 < 2_000 } == Set(voices.map { 1_000 + UInt32($0) }))
            let pictures = (0..<12).filter { $0 != client && preferences.video.constraint(of: "v\($0)").isWanted }
            let most = preferences.video.lastN < 0 ? 12 : Int(preferences.video.lastN)
            #expect(heard.filter { $0 >= 2_000 }.count == min(most, pictures.count))
        }
    }

    private static func preferences(_ seed: UInt64, of client: Int) -> ReceiverPreferences {
        var random = Random(seed: seed)
        var preferences = ReceiverPreferences()
        func some(_ letter: String) -> [String] {
            (0..<random.int(in: 0...4)).map { _ in "\(letter)\(random.int(in: 0...13))" }
        }
        preferences.audio = AudioSubscription(
            all: random.int(in: 0...1) == 0, include: some("a"), exclude: some("a"))
        preferences.video.lastN = Int32(random.int(in: -1...5))
        preferences.video.defaultConstraint = VideoConstraint(maxHeight: Int32(random.int(in: -1...1)) * 180)
        if preferences.video.defaultConstraint.maxHeight < 0 { preferences.video.defaultConstraint.maxHeight = -1 }
        preferences.video.onStageSources = some("v")
        for name in some("v") { preferences.video.constraints[name] = VideoConstraint(maxHeight: 180) }
        return preferences
    }
}
