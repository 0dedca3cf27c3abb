// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import WebSocket

@Suite("WebSocket, frames")
struct FrameTests {
    @Test("the examples of RFC 6455 5.7 are read and written")
    func examples() throws {
        #expect(FrameWriter.frame(.text, Array("Hello".utf8)) == [UInt8](hex: "81 05 48 65 6c 6c 6f"))
        #expect(FrameWriter.frame(.ping, Array("Hello".utf8)) == [UInt8](hex: "89 05 48 65 6c 6c 6f"))
        let bytes = [UInt8](repeating: 7, count: 256)
        #expect(FrameWriter.frame(.binary, bytes) == [UInt8](hex: "82 7E 01 00") + bytes)
        let many = [UInt8](repeating: 7, count: 65_536)
        #expect(FrameWriter.frame(.binary, many) == [UInt8](hex: "82 7F 00 00 00 00 00 01 00 00") + many)

        var conversation = try Conversation()
        conversation.receive([UInt8](hex: "81 85 37 fa 21 3d 7f 9f 4d 51 58"))
        #expect(conversation.texts == ["Hello"])
        conversation.receive([UInt8](hex: "8a 85 37 fa 21 3d 7f 9f 4d 51 58"))
        #expect(conversation.events.last == .control && conversation.output.isEmpty)
        conversation.receive(Client.frame(1, Array("Hel".utf8), isFinal: false))
        #expect(conversation.texts.count == 1)
        conversation.receive(Client.frame(0, Array("lo".utf8)))
        #expect(conversation.texts == ["Hello", "Hello"])
        conversation.receive(Client.frame(2, bytes))
        #expect(conversation.events.last == .binary)
    }

    @Test("a ping is answered with what it holds, between the frames of a message too")
    func pings() throws {
        var conversation = try Conversation()
        conversation.receive(Client.frame(1, Array("Hel".utf8), isFinal: false))
        conversation.receive(Client.frame(9, Array("are you there".utf8)))
        conversation.receive(Client.frame(0, Array("lo".utf8)))
        #expect(conversation.texts == ["Hello"])
        #expect(conversation.output == FrameWriter.frame(.pong, Array("are you there".utf8)))
        // RFC 6455 5.5.3: of several that wait only the last is owed an answer.
        var stuck = try Conversation(opening: [1])
        stuck.session.handle(Client.frame(9, [1]) + Client.frame(9, [2]) + Client.frame(9, [3]), at: .zero)
        stuck.receive([])
        #expect(stuck.output == [1] + FrameWriter.frame(.pong, [3]))
    }

    /// What is wrong, and the number that the client is told.
    static let violations: [(String, [UInt8], UInt16)] = [
        ("not masked", Client.frame(1, Array("Hello".utf8), isMasked: false), 1002),
        ("not masked ping", Client.frame(9, isMasked: false), 1002),
        ("reserved bit 1", Client.frame(1, [65], reserved: 0x40), 1002),
        ("reserved bit 2", Client.frame(1, [65], reserved: 0x20), 1002),
        ("reserved bit 3", Client.frame(1, [65], reserved: 0x10), 1002),
        ("kind 3", Client.frame(3), 1002), ("kind 7", Client.frame(7), 1002), ("kind 11", Client.frame(11), 1002),
        ("kind 15", Client.frame(15), 1002), ("continuation of nothing", Client.frame(0, [65]), 1002),
        ("a message within another", Client.frame(1, [65], isFinal: false) + Client.frame(1, [65]), 1002),
        ("a ping in pieces", Client.frame(9, [65], isFinal: false), 1002),
        ("a long ping", Client.frame(9, [UInt8](repeating: 65, count: 126)), 1002),
        (
            "two bytes of length for 125", Client.frame(1, [UInt8](repeating: 65, count: 125), length: [126, 0, 125]),
            1002
        ),
        ("eight bytes of length for 65,535", Client.frame(1, length: [127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]), 1002),
        ("the largest length", Client.frame(1, length: [127] + [UInt8](repeating: 0xFF, count: 8)), 1009),
        ("half the largest length", Client.frame(1, length: [127, 0x7F] + [UInt8](repeating: 0xFF, count: 7)), 1009),
        ("a byte too much", Client.frame(1, length: [127, 0, 0, 0, 0, 0, 1, 0, 1]), 1009),
        (
            "a byte too much in two frames",
            Client.frame(1, [UInt8](repeating: 65, count: 65_536), isFinal: false) + Client.frame(0, [65]), 1009
        ),
        ("no UTF-8", Client.frame(1, [0xC3, 0x28]), 1007), ("a surrogate", Client.frame(1, [0xED, 0xA0, 0x80]), 1007),
        ("half a character", Client.frame(1, [0xE2, 0x82]), 1007),
        ("an overlong character", Client.frame(1, [0xC0, 0xAF]), 1007),
        ("a close of one byte", Client.frame(8, [3]), 1002), ("close 999", Client.close(999), 1002),
        ("close 1004", Client.close(1004), 1002), ("close 1005", Client.close(1005), 1002),
        ("close 1006", Client.close(1006), 1002), ("close 1015", Client.close(1015), 1002),
        ("close 2999", Client.close(2999), 1002), ("close 5000", Client.close(5000), 1002),
        ("a close whose text is no UTF-8", Client.frame(8, [3, 0xE8, 0xFF]), 1007),
    ]

    @Test("what RFC 6455 forbids is told by number, and nothing behind it is read", arguments: violations)
    func forbidden(_ what: String, _ bytes: [UInt8], _ code: UInt16) throws {
        var conversation = try Conversation()
        conversation.receive(bytes + Client.text("later"))
        #expect(conversation.texts.isEmpty, "\(what)")
        #expect(conversation.sentClose?.code == code, "\(what)")
        #expect(conversation.session.isViolated && !conversation.session.isOpen && conversation.session.hasOutputEnded)
        conversation.receive(Client.text("later still"))
        #expect(conversation.texts.isEmpty)
        let due = try #require(conversation.session.nextTimeout)
        conversation.session.handleTimeout(at: due)
        #expect(conversation.session.isClosed)
    }

    @Test("a message of the limit is taken, in one frame or in many")
    func limit() throws {
        let text = [UInt8](repeating: 65, count: WebSocketLimits.messageBytes)
        var conversation = try Conversation()
        conversation.receive(Client.frame(1, text))
        #expect(conversation.events == [.text(text)])
        conversation.receive(Client.frame(1, isFinal: false))
        for _ in 0..<64 { conversation.receive(Client.frame(0, [UInt8](repeating: 65, count: 1_024), isFinal: false)) }
        conversation.receive(Client.frame(0))
        #expect(conversation.events == [.text(text), .text(text)])
    }

    @Test("a message in frames without end, empty ones too, is refused")
    func manyFragments() throws {
        var conversation = try Conversation()
        conversation.receive(Client.frame(1, isFinal: false))
        for _ in 0..<WebSocketLimits.fragments { conversation.receive(Client.frame(0, isFinal: false)) }
        #expect(conversation.sentClose?.code == 1008)
    }

    @Test("a close reason too long for its frame is cut between characters")
    func longReason() {
        let reason = CloseReason(1000, String(repeating: "ü", count: 100))
        #expect(reason.payload.count == 124)
        #expect(String(decoding: reason.payload.dropFirst(2), as: UTF8.self) == String(repeating: "ü", count: 61))
        #expect(CloseReason(1000, String(repeating: "a", count: 200)).payload.count == 125)
    }
}
