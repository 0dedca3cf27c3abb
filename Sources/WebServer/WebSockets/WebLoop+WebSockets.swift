// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import PacketIO
internal import Primitives
internal import Synchronization
internal import WebSocket

// The public port: requests for a WebSocket, and how one is let in.

extension WebLoop {
    /// Answers a request on the public port, or asks the control loop to.
    ///
    /// Path and handshake are judged first, so that their refusals say nothing about conferences; what is wrong with
    /// the conference, the endpoint or the password is told by one and the same 403.
    func takePublic(_ request: Request, _ method: HTTPMethod, on connection: WebConnection) {
        guard let webSockets, let hall,
            let path = WebSocketPath(path: request.path, query: request.query, serverID: webSockets.serverID)
        else { return turnAway(.text(id: 0, status: 404, "not found"), connection) }
        guard method == .get, request.body.isEmpty else {
            var response = HTTPResponse.text(id: 0, status: 405, "only GET here")
            response.allow = "GET"
            return turnAway(response, connection)
        }
        let handshake = Handshake(isHTTP10: request.isHTTP10, allowsDeflate: webSockets.allowsDeflate) {
            request.field($0)
        }
        switch handshake {
        case .malformed: turnAway(.text(id: 0, status: 400, "the WebSocket handshake is malformed"), connection)
        case .upgradeRequired:
            turnAway(
                .upgradeRequired(
                    "a WebSocket lives here; a proxy in front must speak HTTP/1.1 to it and pass on Upgrade and"
                        + " Connection"), connection)
        case .unsupportedVersion: turnAway(.upgradeRequired("only version 13 of WebSocket here"), connection)
        case .acceptable(let acceptance):
            guard let password = path.password else { return turnAway(.forbidden, connection) }
            guard hall.count < WebServerLimits.webSockets else { return turnAway(.refusal(.busy), connection) }
            let id = nextNumber()
            let question = WebSocketRequest(
                id: id, conference: path.conference, endpoint: path.endpoint, password: password)
            guard hall.ask(question) else { return turnAway(.refusal(.busy), connection) }
            connection.requestID = id
            connection.acceptance = acceptance
            waiting[id] = connection
        }
    }

    private func turnAway(_ response: HTTPResponse, _ connection: WebConnection) {
        mailbox.webSockets.counters.refused.add(1, ordering: .relaxed)
        respond(response, on: connection)
    }

    /// Carries out what the control loop has ordered.
    func takeCommands() {
        guard let hall else { return }
        // As many as the ring holds: what comes behind them keeps the next turn from sleeping.
        for _ in 0..<WebServerLimits.queuedCommands {
            guard let command = mailbox.webSockets.commands.pop() else { return }
            switch command {
            case .accept(let id): letIn(id, hall)
            case .refuse(let id, let status):
                guard let connection = waiting[id], connection.acceptance != nil else { continue }
                turnAway(status == 403 ? .forbidden : .text(id: 0, status: status, "refused"), connection)
                settle(connection)
            case .send(let connections, let text): hall.send(text, to: connections, poller: &poller, at: now)
            case .close(let connection, let code, let reason):
                hall.close(connection, CloseReason(code, reason), poller: &poller, at: now)
            }
        }
    }

    private func letIn(_ id: UInt64, _ hall: WebSocketHall) {
        guard let connection = waiting[id], let acceptance = connection.acceptance else { return hall.noteMissing(id) }
        var fields = [(name: "Sec-WebSocket-Accept", value: acceptance.accept)]
        if let extensions = acceptance.extensions { fields.append(("Sec-WebSocket-Extensions", extensions)) }
        guard let upgrade = connection.core.upgrade(to: "websocket", fields: fields) else {
            return hall.noteMissing(id)
        }
        release(connection)
        hall.add(
            id, link: connection.link, isDeflated: acceptance.isDeflated, opening: upgrade.output,
            input: upgrade.input, poller: &poller, at: now)
    }
}

extension HTTPResponse {
    /// What all who may not in are told.
    static let forbidden = text(id: 0, status: 403, "conference, endpoint or password is wrong")

    /// Something else than a WebSocket was asked for, or an old one.
    static func upgradeRequired(_ text: String) -> HTTPResponse {
        var response = HTTPResponse.text(id: 0, status: 426, text)
        response.isUpgradeRequired = true
        return response
    }
}
