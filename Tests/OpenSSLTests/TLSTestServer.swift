// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A certificate authority, or somebody with a certificate of their own, made for a test.
final class TestCertificate: @unchecked Sendable {
    // Safe to share: complete before `init` returns, never changed afterwards.
    let certificate: OpaquePointer
    let key: OpaquePointer
    /// The PEM form of the certificate.
    let pem: [UInt8]

    /// - Parameters:
    ///   - issuer: who signs; `nil` for a self-signed one.
    ///   - lasts: seconds until it ends, from now; negative for one that has ended.
    init(name: String, issuer: TestCertificate? = nil, lasts: Int = 3_600) {
        certificate = X509_new()
        key = viaduct_make_p256_key()
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), UInt64.random(in: 1...UInt64.max >> 1))
        X509_gmtime_adj(X509_getm_notBefore(certificate), -86_400)
        X509_gmtime_adj(X509_getm_notAfter(certificate), lasts)
        X509_set_pubkey(certificate, key)
        let subject = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0)
        X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0.certificate) } ?? subject)
        let isAuthority = issuer == nil
        let extensions =
            isAuthority
            ? [(NID_basic_constraints, "critical,CA:TRUE")]
            : [(NID_subject_alt_name, name.first?.isNumber == true ? "IP:\(name)" : "DNS:\(name)")]
        for (number, value) in extensions {
            let item = X509V3_EXT_conf_nid(nil, nil, number, value)
            X509_add_ext(certificate, item, -1)
            X509_EXTENSION_free(item)
        }
        X509_sign(certificate, issuer?.key ?? key, EVP_sha256())
        let bio = viaduct_make_memory_bio()
        PEM_write_bio_X509(bio, certificate)
        var text = [UInt8](repeating: 0, count: viaduct_bio_pending(bio))
        BIO_read(bio, &text, Int32(text.count))
        BIO_free(bio)
        pem = text
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }
}

/// The server side of a TLS connection over memory: echoes what it reads.
final class TLSTestServer {
    private let ssl: OpaquePointer
    private let input: OpaquePointer
    private let output: OpaquePointer
    private(set) var received: [UInt8] = []
    private(set) var sawEnd = false

    init(_ certificate: TestCertificate, highest: Int32 = TLS1_3_VERSION) {
        let context = SSL_CTX_new(TLS_server_method())!
        _ = viaduct_set_versions(context, TLS1_VERSION, highest)
        if highest < TLS1_2_VERSION { SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0") }
        SSL_CTX_use_certificate(context, certificate.certificate)
        SSL_CTX_use_PrivateKey(context, certificate.key)
        ssl = SSL_new(context)
        SSL_CTX_free(context)
        input = viaduct_make_memory_bio()
        output = viaduct_make_memory_bio()
        SSL_set_bio(ssl, input, output)
        SSL_set_accept_state(ssl)
    }

    deinit { SSL_free(ssl) }

    /// The server name that the client asked for.
    var requestedName: String? {
        SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) }
    }

    func handle(_ bytes: [UInt8]) -> [UInt8] {
        ERR_clear_error()
        BIO_write(input, bytes, Int32(bytes.count))
        if SSL_is_init_finished(ssl) == 0 { SSL_do_handshake(ssl) }
        var buffer = [UInt8](repeating: 0, count: 20_000)
        while SSL_is_init_finished(ssl) == 1 {
            let count = SSL_read(ssl, &buffer, Int32(buffer.count))
            if count <= 0 {
                sawEnd = SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN
                break
            }
            received += buffer[..<Int(count)]
            SSL_write(ssl, buffer, count)
        }
        return take()
    }

    func close() -> [UInt8] {
        SSL_shutdown(ssl)
        return take()
    }

    private func take() -> [UInt8] {
        var result = [UInt8](repeating: 0, count: viaduct_bio_pending(output))
        if !result.isEmpty { BIO_read(output, &result, Int32(result.count)) }
        return result
    }
}
