// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import Zlib

@testable import WebSocket

/// How the network cuts and joins frames changes nothing.
@Suite("WebSocket, splits and joins")
struct SplitTests {
    private static let parts: [[UInt8]] = [
        Client.text("Hello"), Client.text(""), Client.text("Grüße"), Client.frame(9, [1, 2, 3]), Client.frame(10),
        Client.frame(1, Array("Gr\u{FC}".utf8.dropLast()), isFinal: false) + Client.frame(9)
            + Client.frame(0, Array("ü".utf8.suffix(1))),
        Client.frame(1, [UInt8](hex: "f2 48 cd c9 c9 07 00"), reserved: 0x40),
        Client.frame(1, [UInt8](repeating: 66, count: 300)), Client.frame(2, [UInt8](repeating: 66, count: 70)),
    ]

    private struct Outcome: Equatable {
        var events: [WebSocketSession.Event]
        var output: [UInt8]
        var isClosed: Bool
        var reason: CloseReason?

        init(_ pieces: [[UInt8]]) throws {
            var conversation = try Conversation(isDeflated: true)
            for piece in pieces { conversation.receive(piece) }
            events = conversation.events
            // How many of the pings get an answer depends on the cuts (RFC 6455 5.5.3); nothing else does.
            output = (Client.frames(conversation.output) ?? []).filter { $0.first != 0x8A }.flatMap(\.payload)
            isClosed = conversation.session.isClosed
            reason = conversation.session.closeReason
        }
    }

    @Test("the same comes out wherever a stream of all kinds of frames is cut in two, and byte by byte")
    func everyCut() throws {
        let stream = Self.parts.flatMap(\.self) + Client.close(1000, "bye")
        let whole = try Outcome([stream])
        #expect(whole.events.count == 10 && whole.isClosed)
        for cut in 0...stream.count {
            #expect(try Outcome([Array(stream[..<cut]), Array(stream[cut...])]) == whole, "cut at \(cut)")
        }
        #expect(try Outcome(stream.map { [$0] }) == whole)
    }

    @Test("damaged frames mean the same however they are cut")
    func damaged() {
        let failure = checkProperty(cases: 5_000) { random in
            var stream: [UInt8] = []
            for _ in 0...random.int(in: 0...4) { stream += Self.parts[random.int(in: 0...Self.parts.count - 1)] }
            stream = mutate(stream, using: &random)
            var pieces: [[UInt8]] = []
            var rest = stream[...]
            while !rest.isEmpty {
                let count = min(rest.count, random.int(in: 1...20))
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            guard let whole = try? Outcome([stream]), let cut = try? Outcome(pieces) else { return "no memory" }
            return whole == cut ? nil : "\(whole) or \(cut)"
        }
        #expect(failure == nil)
    }
}
