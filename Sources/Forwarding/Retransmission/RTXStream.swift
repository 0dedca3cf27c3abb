// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Writes repeats into transmit slots, and takes apart what senders repeat (RFC 4588; media-plane.md 6.4, 6.5).
///
/// One for each receiver and source that has an RTX stream: plain data of eight bytes that lives with the pair.
///
/// A repeat carries the receiver's own numbers, media time and patches, so that it is the packet the receiver has
/// missed. Header extensions are written anew; the send time is the repeat's own. Padding is left out, the sender's as
/// well as that of evened-out frames (docs/adr/0014-even-frames.md): it says nothing, repeats are not part of a run,
/// and a receiver hands its decoder the same bytes with it and without.
public struct RTXStream: BitwiseCopyable, Sendable {
    /// What an RTX payload has in front of the original's: its sequence number (RFC 4588 4).
    public static let prefixBytes = 2

    /// The SSRC the receiver knows as the repeats of the source.
    public let ssrc: UInt32
    /// The number of the next packet.
    public private(set) var nextSequence: UInt16

    /// A stream of which nothing has been sent.
    /// - Parameter last: the highest number that left under this SSRC to this receiver before; packets cannot be
    ///   encrypted under numbers that were used. `nil` when there was none.
    public init(ssrc: UInt32, after last: UInt16?) {
        self.ssrc = ssrc
        nextSequence = (last ?? 0) &+ 1
    }

    /// A repeat in its slot, in plaintext: encrypt it where it lies, behind the patches that ``Repeat/patch`` names.
    public struct Written: BitwiseCopyable, Hashable, Sendable {
        /// Length of the header.
        public let headerBytes: Int
        /// Length of what is to be encrypted behind it.
        public let payloadBytes: Int
        /// Where the original payload begins, from the start of the slot.
        public let mediaOffset: Int
    }

    /// Writes a repeat as a packet of this stream, under its next number.
    /// - Parameters:
    ///   - payloadType: the receiver's RTX payload type for the packet's own (`apt`).
    ///   - receiver: the receiver's header extensions.
    ///   - sendTime: for its abs-send-time; `nil` writes none.
    ///   - mediaID: of its media line, where that is stamped.
    /// - Returns: `nil` when it does not fit `slot`.
    public mutating func write(
        _ value: Repeat, of packet: StoredPacket, payloadType: UInt8, receiver: ExtensionTable,
        sendTime: AbsoluteSendTime?, mediaID: MediaID = .none, into slot: UnsafeMutableRawBufferPointer
    ) -> Written? {
        let written = Self.write(
            value, packet, ssrc: ssrc, sequence: nextSequence, payloadType: payloadType, receiver, sendTime, mediaID,
            hasPrefix: true, slot)
        if written != nil { nextSequence &+= 1 }
        return written
    }

    /// Writes a repeat under its old number and SSRC, for a receiver without RTX.
    ///
    /// It goes through the cipher a second time with the same index. That gives nothing away only where a counter mode
    /// encrypts the same payload again and the tag is a MAC of its own (AES_CM with HMAC-SHA1). With AES-GCM it must
    /// not be done: another send time or one byte less of padding under the same nonce, and the authentication key is
    /// lost (RFC 7714).
    public static func writePlain(
        _ value: Repeat, of packet: StoredPacket, ssrc: UInt32, payloadType: UInt8, receiver: ExtensionTable,
        sendTime: AbsoluteSendTime?, mediaID: MediaID = .none, into slot: UnsafeMutableRawBufferPointer
    ) -> Written? {
        write(
            value, packet, ssrc: ssrc, sequence: value.sequence, payloadType: payloadType, receiver, sendTime, mediaID,
            hasPrefix: false, slot)
    }

    private static func write(
        _ value: Repeat, _ packet: StoredPacket, ssrc: UInt32, sequence: UInt16, payloadType: UInt8,
        _ receiver: ExtensionTable, _ sendTime: AbsoluteSendTime?, _ mediaID: MediaID, hasPrefix: Bool,
        _ slot: UnsafeMutableRawBufferPointer
    ) -> Written? {
        var info = packet.info
        if value.patch.fields.contains(.marker) { info.marker = true }
        let headerBytes = HeaderRewriter.write(
            info, from: packet.bytes, into: slot, receiver: receiver, ssrc: ssrc, sequence: sequence,
            timestamp: info.timestamp &+ value.patch.timestampOffset, payloadType: payloadType,
            descriptor: value.patch.descriptor(of: info), sendTime: sendTime, mediaID: mediaID)
        let mediaOffset = headerBytes + (hasPrefix ? prefixBytes : 0)
        guard headerBytes > 0, mediaOffset + info.payloadBytes <= slot.count, let base = slot.baseAddress else {
            return nil
        }
        if hasPrefix {
            slot.storeBytes(of: value.sequence.bigEndian, toByteOffset: headerBytes, as: UInt16.self)
        }
        (base + mediaOffset).copyMemory(from: packet.base + info.headerBytes, byteCount: info.payloadBytes)
        return Written(
            headerBytes: headerBytes, payloadBytes: mediaOffset - headerBytes + info.payloadBytes,
            mediaOffset: mediaOffset)
    }
}
