// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import SCTP
import ShardMessages

@testable import BridgeChannel

/// A hub with two clients, one with a WebSocket and one with a data channel, who say what the input says, while others
/// come, go, speak and fall silent.
///
/// Laws: every text that comes out is a message; what is passed on names its true sender; what waits stays within the
/// limits; time that is due passes.
@main struct FuzzChannel {
    static func main() {
        fuzz { bytes, count in
            var run = FuzzedMeeting(Script(input(bytes, count)))
            run.go()
            return 0
        }
    }
}

/// One input's run.
private struct FuzzedMeeting: ~Copyable {
    private var script: Script
    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var hub: ChannelHub
    private var peer: DataChannels
    private var channel: DataChannel?
    private var nextConnection: UInt64 = 100
    private var socket = WebSocketConnection(number: 1)
    private let conference = ConferenceNumber(1)
    private let ids = ["anna", "ben", "carl"]

    init(_ script: consuming Script) {
        self.script = script
        var settings = ChannelSettings()
        settings.statsFilterThreshold = 2
        hub = ChannelHub(settings, random: Random(seed: 1))
        peer = DataChannels(role: .client, settings: SCTPSettings(), random: Random(seed: 2), at: now)
        hub.addConference(conference)
        for (index, id) in ids.enumerated() {
            let number = EndpointNumber(UInt64(index + 1))
            hub.addEndpoint(
                number, conference: conference, id: id, isVisitor: index == 2, usesSCTP: true, password: "p", at: now)
            signal(number, 1)
        }
        hub.webSocketOpened(socket, endpoint: EndpointNumber(1), at: now)
        peer.connect(at: now)
        drain()
        channel = peer.open(label: "", at: now)
        drain()
        require(hub.openChannels == 2, "both channels are open")
    }

    mutating func go() {
        for _ in 0..<200 where !script.isAtEnd {
            step()
            drain()
        }
        for _ in 0..<50 {
            guard let due = earlier(hub.nextTimeout, peer.nextTimeout) else { break }
            now = max(now, due)
            hub.handleTimeout(at: now)
            peer.handleTimeout(at: now)
            drain()
        }
    }

    private mutating func step() {
        let operation = script.next()
        let number = EndpointNumber(UInt64(script.next() % 4) + 1)
        switch operation % 12 {
        case 0: hub.webSocketReceived(socket, text(), at: now)
        case 1:
            let text = text()
            if let channel { _ = peer.send(text: text, on: channel, at: now) }
        case 2: hub.receive(record: script.take(Int(script.next())).rawSpan, from: number, at: now)
        case 3:
            now = now + .milliseconds(Int64(script.next()) * 20)
            hub.handleTimeout(at: now)
            peer.handleTimeout(at: now)
        case 4:
            let state = SpeakerState(
                dominant: number, recent: script.take(2).map { EndpointNumber(UInt64($0 % 4) + 1) },
                isSilent: operation & 64 != 0)
            hub.handle(.speakerChanged(conference, state), at: now)
        case 5: hub.handle(.connectivityChanged(number, conference: conference, isActive: operation & 64 != 0), at: now)
        case 6:
            socket = WebSocketConnection(number: nextConnection)
            nextConnection += 1
            hub.webSocketOpened(socket, endpoint: number, at: now)
        case 7: hub.webSocketClosed(socket, at: now)
        case 8: hub.webSocketBacklog(socket, bytes: Int(script.next()) << 12, at: now)
        case 9: signal(number, Int(script.next() % 4))
        case 10:
            hub.removeEndpoint(number, at: now)
            hub.addEndpoint(
                number, conference: conference, id: ids[Int(number.value) % 3], usesSCTP: operation & 64 != 0,
                password: "p", at: now)
        default: hub.setInitialLastN(Int32(Int8(bitPattern: script.next())), of: number, at: now)
        }
    }

    /// A text of the input's; where it begins with a small byte, one of the classes with the input's members.
    private mutating func text() -> [UInt8] {
        let classes = [
            "ClientHello", "ReceiverVideoConstraints", "LastNChangedEvent", "ReceiverAudioSubscription",
            "SourceVideoTypeMessage", "VideoTypeMessage", "EndpointMessage", "EndpointStats",
        ]
        let first = script.next()
        let rest = script.take(Int(script.next()) * 2)
        guard Int(first) < classes.count else { return [first] + rest }
        return Array("{\"colibriClass\":\"\(classes[Int(first)])\",".utf8) + rest + [UInt8(ascii: "}")]
    }

    private mutating func signal(_ number: EndpointNumber, _ count: Int) {
        let sources = (0..<count).map {
            SourceDescription(name: "\(number.value)-v\($0)", mediaType: .video, streams: [])
        }
        hub.setSources(number, sources, at: now)
    }

    /// Takes everything out, and the peer's packets in.
    private mutating func drain() {
        for _ in 0..<20 {
            var isQuiet = true
            while hub.pollCommand() != nil {}
            while hub.pollEvent() != nil {}
            while let action = hub.pollWebSocket() {
                if case .send(_, let text) = action { look(at: text) }
            }
            while let (number, packet) = hub.pollRecord() {
                isQuiet = false
                if number.value == 2 { peer.handle(packet.rawSpan, at: now) }
            }
            while let packet = peer.pollTransmit() {
                isQuiet = false
                hub.receive(record: packet.rawSpan, from: EndpointNumber(2), at: now)
            }
            while let event = peer.pollEvent() {
                if case .text(_, let text) = event { look(at: text) }
            }
            if isQuiet { break }
        }
        require(hub.actionBytes <= BridgeChannelLimits.queuedActionBytes, "texts have a limit")
        for endpoint in hub.endpoints.values {
            require(endpoint.videoTypes.count <= BridgeChannelLimits.videoTypes, "video types have a limit")
            require(endpoint.grants.count <= 50, "grants have the limit of ssrc-limit.video")
            require(
                endpoint.channels?.bufferedBytes ?? 0 <= BridgeChannelLimits.waitingBytes, "associations have a limit")
        }
    }

    private func look(at text: [UInt8]) {
        guard let message = try? ChannelMessage(text) else { return require(false, "what comes out is a message") }
        switch message {
        case .endpointMessage(let message): require(ids.contains(message.text.from ?? ""), "a true sender")
        case .endpointStats(let text): require(ids.contains(text.from ?? ""), "a true sender")
        default: break
        }
    }
}
