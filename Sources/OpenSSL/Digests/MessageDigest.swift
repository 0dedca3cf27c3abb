// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// A hash function by its name in certificates' fingerprints and in SASL.
public enum HashFunction: String, CaseIterable, Sendable {
    case sha1 = "sha-1"
    case sha256 = "sha-256"
    case sha384 = "sha-384"
    case sha512 = "sha-512"

    /// All of them, the strongest first (media-plane.md 2).
    public static let strongestFirst: [HashFunction] = [.sha512, .sha384, .sha256, .sha1]

    /// Length of its result in bytes.
    public var digestBytes: Int {
        switch self {
        case .sha1: 20
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    var method: OpaquePointer? {
        switch self {
        case .sha1: EVP_sha1()
        case .sha256: EVP_sha256()
        case .sha384: EVP_sha384()
        case .sha512: EVP_sha512()
        }
    }
}

/// One-shot digests and MACs for signalling (STUN, SASL, fingerprints). They allocate: not for the packet path.
public enum MessageDigest {
    /// SHA-1 of `bytes`, 20 bytes.
    public static func sha1(_ bytes: RawSpan) -> [UInt8] { hash(.sha1, bytes) }
    /// SHA-256 of `bytes`, 32 bytes.
    public static func sha256(_ bytes: RawSpan) -> [UInt8] { hash(.sha256, bytes) }
    /// SHA-384 of `bytes`, 48 bytes.
    public static func sha384(_ bytes: RawSpan) -> [UInt8] { hash(.sha384, bytes) }
    /// SHA-512 of `bytes`, 64 bytes.
    public static func sha512(_ bytes: RawSpan) -> [UInt8] { hash(.sha512, bytes) }

    /// The digest of `bytes` by `function`.
    public static func hash(_ function: HashFunction, _ bytes: RawSpan) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: function.digestBytes)
        let done = bytes.withUnsafeBytes {
            EVP_Digest($0.baseAddress, $0.count, &result, nil, function.method, nil)
        }
        precondition(done == 1, "a built-in digest failed")
        return result
    }

    /// HMAC-SHA1 (RFC 2104), 20 bytes.
    public static func hmacSHA1(key: [UInt8], _ bytes: RawSpan) -> [UInt8] { hmac(.sha1, key: key, bytes) }

    /// HMAC (RFC 2104) of `bytes` by `function`.
    public static func hmac(_ function: HashFunction, key: [UInt8], _ bytes: RawSpan) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: function.digestBytes)
        var length: UInt32 = 0
        // A null key would mean "the key of the call before" to OpenSSL.
        let keyBytes = key.isEmpty ? [0] : key
        let done = bytes.withUnsafeBytes { input in
            HMAC(
                function.method, keyBytes, Int32(key.count),
                input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, &result, &length
            )
        }
        precondition(done != nil && Int(length) == result.count, "a built-in HMAC failed")
        return result
    }

    /// PBKDF2 (RFC 8018), as long as the hash's result; what SCRAM calls `Hi` (RFC 5802 2.2).
    /// - Returns: `nil` for an iteration count outside 1…``OpenSSLLimits/pbkdf2Iterations``.
    public static func pbkdf2(password: [UInt8], salt: [UInt8], iterations: Int, hash: HashFunction) -> [UInt8]? {
        guard (1...OpenSSLLimits.pbkdf2Iterations).contains(iterations) else { return nil }
        var result = [UInt8](repeating: 0, count: hash.digestBytes)
        let done = password.withUnsafeBytes { text in
            PKCS5_PBKDF2_HMAC(
                text.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(password.count), salt, Int32(salt.count),
                Int32(iterations), hash.method, Int32(result.count), &result
            )
        }
        return done == 1 ? result : nil
    }
}

/// Whether both arrays hold the same bytes, in a time that depends on their lengths alone.
public func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    guard a.count == b.count else { return false }
    return CRYPTO_memcmp(a, b, a.count) == 0
}
