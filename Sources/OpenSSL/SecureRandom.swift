// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Random numbers that a peer cannot guess, from OpenSSL's generator. The seed of everything a core must keep secret.
public enum SecureRandom {
    /// `count` random bytes.
    public static func bytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        var result = [UInt8](repeating: 0, count: count)
        // Going on with predictable keys would be worse than ending the process.
        precondition(RAND_bytes(&result, Int32(count)) == 1, "the random generator has no entropy")
        return result
    }

    /// 64 random bits.
    public static func uint64() -> UInt64 {
        bytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// 32 random bits.
    public static func uint32() -> UInt32 {
        bytes(4).reduce(0) { $0 << 8 | UInt32($1) }
    }
}
