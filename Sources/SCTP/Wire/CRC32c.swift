// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// The checksum of SCTP packets (RFC 9260 appendix A), eight bytes at a time.
enum CRC32c {
    /// Eight tables of 256: table `k` advances a byte by `k` further bytes.
    private static let tables: [UInt32] = {
        var tables = [UInt32](repeating: 0, count: 8 * 256)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            tables[index] = value
        }
        for index in 256..<tables.count {
            let before = tables[index - 256]
            tables[index] = (before >> 8) ^ tables[Int(before & 0xFF)]
        }
        return tables
    }()

    /// The checksum of an SCTP packet, its checksum field (bytes 8 to 11) taken as zero; the packet has at least twelve
    /// bytes.
    static func ofPacket(_ packet: RawSpan) -> UInt32 {
        let tables = tables.span
        var crc = UInt32.max
        for offset in 0..<8 { crc = step(crc, packet.uint8(at: offset), tables) }
        for _ in 0..<4 { crc = step(crc, 0, tables) }
        return ~update(crc, packet, from: 12, tables)
    }

    /// The checksum of `bytes`.
    static func of(_ bytes: RawSpan) -> UInt32 {
        ~update(.max, bytes, from: 0, tables.span)
    }

    private static func step(_ crc: UInt32, _ byte: UInt8, _ tables: Span<UInt32>) -> UInt32 {
        (crc >> 8) ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
    }

    private static func update(_ start: UInt32, _ bytes: RawSpan, from: Int, _ tables: Span<UInt32>) -> UInt32 {
        var crc = start
        var offset = from
        while bytes.byteCount - offset >= 8 {
            let word = bytes.uint64(at: offset).byteSwapped ^ UInt64(crc)
            // Two halves: the sum of exclusive ors does not wait for one chain of eight.
            var low = tables[1792 + Int(word & 0xFF)]
            low ^= tables[1536 + Int((word >> 8) & 0xFF)]
            low ^= tables[1280 + Int((word >> 16) & 0xFF)]
            low ^= tables[1024 + Int((word >> 24) & 0xFF)]
            var high = tables[768 + Int((word >> 32) & 0xFF)]
            high ^= tables[512 + Int((word >> 40) & 0xFF)]
            high ^= tables[256 + Int((word >> 48) & 0xFF)]
            high ^= tables[Int(word >> 56)]
            crc = low ^ high
            offset += 8
        }
        while offset < bytes.byteCount {
            crc = step(crc, bytes.uint8(at: offset), tables)
            offset += 1
        }
        return crc
    }
}
