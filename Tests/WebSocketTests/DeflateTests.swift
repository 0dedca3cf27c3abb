// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import Zlib

@testable import WebSocket

@Suite("WebSocket, compression")
struct DeflateTests {
    /// RFC 7692 7.2.3: a compressed "Hello" in each of its forms.
    static let hellos = [
        "f2 48 cd c9 c9 07 00", "00 05 00 fa ff 48 65 6c 6c 6f 00", "f3 48 cd c9 c9 07 00 00",
        "f2 48 05 00 00 00 ff ff ca c9 c9 07 00",
    ]

    @Test("the examples of RFC 7692 7.2.3 are read", arguments: hellos)
    func examples(_ hex: String) throws {
        var conversation = try Conversation(isDeflated: true)
        conversation.receive(Client.frame(1, [UInt8](hex: hex), reserved: 0x40))
        #expect(conversation.texts == ["Hello"])
        let bytes = [UInt8](hex: hex)
        conversation.receive(Client.frame(1, Array(bytes[..<3]), isFinal: false, reserved: 0x40))
        conversation.receive(Client.frame(0, Array(bytes[3...])))
        #expect(conversation.texts == ["Hello", "Hello"])
    }

    @Test("where compression was agreed on, messages may still come as they are; an empty one may be either")
    func both() throws {
        var conversation = try Conversation(isDeflated: true)
        conversation.receive(Client.text("plain") + Client.text("") + Client.frame(1, [0], reserved: 0x40))
        #expect(conversation.texts == ["plain", "", ""])
    }

    @Test("a message is framed and compressed once, whoever gets it; a client reads it")
    func outgoing() throws {
        let text = Array(String(repeating: #"{"colibriClass":"EndpointMessage"}"#, count: 40).utf8)
        var deflater = OutgoingText.makeDeflater()
        var message = OutgoingText(text)
        let first = message.frame(isDeflated: true, &deflater)
        var none: Deflater?
        let again = message.frame(isDeflated: true, &none)
        #expect(again == first)
        let frame = try #require(Client.frames(first)?.first)
        #expect(frame.first == 0xC1 && frame.payload.count < text.count / 10)
        var inflater = try Inflater()
        let expanded = inflater.expand(frame.payload, limit: 65_536)
        #expect(expanded == .message(text))
        let plain = message.frame(isDeflated: false, &deflater)
        #expect(plain == FrameWriter.frame(.text, text))
    }

    @Test("short messages, ones that would grow, and all without memory for it, go as they are")
    func notCompressed() throws {
        var deflater = OutgoingText.makeDeflater()
        var none: Deflater?
        var random = Random(seed: 3)
        var short = OutgoingText(Array(#"{"colibriClass":"ServerHello"}"#.utf8))
        var noise = OutgoingText(random.bytes(400))
        var long = OutgoingText([UInt8](repeating: 65, count: 400))
        let frames = [
            short.frame(isDeflated: true, &deflater), noise.frame(isDeflated: true, &deflater),
            long.frame(isDeflated: true, &none),
        ]
        #expect(frames.map(\.first) == [0x81, 0x81, 0x81])
    }

    @Test("a message that expands beyond the limit is refused without being expanded; rubbish is, too")
    func bombs() throws {
        var deflater = try Deflater(windowBits: 15, level: 9)
        let bomb = try compress(&deflater, [UInt8](repeating: 0x20, count: 50 << 20))
        #expect(bomb.count < 60_000)
        var conversation = try Conversation(isDeflated: true)
        conversation.receive(Client.frame(1, bomb, reserved: 0x40))
        #expect(conversation.sentClose?.code == 1009)
        let exact = try compress(&deflater, [UInt8](repeating: 0x20, count: 65_536))
        let tooLong = try compress(&deflater, [UInt8](repeating: 0x20, count: 65_537))
        let cases: [([UInt8], UInt16?)] = [
            (exact, nil), (tooLong, 1009), ([0xFF, 0xFF, 0xFF], 1007), ([0xF2, 0x48], 1007),
        ]
        for (payload, code) in cases {
            var conversation = try Conversation(isDeflated: true)
            conversation.receive(Client.frame(1, payload, reserved: 0x40))
            #expect(conversation.sentClose?.code == code)
        }
        // Not UTF-8 once it is expanded.
        var invalid = try Conversation(isDeflated: true)
        invalid.receive(Client.frame(1, try compress(&deflater, [0xC3, 0x28]), reserved: 0x40))
        #expect(invalid.sentClose?.code == 1007)
    }

    @Test("a message that leans on the one before is refused: that was not agreed on")
    func contextTakeover() throws {
        var conversation = try Conversation(isDeflated: true)
        conversation.receive(Client.frame(1, [UInt8](hex: "f2 48 cd c9 c9 07 00"), reserved: 0x40))
        conversation.receive(Client.frame(1, [UInt8](hex: "f2 00 11 00 00"), reserved: 0x40))
        #expect(conversation.texts == ["Hello"])
        #expect(conversation.sentClose?.code == 1007)
    }

    @Test("control frames are never compressed, and only a message's first frame says that it is")
    func reservedBit() throws {
        for frames in [
            Client.frame(9, [65], reserved: 0x40),
            Client.frame(1, [65], isFinal: false) + Client.frame(0, [65], reserved: 0x40),
        ] {
            var conversation = try Conversation(isDeflated: true)
            conversation.receive(frames)
            #expect(conversation.sentClose?.code == 1002)
        }
    }
}

/// Compresses, or fails the test.
func compress(_ deflater: inout Deflater, _ message: [UInt8]) throws -> [UInt8] {
    let small = deflater.compress(message)
    return try #require(small)
}
