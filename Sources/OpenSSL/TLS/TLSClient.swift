// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// What a TLS client wants to know of its server.
public struct TLSClientSettings: Equatable, Sendable {
    /// Whose signature makes a server certificate acceptable.
    public enum Verification: Equatable, Sendable {
        /// Anybody's, for any name.
        case none
        /// An authority of the system, for the server name.
        case system
        /// An authority from this PEM file, for the server name.
        case authorities(file: String)
    }

    /// Sent as SNI and compared with the certificate; a host name or an IP address.
    public var serverName: String
    /// How the certificate is checked.
    public var verification: Verification

    /// Settings; the certificate is checked against the system's authorities unless told otherwise.
    public init(serverName: String, verification: Verification = .system) {
        self.serverName = serverName
        self.verification = verification
    }
}

/// The client side of one TLS connection (1.2 or 1.3) over memory: ciphertext in and out, plaintext in and out.
///
/// After each call drain ``pollCiphertext()`` and ``pollPlaintext()`` and look at ``state``.
public struct TLSClient: ~Copyable {
    /// Where the connection stands.
    public typealias State = TLSState

    /// Where the connection stands.
    public var state: State { engine.state }

    private var engine: TLSEngine

    /// A connection whose first flight is ready to be polled.
    public init(_ settings: TLSClientSettings) throws(OpenSSLError) {
        ErrorQueue.clear()
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw .library(ErrorQueue.takeReason() ?? "no memory")
        }
        // The session holds its own reference.
        defer { SSL_CTX_free(context) }
        guard viaduct_set_versions(context, Int32(TLS1_2_VERSION), 0) == 1 else {
            throw .library("TLS 1.2 is not available")
        }
        viaduct_disable_session_cache(context)
        try Self.loadAuthorities(context, settings.verification)
        var engine = try TLSEngine(context)
        guard Self.name(engine.ssl, settings) else { throw .invalidServerName(settings.serverName) }
        SSL_set_connect_state(engine.ssl)
        engine.advance()
        self.engine = engine
    }

    /// Takes in bytes from the server.
    public mutating func handle(ciphertext: [UInt8]) { engine.handle(ciphertext: ciphertext) }

    /// Sends `plaintext`; what is written during the handshake goes out after it.
    public mutating func write(plaintext: [UInt8]) { engine.write(plaintext: plaintext) }

    /// Bytes for the server; `nil` when there are none.
    public mutating func pollCiphertext() -> [UInt8]? { engine.pollCiphertext() }

    /// Bytes from the server; `nil` when there are none.
    public mutating func pollPlaintext() -> [UInt8]? { engine.pollPlaintext() }

    /// Says goodbye (close_notify).
    public mutating func close() { engine.close() }

    /// SHA-256 of the certificate that the server presented; `nil` before it did.
    public var peerCertificateSHA256: [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(engine.ssl) else { return nil }
        defer { X509_free(certificate) }
        return certificateDigest(certificate, .sha256)
    }

    /// The protocol version in OpenSSL's spelling, such as `TLSv1.3`.
    public var versionName: String { engine.versionName }

    private static func loadAuthorities(
        _ context: OpaquePointer, _ verification: TLSClientSettings.Verification
    ) throws(OpenSSLError) {
        switch verification {
        case .none:
            SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nil)
            return
        case .system:
            guard SSL_CTX_set_default_verify_paths(context) == 1 else {
                throw .library(ErrorQueue.takeReason() ?? "no system certificate authorities")
            }
        case .authorities(let file):
            guard SSL_CTX_load_verify_file(context, file) == 1 else {
                ErrorQueue.clear()
                throw .unreadableCAFile(file)
            }
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
    }

    /// Sets what is sent as SNI (host names only, RFC 6066 section 3) and what the certificate must be made for.
    private static func name(_ ssl: OpaquePointer, _ settings: TLSClientSettings) -> Bool {
        let name = settings.serverName
        guard !name.isEmpty, name.utf8.count <= 255, !name.utf8.contains(0) else { return false }
        let isAddress = viaduct_is_ip_address(name) == 1
        ErrorQueue.clear()
        if !isAddress, viaduct_set_server_name(ssl, name) != 1 { return false }
        if settings.verification == .none { return true }
        if isAddress { return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 }
        return SSL_set1_host(ssl, name) == 1
    }
}
