// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What a datagram is, told by its first byte (RFC 7983, RFC 9443) and, for RTP and RTCP, its second (RFC 5761).
public enum DatagramClass: UInt8, Sendable, BitwiseCopyable {
    case stun, dtls, turnChannel, rtp, rtcp, unknown

    /// Classifies a datagram; too short ones are `unknown`.
    @inline(__always)
    public init(_ datagram: RawSpan) {
        guard datagram.byteCount >= 2 else {
            self = .unknown
            return
        }
        switch datagram.uint8(at: 0) {
        case 0...3: self = .stun
        case 20...63: self = .dtls
        case 64...79: self = .turnChannel
        case 128...191:
            let isRTCP = (192...223).contains(datagram.uint8(at: 1))
            self = datagram.byteCount < (isRTCP ? 8 : 12) ? .unknown : (isRTCP ? .rtcp : .rtp)
        default: self = .unknown
        }
    }
}
