// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One packet of a compound RTCP datagram, as its place in the datagram (RFC 3550 6.1).
public struct RTCPPacket: BitwiseCopyable, Hashable, Sendable {
    /// What it is.
    public var type: RTCPType
    /// The five bits after the padding bit: a count (RC, SC) or a feedback format (FMT).
    public var count: UInt8
    /// Where it starts, from the start of the datagram.
    public var offset: Int
    /// Its length in bytes with its four-byte head and without padding; at least 4.
    public var byteCount: Int

    /// Writes the four-byte head of a packet whose length is not known yet; complete it with ``end(_:from:)``.
    /// - Returns: where the packet starts.
    public static func begin(_ type: RTCPType, count: UInt8, to writer: inout BufferWriter) -> Int {
        let start = writer.count
        writer.uint8(0x80 | (count & 31))
        writer.uint8(type.rawValue)
        writer.uint16(0)
        return start
    }

    /// Fills in the length of the packet that starts at `start`; its size must be a multiple of 4.
    public static func end(_ writer: inout BufferWriter, from start: Int) {
        writer.patch16(UInt16(truncatingIfNeeded: (writer.count - start) / 4 - 1), at: start + 2)
    }
}
