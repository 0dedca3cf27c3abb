// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// A TLS server's certificate, key and rules, for any number of connections.
public final class TLSServerIdentity: @unchecked Sendable {
    // Safe to share: the context is complete before `init` returns and never changed afterwards; OpenSSL counts its
    // references atomically, and making sessions from one context on several threads is allowed.
    let context: OpaquePointer

    /// A version of the protocol.
    public enum Version: Int32, Comparable, Sendable {
        /// RFC 5246.
        case tls12 = 0x0303
        /// RFC 8446.
        case tls13 = 0x0304

        public static func < (a: Version, b: Version) -> Bool { a.rawValue < b.rawValue }
    }

    /// Cipher suites of TLS 1.2: forward secrecy and authenticated encryption. Those of 1.3 all have both.
    static let cipherList = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20"

    /// Reads certificate and key, in PEM or PKCS#12, whichever the bytes are.
    ///
    /// - Parameters:
    ///   - store: the certificate, those that vouch for it, and the key unless `key` has it.
    ///   - key: a file of its own for the key, in PEM.
    ///   - password: of the store or the key.
    ///   - versions: versions that are spoken.
    public init(
        store: [UInt8], key: [UInt8]? = nil, password: String? = nil,
        versions: ClosedRange<Version> = .tls12 ... .tls13
    ) throws(OpenSSLError) {
        ErrorQueue.clear()
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw Self.failure("no memory") }
        do throws(OpenSSLError) {
            viaduct_disable_session_cache(context)
            viaduct_set_tls_server_options(context)
            guard viaduct_set_versions(context, versions.lowerBound.rawValue, versions.upperBound.rawValue) == 1,
                SSL_CTX_set_cipher_list(context, Self.cipherList) == 1
            else { throw Self.failure("TLS is not available as asked") }
            let password = password ?? ""
            if store.starts(with: [0xFE, 0xED, 0xFE, 0xED]) || store.starts(with: [0xCE, 0xCE, 0xCE, 0xCE]) {
                throw .unusableKeyStore(
                    "it is a Java key store, which cannot be read here; convert it: keytool -importkeystore"
                        + " -srckeystore OLD -destkeystore NEW.p12 -deststoretype pkcs12")
            }
            if Self.isPEM(store) {
                try Self.usePEM(context, store, key: key ?? store, password)
            } else {
                try Self.usePKCS12(context, store, password)
            }
            guard SSL_CTX_check_private_key(context) == 1 else {
                throw Self.failure("the key is not the certificate's")
            }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
    }

    deinit { SSL_CTX_free(context) }

    private static func failure(_ what: String) -> OpenSSLError {
        .unusableKeyStore(ErrorQueue.takeReason().map { "\(what) (\($0))" } ?? what)
    }

    private static func isPEM(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes.prefix(65_536), as: UTF8.self).contains("-----BEGIN ")
    }

    private static func bio(_ bytes: [UInt8]) throws(OpenSSLError) -> OpaquePointer {
        guard let bio = viaduct_make_memory_bio() else { throw failure("no memory") }
        guard BIO_write(bio, bytes, Int32(clamping: bytes.count)) == bytes.count else {
            BIO_free(bio)
            throw failure("no memory")
        }
        return bio
    }

    private static func usePEM(
        _ context: OpaquePointer, _ store: [UInt8], key: [UInt8], _ password: String
    ) throws(OpenSSLError) {
        let certificates = try bio(store)
        defer { BIO_free(certificates) }
        var count = 0
        // An empty password: without any OpenSSL would ask on the terminal.
        while let certificate = password.withCString({
            PEM_read_bio_X509(certificates, nil, nil, UnsafeMutableRawPointer(mutating: $0))
        }) {
            defer { X509_free(certificate) }
            let isUsed =
                count == 0
                ? SSL_CTX_use_certificate(context, certificate) : viaduct_add_chain_certificate(context, certificate)
            guard isUsed == 1 else { throw failure("a certificate cannot be used") }
            count += 1
            guard count <= OpenSSLLimits.chainCertificates else { throw .unusableKeyStore("too many certificates") }
        }
        guard count > 0 else { throw failure("it holds no certificate") }
        ErrorQueue.clear()
        let keys = try bio(key)
        defer { BIO_free(keys) }
        let read = password.withCString {
            PEM_read_bio_PrivateKey(keys, nil, nil, UnsafeMutableRawPointer(mutating: $0))
        }
        guard let key = read else {
            throw failure("no key can be read; is the password right?")
        }
        defer { EVP_PKEY_free(key) }
        guard SSL_CTX_use_PrivateKey(context, key) == 1 else { throw failure("the key cannot be used") }
    }

    private static func usePKCS12(
        _ context: OpaquePointer, _ store: [UInt8], _ password: String
    ) throws(OpenSSLError) {
        let bytes = try bio(store)
        defer { BIO_free(bytes) }
        guard let archive = d2i_PKCS12_bio(bytes, nil) else { throw failure("it is neither PEM nor PKCS#12") }
        defer { PKCS12_free(archive) }
        var key: OpaquePointer?
        var certificate: OpaquePointer?
        var others: OpaquePointer?
        guard PKCS12_parse(archive, password, &key, &certificate, &others) == 1 else {
            throw failure("it cannot be opened; is the password right?")
        }
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
            viaduct_stack_free(others)
        }
        guard let key, let certificate else { throw failure("it holds no key with a certificate") }
        guard SSL_CTX_use_certificate(context, certificate) == 1, SSL_CTX_use_PrivateKey(context, key) == 1 else {
            throw failure("key or certificate cannot be used")
        }
        for index in 0..<min(viaduct_stack_count(others), Int32(OpenSSLLimits.chainCertificates)) {
            guard viaduct_add_chain_certificate(context, viaduct_stack_certificate(others, index)) == 1 else {
                throw failure("a certificate cannot be used")
            }
        }
    }
}
