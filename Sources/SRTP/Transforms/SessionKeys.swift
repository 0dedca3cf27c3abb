// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import OpenSSL

/// What a session key is for; the raw value is the label for RTP, three more for RTCP (RFC 3711 4.3.2).
enum KeyPurpose: UInt8 {
    case encryption = 0
    case authentication = 1
    case salt = 2
}

/// Keys of one direction and one of RTP and RTCP, derived from the master key (RFC 3711 4.3, RFC 7714 section 11).
struct SessionKeys: Equatable {
    /// Key of the cipher.
    var encryption: [UInt8]
    /// Key of HMAC-SHA1; empty for AEAD.
    var authentication: [UInt8]
    /// Salt of the vector; 14 bytes, or 12 for AEAD.
    var salt: [UInt8]

    /// Keys that are known already.
    init(encryption: [UInt8], authentication: [UInt8], salt: [UInt8]) {
        self.encryption = encryption
        self.authentication = authentication
        self.salt = salt
    }

    /// Overwrites the keys, once ciphers are made of them.
    mutating func wipe() {
        OpenSSL.wipe(&encryption)
        OpenSSL.wipe(&authentication)
        OpenSSL.wipe(&salt)
    }

    /// Derives the keys; the key derivation rate is zero.
    init(profile: SRTPProfile, masterKey: [UInt8], masterSalt: [UInt8], isControl: Bool) {
        precondition(masterKey.count == profile.keyBytes, "master key of the wrong length")
        precondition(masterSalt.count == profile.saltBytes, "master salt of the wrong length")
        let cipher = AESCTR(key: masterKey)
        func derive(_ purpose: KeyPurpose, _ count: Int) -> [UInt8] {
            var vector = masterSalt + [UInt8](repeating: 0, count: AESCTR.vectorBytes - masterSalt.count)
            vector[7] ^= purpose.rawValue + (isControl ? 3 : 0)
            let zeros = [UInt8](repeating: 0, count: count)
            var result = zeros
            let done = vector.withUnsafeBytes { vector in
                zeros.withUnsafeBytes { zeros in
                    result.withUnsafeMutableBytes { output in
                        guard let start = vector.baseAddress, let base = output.baseAddress else { return false }
                        return cipher.apply(vector: start, input: zeros, output: base)
                    }
                }
            }
            precondition(done, "key derivation failed")
            return result
        }
        encryption = derive(.encryption, profile.keyBytes)
        authentication = profile.isAEAD ? [] : derive(.authentication, HMACSHA1.tagBytes)
        salt = derive(.salt, profile.saltBytes)
    }
}
