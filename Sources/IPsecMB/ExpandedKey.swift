// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CIPsecMB

/// A key of AES as the library wants it: plain data in one place, wiped at the end.
struct ExpandedKey: ~Copyable {
    let library: OpaquePointer
    let start: UnsafeMutableRawPointer
    /// Length of the key that it was made of: 16 or 32.
    let keyBytes: Int
    private let byteCount: Int

    /// `byteCount` bytes that `expand` makes of `key`.
    init(
        _ library: IPsecMB, key: [UInt8], byteCount: Int,
        by expand: (OpaquePointer, UnsafePointer<UInt8>, Int, UnsafeMutableRawPointer) -> Void
    ) {
        precondition(key.count == 16 || key.count == 32, "AES takes a key of 16 or 32 bytes")
        self.library = library.library
        self.byteCount = byteCount
        keyBytes = key.count
        start = .allocate(byteCount: byteCount, alignment: 64)
        expand(self.library, key, key.count, start)
    }

    deinit {
        viaduct_ipsec_mb_wipe(start, byteCount)
        start.deallocate()
    }
}
