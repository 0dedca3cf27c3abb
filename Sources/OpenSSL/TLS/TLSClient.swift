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
    public enum State: Equatable, Sendable {
        case handshaking
        case connected
        /// Ended in order, by either side.
        case closed
        /// Broken; the text is fit for a log, such as "certificate verify failed: self-signed certificate".
        case failed(String)
    }

    /// Where the connection stands.
    public private(set) var state = State.handshaking

    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private var plaintext: [[UInt8]] = []
    /// Written before the handshake was over.
    private var unsent: [UInt8] = []

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
        guard let ssl = SSL_new(context), let input = viaduct_make_memory_bio(), let output = viaduct_make_memory_bio()
        else { throw .library(ErrorQueue.takeReason() ?? "no memory") }
        SSL_set_bio(ssl, input, output)
        guard Self.name(ssl, settings) else {
            SSL_free(ssl)
            throw .invalidServerName(settings.serverName)
        }
        self.ssl = ssl
        self.input = input
        self.output = output
        SSL_set_connect_state(ssl)
        advance()
    }

    deinit { SSL_free(ssl) }

    /// Takes in bytes from the server.
    public mutating func handle(ciphertext: [UInt8]) {
        guard state == .handshaking || state == .connected, !ciphertext.isEmpty else { return }
        guard BIO_write(input, ciphertext, Int32(clamping: ciphertext.count)) == ciphertext.count else {
            state = .failed("no memory")
            return
        }
        advance()
    }

    /// Sends `plaintext`; what is written during the handshake goes out after it.
    public mutating func write(plaintext: [UInt8]) {
        guard state == .handshaking || state == .connected, !plaintext.isEmpty else { return }
        unsent += plaintext
        if state == .connected { flush() }
    }

    /// Bytes for the server; `nil` when there are none.
    public mutating func pollCiphertext() -> [UInt8]? {
        let count = viaduct_bio_pending(output)
        guard count > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, Int(BIO_read(output, buffer.baseAddress, Int32(clamping: count))))
        }
    }

    /// Bytes from the server; `nil` when there are none.
    public mutating func pollPlaintext() -> [UInt8]? {
        plaintext.isEmpty ? nil : plaintext.removeFirst()
    }

    /// Says goodbye (close_notify).
    public mutating func close() {
        if state == .connected {
            ErrorQueue.clear()
            SSL_shutdown(ssl)
        }
        if state == .handshaking || state == .connected { state = .closed }
    }

    /// SHA-256 of the certificate that the server presented; `nil` before it did.
    public var peerCertificateSHA256: [UInt8]? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer { X509_free(certificate) }
        return certificateDigest(certificate, .sha256)
    }

    /// The protocol version in OpenSSL's spelling, such as `TLSv1.3`.
    public var versionName: String { String(cString: SSL_get_version(ssl)) }

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

    private mutating func advance() {
        ErrorQueue.clear()
        if state == .handshaking {
            let result = SSL_do_handshake(ssl)
            if result == 1 {
                state = .connected
                flush()
            } else {
                noteError(result)
            }
        }
        if state == .connected { read() }
    }

    private mutating func read() {
        var isOpen = true
        // Ends: each round takes bytes out of what has arrived.
        while isOpen {
            let chunk = [UInt8](unsafeUninitializedCapacity: OpenSSLLimits.tlsReadBytes) { buffer, filled in
                let count = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
                filled = max(0, Int(count))
                if count <= 0 {
                    isOpen = false
                    noteError(count)
                }
            }
            if !chunk.isEmpty { plaintext.append(chunk) }
        }
    }

    private mutating func flush() {
        guard !unsent.isEmpty else { return }
        ErrorQueue.clear()
        let count = SSL_write(ssl, unsent, Int32(clamping: unsent.count))
        if count > 0 {
            // Memory takes everything at once; only a text of over 2 GB would leave a rest.
            unsent.removeFirst(Int(count))
        } else {
            noteError(count)
        }
    }

    private mutating func noteError(_ result: Int32) {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return
        case SSL_ERROR_ZERO_RETURN:
            SSL_shutdown(ssl)
            state = .closed
        default:
            let reason = ErrorQueue.takeReason() ?? "connection broken"
            let verdict = SSL_get_verify_result(ssl)
            let isRefused = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verdict != Int(X509_V_OK)
            let detail = isRefused ? X509_verify_cert_error_string(verdict).map { ": " + String(cString: $0) } : nil
            state = .failed(reason + (detail ?? ""))
        }
    }
}
