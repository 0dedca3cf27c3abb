// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeChannel
import Conferencing
import Primitives
import RTP
import SCTP
import ShardMessages
import Testing

/// A meeting through everything but sockets and threads: a worker with its clients (``World``) and the hub of their
/// bridge channels, with what goes back and forth between them.
final class ChannelWorld {
    /// What a client's bridge channel goes over.
    enum Carrier: CaseIterable {
        /// Straight to the hub; frames are the web server's.
        case webSocket
        /// SCTP in DTLS, through the worker.
        case dataChannel
    }

    /// A client and its end of the channel.
    final class Member {
        let id: String
        /// Among the world's clients.
        let index: Int
        let number: EndpointNumber
        let carrier: Carrier
        /// What it was told, in order.
        var received: [(time: Timestamp, message: JSONValue)] = []
        fileprivate var isOpen = false
        fileprivate var unsaid: [[UInt8]] = []
        fileprivate var channels: DataChannels?
        fileprivate var channel: DataChannel?

        fileprivate init(_ id: String, _ index: Int, _ number: EndpointNumber, over carrier: Carrier) {
            self.id = id
            self.index = index
            self.number = number
            self.carrier = carrier
        }

        fileprivate var socket: WebSocketConnection { WebSocketConnection(number: number.value) }

        /// The messages of a class.
        func told(_ colibriClass: String) -> [(time: Timestamp, message: JSONValue)] {
            received.filter { $0.message["colibriClass"]?.stringValue == colibriClass }
        }
    }

    private static let packetTime = TimeDelta.milliseconds(20)

    var world: World
    /// How loud everybody is.
    var script = SpeechScript()
    /// Those who are here.
    private(set) var members: [Member] = []
    var hub: ChannelHub
    private var nextPackets: Timestamp

    init(at start: Timestamp, _ change: (inout ChannelSettings) -> Void = { _ in }) throws {
        var settings = ChannelSettings()
        settings.initial.offersWebSockets = true
        change(&settings)
        hub = ChannelHub(settings, random: Random(seed: 5))
        world = try World()
        nextPackets = start
        world.createConference()
        hub.addConference(world.conference)
        run(until: start)
    }

    var now: Timestamp { world.now }

    /// Who has an id; `nil` when nobody here.
    subscript(_ id: String) -> Member? { members.first { $0.id == id } }

    /// Adds a client with a voice and a camera; it connects in the time to come. A data channel is opened at once then,
    /// a WebSocket by ``openSocket(_:)``.
    func join(_ id: String, over carrier: Carrier, _ numbering: SourceNumbering = .original) throws {
        let index = world.clients.count
        var sources: [ShardMessages.SourceDescription] = []
        expect(
            world.join(id: id, numbering: numbering) { media in
                // The rate it can take is what it says itself.
                for type in media.payloadTypes.indices { media.payloadTypes[type].hasTransportCC = false }
                for (source, kind) in zip(media.sources?.indices ?? 0..<0, ["-a0", "-v0"]) {
                    media.sources?[source].name = id + kind
                }
                sources = media.sources ?? []
            })
        let member = Member(id, index, world.clients[index].number, over: carrier)
        members.append(member)
        hub.addEndpoint(
            member.number, conference: world.conference, id: id, usesSCTP: carrier == .dataChannel,
            password: "secret of \(id)", at: now)
        hub.setSources(member.number, sources, at: now)
        settle()
    }

    func leave(_ member: Member) {
        members.removeAll { $0 === member }
        _ = world.request([.expireEndpoint(member.number)])
        hub.removeEndpoint(member.number, at: now)
        settle()
    }

    /// A WebSocket that was let in.
    func openSocket(_ member: Member) {
        guard member.carrier == .webSocket, !member.isOpen else { return }
        member.isOpen = true
        hub.webSocketOpened(member.socket, endpoint: member.number, at: now)
        settle()
    }

    /// A client says something, as soon as it has a channel.
    func say(_ member: Member, _ message: JSONValue) {
        member.unsaid.append(message.serialized())
        settle()
    }

    /// A client tells what it can take.
    func estimate(_ member: Member, bitsPerSecond: UInt64) {
        let packet = world.clients[member.index].makeRTCP { writer in
            let sources: [UInt32] = [1_000]
            MaximumBitrateEstimate(senderSSRC: 9, bitrate: bitsPerSecond).write(sources: sources.span, to: &writer)
        }
        if let packet { world.send([packet], from: member.index) }
        settle()
    }

    /// Holds somebody's voice back, or no more.
    func hold(_ member: Member, _ isHeld: Bool) {
        var media = EndpointMedia()
        media.forceMuteAudio = isHeld
        _ = world.request([.updateEndpoint(member.number, media: media, remote: nil)])
    }

    /// Lets time pass.
    func run(until end: Timestamp) {
        // Ends: each turn moves time, or a timer that is due, which lies in the future after it ran.
        for _ in 0..<1_000_000 {
            var next = members.isEmpty ? end : min(end, nextPackets)
            next = earlier(next, hub.nextTimeout) ?? next
            for member in members { next = earlier(next, member.channels?.nextTimeout) ?? next }
            world.run(for: max(next - now, .zero))
            settle()
            hub.handleTimeout(at: now)
            for member in members { member.channels?.handleTimeout(at: now) }
            if nextPackets <= now, !members.isEmpty { talk() }
            settle()
            if now >= end { return }
        }
        Issue.record("time stands still")
    }

    private func talk() {
        nextPackets = now + Self.packetTime
        for member in members {
            if let level = script.level(of: member.id, at: now) { world.speak(member.index, at: level) }
            world.clients[member.index].received.removeAll(keepingCapacity: true)
        }
    }

    // MARK: Between worker, hub and clients

    /// Carries everything to whom it is for, until nobody has anything.
    private func settle() {
        // Ends: what arrives is answered with an acknowledgement at most.
        for _ in 0..<100_000 {
            var isQuiet = true
            for event in world.events { hub.handle(event, at: now) }
            world.events.removeAll(keepingCapacity: true)
            for (endpoint, record) in world.takeRecords() {
                isQuiet = false
                hub.receive(record: record.rawSpan, from: endpoint, at: now)
            }
            drainHub()
            for member in members where serve(member) { isQuiet = false }
            if isQuiet { return }
        }
        Issue.record("no end of packets")
    }

    private func drainHub() {
        while let command = hub.pollCommand() {
            switch command {
            case .setPreferences(let endpoint, _, let preferences):
                world.host.setPreferences(of: endpoint, to: preferences)
            case .setVideoType(let endpoint, _, let source, let type):
                world.host.setVideoType(of: endpoint, source: source, to: type)
            default: Issue.record("the hub asks for what it may not: \(command)")
            }
        }
        while hub.pollEvent() != nil {}
        while let action = hub.pollWebSocket() {
            guard case .send(let connections, let text) = action else { continue }
            for member in members where connections.contains(member.socket) { hear(member, text) }
        }
        while let (endpoint, record) = hub.pollRecord() {
            guard let member = members.first(where: { $0.number == endpoint }) else { continue }
            world.sendRecord(record, to: member.index)
        }
    }

    /// A client's turn.
    /// - Returns: whether it sent something.
    private func serve(_ member: Member) -> Bool {
        if member.carrier == .dataChannel, member.channels == nil, world.clients[member.index].isConnected {
            dial(member)
        }
        for record in world.clients[member.index].receivedRecords {
            member.channels?.handle(record.rawSpan, at: now)
        }
        world.clients[member.index].receivedRecords = []
        while let event = member.channels?.pollEvent() {
            switch event {
            case .opened:
                member.isOpen = true
                member.unsaid.insert(Array(#"{"colibriClass":"ClientHello"}"#.utf8), at: 0)
            case .text(_, let text): hear(member, text)
            default: break
            }
        }
        var hasSent = false
        if member.isOpen {
            for text in member.unsaid {
                hasSent = true
                if let channel = member.channel {
                    #expect(member.channels?.send(text: text, on: channel, at: now) == .accepted)
                } else {
                    hub.webSocketReceived(member.socket, text, at: now)
                }
            }
            member.unsaid = []
        }
        while let packet = member.channels?.pollTransmit() {
            guard let record = world.clients[member.index].makeRecord(packet, at: now) else { continue }
            hasSent = true
            world.send([record], from: member.index)
        }
        return hasSent
    }

    private func dial(_ member: Member) {
        member.channels = DataChannels(role: .client, random: Random(seed: 90 + member.number.value), at: now)
        member.channels?.connect(at: now)
        member.channel = member.channels?.open(
            label: "JVB data channel", protocol: "http://jitsi.org/protocols/colibri", at: now)
    }

    private func hear(_ member: Member, _ text: [UInt8]) {
        guard let message = try? JSONValue.parse(text) else {
            Issue.record("not JSON: \(String(decoding: text, as: UTF8.self))")
            return
        }
        member.received.append((now, message))
    }
}
