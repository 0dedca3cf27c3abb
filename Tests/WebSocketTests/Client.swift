// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing
import Zlib

@testable import WebSocket

/// What a client would send: masked frames (RFC 6455 5.3).
enum Client {
    static func frame(
        _ opcode: UInt8, _ payload: [UInt8] = [], isFinal: Bool = true, reserved: UInt8 = 0, isMasked: Bool = true,
        key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D], length: [UInt8]? = nil
    ) -> [UInt8] {
        var frame: [UInt8] = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let mask: UInt8 = isMasked ? 0x80 : 0
        if let length {
            frame += [mask | length[0]] + length.dropFirst()
        } else if payload.count <= 125 {
            frame.append(mask | UInt8(payload.count))
        } else if payload.count <= 0xFFFF {
            frame += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        } else {
            frame.append(mask | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                frame.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard isMasked else { return frame + payload }
        return frame + key + payload.enumerated().map { $0.element ^ key[$0.offset & 3] }
    }

    static func text(_ text: String) -> [UInt8] { frame(1, Array(text.utf8)) }

    static func close(_ code: UInt16, _ text: String = "") -> [UInt8] {
        frame(8, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(text.utf8))
    }

    /// What a server sends, taken apart; `nil` when it is not whole frames.
    static func frames(_ bytes: [UInt8]) -> [(first: UInt8, payload: [UInt8])]? {
        var result: [(first: UInt8, payload: [UInt8])] = []
        var rest = bytes[...]
        while let first = rest.popFirst() {
            guard let second = rest.popFirst(), second & 0x80 == 0 else { return nil }
            var length = Int(second)
            let more = length == 126 ? 2 : length == 127 ? 8 : 0
            if more > 0 {
                guard rest.count >= more else { return nil }
                length = rest.prefix(more).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(more)
            }
            guard rest.count >= length else { return nil }
            result.append((first, Array(rest.prefix(length))))
            rest = rest.dropFirst(length)
        }
        return result
    }
}

/// A session and all that came of what was sent to it.
struct Conversation {
    var session: WebSocketSession
    var events: [WebSocketSession.Event] = []
    var output: [UInt8] = []
    private let inflater: InflaterBox

    /// zlib's state is not copied with the value; it holds nothing between messages.
    private final class InflaterBox {
        var inflater: Inflater

        init() throws { inflater = try Inflater() }
    }

    init(
        isDeflated: Bool = false, settings: WebSocketSession.Settings = .init(), opening: [UInt8] = [],
        at now: Timestamp = .zero
    ) throws {
        session = WebSocketSession(settings, isDeflated: isDeflated, opening: opening, at: now)
        inflater = try InflaterBox()
    }

    /// Hands in bytes and drains.
    mutating func receive(_ bytes: [UInt8], at now: Timestamp = .zero) {
        session.handle(bytes, at: now)
        while let event = session.pollEvent(&inflater.inflater, at: now) { events.append(event) }
        transmit(at: now)
    }

    /// Takes all that may leave.
    mutating func transmit(at now: Timestamp) {
        session.gather()
        while !session.pendingOutput.isEmpty {
            output += session.pendingOutput
            session.didTransmit(session.pendingOutput.count, at: now)
        }
    }

    var texts: [String] {
        events.compactMap {
            if case .text(let bytes) = $0 { return String(decoding: bytes, as: UTF8.self) }
            return nil
        }
    }

    /// Number and text of the close frame that was sent.
    var sentClose: CloseReason? {
        guard let close = Client.frames(output)?.last, close.first == 0x88, close.payload.count >= 2 else { return nil }
        return CloseReason(
            UInt16(close.payload[0]) << 8 | UInt16(close.payload[1]),
            String(decoding: close.payload.dropFirst(2), as: UTF8.self))
    }
}
