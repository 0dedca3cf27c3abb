// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives

/// A focus that speaks Colibri2 over the bridge's private HTTP address (control-plane.md 7.2).
final class RESTFocus: Focus {
    private let host: String
    private let port: UInt16
    private let timeoutSeconds: Double
    private let asksForSCTP: Bool
    private let asksForRewriting: Bool
    private var connection: TCPConnection?

    /// - Parameters:
    ///   - timeoutSeconds: how long the bridge may take to answer a request.
    ///   - asksForSCTP: whether endpoints get a data channel.
    ///   - asksForRewriting: whether they get SSRC rewriting.
    init(host: String, port: UInt16, timeoutSeconds: Double, asksForSCTP: Bool, asksForRewriting: Bool) {
        self.host = host
        self.port = port
        self.timeoutSeconds = timeoutSeconds
        self.asksForSCTP = asksForSCTP
        self.asksForRewriting = asksForRewriting
    }

    func create(_ participant: PlannedParticipant, newConference: Bool) throws(LoadError) -> BridgeTransport {
        let request = FocusRequest.create(
            endpoint: participant.endpoint, newConference: newConference, sctp: asksForSCTP,
            rewriting: asksForRewriting)
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

    /// Sends a request and waits for the answer.
    private func exchange(_ method: String, _ path: String, _ body: [UInt8]) throws(LoadError) -> HTTPResponse {
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: \(host):\(port)\r\nContent-Type: application/json\r\n"
            + "Content-Length: \(body.count)\r\nAccept: application/json\r\n\r\n"
        // What can be read before anything was asked is the end of a connection that was idle for too long.
        if connection?.waitReadable(milliseconds: 0) == true { connection = nil }
        let connection: TCPConnection
        if let open = self.connection {
            connection = open
        } else {
            connection = try TCPConnection(host: host, port: port, timeoutSeconds: timeoutSeconds)
        }
        // Kept again only once it has answered.
        self.connection = nil
        try connection.write(Array(head.utf8) + body)
        let deadline = MonotonicClock.now() + .seconds(timeoutSeconds)
        var received: [UInt8] = []
        // Ends: the peer answers, hangs up, or takes too long.
        while MonotonicClock.now() < deadline {
            let bytes = try connection.read()
            received += bytes
            guard let (response, length) = try HTTPResponse.parse(received, isEnd: bytes.isEmpty) else { continue }
            if response.keepsAlive, length == received.count { self.connection = connection }
            return response
        }
        throw .connection("\(host):\(port): no answer in time")
    }
}
