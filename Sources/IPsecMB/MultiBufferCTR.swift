// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// AES in counter mode with one key for many messages. The expanded key is plain data, wiped at the end; nothing is
/// allocated per message. Encryption and decryption are the same operation.
public struct MultiBufferCTR: ~Copyable {
    private let key: ExpandedKey

    /// A cipher keyed with 16 or 32 bytes.
    public init(_ library: IPsecMB, key: [UInt8]) {
        self.key = ExpandedKey(library, key: key, byteCount: VIADUCT_CTR_KEY_BYTES, by: viaduct_ctr_expand)
    }

    /// Applies the key stream that starts at the 16-byte block `vector` to `input`, giving `output` (which may be the
    /// same place).
    /// - Returns: `false` only when the library refuses; the output is then worthless.
    @inline(__always)
    public func apply(
        vector: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer
    ) -> Bool {
        viaduct_ctr_apply(
            key.library, key.keyBytes, key.start, vector.assumingMemoryBound(to: UInt8.self),
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
            output.assumingMemoryBound(to: UInt8.self)) == 1
    }
}
