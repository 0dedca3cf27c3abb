// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// The number of a WebSocket, given by the web thread and never reused.
public struct WebSocketConnection: Hashable, Sendable, BitwiseCopyable {
    /// The number.
    public var number: UInt64
    /// Wraps a number.
    public init(number: UInt64) { self.number = number }
}

/// What the web thread has to do.
public enum WebSocketAction: Hashable, Sendable {
    /// One text for many: frame and compress it once.
    case send(connections: [WebSocketConnection], text: [UInt8])
    /// Close a connection.
    case close(WebSocketConnection, code: UInt16, reason: String)
}

/// What the log may tell.
public enum ChannelEvent: Hashable, Sendable {
    /// A channel opened; the transport is `sctp` or `websocket`.
    case opened(EndpointNumber, transport: String)
    /// A channel closed.
    case closed(EndpointNumber, transport: String)
    /// 30 s after its DTLS handshake an endpoint has no channel.
    case missing(EndpointNumber)
    /// An endpoint does not read what it is sent.
    case behind(EndpointNumber)
}
