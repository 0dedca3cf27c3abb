// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// AES in counter mode with one key for many messages: what RFC 3711 4.1.1 calls AES-CM. Nothing is allocated per
/// message. Encryption and decryption are the same operation.
public struct AESCTR: ~Copyable {
    /// Length of the initial counter block in bytes.
    public static let vectorBytes = 16

    private let context: OpaquePointer

    /// A cipher keyed with 16 or 32 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == 16 || key.count == 32, "AES-CTR takes a key of 16 or 32 bytes")
        let method = key.count == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr()
        guard let context = EVP_CIPHER_CTX_new(), EVP_CipherInit_ex(context, method, nil, key, nil, 1) == 1 else {
            preconditionFailure("no memory for a cipher")
        }
        self.context = context
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Applies the key stream that starts at the 16-byte block `vector` to `input`, giving `output` (which may be the
    /// same place).
    /// - Returns: `false` only when the library refuses; the output is then worthless.
    public func apply(
        vector: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer
    ) -> Bool {
        let vectorStart = vector.assumingMemoryBound(to: UInt8.self)
        guard EVP_EncryptInit_ex2(context, nil, nil, vectorStart, nil) == 1 else { return false }
        guard let base = input.baseAddress, input.count > 0 else { return true }
        var written: Int32 = 0
        return EVP_EncryptUpdate(
            context, output.assumingMemoryBound(to: UInt8.self), &written, base.assumingMemoryBound(to: UInt8.self),
            Int32(input.count)
        ) == 1
    }
}
