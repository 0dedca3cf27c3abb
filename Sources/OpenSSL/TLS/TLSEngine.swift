// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Where a TLS connection stands.
public enum TLSState: Equatable, Sendable {
    case handshaking
    case connected
    /// Ended in order, by either side.
    case closed
    /// Broken; the text is fit for a log, such as "certificate verify failed: self-signed certificate".
    case failed(String)
}

/// Either side of a TLS connection over memory; ``TLSClient`` and ``TLSServer`` say which.
struct TLSEngine: ~Copyable {
    private(set) var state = TLSState.handshaking
    let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private var plaintext: [[UInt8]] = []
    /// Written before the handshake was over.
    private var unsent: [UInt8] = []

    /// A session of `context`, which it holds a reference to.
    init(_ context: OpaquePointer) throws(OpenSSLError) {
        guard let ssl = SSL_new(context) else { throw .library(ErrorQueue.takeReason() ?? "no memory") }
        guard let input = viaduct_make_memory_bio(), let output = viaduct_make_memory_bio() else {
            SSL_free(ssl)
            throw .library(ErrorQueue.takeReason() ?? "no memory")
        }
        SSL_set_bio(ssl, input, output)
        self.ssl = ssl
        self.input = input
        self.output = output
    }

    deinit { SSL_free(ssl) }

    mutating func handle(ciphertext: [UInt8]) {
        guard state == .handshaking || state == .connected, !ciphertext.isEmpty else { return }
        guard BIO_write(input, ciphertext, Int32(clamping: ciphertext.count)) == ciphertext.count else {
            state = .failed("no memory")
            return
        }
        advance()
    }

    mutating func write(plaintext: [UInt8]) {
        guard state == .handshaking || state == .connected, !plaintext.isEmpty else { return }
        unsent += plaintext
        if state == .connected { flush() }
    }

    mutating func pollCiphertext() -> [UInt8]? {
        let count = viaduct_bio_pending(output)
        guard count > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, Int(BIO_read(output, buffer.baseAddress, Int32(clamping: count))))
        }
    }

    mutating func pollPlaintext() -> [UInt8]? {
        plaintext.isEmpty ? nil : plaintext.removeFirst()
    }

    mutating func close() {
        if state == .connected {
            ErrorQueue.clear()
            SSL_shutdown(ssl)
        }
        if state == .handshaking || state == .connected { state = .closed }
    }

    var versionName: String { String(cString: SSL_get_version(ssl)) }

    mutating func advance() {
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
            // The room of a large message is not kept for a quiet connection.
            if unsent.isEmpty { unsent = [] }
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
