// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What an INIT or INIT ACK says (RFC 9260 §3.3.2, §3.3.3).
struct Initiation {
    static let fixedBytes = 16
    /// The error detection method of RFC 9653 §6: SCTP over DTLS.
    private static let dtlsMethod: UInt32 = 1

    var tag: UInt32
    var window: UInt32
    var outboundStreams: UInt16
    var inboundStreams: UInt16
    var initialTSN: UInt32
    var features: PeerFeatures = []
    /// The peer's cookie, in an INIT ACK.
    var cookie: [UInt8] = []
    /// Parameters that the peer wants to hear of when they are unknown, whole and padded.
    var unrecognized: [UInt8] = []

    init(tag: UInt32, window: UInt32, streams: UInt16, initialTSN: UInt32) {
        self.tag = tag
        self.window = window
        outboundStreams = streams
        inboundStreams = streams
        self.initialTSN = initialTSN
    }

    /// Reads the value of an INIT or INIT ACK; `nil` when a mandatory field makes no sense.
    init?(_ value: RawSpan) {
        guard value.byteCount >= Self.fixedBytes else { return nil }
        tag = value.uint32(at: 0)
        window = value.uint32(at: 4)
        outboundStreams = value.uint16(at: 8)
        inboundStreams = value.uint16(at: 10)
        initialTSN = value.uint32(at: 12)
        guard tag != 0, outboundStreams > 0, inboundStreams > 0 else { return nil }
        var offset = Self.fixedBytes
        // Ends: each parameter has at least four bytes.
        while value.byteCount - offset >= 4 {
            let type = value.uint16(at: offset)
            let length = Int(value.uint16(at: offset + 2))
            guard length >= 4, length <= value.byteCount - offset else { return nil }
            guard take(type, value.slice(offset + 4, count: length - 4)) else { break }
            offset += (length + 3) & ~3
        }
    }

    /// Takes one parameter in; says whether reading goes on.
    private mutating func take(_ type: UInt16, _ body: RawSpan) -> Bool {
        switch type {
        case ParameterType.stateCookie:
            guard body.byteCount <= SCTPLimits.cookieBytes else { break }
            cookie = body.toArray()
        case ParameterType.forwardTSNSupported: features.insert(.partialReliability)
        case ParameterType.supportedExtensions:
            for index in 0..<body.byteCount {
                switch ChunkType(rawValue: body.uint8(at: index)) {
                case .reconfiguration: features.insert(.reconfiguration)
                case .forwardTSN: features.insert(.partialReliability)
                default: break
                }
            }
        case ParameterType.zeroChecksumAcceptable:
            if body.byteCount >= 4, body.uint32(at: 0) == Self.dtlsMethod { features.insert(.zeroChecksum) }
        default:
            if ParameterType.ignored.contains(type) || type == ParameterType.unrecognized { break }
            if type & 0x4000 != 0, unrecognized.count + body.byteCount + 8 <= SCTPLimits.echoedBytes {
                var writer = ByteWriter(capacity: body.byteCount + 8)
                writer.uint16(type)
                writer.uint16(UInt16(truncatingIfNeeded: body.byteCount + 4))
                writer.append(body.toArray())
                while writer.count & 3 != 0 { writer.uint8(0) }
                unrecognized += writer.bytes
            }
            return type & 0x8000 != 0
        }
        return true
    }

    /// The value of an INIT or INIT ACK that says this; our features are always the same.
    func encoded(offersZeroChecksum: Bool) -> [UInt8] {
        var writer = ByteWriter(capacity: 64 + cookie.count + unrecognized.count)
        writer.uint32(tag)
        writer.uint32(window)
        writer.uint16(outboundStreams)
        writer.uint16(inboundStreams)
        writer.uint32(initialTSN)
        writer.uint16(ParameterType.forwardTSNSupported)
        writer.uint16(4)
        writer.uint16(ParameterType.supportedExtensions)
        writer.uint16(6)
        writer.append([ChunkType.reconfiguration.rawValue, ChunkType.forwardTSN.rawValue, 0, 0])
        if offersZeroChecksum {
            writer.uint16(ParameterType.zeroChecksumAcceptable)
            writer.uint16(8)
            writer.uint32(Self.dtlsMethod)
        }
        if !cookie.isEmpty {
            writer.uint16(ParameterType.stateCookie)
            writer.uint16(UInt16(truncatingIfNeeded: cookie.count + 4))
            writer.append(cookie)
            while writer.count & 3 != 0 { writer.uint8(0) }
        }
        if !unrecognized.isEmpty {
            writer.uint16(ParameterType.unrecognized)
            writer.uint16(UInt16(truncatingIfNeeded: unrecognized.count + 4))
            writer.append(unrecognized)
        }
        return writer.bytes
    }
}
