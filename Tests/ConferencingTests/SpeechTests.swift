// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry
import TestSupport
import Testing

extension World {
    /// Lets clients talk: each sends a packet every 20 ms at the level given, 8 (of 127) where none is.
    mutating func talk(_ duration: TimeDelta, _ levels: [Int: UInt8], clients talking: Range<Int>? = nil) {
        let end = now + duration
        let everybody = 0..<clients.count
        while now < end {
            for index in talking ?? everybody {
                speak(index, at: levels[index] ?? 8)
            }
            run(for: .milliseconds(20))
        }
    }

    /// One packet of speech.
    mutating func speak(_ index: Int, at level: UInt8, isForged: Bool = false) {
        let ssrc = clients[index].audioSSRC
        guard
            var packet = clients[index].makeRTP(
                ssrc: ssrc, payloadType: 111, payload: [UInt8(truncatingIfNeeded: index), 2, 3],
                extensions: [(1, [0x80 | (127 - level)])])
        else { return }
        if isForged { packet[packet.count - 1] ^= 1 }
        send([packet], from: index)
    }

    /// The speakers told so far.
    var speakers: [SpeakerState] {
        events.compactMap { if case .speakerChanged(_, let state) = $0 { state } else { nil } }
    }
}

@Suite("Speakers of a conference")
struct SpeechTests {
    private func number(_ index: Int) -> EndpointNumber { EndpointNumber(UInt64(index) + 1) }

    @Test("who speaks is told, with those before; the account shows scores and lists")
    func turns() throws {
        var world = try World()
        expect(world.assemble(3))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [1: 110])
        world.talk(.seconds(2 as Int64), [2: 110])
        world.talk(.seconds(2 as Int64), [0: 110])
        let told = world.speakers
        #expect(told.map(\.dominant).last == number(0))
        #expect(told.last == SpeakerState(dominant: number(0), recent: [number(2), number(1)]))
        #expect(told.allSatisfy { !$0.isSilent })
        #expect(Set(told).count == told.count, "nothing is told twice")
        expect(world.counters.value(.dominantSpeakerChanges) == UInt64(told.count))
        world.host.describe(1)
        world.run(for: .seconds(1 as Int64))
        let text = try require(
            world.events.compactMap { if case .description(_, let text) = $0 { text } else { nil } }.last)
        let account = try JSONValue.parse(Array(text.utf8))
        let speech = try #require(conference(account)?["speech_activity"])
        #expect(speech["dominant"]?.stringValue == "endpoint0")
        #expect(text.contains("\"order\":[\"endpoint0\",\"endpoint2\",\"endpoint1\"]"))
        #expect(text.contains("\"long\":"))
    }

    private func conference(_ account: JSONValue) -> JSONValue? {
        guard case .array(let list) = account["conferences"] else { return nil }
        return list.first
    }

    @Test("levels count only when their packet is proven to be the member's")
    func forged() throws {
        var world = try World()
        expect(world.assemble(2))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [0: 100])
        let before = world.speakers
        #expect(before.last?.dominant == number(0))
        for _ in 0..<200 {
            world.speak(0, at: 100)
            world.speak(1, at: 8)
            for _ in 0..<3 { world.speak(1, at: 127, isForged: true) }
            world.run(for: .milliseconds(20))
        }
        #expect(world.speakers.count == before.count)
        expect(world.counters.value(.droppedSRTPAuthentication) == 600)
    }

    @Test("packets without a level are forwarded and make nobody a speaker; those of visitors are no speech")
    func withoutLevel() throws {
        var world = try World()
        world.createConference()
        expect(world.join { $0.headerExtensions = [] })
        expect(world.join(isVisitor: true))
        expect(world.connectAll())
        for _ in 0..<100 {
            let packet = world.clients[0].makeRTP(
                ssrc: 1_000, payloadType: 111, payload: [1], extensions: [(1, [0x80])])
            world.send([try require(packet)], from: 0)
            world.speak(1, at: 127)
            world.run(for: .milliseconds(20))
        }
        expect(world.clients[1].received.count == 100)
        expect(world.speakers.isEmpty)
    }

    @Test("telephone events and formats that nobody knows apart are forwarded, without a level and with one")
    func otherFormats() throws {
        var world = try World()
        world.createConference()
        for client in 0..<3 {
            expect(
                world.join { media in
                    // The last one has other numbers.
                    let event: UInt8 = client == 2 ? 101 : 126
                    media.payloadTypes.append(PayloadType(number: event, codec: .telephoneEvent, clockRate: 8_000))
                    if client < 2 {
                        media.payloadTypes.append(PayloadType(number: 9, codec: .otherAudio, clockRate: 8_000))
                    }
                })
        }
        expect(world.connectAll())
        for type in [126, 9] as [UInt8] {
            for level in [[], [(1, [0x80 | 30])]] as [[(UInt8, [UInt8])]] {
                let packet = world.clients[0].makeRTP(
                    ssrc: 1_000, payloadType: type, payload: [5, 0, 0, 80], extensions: level)
                world.send([try require(packet)], from: 0)
            }
        }
        #expect(world.clients[1].received.map(\.payloadType) == [126, 126, 9, 9])
        #expect(world.clients[2].received.map(\.payloadType) == [101, 101])
    }

    @Test("who is force-muted is heard by nobody and is no speaker; silence that is dropped is none either")
    func mutedAndSilent() throws {
        var world = try World()
        expect(world.assemble(2))
        world.talk(.seconds(2 as Int64), [0: 90])
        var muting = EndpointMedia()
        muting.forceMuteAudio = true
        _ = world.request([.updateEndpoint(number(1), media: muting, remote: nil)])
        world.clients[0].received = []
        let before = world.speakers
        world.talk(.seconds(3 as Int64), [0: 90, 1: 127])
        #expect(world.speakers == before)
        expect(world.clients[0].received.isEmpty)
    }

    @Test("who leaves is no speaker any more, at once, and the one before takes its place")
    func leaving() throws {
        var world = try World()
        expect(world.assemble(3))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [1: 110])
        world.talk(.seconds(2 as Int64), [2: 110])
        #expect(world.speakers.last?.dominant == number(2))
        _ = world.request([.expireEndpoint(number(2))])
        #expect(world.speakers.last?.dominant == number(1))
        #expect(world.speakers.last?.recent.contains(number(2)) == false)
        let count = world.speakers.count
        // Whoever did not speak is in no list.
        let silent = world.speakers.last?.recent.contains(number(0)) == true
        _ = world.request([.expireEndpoint(number(0))])
        #expect(world.speakers.count == (silent ? count + 1 : count))
        _ = world.request([.expireEndpoint(number(1))])
        #expect(world.speakers.last == SpeakerState())
    }

    @Test("a conference in which nothing is heard wakes nobody")
    func idle() throws {
        var world = try World()
        expect(world.assemble(2))
        world.talk(.seconds(1 as Int64), [0: 110])
        world.run(for: .seconds(16 as Int64))
        // What is left are the timers of the transport, of reports and statistics.
        world.host.describe(1)
        world.run(for: .seconds(1 as Int64))
        let text = world.events.compactMap { if case .description(_, let text) = $0 { text } else { nil } }.last
        #expect(text?.contains("\"deciding\":false") == true)
        world.talk(.milliseconds(20), [1: 50])
        world.host.describe(2)
        world.run(for: .milliseconds(10))
        let other = world.events.compactMap { if case .description(_, let text) = $0 { text } else { nil } }.last
        #expect(other?.contains("\"deciding\":true") == true)
    }

    @Test("thousands of packets a second from one member move nobody and reach everybody")
    func flood() throws {
        var world = try World()
        expect(world.assemble(3))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [0: 100])
        let before = world.speakers.count
        world.clients[2].received = []
        // 2,000 loud packets within 40 ms, now and then.
        for _ in 0..<5 {
            for _ in 0..<400 { world.speak(1, at: 127) }
            world.talk(.milliseconds(600), [0: 100])
        }
        #expect(world.speakers.count == before)
        expect(world.clients[2].received.filter { $0.ssrc == 1_001 }.count == 2_000 + 150)
    }

    @Test("only the loudest are forwarded where that is configured, without a gap, and the dominant speaker")
    func loudest() throws {
        var world = try World { $0.setLoudest(2, withDominant: true, lifetime: .milliseconds(150), alpha: 50) }
        expect(world.assemble(5))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(2 as Int64), [0: 60])
        #expect(world.speakers.last?.dominant == number(0))
        world.clients[4].received = []
        world.talk(.milliseconds(200), [0: 60, 1: 70, 2: 75, 3: 65])
        let heard = Set(world.clients[4].received.suffix(12).map(\.ssrc))
        #expect(heard == [1_000, 1_001, 1_002])
        // 3 is let in again later and goes on without a gap.
        world.talk(.seconds(1 as Int64), [3: 110])
        let numbers = world.clients[4].received.filter { $0.ssrc == 1_003 }
        #expect(numbers.count > 30)
        for (earlier, later) in zip(numbers, numbers.dropFirst()) {
            #expect(later.sequence &- earlier.sequence == 1)
            #expect(later.timestamp &- earlier.timestamp >= 960)
        }
        expect(world.counters.value(.droppedNotLoudest) > 0)
    }

    @Test("who was asked for by name is forwarded although others are louder")
    func loudestIncluded() throws {
        var world = try World { $0.setLoudest(1, withDominant: false, lifetime: .milliseconds(150), alpha: 50) }
        expect(world.assembleNamed(3))
        world.talk(.milliseconds(40), [:])
        world.talk(.seconds(1 as Int64), [0: 110, 1: 30])
        world.clients[2].received = []
        world.talk(.milliseconds(200), [0: 110, 1: 30])
        #expect(Set(world.clients[2].received.map(\.ssrc)) == [1_000])
        var preferences = ReceiverPreferences.everything
        preferences.audio.include = ["a1"]
        world.host.setPreferences(of: number(2), to: preferences)
        world.run(for: .milliseconds(10))
        world.clients[2].received = []
        world.talk(.milliseconds(200), [0: 110, 1: 30])
        #expect(Set(world.clients[2].received.map(\.ssrc)) == [1_000, 1_001])
        // Its wish goes with it.
        _ = world.request([.expireEndpoint(number(2))])
        world.clients[0].received = []
        world.talk(.milliseconds(200), [0: 110, 1: 30], clients: 0..<2)
        #expect(world.clients[0].received.isEmpty)
    }
}
