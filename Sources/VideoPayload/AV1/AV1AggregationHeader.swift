// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The first byte of an AV1 payload (AV1 RTP specification, 4.4). It is all that a bridge reads of AV1 itself, and it
/// stays readable under end-to-end encryption.
public struct AV1AggregationHeader: BitwiseCopyable, Hashable, Sendable {
    /// Length of the header.
    public static let byteCount = 1

    /// Z: the first element continues an OBU of the packet before.
    public var continuesPrevious: Bool
    /// Y: the last element goes on in the next packet.
    public var continuesInNext: Bool
    /// W: how many elements there are, 1…3; 0 when each tells its length instead.
    public var elementCount: UInt8
    /// N: first packet of a coded video sequence, and so of a key frame.
    public var startsSequence: Bool

    /// A header of these fields.
    public init(
        continuesPrevious: Bool = false, continuesInNext: Bool = false, elementCount: UInt8 = 0,
        startsSequence: Bool = false
    ) {
        self.continuesPrevious = continuesPrevious
        self.continuesInNext = continuesInNext
        self.elementCount = elementCount
        self.startsSequence = startsSequence
    }

    /// Reads the header at `offset` of `bytes`; `nil` when nothing is there before `end`, or when the payload would
    /// start a sequence in the middle of an OBU.
    @inlinable
    public init?(_ bytes: RawSpan, from offset: Int, to end: Int) {
        guard offset >= 0, end <= bytes.byteCount, offset < end else { return nil }
        let field = bytes.uint8(at: offset)
        continuesPrevious = field & 0x80 != 0
        continuesInNext = field & 0x40 != 0
        elementCount = field >> 4 & 0x03
        startsSequence = field & 0x08 != 0
        guard !(startsSequence && continuesPrevious) else { return nil }
    }

    /// Writes the header.
    public func write(to writer: inout BufferWriter) {
        let flags: UInt8 = (continuesPrevious ? 0x80 : 0) | (continuesInNext ? 0x40 : 0) | (startsSequence ? 0x08 : 0)
        writer.uint8(flags | (elementCount & 3) << 4)
    }
}
