// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// AES-GCM with one key for many messages, 12-byte vectors and 16-byte tags (NIST SP 800-38D).
///
/// One context per direction: the key schedule is kept and only the vector changes, so nothing is allocated per
/// message. What else could be named once is: the parameter list by which the tag is given and taken, and the direction
/// of the call.
public struct AESGCM: ~Copyable {
    /// Length of the tag in bytes.
    public static let tagBytes = 16
    /// Length of the initialization vector in bytes.
    public static let vectorBytes = 12

    private let context: OpaquePointer
    /// The tag, and the end of the list; where the tag is changes per message.
    private let parameters: UnsafeMutablePointer<OSSL_PARAM>

    /// A cipher keyed with 16 or 32 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == 16 || key.count == 32, "AES-GCM takes a key of 16 or 32 bytes")
        let method = key.count == 16 ? EVP_aes_128_gcm() : EVP_aes_256_gcm()
        guard let context = EVP_CIPHER_CTX_new(), EVP_CipherInit_ex(context, method, nil, key, nil, 1) == 1 else {
            preconditionFailure("no memory for a cipher")
        }
        self.context = context
        parameters = .allocate(capacity: 2)
        viaduct_gcm_tag_parameters(parameters, Self.tagBytes)
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
        parameters.deallocate()
    }

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
        guard encrypt(vector, additional, moreAdditional, input, output) else { return false }
        var written: Int32 = 0
        var nothing: UInt8 = 0
        parameters.pointee.data = tag
        return EVP_EncryptFinal_ex(context, &nothing, &written) == 1
            && EVP_CIPHER_CTX_get_params(context, parameters) == 1
    }

    /// Decrypts `input` to `output` (which may be the same place) and checks the tag.
    /// - Returns: whether the tag is right; the output is worthless otherwise, and has been written to all the same.
    public func open(
        vector: UnsafeRawPointer, additional: UnsafeRawBufferPointer, moreAdditional: UnsafeRawBufferPointer,
        input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer, tag: UnsafeRawPointer
    ) -> Bool {
        let vectorStart = vector.assumingMemoryBound(to: UInt8.self)
        parameters.pointee.data = UnsafeMutableRawPointer(mutating: tag)
        guard EVP_DecryptInit_ex2(context, nil, nil, vectorStart, parameters) == 1,
            decrypt(additional, nil), decrypt(moreAdditional, nil), decrypt(input, output)
        else { return false }
        var written: Int32 = 0
        var nothing: UInt8 = 0
        return EVP_DecryptFinal_ex(context, &nothing, &written) == 1
    }

    /// Applies the key stream of `vector` to `bytes` in place: undoes what a failed
    /// ``open(vector:additional:moreAdditional:input:output:tag:)`` did to them.
    public func applyKeyStream(vector: UnsafeRawPointer, to bytes: UnsafeMutableRawBufferPointer) {
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        guard let base = bytes.baseAddress else { return }
        _ = encrypt(vector, empty, empty, UnsafeRawBufferPointer(bytes), base)
    }

    @inline(__always)
    private func encrypt(
        _ vector: UnsafeRawPointer, _ additional: UnsafeRawBufferPointer, _ moreAdditional: UnsafeRawBufferPointer,
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer
    ) -> Bool {
        EVP_EncryptInit_ex2(context, nil, nil, vector.assumingMemoryBound(to: UInt8.self), nil) == 1
            && encrypt(additional, nil) && encrypt(moreAdditional, nil) && encrypt(input, output)
    }

    /// Without `output` the bytes are only authenticated.
    @inline(__always)
    private func encrypt(_ bytes: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer?) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        var written: Int32 = 0
        return EVP_EncryptUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written, base.assumingMemoryBound(to: UInt8.self),
            Int32(bytes.count)) == 1
    }

    /// Without `output` the bytes are only authenticated.
    @inline(__always)
    private func decrypt(_ bytes: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer?) -> Bool {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return true }
        var written: Int32 = 0
        return EVP_DecryptUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written, base.assumingMemoryBound(to: UInt8.self),
            Int32(bytes.count)) == 1
    }
}
