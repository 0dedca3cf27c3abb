// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A WebSocket that wants to be let in, on its way from the web thread to the control loop.
public struct WebSocketRequest: Equatable, Sendable {
    /// Pairs the answer with the request, and is the connection's number once it was let in.
    public var id: UInt64
    /// The bridge's own name of the conference.
    public var conference: String
    /// The endpoint's name.
    public var endpoint: String
    /// The password, to be compared in constant time.
    public var password: String

    /// A request.
    public init(id: UInt64, conference: String, endpoint: String, password: String) {
        self.id = id
        self.conference = conference
        self.endpoint = endpoint
        self.password = password
    }
}

/// What WebSockets tell the control loop.
public enum WebSocketEvent: Equatable, Sendable {
    /// One wants to be let in.
    case request(WebSocketRequest)
    /// A message, valid UTF-8 of at most 64 KiB.
    case text(connection: UInt64, [UInt8])
    /// So many bytes wait for the client to take them: it has become slow, slower still, or (zero) caught up.
    case backlog(connection: UInt64, bytes: Int)
    /// The connection is over, whoever ended it. Told once for each that was let in, and the last that is told of it.
    case closed(connection: UInt64)
}

/// What the control loop wants of WebSockets.
enum WebSocketCommand: Sendable {
    case accept(id: UInt64)
    case refuse(id: UInt64, status: Int)
    case send(connections: [UInt64], text: [UInt8])
    case close(connection: UInt64, code: UInt16, reason: String)
}
