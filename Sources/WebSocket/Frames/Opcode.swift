// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a frame is (RFC 6455 5.2).
enum Opcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    /// Whether such a frame may stand between those of a message, and has a message's rules not (RFC 6455 5.5).
    var isControl: Bool { rawValue >= 8 }
}
