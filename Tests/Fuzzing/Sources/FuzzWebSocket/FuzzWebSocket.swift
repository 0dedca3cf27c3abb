// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives
import Zlib

@testable import WebSocket

/// One WebSocket: the first byte says how the rest, the client's bytes, is cut into pieces, and whether compression was
/// agreed on. The same bytes also stand for the headers of a handshake.
///
/// Laws: the same comes out whole and in pieces; no message is longer than the limit; what we send are whole frames,
/// the last of them a goodbye; nothing comes out behind it; time ends every connection.
@main struct FuzzWebSocket {
    static func main() {
        fuzz { bytes, count in
            let script = input(bytes, count)
            guard let seed = script.first else { return 0 }
            let stream = Array(script.dropFirst())
            let isDeflated = seed & 0x80 != 0
            let whole = Outcome([stream], isDeflated)
            var pieces: [[UInt8]] = []
            var rest = stream[...]
            var random = Random(seed: UInt64(seed))
            while !rest.isEmpty {
                let size = min(rest.count, random.int(in: 1...(seed % 2 == 0 ? 4 : 64)))
                pieces.append(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            require(Outcome(pieces, isDeflated) == whole, "pieces mean the same")
            negotiate(String(decoding: stream, as: UTF8.self))
            return 0
        }
    }
}

/// What came of a connection.
private struct Outcome: Equatable {
    var events: [WebSocketSession.Event] = []
    /// What the close frame held, which may be nothing; `nil` without one.
    var goodbye: [UInt8]?
    var isClosed = false
    var reason: CloseReason?

    init(_ pieces: [[UInt8]], _ isDeflated: Bool) {
        guard var inflater = try? Inflater() else { return }
        var session = WebSocketSession(.init(), isDeflated: isDeflated, opening: [], at: .zero)
        var output: [UInt8] = []
        for piece in pieces {
            session.handle(piece, at: .zero)
            while let event = session.pollEvent(&inflater, at: .zero) {
                require(session.isOpen || event == .control, "nothing behind a goodbye")
                if case .text(let text) = event {
                    require(text.count <= WebSocketLimits.messageBytes, "messages have a limit")
                }
                events.append(event)
            }
            session.gather()
            output += session.pendingOutput
            session.didTransmit(session.pendingOutput.count, at: .zero)
        }
        goodbye = Self.goodbye(output)
        require(session.isOpen == (goodbye == nil), "a connection ends with a goodbye")
        isClosed = session.isClosed
        reason = session.closeReason
        var now = Timestamp.zero
        for _ in 0..<8 {
            guard let due = session.nextTimeout else { break }
            now = max(now, due)
            session.handleTimeout(at: now)
            session.gather()
            session.didTransmit(session.pendingOutput.count, at: now)
        }
        require(session.isClosed, "time ends every connection")
    }

    /// The close frame at the end of whole frames, which are short ones here.
    private static func goodbye(_ output: [UInt8]) -> [UInt8]? {
        var rest = output[...]
        while let first = rest.popFirst() {
            guard let length = rest.popFirst(), rest.count >= Int(length) else {
                require(false, "whole frames")
                return nil
            }
            if first == 0x88 {
                require(rest.count == Int(length), "the goodbye is the last")
                return Array(rest)
            }
            require(first == 0x8A, "answers to pings")
            rest = rest.dropFirst(Int(length))
        }
        return nil
    }
}

private func negotiate(_ text: String) {
    if let answer = DeflateOffer.answer(to: text) {
        require(answer.hasPrefix("permessage-deflate; server_no_context_takeover; client_no"), "no history")
    }
    let handshake = Handshake(isHTTP10: false, allowsDeflate: true) { name in
        name == "sec-websocket-key" ? text : name == "sec-websocket-version" ? "13" : "websocket, upgrade"
    }
    if case .acceptable = handshake { require(text.utf8.count == 24, "sixteen bytes") }
}
