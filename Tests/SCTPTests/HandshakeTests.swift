// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import SCTP

@Suite("Handshake")
struct HandshakeTests {
    @Test("a server keeps nothing for an INIT, and its cookie brings everything back")
    func stateless() throws {
        let peer = HandMadePeer(isConnected: false)
        let before = MemoryLayout.size(ofValue: peer.server.numbers)
        let ack = try #require(peer.initiate())
        #expect(ack.tag != 0)
        #expect(ack.features == [.partialReliability, .reconfiguration, .zeroChecksum])
        #expect(before > 0 && peer.server.numbers.state == .closed && peer.server.numbers.peerTag == 0)
        let packets = peer.give([Wire.chunk(.cookieEcho, peer.cookie), Wire.data(1_000, [1, 2, 3])])
        #expect(packets.of(.cookieAck).count == 1)
        #expect(peer.events.first == .connected)
        #expect(peer.messages == [[1, 2, 3]])
        #expect(peer.server.numbers.peerTag == peer.tag)
        #expect(peer.server.numbers.outboundStreams == 100)
    }

    @Test("a cookie that was changed anywhere is refused")
    func forgedCookies() throws {
        let peer = HandMadePeer(isConnected: false)
        _ = peer.initiate()
        for index in peer.cookie.indices {
            var cookie = peer.cookie
            cookie[index] ^= 1
            if index % 30 == 0 { peer.now = peer.now + .seconds(1) }
            #expect(peer.give([Wire.chunk(.cookieEcho, cookie)]).isEmpty)
        }
        #expect(peer.counters.badCookies == UInt64(peer.cookie.count))
        #expect(peer.events.isEmpty)
    }

    @Test("a cookie is of use only under the tag that it was given with")
    func cookieTag() {
        let peer = HandMadePeer(isConnected: false)
        _ = peer.initiate()
        peer.serverTag ^= 1
        #expect(peer.give([Wire.chunk(.cookieEcho, peer.cookie)]).isEmpty)
        #expect(peer.counters.badCookies == 1)
    }

    @Test("a cookie older than a minute is told to be stale, and a new one works")
    func staleCookie() {
        let peer = HandMadePeer(isConnected: false)
        _ = peer.initiate()
        peer.now = peer.now + .seconds(61)
        let packets = peer.give([Wire.chunk(.cookieEcho, peer.cookie)])
        #expect(packets.of(.error).map(\.value) == [[0, 3, 0, 8, 0, 0x0F, 0x42, 0x40]])
        #expect(peer.counters.staleCookies == 1)
        peer.connect()
        #expect(peer.events == [.connected])
    }

    @Test("a client whose cookie is stale asks anew")
    func clientWithStaleCookie() {
        let pair = ChannelPair()
        pair.client.connect(at: pair.now)
        while let packet = pair.client.pollTransmit() { pair.server.handle(packet.rawSpan, at: pair.now) }
        while let packet = pair.server.pollTransmit() { pair.client.handle(packet.rawSpan, at: pair.now) }
        // The cookie is under way for two minutes.
        let late = pair.now + .seconds(120)
        while let packet = pair.client.pollTransmit() { pair.server.handle(packet.rawSpan, at: late) }
        pair.now = late
        pair.run(until: { $0.serverEvents.contains(.connected) && $0.clientEvents.contains(.connected) })
        #expect(pair.serverEvents == [.connected])
        #expect(pair.clientEvents == [.connected])
        #expect(pair.serverCounters.staleCookies >= 1)
    }

    @Test("a repeated cookie is answered again and changes nothing")
    func repeatedCookie() {
        let peer = HandMadePeer()
        _ = peer.give([Wire.data(1_000, [1])])
        let packets = peer.give([Wire.chunk(.cookieEcho, peer.cookie)])
        #expect(packets.of(.cookieAck).count == 1)
        _ = peer.give([Wire.data(1_001, ssn: 1, [2])])
        #expect(peer.messages == [[1], [2]])
        #expect(peer.events.filter { $0 == .connected }.count == 1)
    }

    @Test("INITs beyond a number per second get no answer, and an open association goes on")
    func initiationFlood() {
        let peer = HandMadePeer()
        var answers = 0
        for _ in 0..<5_000 { answers += peer.send(Wire.packet(tag: 0, [peer.initiation()])).count }
        #expect(answers <= SCTPLimits.handshakesPerSecond)
        #expect(peer.counters.throttledHandshakes >= 4_900)
        _ = peer.give([Wire.data(1_000, [9])])
        #expect(peer.messages == [[9]])
        peer.now = peer.now + .seconds(1)
        #expect(peer.send(Wire.packet(tag: 0, [peer.initiation()])).of(.initiationAck).count == 1)
    }

    @Test("an INIT makes no sense with a tag, with company or without streams")
    func senselessInitiations() {
        let peer = HandMadePeer(isConnected: false)
        #expect(peer.send(Wire.packet(tag: 5, [peer.initiation()])).isEmpty)
        #expect(peer.send(Wire.packet(tag: 0, [peer.initiation(), Wire.data(1_000, [1])])).isEmpty)
        var noStreams = peer.initiation()
        noStreams[12] = 0
        noStreams[13] = 0
        #expect(peer.send(Wire.packet(tag: 0, [noStreams])).isEmpty)
        #expect(peer.send(Wire.packet(tag: 0, [peer.initiation()], checksum: false)).isEmpty)
        #expect(peer.counters.malformed == 3)
        #expect(peer.counters.badChecksum == 1)
    }

    @Test("unknown parameters are reported, passed over or end the reading, as their type says")
    func unknownParameters() throws {
        let peer = HandMadePeer(isConnected: false)
        // Pass over and report; pass over; stop: what follows is not read.
        let ack = try #require(
            peer.initiate(parameters: [
                0xC1, 1, 0, 5, 9, 0, 0, 0, 0x81, 1, 0, 4, 0x01, 1, 0, 4, 0xC1, 2, 0, 4,
            ]))
        #expect(ack.features.contains(.partialReliability))
        let answer = peer.send(Wire.packet(tag: 0, [peer.initiation(parameters: [0xC1, 1, 0, 5, 9, 0, 0, 0])]))
        let value = try #require(answer.of(.initiationAck).first).value
        #expect(value.suffix(12) == [0, 8, 0, 12, 0xC1, 1, 0, 5, 9, 0, 0, 0])
    }

    @Test("a client asks without end, at most three seconds apart")
    func endless() {
        let pair = ChannelPair()
        pair.toServer.loss = 1
        pair.client.connect(at: pair.now)
        pair.run(.seconds(300))
        #expect((100...104).contains(pair.clientPackets.count))
        pair.toServer.loss = 0
        #expect(pair.run(until: { $0.clientEvents == [.connected] }, within: .seconds(4)))
    }

    @Test("both sides may begin at once, whatever is lost or late")
    func collision() {
        for seed in 1...200 as ClosedRange<UInt64> {
            let pair = ChannelPair(seed: seed)
            pair.toServer = BadNetwork(loss: 0.1, duplication: 0.2, reordering: 0.7)
            pair.toClient = pair.toServer
            pair.client.connect(at: pair.now)
            if seed % 3 != 0 { pair.run(.milliseconds(Int64(seed % 40))) }
            pair.server.connect(at: pair.now)
            let up = pair.client.open(label: "up", at: pair.now)
            let down = pair.server.open(label: "down", at: pair.now)
            let isOpen = pair.run(
                until: { pair in
                    [up, down].allSatisfy { channel in
                        [pair.clientEvents, pair.serverEvents].allSatisfy {
                            $0.contains { if case .opened(channel, _, _) = $0 { true } else { false } }
                        }
                    }
                }, within: .seconds(60))
            #expect(isOpen, "seed \(seed): \(pair.clientEvents) \(pair.serverEvents)")
            #expect(pair.clientEvents.filter { $0 == .connected }.count == 1, "seed \(seed)")
        }
    }

    @Test("a peer that lost its state begins anew")
    func restart() throws {
        for seed in 1...30 as ClosedRange<UInt64> {
            let pair = ChannelPair(seed: seed)
            let first = try #require(pair.open())
            _ = pair.server.send(text: [UInt8](repeating: 1, count: 50_000), on: first, at: pair.now)
            pair.client = DataChannels(role: .client, random: Random(seed: seed + 9_000), at: pair.now)
            pair.serverEvents = []
            pair.clientEvents = []
            let second = try #require(pair.open())
            #expect(pair.serverEvents.prefix(2) == [.closed(first), .connected], "seed \(seed)")
            #expect(pair.serverSends([5], on: second) == .accepted)
            pair.run(.seconds(2))
            #expect(pair.clientTexts == [[5]], "seed \(seed)")
            #expect(pair.serverCounters.restarts == 1)
        }
    }

    @Test("what belongs to no association is dropped and counted, a SHUTDOWN ACK answered")
    func outOfTheBlue() {
        let peer = HandMadePeer(isConnected: false)
        peer.serverTag = 99
        #expect(peer.give([Wire.data(5, [1])]).isEmpty)
        #expect(peer.give([Wire.sack(5)]).isEmpty)
        #expect(peer.give([Wire.chunk(.abort)]).isEmpty)
        #expect(peer.give([Wire.chunk(.shutdownAck)]) == [[Wire.Chunk(type: .shutdownComplete, flags: 1, value: [])]])
        #expect(peer.counters.outOfTheBlue == 4)
    }

    @Test("zero in place of the checksum: offered, used only towards who offers it, never around INIT or COOKIE ECHO")
    func zeroChecksum() throws {
        var silent = SCTPSettings()
        silent.offersZeroChecksum = false
        for isOffered in [true, false] {
            let pair = ChannelPair(server: isOffered ? SCTPSettings() : silent)
            let channel = try #require(pair.open())
            _ = pair.clientSends([1], on: channel)
            pair.run(.seconds(1))
            func isZero(_ packet: [UInt8]) -> Bool { packet[8..<12].allSatisfy { $0 == 0 } }
            #expect(pair.clientPackets.prefix(2).allSatisfy { !isZero($0) })
            #expect(pair.clientPackets.dropFirst(2).allSatisfy { isZero($0) == isOffered })
            #expect(pair.serverPackets.dropFirst(1).allSatisfy { isZero($0) == isOffered })
        }
        let peer = HandMadePeer(silent)
        #expect(peer.send(Wire.packet(tag: peer.serverTag, [Wire.data(1_000, [1])], checksum: false)).isEmpty)
        #expect(peer.counters.badChecksum == 1)
    }
}
