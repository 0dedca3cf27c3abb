// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Chunk types (RFC 9260 §3.2, 3758, 6525).
struct ChunkType: RawRepresentable, Hashable, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    static let data = ChunkType(rawValue: 0)
    static let initiation = ChunkType(rawValue: 1)
    static let initiationAck = ChunkType(rawValue: 2)
    static let sack = ChunkType(rawValue: 3)
    static let heartbeat = ChunkType(rawValue: 4)
    static let heartbeatAck = ChunkType(rawValue: 5)
    static let abort = ChunkType(rawValue: 6)
    static let shutdown = ChunkType(rawValue: 7)
    static let shutdownAck = ChunkType(rawValue: 8)
    static let error = ChunkType(rawValue: 9)
    static let cookieEcho = ChunkType(rawValue: 10)
    static let cookieAck = ChunkType(rawValue: 11)
    static let shutdownComplete = ChunkType(rawValue: 14)
    static let reconfiguration = ChunkType(rawValue: 130)
    static let forwardTSN = ChunkType(rawValue: 192)

    /// Whether the rest of a packet is to be left alone when this type is unknown.
    var stopsPacket: Bool { rawValue & 0x80 == 0 }
    /// Whether the peer wants to hear that this type is unknown.
    var wantsReport: Bool { rawValue & 0x40 != 0 }
}
