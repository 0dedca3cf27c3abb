// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the generator reads of an RTP header before decryption (RFC 3550 5.1, RFC 8285).
struct HeaderView {
    var payloadType: UInt8
    var marker: Bool
    var sequence: UInt16
    var timestamp: UInt32
    var ssrc: UInt32
    /// Bytes before the payload.
    var byteCount: Int
    var hasPadding: Bool
    /// The transport-wide number, where the header carries one.
    var transportWide: UInt16?

    /// `nil` when it is no RTP.
    @inline(__always)
    init?(_ packet: UnsafeRawBufferPointer) {
        guard packet.count >= 12, packet[0] >> 6 == 2 else { return nil }
        func load16(_ at: Int) -> UInt16 {
            UInt16(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt16.self))
        }
        func load32(_ at: Int) -> UInt32 {
            UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: at, as: UInt32.self))
        }
        payloadType = packet[1] & 0x7F
        marker = packet[1] & 0x80 != 0
        sequence = load16(2)
        timestamp = load32(4)
        ssrc = load32(8)
        hasPadding = packet[0] & 0x20 != 0
        byteCount = 12 + 4 * Int(packet[0] & 15)
        guard packet.count >= byteCount else { return nil }
        guard packet[0] & 0x10 != 0 else { return }
        let start = byteCount + 4
        guard packet.count >= start else { return nil }
        let profile = load16(start - 4)
        byteCount = start + 4 * Int(load16(start - 2))
        guard packet.count >= byteCount else { return nil }
        transportWide = Self.transportWide(packet, start, byteCount, isOneByte: profile == 0xBEDE)
    }

    @inline(__always)
    private static func transportWide(
        _ packet: UnsafeRawBufferPointer, _ start: Int, _ end: Int, isOneByte: Bool
    ) -> UInt16? {
        var at = start
        while at < end {
            let id: UInt8
            let length: Int
            if packet[at] == 0 {
                at += 1
                continue
            }
            if isOneByte {
                id = packet[at] >> 4
                length = Int(packet[at] & 15) + 1
                at += 1
            } else {
                guard at + 1 < end else { return nil }
                id = packet[at]
                length = Int(packet[at + 1])
                at += 2
            }
            guard at + length <= end else { return nil }
            if id == Offer.transportWideID, length == 2 { return UInt16(packet[at]) << 8 | UInt16(packet[at + 1]) }
            at += length
        }
        return nil
    }
}
