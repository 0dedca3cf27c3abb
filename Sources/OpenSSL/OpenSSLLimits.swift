// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum OpenSSLLimits {
    /// UDP payload of outgoing DTLS datagrams, in bytes; flights are cut to fit (media-plane.md 2).
    public static let dtlsDatagramBytes = 1_200
    /// Plaintext of one record of application data, in bytes: a datagram of 1,408 (media-plane.md 2) less header, nonce
    /// and tag.
    public static let dtlsRecordBytes = 1_371
    /// Repetitions of a DTLS flight; at the next one OpenSSL would end the handshake.
    public static let dtlsRepetitions = 12
    /// Fingerprints kept per DTLS peer; later ones are ignored.
    public static let fingerprints = 16
    /// Certificates a DTLS peer may present in its chain.
    public static let chainCertificates = 8
    /// Plaintext taken from a TLS connection per read, in bytes.
    public static let tlsReadBytes = 16_384
    /// Text of Base64 input that is decoded, in bytes; longer input is refused.
    public static let base64Bytes = 1 << 20
    /// PBKDF2 iterations accepted from a server; more would let it burn our time.
    public static let pbkdf2Iterations = 10_000_000
}
