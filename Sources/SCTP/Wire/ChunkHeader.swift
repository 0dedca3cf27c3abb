// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Where a chunk or a parameter of a packet lies.
struct ChunkHeader: BitwiseCopyable {
    static let bytes = 4

    let type: ChunkType
    let flags: UInt8
    /// Where the value begins and how long it is.
    let offset: Int
    let count: Int

    /// The chunk at `offset`; `nil` when its length is impossible.
    init?(_ packet: RawSpan, at offset: Int) {
        guard packet.byteCount - offset >= Self.bytes else { return nil }
        let length = Int(packet.uint16(at: offset + 2))
        guard length >= Self.bytes, length <= packet.byteCount - offset else { return nil }
        type = ChunkType(rawValue: packet.uint8(at: offset))
        flags = packet.uint8(at: offset + 1)
        self.offset = offset + Self.bytes
        count = length - Self.bytes
    }

    /// Where the next one begins: values are padded to whole words.
    var next: Int { offset + ((count + 3) & ~3) }
    /// The chunk with its header, without padding.
    var whole: Range<Int> { (offset - Self.bytes)..<(offset + count) }
}
