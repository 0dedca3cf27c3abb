// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import Primitives

/// The bridge's side of every DTLS handshake: a fresh self-signed ECDSA P-256 certificate and what OpenSSL needs to
/// use it (media-plane.md 2). Transports keep the identity they started with; the owner makes a new one each day.
public final class DTLSIdentity: @unchecked Sendable {
    // Safe to share: the context is complete before `init` returns and never changed afterwards; OpenSSL counts its
    // references atomically, and making sessions from one context on several threads is allowed.
    let context: OpaquePointer

    /// What decides how an identity is made and told.
    public struct Settings: Sendable {
        /// OpenSSL's colon-separated list of DTLS 1.2 cipher suites, best first.
        public var cipherList: String
        /// Hash of ``DTLSIdentity/fingerprint``.
        public var fingerprintHash: HashFunction

        /// The settings of media-plane.md 2 unless told otherwise.
        public init(cipherList: String = DTLSIdentity.cipherList, fingerprintHash: HashFunction = .sha256) {
            self.cipherList = cipherList
            self.fingerprintHash = fingerprintHash
        }
    }

    /// Digest of the certificate, upper-case hexadecimal with colons, for signalling (RFC 8122).
    public let fingerprint: String
    /// The hash that ``fingerprint`` was made with.
    public let fingerprintHash: HashFunction
    /// SHA-256 of the certificate, 32 bytes.
    public let digest: [UInt8]
    /// The certificate is valid from this moment, in seconds of the Unix epoch.
    public let notBefore: Int64
    /// The certificate is valid up to this moment, in seconds of the Unix epoch.
    public let notAfter: Int64

    /// One day and seven days, in seconds: clocks of clients may be wrong by that much.
    static let validBefore: Int64 = 86_400
    static let validAfter: Int64 = 7 * 86_400

    /// OpenSSL's names in the order of media-plane.md 2.
    public static let cipherList = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305",
        "ECDHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-GCM-SHA256",
    ].joined(separator: ":")

    /// Makes a key and a certificate.
    /// - Parameters:
    ///   - wallSeconds: the time of day, in seconds of the Unix epoch; validity is counted from it.
    ///   - settings: cipher suites and the fingerprint's hash.
    /// - Throws: also when no cipher suite of the list is known to OpenSSL.
    public init(wallSeconds: Int64, settings: Settings = Settings()) throws(OpenSSLError) {
        notBefore = wallSeconds - Self.validBefore
        notAfter = wallSeconds + Self.validAfter
        ErrorQueue.clear()
        guard let key = viaduct_make_p256_key() else { throw Self.failure() }
        defer { EVP_PKEY_free(key) }
        guard let certificate = X509_new() else { throw Self.failure() }
        defer { X509_free(certificate) }
        guard Self.fill(certificate, key, notBefore, notAfter) else { throw Self.failure() }
        guard let digest = certificateDigest(certificate, .sha256),
            let announced = certificateDigest(certificate, settings.fingerprintHash)
        else { throw Self.failure() }
        self.digest = digest
        fingerprint = hexWithColons(announced)
        fingerprintHash = settings.fingerprintHash
        guard let context = Self.makeContext(certificate, key, settings.cipherList) else { throw Self.failure() }
        self.context = context
    }

    deinit { SSL_CTX_free(context) }

    /// The certificate's digest by `function`.
    public func digest(_ function: HashFunction) -> [UInt8] {
        guard let certificate = SSL_CTX_get0_certificate(context),
            let digest = certificateDigest(certificate, function)
        else { return [] }
        return digest
    }

    private static func failure() -> OpenSSLError {
        .library(ErrorQueue.takeReason() ?? "cannot make a certificate")
    }

    private static func fill(
        _ certificate: OpaquePointer, _ key: OpaquePointer, _ notBefore: Int64, _ notAfter: Int64
    ) -> Bool {
        // Version 3 is written as 2 (RFC 5280 4.1.2.1); a serial number is positive.
        guard X509_set_version(certificate, 2) == 1,
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), SecureRandom.uint64() >> 1 | 1) == 1,
            ASN1_TIME_set(X509_getm_notBefore(certificate), Int(notBefore)) != nil,
            ASN1_TIME_set(X509_getm_notAfter(certificate), Int(notAfter)) != nil,
            X509_set_pubkey(certificate, key) == 1, let name = X509_get_subject_name(certificate)
        else { return false }
        // The name means nothing and tells nothing.
        let commonName = [UInt8](String(SecureRandom.uint64(), radix: 16).utf8)
        return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, commonName, Int32(commonName.count), -1, 0) == 1
            && X509_set_issuer_name(certificate, name) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0
    }

    private static func makeContext(
        _ certificate: OpaquePointer, _ key: OpaquePointer, _ cipherList: String
    ) -> OpaquePointer? {
        guard let context = SSL_CTX_new(DTLS_method()) else { return nil }
        viaduct_set_dtls_options(context)
        viaduct_disable_session_cache(context)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
        SSL_CTX_set_cert_verify_callback(context, verifyPresentedChain, nil)
        let version = Int32(DTLS1_2_VERSION)
        guard viaduct_set_versions(context, version, version) == 1,
            SSL_CTX_set_cipher_list(context, cipherList) == 1,
            viaduct_set_groups(context, "X25519:P-256:P-384") == 1,
            SSL_CTX_use_certificate(context, certificate) == 1, SSL_CTX_use_PrivateKey(context, key) == 1
        else {
            SSL_CTX_free(context)
            return nil
        }
        return context
    }
}

/// The digest of a certificate's DER form.
func certificateDigest(_ certificate: OpaquePointer, _ function: HashFunction) -> [UInt8]? {
    var digest = [UInt8](repeating: 0, count: function.digestBytes)
    var length: UInt32 = 0
    guard X509_digest(certificate, function.method, &digest, &length) == 1, Int(length) == digest.count else {
        return nil
    }
    return digest
}

/// Upper-case hexadecimal, bytes separated by colons (RFC 8122 section 5).
func hexWithColons(_ bytes: [UInt8]) -> String {
    let digits = [UInt8]("0123456789ABCDEF".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(bytes.count * 3)
    for byte in bytes {
        if !text.isEmpty { text.append(UInt8(ascii: ":")) }
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
