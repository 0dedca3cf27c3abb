// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP
import TestSupport
import Testing

@Suite("DataChannels")
struct DataChannelsTests {
    private let label = "JVB data channel"
    private let name = "http://jitsi.org/protocols/colibri"

    @Test("a client connects, opens a channel, and both can talk")
    func opens() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        #expect(pair.clientEvents == [.connected, .opened(channel, label: label, protocol: name)])
        #expect(pair.serverEvents == [.connected, .opened(channel, label: label, protocol: name)])
        #expect(pair.clientSends(Array("ping".utf8), on: channel) == .accepted)
        #expect(pair.serverSends(Array("pong".utf8), on: channel) == .accepted)
        pair.run(.seconds(1))
        #expect(pair.clientEvents.last == .text(channel, Array("pong".utf8)))
        #expect(pair.serverEvents.last == .text(channel, Array("ping".utf8)))
        #expect(pair.buffered == [0, 0])
    }

    @Test("a channel opened with the association is open after two round trips")
    func opensFast() throws {
        let pair = ChannelPair()
        let start = pair.now
        pair.client.connect(at: pair.now)
        _ = pair.client.open(label: label, at: pair.now)
        #expect(pair.run(until: { $0.serverEvents.count == 2 && $0.clientEvents.count == 2 }))
        #expect(pair.now - start == .milliseconds(40))
    }

    @Test("messages come in order, whole and of every size")
    func sizes() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        let messages = [0, 1, 2, 3, 1_155, 1_160, 1_161, 2_320, 5_000, 40_000, 65_536].map {
            pair.random.bytes($0)
        }
        for message in messages { #expect(pair.clientSends(message, on: channel) == .accepted) }
        #expect(pair.run(until: { $0.serverTexts.count == messages.count }))
        #expect(pair.serverTexts == messages)
        #expect(pair.clientPackets.allSatisfy { $0.count <= 1_188 })
    }

    @Test("text and binary, empty or not, are told apart")
    func kinds() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        _ = pair.client.send(binary: [1, 2], on: channel, at: pair.now)
        _ = pair.client.send(binary: [], on: channel, at: pair.now)
        _ = pair.client.send(text: [], on: channel, at: pair.now)
        pair.run(.seconds(1))
        #expect(pair.serverEvents.suffix(3) == [.binary(channel, [1, 2]), .binary(channel, []), .text(channel, [])])
    }

    @Test("messages given at one time share a packet")
    func bundling() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        pair.run(.seconds(1))
        let before = pair.serverPackets.count
        for _ in 0..<10 { _ = pair.server.send(text: [UInt8](repeating: 7, count: 80), on: channel, at: pair.now) }
        pair.drain()
        #expect(pair.serverPackets.count == before + 1)
    }

    @Test("what is lost arrives late", arguments: [0.05, 0.3, 0.6])
    func loss(_ loss: Double) throws {
        for seed in 1...20 {
            let pair = ChannelPair(seed: UInt64(seed))
            pair.toServer.loss = loss
            pair.toClient.loss = loss
            pair.client.connect(at: pair.now)
            let opened = pair.client.open(label: label, at: pair.now)
            let channel = try #require(opened)
            let messages = (0..<20).map { index in pair.random.bytes(100 * index) }
            for message in messages { _ = pair.client.send(text: message, on: channel, at: pair.now) }
            #expect(
                pair.run(until: { $0.serverTexts.count == messages.count }, within: .seconds(2_000)),
                "seed \(seed)")
            #expect(pair.serverTexts == messages, "seed \(seed)")
        }
    }
}
