// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A focus that speaks Colibri2 over the bridge's private HTTP address (control-plane.md 7.2).
final class RESTFocus: Focus {
    private let host: String
    private let port: UInt16
    private var connection: TCPConnection?
    private var pending: [UInt8] = []

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        let request = FocusRequest.create(endpoint: participant.endpoint, newConference: newConference)
        let answer = try send(request, participant.conference, isNew: newConference)
        return try ColibriJSON.transport(of: participant.endpoint, in: answer)
    }

    func update(_ participant: PlannedParticipant, _ transport: ParticipantTransport) throws(LoadError) {
        let request = FocusRequest.update(endpoint: participant.endpoint, transport, participant.sources)
        _ = try send(request, participant.conference, isNew: false)
    }

    func expire(_ conference: PlannedConference) throws(LoadError) {
        _ = try send(.expireConference, conference, isNew: false)
    }

    func idle() {}

    private func send(
        _ request: FocusRequest, _ conference: PlannedConference, isNew: Bool
    ) throws(LoadError) -> JSONValue {
        let body = ColibriJSON.body(request, meeting: conference.meeting, name: conference.name).serialized()
        let path = "/colibri/v2/conferences" + (isNew ? "" : "/\(conference.meeting)")
        let response = try exchange(isNew ? "POST" : "PATCH", path, body)
        guard response.status == 200 else {
            throw .refused("HTTP \(response.status) \(String(decoding: response.body.prefix(300), as: UTF8.self))")
        }
        do {
            return try JSONValue.parse(response.body)
        } catch {
            throw .badAnswer("no JSON: \(error)")
        }
    }

    /// Sends a request and waits for the answer; an idle connection that the server closed is replaced once.
    private func exchange(_ method: String, _ path: String, _ body: [UInt8]) throws(LoadError) -> HTTPResponse {
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nAccept: application/json\r\n\r\n"
        let message = Array(head.utf8) + body
        if connection != nil, let response = try? exchangeOnce(message) { return response }
        connection = nil
        return try exchangeOnce(message)
    }

    private func exchangeOnce(_ message: [UInt8]) throws(LoadError) -> HTTPResponse {
        let connection: TCPConnection
        if let open = self.connection {
            connection = open
        } else {
            connection = try TCPConnection(host: host, port: port)
            pending = []
            self.connection = connection
        }
        try connection.write(message)
        // Ends: the peer answers, hangs up, or the read's deadline throws.
        while true {
            let bytes = try connection.read()
            pending += bytes
            if let (response, length) = try HTTPResponse.parse(pending, isEnd: bytes.isEmpty) {
                pending.removeFirst(length)
                if !response.keepsAlive { self.connection = nil }
                return response
            }
        }
    }
}
