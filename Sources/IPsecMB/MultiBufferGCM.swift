// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// AES-GCM with one key for many messages, 12-byte vectors and 16-byte tags. The expanded key is plain data, wiped at
/// the end; nothing is allocated per message.
public struct MultiBufferGCM: ~Copyable {
    /// Length of the tag in bytes.
    public static let tagBytes = 16

    private let key: ExpandedKey

    /// A cipher keyed with 16 or 32 bytes.
    public init(_ library: IPsecMB, key: [UInt8]) {
        self.key = ExpandedKey(library, key: key, byteCount: VIADUCT_GCM_KEY_BYTES, by: viaduct_gcm_expand)
    }

    /// Encrypts `input` to `output` (which may be the same place) and writes the tag.
    ///
    /// - Parameters:
    ///   - vector: 12 bytes, never used before with this key.
    ///   - additional: authenticated, not encrypted.
    @inline(__always)
    public func seal(
        vector: UnsafeRawPointer, additional: UnsafeRawBufferPointer, input: UnsafeRawBufferPointer,
        output: UnsafeMutableRawPointer, tag: UnsafeMutableRawPointer
    ) {
        viaduct_gcm_seal(
            key.library, key.keyBytes, key.start, vector.assumingMemoryBound(to: UInt8.self),
            additional.baseAddress?.assumingMemoryBound(to: UInt8.self), additional.count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
            output.assumingMemoryBound(to: UInt8.self), tag.assumingMemoryBound(to: UInt8.self))
    }

    /// Decrypts `input` to `output` (which may be the same place) and writes the tag that the message should have; the
    /// caller compares.
    @inline(__always)
    public func open(
        vector: UnsafeRawPointer, additional: UnsafeRawBufferPointer, input: UnsafeRawBufferPointer,
        output: UnsafeMutableRawPointer, expectedTag: UnsafeMutableRawPointer
    ) {
        viaduct_gcm_open(
            key.library, key.keyBytes, key.start, expectedTag.assumingMemoryBound(to: UInt8.self),
            vector.assumingMemoryBound(to: UInt8.self),
            additional.baseAddress?.assumingMemoryBound(to: UInt8.self), additional.count,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
            output.assumingMemoryBound(to: UInt8.self))
    }
}
