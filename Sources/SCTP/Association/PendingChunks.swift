// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Chunks that the next packet has to carry and that need no more than their name.
struct PendingChunks: OptionSet, BitwiseCopyable, Sendable {
    let rawValue: UInt8

    static let initiation = PendingChunks(rawValue: 1)
    static let cookieEcho = PendingChunks(rawValue: 2)
    static let cookieAck = PendingChunks(rawValue: 4)
    static let forwardTSN = PendingChunks(rawValue: 8)
    static let shutdown = PendingChunks(rawValue: 16)
    static let shutdownAck = PendingChunks(rawValue: 32)
    static let heartbeat = PendingChunks(rawValue: 64)
    static let resetRequest = PendingChunks(rawValue: 128)
}
