// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
internal import SCTP
public import ShardMessages

// What comes in, over both transports.

extension ChannelHub {
    /// A DTLS record of an endpoint, which is one SCTP packet.
    public mutating func receive(record: RawSpan, from number: EndpointNumber, at now: Timestamp) {
        guard let endpoint = endpoints[number] else { return counters.drop(.unknownEndpoint) }
        guard endpoint.usesSCTP else {
            let bytes = endpoint.early.reduce(record.byteCount) { $0 + $1.count }
            guard endpoint.early.count < BridgeChannelLimits.earlyRecords, bytes <= BridgeChannelLimits.earlyBytes
            else { return counters.drop(.noSCTP) }
            return endpoint.early.append(record.toArray())
        }
        if endpoint.hasEnded { retireAssociation(of: endpoint) }
        if endpoint.channels == nil {
            endpoint.channels = DataChannels(
                role: .server, settings: settings.association, random: Random(seed: random.next()), at: now)
        }
        let refused = endpoint.channels?.counters.refusedChannels ?? 0
        endpoint.channels?.handle(record, at: now)
        counters.dataChannelsRefused += (endpoint.channels?.counters.refusedChannels ?? refused) - refused
        serve(endpoint, at: now)
    }

    /// Takes what an association has to say, and sees that it can send.
    mutating func serve(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        // Ends: only input makes events, and one packet makes finitely many.
        while let event = endpoint.channels?.pollEvent() {
            switch event {
            case .connected: break
            case .opened(let channel, _, _):
                if endpoint.dataChannel == nil { counters.dataChannelsOpened += 1 }
                endpoint.dataChannel = channel
                endpoint.isDataChannelBehind = false
                endpoint.prefersWebSocket = false
                note(.opened(endpoint.number, transport: "sctp"))
                connected(endpoint, at: now)
            case .text(_, let text):
                counters.dataChannelMessagesReceived += 1
                heard(endpoint, overWebSocket: false, at: now)
                receive(text, from: endpoint, at: now)
            case .binary: counters.drop(.binary)
            case .closed(let channel):
                if channel == endpoint.dataChannel { lostDataChannel(endpoint, at: now) }
            case .writable: read(endpoint, fromWebSocket: false, at: now)
            case .ended:
                lostDataChannel(endpoint, at: now)
                // The last packets; whatever comes then begins a new association.
                transmit(endpoint)
                endpoint.hasEnded = true
            }
        }
        transmit(endpoint)
        schedule(endpoint)
    }

    /// Whom a WebSocket belongs to that asks to be let in; `nil` is answered with one and the same 403.
    /// - Parameter conference: `nil` when the name in the path is no conference's.
    public mutating func authorize(
        conference: ConferenceNumber?, endpointID: String, password: String
    ) -> EndpointNumber? {
        let conference = conference.flatMap { conferences[$0] }
        let endpoint = conference?.byID[endpointID]
        let offered = Array(password.utf8)
        // Somebody unknown costs the same time as a wrong password.
        let isRight = Self.isEqual(offered, endpoint?.password ?? Array(repeating: 0, count: 24))
        guard let endpoint, isRight, !endpoint.password.isEmpty else {
            counters.authorizationsRefused += 1
            return nil
        }
        return endpoint.number
    }

    /// Compares without telling by its time where the difference is.
    private static func isEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        var difference = a.count ^ b.count
        for index in a.indices { difference |= Int(a[index] ^ (b.isEmpty ? 0 : b[index % b.count])) }
        return difference == 0
    }

    /// A WebSocket that was let in is open.
    public mutating func webSocketOpened(
        _ connection: WebSocketConnection, endpoint number: EndpointNumber, at now: Timestamp
    ) {
        guard let endpoint = endpoints[number] else {
            return close(connection, code: 1001, reason: "endpoint closed")
        }
        counters.webSocketsOpened += 1
        if let old = endpoint.webSocket {
            counters.webSocketsReplaced += 1
            endpoint.outOfStepSince = endpoint.connectedAt
            close(old, code: 1000, reason: "replaced")
        }
        endpoint.webSocket = connection
        endpoint.prefersWebSocket = true
        endpoint.backlog = 0
        endpoint.collected = (0, 0)
        connections[connection] = endpoint
        note(.opened(number, transport: "websocket"))
        endpoint.isWebSocketBehind = false
        post(.serverHello(version: settings.announcedVersion), to: endpoint, at: now)
        connected(endpoint, at: now)
        // At once: it is what the client waits for.
        collectionEnd = collectionEnd.map { min($0, now) }
    }

    /// A text message.
    public mutating func webSocketReceived(_ connection: WebSocketConnection, _ text: [UInt8], at now: Timestamp) {
        guard let endpoint = connections[connection] else { return counters.drop(.unknownConnection) }
        counters.webSocketMessagesReceived += 1
        heard(endpoint, overWebSocket: true, at: now)
        receive(text, from: endpoint, at: now)
    }

    /// A WebSocket is gone; nothing happens when it was closed from here.
    public mutating func webSocketClosed(_ connection: WebSocketConnection, at now: Timestamp) {
        guard let endpoint = connections.removeValue(forKey: connection) else { return }
        counters.webSocketsClosed += 1
        guard endpoint.webSocket == connection else { return }
        endpoint.webSocket = nil
        endpoint.prefersWebSocket = false
        endpoint.backlog = 0
        endpoint.isWebSocketBehind = false
        note(.closed(endpoint.number, transport: "websocket"))
        lostTransport(endpoint, at: now)
    }

    /// How many bytes the web thread has for a client that does not take them. It is told when they pass
    /// ``BridgeChannelLimits/waitingBytes`` on the way up and ``BridgeChannelLimits/resumeBytes`` on the way down, at
    /// least.
    public mutating func webSocketBacklog(_ connection: WebSocketConnection, bytes: Int, at now: Timestamp) {
        guard let endpoint = connections[connection], endpoint.webSocket == connection else { return }
        endpoint.backlog = bytes
        if bytes > BridgeChannelLimits.waitingBytes {
            if case .webSocket = endpoint.transport { fallBehind(endpoint, at: now) }
        } else if bytes <= BridgeChannelLimits.resumeBytes {
            read(endpoint, fromWebSocket: true, at: now)
        }
    }

    private mutating func receive(_ text: [UInt8], from endpoint: ChannelEndpoint, at now: Timestamp) {
        guard endpoint.messages.take(1, at: now), endpoint.bytes.take(text.count, at: now) else {
            return counters.drop(.rate)
        }
        let message: ChannelMessage
        do throws(BridgeChannelError) {
            message = try ChannelMessage(text)
        } catch {
            return counters.refuse(error)
        }
        switch message {
        case .clientHello: post(.serverHello(version: settings.announcedVersion), to: endpoint, at: now)
        case .receiverVideoConstraints(var change):
            if !endpoint.hasConstraints, change.defaultConstraint == nil {
                change.defaultConstraint = VideoConstraint(maxHeight: settings.defaultMaxHeight)
            }
            endpoint.hasConstraints = true
            apply(change, to: endpoint, at: now)
        case .lastNChanged(let lastN):
            var change = VideoConstraintsChange()
            change.lastN = lastN
            apply(change, to: endpoint, at: now)
        case .receiverAudioSubscription(let subscription):
            guard subscription != endpoint.preferences.audio else { return }
            endpoint.preferences.audio = subscription
            tellPreferences(endpoint, at: now)
        case .sourceVideoType(let source, let type, _): setVideoType(of: source, of: endpoint, to: type, at: now)
        case .videoType(let type): setVideoType(of: endpoint.id + "-v0", of: endpoint, to: type, at: now)
        case .endpointMessage(let message): relay(message, from: endpoint, at: now)
        case .endpointStats(let text): relay(text, from: endpoint, at: now)
        default: counters.drop(.unexpected)
        }
    }
}
