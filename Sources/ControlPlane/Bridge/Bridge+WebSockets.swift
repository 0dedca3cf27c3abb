// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeChannel
internal import BridgeConfiguration
internal import BridgeControl
internal import Primitives
internal import WebServer

// Bridge channels over WebSocket: who is let in, what clients say, what the hub has for them.

extension Bridge {
    /// What the addresses begin with that clients are told; empty where nobody could follow them.
    static func webSocketPrefixes(_ settings: BridgeSettings) -> [String] {
        guard settings.publicHTTP.port != nil else { return [] }
        return settings.webSockets?.addressPrefixes ?? []
    }

    /// Takes this turn's share of what WebSockets have to tell: clients who talk without end keep nothing else waiting.
    func takeWebSocketEvents(at now: Timestamp) {
        guard let web else { return }
        tellHub(at: now)
        hasMoreWebSocketEvents = true
        for _ in 0..<ControlPlaneLimits.webSocketEventsPerTurn {
            guard let event = web.nextWebSocketEvent() else {
                hasMoreWebSocketEvents = false
                return
            }
            switch event {
            case .request(let request): letIn(request, web, at: now)
            case .text(let connection, let text):
                hub.webSocketReceived(WebSocketConnection(number: connection), text, at: now)
            case .backlog(let connection, let bytes):
                hub.webSocketBacklog(WebSocketConnection(number: connection), bytes: bytes, at: now)
            case .closed(let connection): hub.webSocketClosed(WebSocketConnection(number: connection), at: now)
            }
        }
    }

    private func letIn(_ request: WebSocketRequest, _ web: HTTPServer, at now: Timestamp) {
        let conference = directory.conference(localID: request.conference)
        let endpoint = hub.authorize(
            conference: conference, endpointID: request.endpoint, password: request.password)
        guard let endpoint else { return web.refuseWebSocket(request.id) }
        // Where the web thread takes no more orders the request runs out by itself.
        guard web.acceptWebSocket(request.id) else { return }
        hub.webSocketOpened(WebSocketConnection(number: request.id), endpoint: endpoint, at: now)
    }

    /// Moves what the hub has for WebSockets to the web thread.
    func settleWebSockets(at now: Timestamp) {
        guard let web else { return }
        // While the web thread takes nothing the rest stays with the hub, which leaves out who falls behind and tells
        // them their state as a whole later.
        webSocketActions.pass(at: now, next: { hub.pollWebSocket() }) { action in
            switch action {
            case .send(let connections, let text): web.sendWebSocketText(text, to: connections.map(\.number))
            case .close(let connection, let code, let reason):
                web.closeWebSocket(connection.number, code: code, reason: reason)
            }
        }
    }
}
