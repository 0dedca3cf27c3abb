// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import SCTP

/// Two ends and the network between them, in virtual time.
final class ChannelPair {
    var client: DataChannels
    var server: DataChannels
    var toServer = BadNetwork()
    var toClient = BadNetwork()
    var now = Timestamp(nanoseconds: 1_000_000_000)
    var random: Random
    var clientEvents: [DataChannelEvent] = []
    var serverEvents: [DataChannelEvent] = []
    /// Every packet that was sent, for tests that look at the wire.
    var clientPackets: [[UInt8]] = []
    var serverPackets: [[UInt8]] = []

    init(
        seed: UInt64 = 1, client clientSettings: SCTPSettings = SCTPSettings(),
        server serverSettings: SCTPSettings = SCTPSettings()
    ) {
        random = Random(seed: seed)
        client = DataChannels(role: .client, settings: clientSettings, random: Random(seed: seed &* 2 &+ 1), at: now)
        server = DataChannels(role: .server, settings: serverSettings, random: Random(seed: seed &* 2 &+ 2), at: now)
    }

    /// Hands out what both have to send and to tell.
    func drain() {
        while let packet = client.pollTransmit() {
            clientPackets.append(packet)
            toServer.send(packet, at: now, &random)
        }
        while let packet = server.pollTransmit() {
            serverPackets.append(packet)
            toClient.send(packet, at: now, &random)
        }
        while let event = client.pollEvent() { clientEvents.append(event) }
        while let event = server.pollEvent() { serverEvents.append(event) }
    }

    var next: Timestamp? {
        earlier(earlier(toServer.next, toClient.next), earlier(client.nextTimeout, server.nextTimeout))
    }

    /// Lets so much time pass.
    func run(_ time: TimeDelta) {
        run(until: { _ in false }, within: time)
    }

    /// Lets time pass until something holds; says whether it did.
    @discardableResult
    func run(until holds: (ChannelPair) -> Bool, within limit: TimeDelta = .seconds(60)) -> Bool {
        let end = now + limit
        drain()
        while !holds(self) {
            guard let next, next <= end else {
                now = end
                return false
            }
            now = max(now, next)
            while let packet = toServer.receive(at: now) {
                server.handle(packet.rawSpan, at: now)
                drain()
            }
            while let packet = toClient.receive(at: now) {
                client.handle(packet.rawSpan, at: now)
                drain()
            }
            if let timeout = client.nextTimeout, timeout <= now { client.handleTimeout(at: now) }
            if let timeout = server.nextTimeout, timeout <= now { server.handleTimeout(at: now) }
            drain()
        }
        return true
    }

    /// Connects and opens one channel from the client, as a browser does.
    func open() -> DataChannel? {
        client.connect(at: now)
        let channel = client.open(
            label: "JVB data channel", protocol: "http://jitsi.org/protocols/colibri", at: now)
        run(until: { $0.clientEvents.count >= 2 && $0.serverEvents.count >= 2 })
        return channel
    }

    /// Sends text from the client.
    func clientSends(_ text: [UInt8], on channel: DataChannel) -> SendResult {
        client.send(text: text, on: channel, at: now)
    }

    /// Sends text from the server.
    func serverSends(_ text: [UInt8], on channel: DataChannel) -> SendResult {
        server.send(text: text, on: channel, at: now)
    }

    var clientCounters: SCTPCounters { client.counters }
    var serverCounters: SCTPCounters { server.counters }
    var clientTexts: [[UInt8]] { Self.texts(clientEvents) }
    var serverTexts: [[UInt8]] { Self.texts(serverEvents) }
    var buffered: [Int] { [client.bufferedBytes, server.bufferedBytes] }

    /// The messages that one side got, of text.
    static func texts(_ events: [DataChannelEvent]) -> [[UInt8]] {
        events.compactMap {
            if case .text(_, let bytes) = $0 { bytes } else { nil }
        }
    }
}
