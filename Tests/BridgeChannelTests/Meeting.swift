// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import SCTP
import ShardMessages
import Testing

@testable import BridgeChannel

/// A hub with clients in virtual time. Web thread, worker and network are this class: what the hub gives out is taken
/// at once, unless a client does not read.
final class Meeting {
    /// One client, with its end of the association and what came over its WebSocket.
    final class Client {
        let number: EndpointNumber
        let id: String
        var socket: WebSocketConnection?
        var channels: DataChannels?
        var channel: DataChannel?
        /// Everything it got, in order, over whichever transport.
        var received: [String] = []
        /// How its sockets were closed.
        var closings: [String] = []
        /// What waits in the web thread while it does not read; `nil` while it reads.
        var waiting: [[UInt8]]?
        /// Its network takes nothing.
        var isCutOff = false
        /// SCTP packets with messages, that is, of more than 60 bytes.
        var packets = 0

        init(_ number: EndpointNumber, _ id: String) {
            self.number = number
            self.id = id
        }

        /// What it got since the last call.
        func take() -> [String] {
            defer { received = [] }
            return received
        }
    }

    var hub: ChannelHub
    var now = Timestamp(nanoseconds: 1_000_000_000)
    let conference = ConferenceNumber(7)
    private(set) var clients: [String: Client] = [:]
    /// Clients, who spoke last first, the others as they came.
    private(set) var speechOrder: [String] = []
    private(set) var commands: [ShardCommand] = []
    private(set) var events: [ChannelEvent] = []
    /// How many actions the web thread got, and for how many connections.
    private(set) var sends = (texts: 0, deliveries: 0)
    private var owners: [WebSocketConnection: Client] = [:]
    /// What the worker sends each, as far as the hub was told.
    private var sent: [EndpointNumber: [ChannelSource: Int32]] = [:]
    private var nextNumber: UInt64 = 1

    init(_ settings: ChannelSettings = ChannelSettings(), seed: UInt64 = 1) {
        hub = ChannelHub(settings, random: Random(seed: seed))
        hub.addConference(conference)
    }

    subscript(_ id: String) -> Client {
        if let client = clients[id] { return client }
        // One that is not in the meeting: whatever is expected of it fails, too.
        Issue.record("no client \(id)")
        return Client(EndpointNumber(0), id)
    }

    /// Lets an endpoint join, without a channel.
    @discardableResult
    func join(_ id: String, isVisitor: Bool = false, usesSCTP: Bool = true) -> Client {
        let client = Client(EndpointNumber(nextNumber), id)
        nextNumber += 1
        clients[id] = client
        speechOrder.append(id)
        hub.addEndpoint(
            client.number, conference: conference, id: id, isVisitor: isVisitor, usesSCTP: usesSCTP,
            password: "secret of \(id)", at: now)
        return client
    }

    /// Lets an endpoint join with a WebSocket and a video source `<id>-v0`.
    @discardableResult
    func arrive(_ id: String) -> Client {
        let client = join(id)
        signal(id, [id + "-v0"])
        openSocket(id)
        return client
    }

    func leave(_ id: String) {
        hub.removeEndpoint(self[id].number, at: now)
        clients[id] = nil
        speechOrder.removeAll { $0 == id }
        settle()
    }

    func signal(_ id: String, _ names: [String], desktop: Bool = false) {
        let sources = names.map {
            SourceDescription(name: $0, mediaType: .video, isDesktop: desktop, streams: [])
        }
        hub.setSources(self[id].number, sources, at: now)
    }

    func openSocket(_ id: String) {
        let connection = WebSocketConnection(number: nextNumber)
        nextNumber += 1
        self[id].socket = connection
        self[id].waiting = nil
        owners[connection] = self[id]
        hub.webSocketOpened(connection, endpoint: self[id].number, at: now)
        settle()
    }

    func closeSocket(_ id: String) {
        guard let socket = self[id].socket else { return }
        self[id].socket = nil
        hub.webSocketClosed(socket, at: now)
        settle()
    }

    /// The client's association, and in it the channel that clients open.
    func openChannel(_ id: String) {
        let client = self[id]
        var settings = SCTPSettings()
        // As Chromium has it.
        settings.largestMessage = 262_144
        settings.receiveBuffer = 1 << 20
        client.channels = DataChannels(
            role: .client, settings: settings, random: Random(seed: client.number.value + 99), at: now)
        client.channels?.connect(at: now)
        settle()
        client.channel = client.channels?.open(
            label: "JVB data channel", protocol: "http://jitsi.org/protocols/colibri", at: now)
        settle()
    }

    /// A client sends a text over its WebSocket, or over its data channel where it has only that.
    func say(_ id: String, _ text: String) { say(id, Array(text.utf8)) }

    func say(_ id: String, _ text: [UInt8]) {
        let client = self[id]
        if let socket = client.socket {
            hub.webSocketReceived(socket, text, at: now)
        } else {
            sayOverChannel(id, text)
        }
        settle()
    }

    func sayOverChannel(_ id: String, _ text: [UInt8]) {
        guard let channel = self[id].channel else { return }
        _ = self[id].channels?.send(text: text, on: channel, at: now)
        settle()
    }

    /// Who speaks, and who did before.
    func speak(_ ids: String..., isSilent: Bool = false) {
        let numbers = ids.map { self[$0].number }
        speechOrder = ids + speechOrder.filter { !ids.contains($0) }
        hub.handle(
            .speakerChanged(
                conference,
                SpeakerState(dominant: numbers.first, recent: Array(numbers.dropFirst()), isSilent: isSilent)),
            at: now)
    }

    func setActive(_ id: String, _ isActive: Bool) {
        hub.handle(.connectivityChanged(self[id].number, conference: conference, isActive: isActive), at: now)
    }

    /// A client stops reading its WebSocket.
    func stopReading(_ id: String) { self[id].waiting = self[id].waiting ?? [] }

    /// It reads again: everything that waited arrives.
    func readAgain(_ id: String) {
        let client = self[id]
        guard let waiting = client.waiting, let socket = client.socket else { return }
        client.waiting = nil
        client.received += waiting.map { String(decoding: $0, as: UTF8.self) }
        hub.webSocketBacklog(socket, bytes: 0, at: now)
        settle()
    }

    /// Lets time pass; whatever is due happens.
    func advance(_ time: TimeDelta) {
        let end = now + time
        // Ends: each time that is due lies behind the one before, or the hub is at fault.
        for _ in 0..<1_000_000 {
            var due = hub.nextTimeout
            for client in clients.values { due = earlier(due, client.channels?.nextTimeout) }
            guard let due, due <= end else {
                now = end
                return
            }
            now = max(now, due)
            hub.handleTimeout(at: now)
            for client in clients.values { client.channels?.handleTimeout(at: now) }
            settle()
        }
        Issue.record("time stands still")
    }

    /// What the worker was told since the last call.
    func takeCommands() -> [ShardCommand] {
        defer { commands = [] }
        return commands
    }

    /// Takes everything that the hub has to give, and gives it to whom it is for.
    func settle() {
        forward()
        // Ends: clients answer an answer with an acknowledgement at most.
        for _ in 0..<100_000 {
            var isQuiet = true
            while let command = hub.pollCommand() { commands.append(command) }
            while let event = hub.pollEvent() { events.append(event) }
            while let action = hub.pollWebSocket() { carryOut(action) }
            while let (number, packet) = hub.pollRecord() {
                guard let client = clients.values.first(where: { $0.number == number }), !client.isCutOff else {
                    continue
                }
                isQuiet = false
                if packet.count > 60 { client.packets += 1 }
                client.channels?.handle(packet.rawSpan, at: now)
            }
            for client in clients.values where !client.isCutOff {
                while let packet = client.channels?.pollTransmit() {
                    isQuiet = false
                    hub.receive(record: packet.rawSpan, from: client.number, at: now)
                }
                while let event = client.channels?.pollEvent() {
                    if case .text(_, let text) = event { client.received.append(String(decoding: text, as: UTF8.self)) }
                }
            }
            if isQuiet { return }
        }
        Issue.record("no end of packets")
    }

    /// Stands in for a worker with rate enough: everybody is sent what it may get.
    private func forward() {
        for endpoint in hub.endpoints.values where sent[endpoint.number, default: [:]] != endpoint.grants {
            sent[endpoint.number] = endpoint.grants
            let names = endpoint.grants.keys.sorted { $0.number < $1.number }.map(\.name)
            hub.handle(.forwardedSourcesChanged(endpoint.number, conference: conference, names), at: now)
        }
    }

    private func carryOut(_ action: WebSocketAction) {
        switch action {
        case .send(let connections, let text):
            sends.texts += 1
            sends.deliveries += connections.count
            for connection in connections {
                guard let client = owners[connection], client.socket == connection else { continue }
                guard client.waiting != nil else {
                    client.received.append(String(decoding: text, as: UTF8.self))
                    continue
                }
                client.waiting?.append(text)
                let bytes = client.waiting?.reduce(0) { $0 + $1.count } ?? 0
                hub.webSocketBacklog(connection, bytes: bytes, at: now)
            }
        case .close(let connection, let code, let reason):
            owners[connection]?.closings.append("\(code) \(reason)")
            if owners[connection]?.socket == connection { owners[connection]?.socket = nil }
        }
    }
}

extension Sequence where Element == String {
    /// Those of one class, by the text that begins them.
    func of(_ colibriClass: String) -> [String] {
        filter { $0.contains("\"colibriClass\":\"\(colibriClass)\"") }
    }
}
