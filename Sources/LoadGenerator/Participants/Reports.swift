// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives

/// Writes the RTCP a browser sends (RFC 3550 6.4, RFC 4585 6.3.1).
enum Reports {
    /// Seconds between 1900 and 1970.
    private static let ntpOffset: UInt64 = 2_208_988_800

    /// The wall clock as NTP time.
    static func ntpNow() -> UInt64 {
        let wall = UInt64(max(WallClock.nanosecondsSinceEpoch(), 0))
        let fraction = (wall % 1_000_000_000 << 32) / 1_000_000_000
        return (wall / 1_000_000_000 + ntpOffset) << 32 | fraction
    }

    /// SR and SDES of one stream.
    static func sender(_ stream: OutgoingStream, cname: String, at now: Timestamp) -> [UInt8] {
        var writer = ByteWriter(capacity: 96)
        writer.uint8(0x80)
        writer.uint8(200)
        writer.uint16(6)
        writer.uint32(stream.ssrc)
        writer.uint64(ntpNow())
        writer.uint32(stream.timestamp(at: now))
        writer.uint32(stream.stampSequence)
        writer.uint32(stream.octets)
        description(stream.ssrc, cname, to: &writer)
        return writer.bytes
    }

    /// What one report block says.
    struct Block {
        var ssrc: UInt32
        var fraction: UInt8
        var lost: Int32
        var highest: UInt32
        var jitter: UInt32
        var lastReport: UInt32
        var delay: UInt32
    }

    /// RR and SDES about up to 31 streams.
    static func receiver(_ blocks: [Block], from ssrc: UInt32, cname: String) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + 24 * blocks.count)
        writer.uint8(0x80 | UInt8(blocks.count))
        writer.uint8(201)
        writer.uint16(UInt16(1 + 6 * blocks.count))
        writer.uint32(ssrc)
        for block in blocks {
            writer.uint32(block.ssrc)
            writer.uint32(UInt32(block.fraction) << 24 | UInt32(bitPattern: block.lost) & 0xFF_FFFF)
            writer.uint32(block.highest)
            writer.uint32(block.jitter)
            writer.uint32(block.lastReport)
            writer.uint32(block.delay)
        }
        description(ssrc, cname, to: &writer)
        return writer.bytes
    }

    /// A picture loss indication.
    static func pictureLoss(from ssrc: UInt32, about media: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: 12)
        writer.uint8(0x81)
        writer.uint8(206)
        writer.uint16(2)
        writer.uint32(ssrc)
        writer.uint32(media)
        return writer.bytes
    }

    /// A NACK of packets whose numbers ascend (RFC 4585 6.2.1).
    static func nack(_ numbers: [UInt16], from ssrc: UInt32, about media: UInt32) -> [UInt8] {
        var writer = ByteWriter(capacity: 12 + 4 * numbers.count)
        writer.uint8(0x81)
        writer.uint8(205)
        writer.uint16(0)
        writer.uint32(ssrc)
        writer.uint32(media)
        var index = 0
        // Ends: each turn takes a number.
        while index < numbers.count {
            let first = numbers[index]
            var mask: UInt16 = 0
            index += 1
            while index < numbers.count, numbers[index] &- first &- 1 < 16 {
                mask |= 1 << (numbers[index] &- first &- 1)
                index += 1
            }
            writer.uint16(first)
            writer.uint16(mask)
        }
        writer.patch16(UInt16(writer.count / 4 - 1), at: 2)
        return writer.bytes
    }

    /// SDES with a CNAME.
    private static func description(_ ssrc: UInt32, _ cname: String, to writer: inout ByteWriter) {
        let start = writer.count
        writer.uint8(0x81)
        writer.uint8(202)
        writer.uint16(0)
        writer.uint32(ssrc)
        writer.uint8(1)
        writer.uint8(UInt8(cname.utf8.count))
        writer.append(cname.utf8)
        writer.uint8(0)
        while (writer.count - start) % 4 != 0 { writer.uint8(0) }
        writer.patch16(UInt16((writer.count - start) / 4 - 1), at: start + 2)
    }
}
