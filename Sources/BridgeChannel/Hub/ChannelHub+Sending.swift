// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import SCTP
internal import ShardMessages

// What goes out: texts are handed to associations and collected for the web thread; a collection ends for all at once.

extension ChannelHub {
    /// Sends a message to one endpoint, if it can be reached.
    mutating func post(_ message: ChannelMessage, to endpoint: ChannelEndpoint, at now: Timestamp) {
        let text = message.encoded()
        guard let connection = admit(text, to: endpoint, isRelayed: false, at: now) else { return }
        collect(text, for: [connection], at: now)
    }

    /// Sends one text to many: those with a WebSocket share it.
    /// - Parameter isRelayed: it is another client's, and lost where it cannot be sent; state is told again.
    mutating func post(
        _ text: [UInt8], to endpoints: some Sequence<ChannelEndpoint>, isRelayed: Bool, at now: Timestamp
    ) {
        var connections: [WebSocketConnection] = []
        for endpoint in endpoints {
            if let connection = admit(text, to: endpoint, isRelayed: isRelayed, at: now) {
                connections.append(connection)
            }
        }
        collect(text, for: connections, at: now)
    }

    /// Gives a text to the endpoint's association, or returns the WebSocket that it is for; neither when the endpoint
    /// cannot be reached.
    private mutating func admit(
        _ text: [UInt8], to endpoint: ChannelEndpoint, isRelayed: Bool, at now: Timestamp
    ) -> WebSocketConnection? {
        guard let transport = endpoint.transport else {
            if isRelayed { counters.drop(.noTransport) }
            return nil
        }
        if !endpoint.isBehind {
            switch transport {
            case .webSocket(let connection):
                if hasRoom(for: text, of: endpoint) {
                    counters.webSocketMessagesSent += 1
                    return connection
                }
                fallBehind(endpoint, at: now)
            case .dataChannel(let channel):
                switch endpoint.channels?.send(text: text, on: channel, at: now) {
                case .accepted:
                    counters.dataChannelMessagesSent += 1
                    if !endpoint.isCollecting {
                        endpoint.isCollecting = true
                        collecting.append(endpoint)
                    }
                    beginCollection(at: now)
                    return nil
                case .full: fallBehind(endpoint, at: now)
                case .refused, nil:
                    counters.drop(.refusedByAssociation)
                    return nil
                }
            }
        }
        if isRelayed { counters.drop(.slowReceiver) }
        return nil
    }

    /// Whether a text may be collected for a WebSocket; if so it counts.
    private mutating func hasRoom(for text: [UInt8], of endpoint: ChannelEndpoint) -> Bool {
        if endpoint.collected.window != window { endpoint.collected = (window, 0) }
        guard endpoint.backlog + endpoint.collected.bytes + text.count <= BridgeChannelLimits.waitingBytes,
            collected.count + webSocketActions.count < BridgeChannelLimits.queuedActions,
            actionBytes + text.count <= BridgeChannelLimits.queuedActionBytes
        else {
            crowdedOut.append(endpoint)
            return false
        }
        endpoint.collected.bytes += text.count
        return true
    }

    private mutating func collect(_ text: [UInt8], for connections: [WebSocketConnection], at now: Timestamp) {
        guard !connections.isEmpty else { return }
        collected.append(.send(connections: connections, text: text))
        actionBytes += text.count
        beginCollection(at: now)
    }

    mutating func beginCollection(at now: Timestamp) {
        if collectionEnd == nil { collectionEnd = now + BridgeChannelLimits.collection }
    }

    /// Lets go what was collected.
    mutating func endCollection(at now: Timestamp) {
        tellChanges(at: now)
        collectionEnd = nil
        for action in collected { webSocketActions.append(action) }
        collected.removeAll(keepingCapacity: collected.count <= 256)
        for endpoint in collecting {
            endpoint.isCollecting = false
            transmit(endpoint)
        }
        collecting.removeAll(keepingCapacity: collecting.count <= 256)
        window &+= 1
        let waiting = crowdedOut
        crowdedOut = []
        for endpoint in waiting where endpoints[endpoint.number] === endpoint {
            if actionBytes <= BridgeChannelLimits.queuedActionBytes / 2,
                webSocketActions.count <= BridgeChannelLimits.queuedActions / 2
            {
                // Where more waits the web thread will say when that was read.
                if endpoint.backlog <= BridgeChannelLimits.resumeBytes { read(endpoint, fromWebSocket: true, at: now) }
            } else {
                crowdedOut.append(endpoint)
            }
        }
        if !crowdedOut.isEmpty { beginCollection(at: now) }
        // More was changed than one turn looks through: the next one begins at once.
        if !changed.isEmpty { collectionEnd = now }
    }

    /// Lets the endpoint's packets be polled.
    mutating func transmit(_ endpoint: ChannelEndpoint) {
        guard !endpoint.isTransmitting else { return }
        endpoint.isTransmitting = true
        transmitting.append(endpoint)
    }

    /// Closes a WebSocket from this side.
    mutating func close(_ connection: WebSocketConnection, code: UInt16, reason: String) {
        if connections.removeValue(forKey: connection) != nil { counters.webSocketsClosed += 1 }
        webSocketActions.append(.close(connection, code: code, reason: reason))
    }
}

// MARK: Receivers that fall behind

extension ChannelHub {
    mutating func fallBehind(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        guard !endpoint.isBehind else { return }
        endpoint.isBehind = true
        endpoint.outOfStepSince = endpoint.outOfStepSince ?? now
        counters.receiversBehind += 1
        note(.behind(endpoint.number))
    }

    /// A receiver has read what it had on one of its transports: it is told everything, if that is the one in use.
    mutating func read(_ endpoint: ChannelEndpoint, fromWebSocket: Bool, at now: Timestamp) {
        let wasBehind = endpoint.isBehind
        if fromWebSocket { endpoint.isWebSocketBehind = false } else { endpoint.isDataChannelBehind = false }
        if wasBehind, !endpoint.isBehind { tellState(endpoint, at: now) }
    }

    /// Something came over one of the two transports: the answers go there.
    mutating func heard(_ endpoint: ChannelEndpoint, overWebSocket: Bool, at now: Timestamp) {
        guard endpoint.prefersWebSocket != overWebSocket else { return }
        endpoint.prefersWebSocket = overWebSocket
        if endpoint.outOfStepSince != nil, endpoint.isReachable { tellState(endpoint, at: now) }
    }

    /// The data channel is gone.
    mutating func lostDataChannel(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        guard endpoint.dataChannel != nil else { return }
        endpoint.dataChannel = nil
        endpoint.isDataChannelBehind = false
        counters.dataChannelsClosed += 1
        note(.closed(endpoint.number, transport: "sctp"))
        lostTransport(endpoint, at: now)
    }

    /// One transport is gone; if the other is there it takes over.
    mutating func lostTransport(_ endpoint: ChannelEndpoint, at now: Timestamp) {
        // Nobody knows what was under way when it went: a dead connection may have swallowed a minute's messages.
        endpoint.outOfStepSince = endpoint.connectedAt
        if endpoint.isReachable {
            tellState(endpoint, at: now)
        } else if endpoint.transport == nil {
            endpoint.statsDue = nil
        }
    }
}
