// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The header of an RTP packet (RFC 3550 5.1) with the place of its extension block (RFC 8285).
public struct RTPHeader: BitwiseCopyable, Hashable, Sendable {
    /// Length of the fixed part, in bytes.
    public static let fixedByteCount = 12

    /// Marker bit: last packet of a video frame, first of a talk spurt.
    public var marker: Bool
    /// Payload type, 0…127.
    public var payloadType: UInt8
    /// Sequence number.
    public var sequence: UInt16
    /// Media time in units of the payload's clock.
    public var timestamp: UInt32
    /// Synchronization source.
    public var ssrc: UInt32
    /// How many contributing sources follow the fixed part, 0…15.
    public var csrcCount: Int
    /// The padding bit. The length of the padding is in the last byte, readable only after decryption.
    public var hasPadding: Bool
    /// The "defined by profile" field of the extension block; 0 without a block.
    public var extensionProfile: UInt16
    /// Where the extension's elements start, from the start of the packet.
    public var extensionOffset: Int
    /// Length of the area of the extension's elements, in bytes; a multiple of 4.
    public var extensionByteCount: Int
    /// Where the payload starts: fixed part, contributing sources and extension block together.
    public var headerByteCount: Int

    /// Reads the header of `packet`, whose payload may still be encrypted.
    @inlinable
    public init(_ packet: RawSpan) throws(RTPError) {
        guard packet.byteCount >= Self.fixedByteCount else { throw .tooShort }
        let first = packet.uint8(at: 0)
        guard first >> 6 == 2 else { throw .wrongVersion }
        let second = packet.uint8(at: 1)
        marker = second & 0x80 != 0
        payloadType = second & 0x7F
        sequence = packet.uint16(at: 2)
        timestamp = packet.uint32(at: 4)
        ssrc = packet.uint32(at: 8)
        csrcCount = Int(first & 0x0F)
        hasPadding = first & 0x20 != 0
        let fixed = Self.fixedByteCount + 4 * csrcCount
        guard packet.byteCount >= fixed else { throw .tooShort }
        guard first & 0x10 != 0 else {
            extensionProfile = 0
            extensionOffset = fixed
            extensionByteCount = 0
            headerByteCount = fixed
            return
        }
        guard packet.byteCount >= fixed + 4 else { throw .truncatedExtension }
        extensionProfile = packet.uint16(at: fixed)
        extensionOffset = fixed + 4
        extensionByteCount = 4 * Int(packet.uint16(at: fixed + 2))
        headerByteCount = extensionOffset + extensionByteCount
        guard packet.byteCount >= headerByteCount else { throw .truncatedExtension }
    }

    /// Length of the whole header of `packet`; `nil` when it is not RTP. Works before decryption.
    @inlinable
    public static func headerByteCount(_ packet: RawSpan) -> Int? {
        guard packet.byteCount >= fixedByteCount else { return nil }
        let first = packet.uint8(at: 0)
        guard first >> 6 == 2 else { return nil }
        let fixed = fixedByteCount + 4 * Int(first & 0x0F)
        guard first & 0x10 != 0 else { return packet.byteCount >= fixed ? fixed : nil }
        guard packet.byteCount >= fixed + 4 else { return nil }
        let total = fixed + 4 + 4 * Int(packet.uint16(at: fixed + 2))
        return packet.byteCount >= total ? total : nil
    }

    /// Length of the padding of the decrypted `packet`, counting its length byte; 0 without padding.
    @inlinable
    public func paddingByteCount(_ packet: RawSpan) throws(RTPError) -> Int {
        guard hasPadding else { return 0 }
        guard packet.byteCount > headerByteCount else { throw .invalidPadding }
        let padding = Int(packet.uint8(at: packet.byteCount - 1))
        guard padding > 0, padding <= packet.byteCount - headerByteCount else { throw .invalidPadding }
        return padding
    }

    /// Writes a header without contributing sources and extension block.
    /// - Parameters:
    ///   - hasPadding: sets the padding bit; the payload must end with padding.
    ///   - hasExtension: sets the extension bit; an extension block must follow.
    @inlinable
    public static func write(
        marker: Bool, payloadType: UInt8, sequence: UInt16, timestamp: UInt32, ssrc: UInt32,
        hasPadding: Bool = false, hasExtension: Bool = false, to writer: inout BufferWriter
    ) {
        writer.uint8(0x80 | (hasPadding ? 0x20 : 0) | (hasExtension ? 0x10 : 0))
        writer.uint8((marker ? 0x80 : 0) | (payloadType & 0x7F))
        writer.uint16(sequence)
        writer.uint32(timestamp)
        writer.uint32(ssrc)
    }
}
