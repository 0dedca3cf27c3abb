// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// An RTP payload that repeats earlier ones beside its own (RFC 2198): a header for each block, the last one for the
/// payload itself, then the blocks in the same order.
///
/// Of the repeated ones the last two are kept; browsers send no more, and nothing older is worth repairing.
public struct RedundantAudio: BitwiseCopyable, Hashable, Sendable {
    /// A block of the payload.
    public struct Block: BitwiseCopyable, Hashable, Sendable {
        /// What it carries, 0…127.
        public var payloadType: UInt8
        /// How much earlier than the packet's its time stamp is.
        public var timestampOffset: UInt16
        /// Where it starts, from the start of the packet.
        public var offset: Int
        /// Its length.
        public var byteCount: Int
    }

    /// Highest offset of a time stamp that a header can say.
    public static let maxTimestampOffset = (1 << 14) - 1
    /// Longest repeated block that a header can say.
    public static let maxBlockBytes = (1 << 10) - 1
    /// Length of the header of a repeated block.
    public static let blockHeaderBytes = 4
    /// Length of the header of the payload itself.
    public static let primaryHeaderBytes = 1

    /// The payload itself.
    public let primary: Block
    /// The payload of the packet before, as it seems.
    public let secondary: Block?
    /// The payload of the packet before that one, as it seems.
    public let tertiary: Block?

    /// Reads the payload between `start` and `end` of a packet; `nil` when it is none of this kind.
    public init?(_ packet: RawSpan, from start: Int, to end: Int) {
        guard start >= 0, start < end, end <= packet.byteCount else { return nil }
        var position = start
        var repeatedBytes = 0
        var previous: (word: UInt32, older: UInt32?)?
        var count = 0
        // RFC 2198 3: the first bit says whether another header follows. Ends: there are no more than the limit.
        while packet.uint8(at: position) & 0x80 != 0 {
            guard count < RTPLimits.redundantBlocks, end - position > Self.blockHeaderBytes else { return nil }
            let word = packet.uint32(at: position)
            repeatedBytes += Int(word & 0x3FF)
            previous = (word, previous?.word)
            count += 1
            position += Self.blockHeaderBytes
        }
        let blocks = position + Self.primaryHeaderBytes
        let offset = blocks + repeatedBytes
        guard offset <= end else { return nil }
        primary = Block(
            payloadType: packet.uint8(at: position) & 0x7F, timestampOffset: 0, offset: offset,
            byteCount: end - offset)
        var last: Block?
        var older: Block?
        if let previous {
            let one = Self.block(previous.word, endingAt: offset)
            last = one
            if let word = previous.older { older = Self.block(word, endingAt: one.offset) }
        }
        secondary = last
        tertiary = older
    }

    private static func block(_ word: UInt32, endingAt end: Int) -> Block {
        let count = Int(word & 0x3FF)
        return Block(
            payloadType: UInt8(truncatingIfNeeded: word >> 24) & 0x7F,
            timestampOffset: UInt16(truncatingIfNeeded: word >> 10) & 0x3FFF, offset: end - count, byteCount: count)
    }

    /// Writes the header of a block that repeats an earlier payload.
    public static func writeHeader(
        payloadType: UInt8, timestampOffset: UInt16, byteCount: Int, to writer: inout BufferWriter
    ) {
        precondition(
            Int(timestampOffset) <= maxTimestampOffset && byteCount >= 0 && byteCount <= maxBlockBytes,
            "the caller looks at what a header can say")
        writer.uint32(
            1 << 31 | UInt32(payloadType & 0x7F) << 24 | UInt32(timestampOffset) << 10 | UInt32(byteCount))
    }

    /// Writes the header of the payload itself, the last one.
    public static func writePrimaryHeader(payloadType: UInt8, to writer: inout BufferWriter) {
        writer.uint8(payloadType & 0x7F)
    }
}
