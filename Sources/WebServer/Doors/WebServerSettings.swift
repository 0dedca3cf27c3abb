// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import OpenSSL
public import Primitives

/// What the web thread serves.
public struct WebServerSettings: Sendable {
    /// A port to listen on.
    public struct Door: Sendable {
        /// An IP address, `localhost`, or empty for all addresses.
        public var host: String
        /// The port; zero for any free one.
        public var port: UInt16
        /// Certificate and key, where TLS is spoken.
        public var identity: TLSServerIdentity?

        /// A port.
        public init(host: String, port: UInt16, identity: TLSServerIdentity? = nil) {
            self.host = host
            self.port = port
            self.identity = identity
        }
    }

    /// Colibri WebSockets (media-plane.md 11.2).
    public struct WebSockets: Sendable {
        /// The third element of their path; others are answered with 404.
        public var serverID: String
        /// Whether messages may be compressed.
        public var allowsDeflate: Bool
        /// A client that was quiet for so long is sent a ping; `nil` means never.
        public var pingInterval: TimeDelta?
        /// A connection that is quiet for so long is closed.
        public var idleTime: TimeDelta

        /// What the original does unless it is told otherwise.
        public init(
            serverID: String = "default-id", allowsDeflate: Bool = true, pingInterval: TimeDelta? = .seconds(15),
            idleTime: TimeDelta = .seconds(60)
        ) {
            self.serverID = serverID
            self.allowsDeflate = allowsDeflate
            self.pingInterval = pingInterval
            self.idleTime = idleTime
        }
    }

    /// Control, health, statistics; `nil` means off.
    public var privateDoor: Door?
    /// Colibri WebSockets and nothing else; `nil` means off.
    public var publicDoor: Door?
    /// How WebSockets are served on the public port; `nil` means not at all.
    public var webSockets: WebSockets?
    /// How long a request may stay unanswered.
    public var answerSeconds = WebServerLimits.answerSeconds
    /// How long a body may take to arrive, and an answer to leave.
    public var bodySeconds = WebServerLimits.bodySeconds

    /// What is served.
    public init(privateDoor: Door? = nil, publicDoor: Door? = nil, webSockets: WebSockets? = nil) {
        self.privateDoor = privateDoor
        self.publicDoor = publicDoor
        self.webSockets = webSockets
    }
}
