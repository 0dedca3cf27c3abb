// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The CRC of ITU-T V.42, as FINGERPRINT uses it (RFC 8489 §14.7).
enum CRC32 {
    /// One entry for each half byte: small, and fast enough for messages of a hundred bytes.
    private static let table: [UInt32] = (0..<16).map { (index: UInt32) in
        var value = index
        for _ in 0..<4 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        return value
    }

    /// The CRC of the first `count` bytes, which must exist.
    static func checksum(_ bytes: RawSpan, count: Int) -> UInt32 {
        let table = Self.table
        var crc = UInt32.max
        for index in 0..<count {
            crc ^= UInt32(bytes.uint8(at: index))
            crc = table[Int(crc & 15)] ^ crc >> 4
            crc = table[Int(crc & 15)] ^ crc >> 4
        }
        return ~crc
    }
}
