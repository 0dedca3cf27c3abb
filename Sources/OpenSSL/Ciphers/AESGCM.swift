// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// AES-GCM with one key for many messages, 12-byte vectors and 16-byte tags (NIST SP 800-38D).
///
/// One context per direction: the key schedule is kept and only the vector changes, so nothing is allocated per
/// message.
public struct AESGCM: ~Copyable {
    /// Length of the tag in bytes.
    public static let tagBytes = 16
    /// Length of the initialization vector in bytes.
    public static let vectorBytes = 12

    private let context: OpaquePointer

    /// A cipher keyed with 16 or 32 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == 16 || key.count == 32, "AES-GCM takes a key of 16 or 32 bytes")
        let method = key.count == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm()
        guard let context = EVP_CIPHER_CTX_new(), EVP_CipherInit_ex(context, method, nil, key, nil, 1) == 1 else {
            preconditionFailure("no memory for a cipher")
        }
        self.context = context
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// Encrypts `input` to `output` (which may be the same place) and writes the tag.
    ///
    /// - Parameters:
    ///   - vector: 12 bytes, never used before with this key.
    ///   - additional: authenticated, not encrypted; `moreAdditional` follows it without a seam.
    /// - Returns: `false` only when the library refuses; the output is then worthless.
    public func seal(
        vector: UnsafeRawPointer, additional: UnsafeRawBufferPointer, moreAdditional: UnsafeRawBufferPointer,
        input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer, tag: UnsafeMutableRawPointer
    ) -> Bool {
        guard start(vector, additional, moreAdditional, encrypts: 1), update(input, output) else { return false }
        var written: Int32 = 0
        var nothing: UInt8 = 0
        return EVP_CipherFinal_ex(context, &nothing, &written) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagBytes), tag) == 1
    }

    /// Decrypts `input` to `output` (which may be the same place) and checks the tag.
    /// - Returns: whether the tag is right; the output is worthless otherwise, and has been written to all the same.
    public func open(
        vector: UnsafeRawPointer, additional: UnsafeRawBufferPointer, moreAdditional: UnsafeRawBufferPointer,
        input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer, tag: UnsafeRawPointer
    ) -> Bool {
        guard start(vector, additional, moreAdditional, encrypts: 0), update(input, output) else { return false }
        var written: Int32 = 0
        var nothing: UInt8 = 0
        let expected = UnsafeMutableRawPointer(mutating: tag)
        return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(Self.tagBytes), expected) == 1
            && EVP_CipherFinal_ex(context, &nothing, &written) == 1
    }

    /// Applies the key stream of `vector` to `bytes` in place: undoes what a failed
    /// ``open(vector:additional:moreAdditional:input:output:tag:)`` did to them.
    public func applyKeyStream(vector: UnsafeRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let base = bytes.baseAddress, start(vector, empty, empty, encrypts: 1) else { return }
        _ = update(UnsafeRawBufferPointer(bytes), base)
    }

    private func start(
        _ vector: UnsafeRawPointer, _ additional: UnsafeRawBufferPointer, _ moreAdditional: UnsafeRawBufferPointer,
        encrypts: Int32
    ) -> Bool {
        let vectorStart = vector.assumingMemoryBound(to: UInt8.self)
        guard EVP_CipherInit_ex(context, nil, nil, nil, vectorStart, encrypts) == 1 else { return false }
        return authenticate(additional) && authenticate(moreAdditional)
    }

    private func authenticate(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        var written: Int32 = 0
        return EVP_CipherUpdate(context, nil, &written, base.assumingMemoryBound(to: UInt8.self), Int32(bytes.count))
            == 1
    }

    private func update(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer) -> Bool {
        guard let base = input.baseAddress, input.count > 0 else { return true }
        var written: Int32 = 0
        return EVP_CipherUpdate(
            context, output.assumingMemoryBound(to: UInt8.self), &written, base.assumingMemoryBound(to: UInt8.self),
            Int32(input.count)
        ) == 1
    }
}
