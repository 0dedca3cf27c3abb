// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The first bytes of a VP8 frame (RFC 6386 9.1), which follow the payload descriptor of its first packet.
public struct VP8FrameHeader: BitwiseCopyable, Hashable, Sendable {
    /// Length of a key frame's header on the wire.
    public static let keyframeByteCount = 10

    /// P = 0: the frame needs no other.
    public var isKeyframe: Bool
    /// Picture width in pixels; 0 unless a key frame's header is whole.
    public var width: UInt16
    /// Picture height in pixels; 0 unless a key frame's header is whole.
    public var height: UInt16

    /// Reads the header at `offset` of `bytes`; `nil` when nothing is there before `end`.
    ///
    /// Only the key frame flag can be relied on under end-to-end encryption; sizes may then be garbage.
    @inlinable
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        isKeyframe = bytes.uint8(at: offset) & 1 == 0
        width = 0
        height = 0
        guard isKeyframe, end - offset >= Self.keyframeByteCount, bytes.uint24(at: offset + 3) == 0x9D_012A else {
            return
        }
        // Little-endian, 14 bits each; the upper two bits ask for scaling.
        width = bytes.uint16(at: offset + 6).byteSwapped & 0x3FFF
        height = bytes.uint16(at: offset + 8).byteSwapped & 0x3FFF
    }

    /// Writes the header of a frame as a decoder's parser expects it: a key frame with start code and size, or the
    /// three-byte tag of another frame.
    /// - Parameter firstPartitionBytes: length of the first partition, below 2^19.
    public static func write(
        isKeyframe: Bool, width: UInt16, height: UInt16, firstPartitionBytes: UInt32, to writer: inout BufferWriter
    ) {
        // Bit 0: inverse key frame flag; bits 1–3: version 0; bit 4: show the frame; bits 5–23: size.
        let tag: UInt32 = (isKeyframe ? 0 : 1) | 1 << 4 | (firstPartitionBytes & 0x7_FFFF) << 5
        writer.uint24(tag.byteSwapped >> 8)
        guard isKeyframe else { return }
        writer.uint24(0x9D_012A)
        writer.uint16((width & 0x3FFF).byteSwapped)
        writer.uint16((height & 0x3FFF).byteSwapped)
    }
}
