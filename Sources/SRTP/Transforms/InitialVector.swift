// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The salt of a direction, ready to be mixed with SSRC and index into an initialization vector. Plain data.
struct VectorSalt: BitwiseCopyable {
    private let high: UInt64
    private let low: UInt64
    private let isAEAD: Bool

    /// The salt from its bytes: 12 for AEAD, 14 for AES-CM.
    init(_ salt: [UInt8], isAEAD: Bool) {
        precondition(salt.count == (isAEAD ? 12 : 14), "salt of the wrong length")
        let padded = salt + [UInt8](repeating: 0, count: 16 - salt.count)
        high = padded[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
        low = padded[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
        self.isAEAD = isAEAD
    }

    /// The vector of an SRTP packet (48-bit index: ROC and SEQ) or an SRTCP packet (31-bit index).
    ///
    /// RFC 3711 4.1.1: (salt · 2^16) xor (SSRC · 2^64) xor (index · 2^16), 16 bytes.
    /// RFC 7714 8.1 and 9.1: 16 zero bits, SSRC, 48-bit index, xor salt, 12 bytes. An SRTCP index with its 31 bits is
    /// preceded by zeros in both, so one formula serves.
    @inline(__always)
    func vector(ssrc: UInt32, index: UInt64) -> InitialVector {
        if isAEAD {
            return InitialVector(
                high: (high ^ (UInt64(ssrc) << 16 | index >> 32)).bigEndian,
                low: (low ^ (index & 0xFFFF_FFFF) << 32).bigEndian)
        }
        return InitialVector(high: (high ^ UInt64(ssrc)).bigEndian, low: (low ^ index << 16).bigEndian)
    }
}

/// An initialization vector as it lies in memory; AEAD uses its first 12 bytes.
struct InitialVector: BitwiseCopyable {
    let high: UInt64
    let low: UInt64
}
