// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Fills one SCTP packet with chunks, up to a limit.
struct PacketWriter {
    static let headerBytes = 12

    private var bytes: [UInt8] = []
    private let limit: Int

    /// A packet with nothing but its header.
    init(port: UInt16, tag: UInt32, limit: Int) {
        self.limit = limit
        bytes.reserveCapacity(limit)
        uint16(port)
        uint16(port)
        uint32(tag)
        uint32(0)
    }

    /// Whether there is no chunk yet.
    var isEmpty: Bool { bytes.count == Self.headerBytes }
    /// Room for one more chunk, its header included.
    var room: Int { limit - bytes.count }

    mutating func uint8(_ value: UInt8) { bytes.append(value) }

    mutating func uint16(_ value: UInt16) {
        bytes.append(UInt8(truncatingIfNeeded: value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
    }

    mutating func uint32(_ value: UInt32) {
        uint16(UInt16(truncatingIfNeeded: value >> 16))
        uint16(UInt16(truncatingIfNeeded: value))
    }

    mutating func append(_ other: [UInt8]) { bytes += other }

    /// Appends a part of `other`.
    mutating func append(_ other: [UInt8], from offset: Int, count: Int) {
        bytes += other[offset..<(offset + count)]
    }

    /// Appends a chunk whose value `body` writes; `count` is the length of the value.
    mutating func chunk(_ type: ChunkType, flags: UInt8 = 0, count: Int, _ body: (inout PacketWriter) -> Void) {
        uint8(type.rawValue)
        uint8(flags)
        uint16(UInt16(truncatingIfNeeded: count + ChunkHeader.bytes))
        body(&self)
        pad()
    }

    /// Appends a chunk with a ready value.
    mutating func chunk(_ type: ChunkType, flags: UInt8 = 0, _ value: [UInt8] = []) {
        chunk(type, flags: flags, count: value.count) { $0.append(value) }
    }

    /// Fills up to a whole word.
    mutating func pad() {
        while bytes.count & 3 != 0 { bytes.append(0) }
    }

    /// The packet, with its checksum or with zero in its place.
    consuming func finished(checksum: Bool) -> [UInt8] {
        guard checksum else { return bytes }
        let crc = CRC32c.ofPacket(bytes.rawSpan)
        for index in 0..<4 { bytes[8 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index)) }
        return bytes
    }
}
