// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL
internal import Primitives

/// A port that the web thread listens on.
final class Door {
    /// The poller's token of its listener.
    let token: UInt64
    let listener: ListeningSocket
    /// Certificate and key, where TLS is spoken.
    let identity: TLSServerIdentity?
    /// Whether it is the one for WebSockets and nothing else.
    let isPublic: Bool
    /// Connections that came by it and speak HTTP.
    var connections = 0
    /// Out of descriptors until then.
    var acceptsAgain: Timestamp?

    init(_ settings: WebServerSettings.Door, token: UInt64, isPublic: Bool) throws(HTTPServerError) {
        self.token = token
        self.isPublic = isPublic
        identity = settings.identity
        listener = try ListeningSocket(
            host: settings.host, port: settings.port,
            setting: "videobridge.http-servers.\(isPublic ? "public" : "private")")
    }

    /// Takes a connection.
    /// - Returns: `nil` for one whose TLS cannot begin, which is closed; else the link, or why there is none.
    func accept() -> Result<Link, AcceptFailure> {
        let descriptor = listener.accept()
        guard descriptor >= 0 else { return .failure(AcceptFailure(errno: -descriptor)) }
        guard let identity else { return .success(Link(descriptor: descriptor, tls: nil)) }
        return .success(Link(descriptor: descriptor, tls: try? TLSServer(identity)))
    }

    /// Why no connection was taken.
    struct AcceptFailure: Error {
        let errno: Int32
    }
}
