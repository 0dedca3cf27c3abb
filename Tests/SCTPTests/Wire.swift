// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import SCTP

/// Packets and chunks made by hand.
enum Wire {
    /// A chunk as it was found in a packet.
    struct Chunk: Equatable {
        var type: ChunkType
        var flags: UInt8
        var value: [UInt8]
    }

    static func bytes(_ body: (inout ByteWriter) -> Void) -> [UInt8] {
        var writer = ByteWriter()
        body(&writer)
        return writer.bytes
    }

    static func chunk(_ type: ChunkType, flags: UInt8 = 0, _ value: [UInt8] = []) -> [UInt8] {
        bytes {
            $0.uint8(type.rawValue)
            $0.uint8(flags)
            $0.uint16(UInt16(value.count + 4))
            $0.append(value)
            while $0.count & 3 != 0 { $0.uint8(0) }
        }
    }

    static func packet(tag: UInt32, _ chunks: [[UInt8]], checksum: Bool = true) -> [UInt8] {
        var packet = bytes {
            $0.uint16(5_000)
            $0.uint16(5_000)
            $0.uint32(tag)
            $0.uint32(0)
            for chunk in chunks { $0.append(chunk) }
        }
        if checksum { sign(&packet) }
        return packet
    }

    /// Sets the right checksum.
    static func sign(_ packet: inout [UInt8]) {
        guard packet.count >= 12 else { return }
        let crc = CRC32c.ofPacket(packet.rawSpan)
        for index in 0..<4 { packet[8 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index)) }
    }

    static func chunks(of packet: [UInt8]) -> [Chunk] {
        var chunks: [Chunk] = []
        var offset = PacketWriter.headerBytes
        while let header = ChunkHeader(packet.rawSpan, at: offset) {
            chunks.append(
                Chunk(
                    type: header.type, flags: header.flags,
                    value: Array(packet[header.offset..<(header.offset + header.count)])))
            offset = header.next
        }
        return chunks
    }

    static func tag(of packet: [UInt8]) -> UInt32 { packet.rawSpan.uint32(at: 4) }

    static func data(
        _ tsn: UInt32, stream: UInt16 = 0, ssn: UInt16 = 0, identifier: UInt32 = 51,
        flags: DataFlags = [.beginning, .ending], _ payload: [UInt8]
    ) -> [UInt8] {
        chunk(
            .data, flags: flags.rawValue,
            bytes {
                $0.uint32(tsn)
                $0.uint16(stream)
                $0.uint16(ssn)
                $0.uint32(identifier)
                $0.append(payload)
            })
    }

    static func forward(_ tsn: UInt32, _ skipped: [(stream: UInt16, ssn: UInt16)] = []) -> [UInt8] {
        chunk(
            .forwardTSN,
            bytes {
                $0.uint32(tsn)
                for entry in skipped {
                    $0.uint16(entry.stream)
                    $0.uint16(entry.ssn)
                }
            })
    }

    static func sack(
        _ cumulative: UInt32, window: UInt32 = 200_000, gaps: [ClosedRange<UInt16>] = [], duplicates: [UInt32] = []
    ) -> [UInt8] {
        chunk(
            .sack,
            bytes {
                $0.uint32(cumulative)
                $0.uint32(window)
                $0.uint16(UInt16(gaps.count))
                $0.uint16(UInt16(duplicates.count))
                for gap in gaps {
                    $0.uint16(gap.lowerBound)
                    $0.uint16(gap.upperBound)
                }
                for tsn in duplicates { $0.uint32(tsn) }
            })
    }
}
