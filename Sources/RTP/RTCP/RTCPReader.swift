// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Walks the packets of a decrypted RTCP datagram: compound or reduced-size (RFC 3550 6.1, RFC 5506).
///
/// The walk ends at the first packet that is malformed; ``isMalformed`` tells. It also ends after
/// ``RTPLimits/packetsPerCompound`` packets.
public struct RTCPReader: BitwiseCopyable {
    private var position = 0
    private var budget = RTPLimits.packetsPerCompound
    /// Whether the walk ended at something that is no RTCP packet.
    public private(set) var isMalformed = false

    /// Starts at the first packet.
    public init() {}

    /// The next packet of `datagram`, which must be the same in each call; `nil` at the end.
    public mutating func next(in datagram: RawSpan) -> RTCPPacket? {
        let remaining = datagram.byteCount - position
        guard remaining > 0, budget > 0, !isMalformed else { return nil }
        budget -= 1
        guard remaining >= 4 else { return malformed() }
        let first = datagram.uint8(at: position)
        let size = 4 * (Int(datagram.uint16(at: position + 2)) + 1)
        guard first >> 6 == 2, size <= remaining else { return malformed() }
        var padding = 0
        if first & 0x20 != 0 {
            padding = Int(datagram.uint8(at: position + size - 1))
            guard padding > 0, padding <= size - 4 else { return malformed() }
        }
        defer { position += size }
        return RTCPPacket(
            type: RTCPType(rawValue: datagram.uint8(at: position + 1)), count: first & 31, offset: position,
            byteCount: size - padding)
    }

    private mutating func malformed() -> RTCPPacket? {
        isMalformed = true
        return nil
    }
}
