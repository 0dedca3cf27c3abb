// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Turns what a sender repeats back into the packet that was lost (RFC 4588 4; media-plane.md 6.5).
public enum RTXUnwrapping {
    /// What a packet of an RTX stream is.
    public enum Result: UInt8, Sendable {
        /// A packet again, ``RTXStream/prefixBytes`` further on in the slab.
        case packet
        /// Nothing in it: a probe of the sender's, which counts for feedback alone.
        case probe
        /// One byte where a sequence number has two.
        case malformed
    }

    /// Restores the original packet in place: the header moves over the original's sequence number, the payload stays.
    ///
    /// On ``Result/packet`` the packet begins at `packet`'s base + ``RTXStream/prefixBytes``, and `info` describes it
    /// there, with its extensions as they came on the RTX stream. On the other results nothing has changed.
    /// - Parameters:
    ///   - packet: the decrypted RTX packet.
    ///   - info: what door 4 found in it.
    ///   - ssrc: of the stream that it repeats.
    ///   - payloadType: the one its own repeats (`apt`).
    public static func restore(
        _ packet: UnsafeMutableRawBufferPointer, _ info: inout PacketInfo, ssrc: UInt32, payloadType: UInt8
    ) -> Result {
        guard info.payloadBytes >= RTXStream.prefixBytes else { return info.payloadBytes == 0 ? .probe : .malformed }
        guard let base = packet.baseAddress, info.headerBytes >= 12,
            info.headerBytes + info.payloadBytes + info.paddingBytes <= packet.count
        else { return .malformed }
        let original = UInt16(
            bigEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: info.headerBytes, as: UInt16.self))
        let start = base + RTXStream.prefixBytes
        // The regions overlap, which copyMemory allows.
        start.copyMemory(from: base, byteCount: info.headerBytes)
        info.sequence = original
        info.ssrc = ssrc
        info.payloadType = payloadType & 0x7F
        info.byteCount -= RTXStream.prefixBytes
        info.payloadBytes -= RTXStream.prefixBytes
        start.storeBytes(of: (info.marker ? 0x80 : 0) | info.payloadType, toByteOffset: 1, as: UInt8.self)
        start.storeBytes(of: original.bigEndian, toByteOffset: 2, as: UInt16.self)
        start.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
        return .packet
    }
}
