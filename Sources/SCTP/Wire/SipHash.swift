// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// SipHash-2-4: a short keyed hash, here of state cookies.
struct SipHash: Sendable {
    private let key0: UInt64
    private let key1: UInt64

    init(key0: UInt64, key1: UInt64) {
        self.key0 = key0
        self.key1 = key1
    }

    /// The hash of `bytes`.
    func hash(_ bytes: RawSpan) -> UInt64 {
        var v0 = key0 ^ 0x736f_6d65_7073_6575
        var v1 = key1 ^ 0x646f_7261_6e64_6f6d
        var v2 = key0 ^ 0x6c79_6765_6e65_7261
        var v3 = key1 ^ 0x7465_6462_7974_6573
        func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 { value << by | value >> (64 - by) }
        func round() {
            v0 = v0 &+ v1
            v1 = rotate(v1, 13) ^ v0
            v0 = rotate(v0, 32)
            v2 = v2 &+ v3
            v3 = rotate(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = rotate(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = rotate(v1, 17) ^ v2
            v2 = rotate(v2, 32)
        }
        func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }
        var offset = 0
        while bytes.byteCount - offset >= 8 {
            absorb(bytes.uint64(at: offset).byteSwapped)
            offset += 8
        }
        var last = UInt64(UInt8(truncatingIfNeeded: bytes.byteCount)) << 56
        for index in offset..<bytes.byteCount { last |= UInt64(bytes.uint8(at: index)) << UInt64(8 * (index - offset)) }
        absorb(last)
        v2 ^= 0xFF
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
