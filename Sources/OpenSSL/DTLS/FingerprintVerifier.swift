// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The fingerprints signalled for a DTLS peer, and the check of its certificates against them (RFC 8122 section 5,
/// media-plane.md 2).
///
/// Only the strongest accepted hash for which a fingerprint is known counts; several values of it are alternatives.
/// Every certificate of the presented chain must have one of them. OpenSSL asks from inside the handshake, so that a
/// wrong certificate is answered by a fatal `bad_certificate` alert.
final class FingerprintVerifier {
    /// Hashes that are believed, the one that counts first.
    private let accepted: [HashFunction]
    private var known: [(function: HashFunction, digest: [UInt8])] = []
    /// Set once a certificate was refused; says why.
    private(set) var rejection: DTLSSession.Failure?

    init(accepted: [HashFunction]) {
        self.accepted = accepted
    }

    /// Adds a fingerprint unless it is known, malformed, or one too many.
    /// - Returns: whether it can be used (it was added or known).
    func add(hash: String, digest: [UInt8]) -> Bool {
        guard let function = HashFunction(rawValue: hash.lowercased()), digest.count == function.digestBytes,
            accepted.contains(function)
        else {
            return false
        }
        if known.contains(where: { $0.function == function && $0.digest == digest }) { return true }
        guard known.count < OpenSSLLimits.fingerprints else { return false }
        known.append((function, digest))
        return true
    }

    /// Whether the certificates that the peer presented are the signalled ones.
    func accepts(_ store: OpaquePointer) -> Bool {
        guard let function = accepted.first(where: { wanted in known.contains { $0.function == wanted } }) else {
            rejection = .noFingerprint
            return false
        }
        let count = Int(viaduct_chain_count(store))
        guard count >= 1, count <= OpenSSLLimits.chainCertificates else {
            rejection = .fingerprintMismatch
            return false
        }
        for index in 0..<count {
            guard let certificate = viaduct_chain_certificate(store, Int32(index)),
                let digest = certificateDigest(certificate, function),
                known.contains(where: { $0.function == function && constantTimeEqual($0.digest, digest) })
            else {
                rejection = .fingerprintMismatch
                return false
            }
        }
        return true
    }
}

/// OpenSSL's question, asked while it processes the peer's Certificate message.
func verifyPresentedChain(_ store: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    guard let store, let verifier = viaduct_verifier_of(store) else { return 0 }
    if Unmanaged<FingerprintVerifier>.fromOpaque(verifier).takeUnretainedValue().accepts(store) {
        X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }
    // OpenSSL turns this reason into the alert bad_certificate.
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED)
    return 0
}
