// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// AES in counter mode with one key for many messages. The expanded key is plain data, wiped at the end; nothing is
/// allocated per message. Encryption and decryption are the same operation.
public struct MultiBufferCTR: ~Copyable {
    private let library: OpaquePointer
    private let expanded: UnsafeMutableRawPointer
    private let keyBytes: Int

    /// A cipher keyed with 16 or 32 bytes.
    public init(_ library: IPsecMB, key: [UInt8]) {
        precondition(key.count == 16 || key.count == 32, "AES-CTR takes a key of 16 or 32 bytes")
        self.library = library.library
        keyBytes = key.count
        expanded = .allocate(byteCount: VIADUCT_CTR_KEY_BYTES, alignment: 64)
        viaduct_ctr_expand(self.library, key, key.count, expanded)
    }

    deinit {
        viaduct_ipsec_mb_wipe(expanded, VIADUCT_CTR_KEY_BYTES)
        expanded.deallocate()
    }

    /// Applies the key stream that starts at the 16-byte block `vector` to `input`, giving `output` (which may be the
    /// same place).
    /// - Returns: `false` only when the library refuses; the output is then worthless.
    @inline(__always)
    public func apply(
        vector: UnsafeRawPointer, input: UnsafeRawBufferPointer, output: UnsafeMutableRawPointer
    ) -> Bool {
        viaduct_ctr_apply(
            library, keyBytes, expanded, vector.assumingMemoryBound(to: UInt8.self),
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
            output.assumingMemoryBound(to: UInt8.self)) == 1
    }
}
