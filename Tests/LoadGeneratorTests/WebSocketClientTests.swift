// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import OpenSSL
import Primitives
import TestSupport
import Testing

@testable import LoadGenerator

/// The client's side of a WebSocket, against frames written by hand.
@Suite("WebSocketClient")
struct WebSocketClientTests {
    private let url: WebSocketURL

    init() throws {
        url = try #require(WebSocketURL("ws://bridge.example.net:8080/colibri-ws/id/c/e?pwd=x"))
    }

    /// A client whose handshake was asked for, and the answer to it.
    private func dial() throws -> (client: WebSocketClient, answer: [UInt8]) {
        var client = WebSocketClient(url, random: Random(seed: 1))
        let request = String(decoding: client.pollBytes() ?? [], as: UTF8.self)
        #expect(request.hasPrefix("GET /colibri-ws/id/c/e?pwd=x HTTP/1.1\r\nHost: bridge.example.net:8080\r\n"))
        #expect(request.hasSuffix("\r\n\r\n"))
        let key = try #require(request.firstMatch(of: #/Sec-WebSocket-Key: (\S+)\r\n/#)?.1)
        #expect(Base64.decode(String(key))?.count == 16)
        let accept = Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)
        let answer =
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Accept: \(Base64.encode(MessageDigest.sha1(accept.rawSpan)))\r\n\r\n"
        return (client, Array(answer.utf8))
    }

    private func opened() throws -> WebSocketClient {
        var (client, answer) = try dial()
        client.handle(answer)
        #expect(client.pollEvent() == .opened)
        return client
    }

    private func events(_ client: inout WebSocketClient) -> [CarrierEvent] {
        var result: [CarrierEvent] = []
        while let event = client.pollEvent() { result.append(event) }
        return result
    }

    @Test("the answer and a message behind it are read however they are cut")
    func cuts() throws {
        let (fresh, answer) = try dial()
        let bytes = answer + [0x81, 2] + Array("ok".utf8)
        for cut in 0...bytes.count {
            var client = fresh
            client.handle(Array(bytes[..<cut]))
            client.handle(Array(bytes[cut...]))
            #expect(events(&client) == [.opened, .text(Array("ok".utf8))])
        }
    }

    @Test(
        "a refusal, a wrong key, an extension that nobody offered and an endless head end it with a reason",
        arguments: [
            ("HTTP/1.1 403 Forbidden\r\n\r\n", "the bridge answered the WebSocket handshake with HTTP 403"),
            (
                "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
                "the bridge's answer to the WebSocket handshake is not RFC 6455's"
            ),
            (String(repeating: "x", count: 20_000), "no end of the WebSocket handshake's answer"),
        ])
    func refusal(answer: String, reason: String) throws {
        var (client, right) = try dial()
        client.handle(Array(answer.utf8))
        #expect(events(&client) == [.ended(reason)] && !client.isOpen)
        (client, right) = try dial()
        let extended = String(decoding: right, as: UTF8.self).dropLast(2) + "Sec-WebSocket-Extensions: x\r\n\r\n"
        client.handle(Array(extended.utf8))
        #expect(!client.isOpen)
    }

    /// A frame's opcode and payload, unmasked.
    private func unmasked(_ frame: [UInt8]) -> (opcode: UInt8, payload: [UInt8])? {
        guard frame.count >= 6, frame[0] & 0xF0 == 0x80, frame[1] & 0x80 != 0 else { return nil }
        let short = Int(frame[1] & 127)
        let size = short == 126 ? 2 : short == 127 ? 8 : 0
        let length = size == 0 ? short : frame[2..<2 + size].reduce(0) { $0 << 8 | Int($1) }
        let mask = Array(frame[2 + size..<6 + size])
        let payload = frame[(6 + size)...].enumerated().map { $0.element ^ mask[$0.offset & 3] }
        return payload.count == length ? (frame[0] & 15, payload) : nil
    }

    @Test("messages of every size class leave masked", arguments: [0, 125, 126, 65_535, 65_536])
    func sending(size: Int) throws {
        var client = try opened()
        let text = (0..<size).map { UInt8(97 + $0 % 26) }
        client.send(text: text)
        let bytes = client.pollBytes() ?? []
        let frame = try #require(unmasked(bytes))
        #expect(frame.opcode == 1 && frame.payload == text)
    }

    @Test("fragments are put together, pings answered in between, and the end is told")
    func receiving() throws {
        var client = try opened()
        client.handle([0x01, 1, 97, 0x89, 1, 7, 0x00, 1, 98, 0x80, 1, 99])
        #expect(events(&client) == [.text(Array("abc".utf8))])
        let answer = client.pollBytes() ?? []
        let pong = try #require(unmasked(answer))
        #expect(pong.opcode == 10 && pong.payload == [7])
        let long = [UInt8](repeating: 120, count: 300)
        client.handle([0x81, 126, 1, 44] + long + [0x88, 10, 0x03, 0xE8] + Array("replaced".utf8))
        #expect(events(&client) == [.text(long), .ended("the bridge closed the WebSocket (1000 replaced)")])
        let farewell = client.pollBytes() ?? []
        #expect(unmasked(farewell)?.payload == [0x03, 0xE8])
        client.handle([0x81, 1, 97])
        #expect(events(&client) == [])
    }

    @Test(
        "what RFC 6455 forbids ends it",
        arguments: [
            [0x81, 0x81, 0, 0, 0, 0, 1], [0xC1, 1, 97], [0x80, 1, 97], [0x82, 1, 97], [0x09, 0],
            [0x01, 1, 97, 0x81, 1, 97], [0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255], [0x89, 126, 0, 126],
        ] as [[UInt8]])
    func forbidden(bytes: [UInt8]) throws {
        var client = try opened()
        client.handle(bytes)
        #expect(!client.isOpen && events(&client).count == 1)
    }

    @Test("no stream of bytes traps")
    func hostile() throws {
        let fresh = try opened()
        let valid: [UInt8] = [0x81, 3, 97, 98, 99, 0x89, 0, 0x01, 1, 97, 0x80, 1, 98, 0x88, 2, 3, 232]
        let failure = checkProperty(cases: 3_000) { random in
            var client = fresh
            client.handle(mutate(valid, using: &random))
            while client.pollEvent() != nil {}
            return nil
        }
        #expect(failure == nil)
    }

    @Test("addresses are read, and others refused")
    func addresses() throws {
        let secure = try #require(WebSocketURL("wss://[2001:db8::1]/a?pwd=b#c"))
        #expect(secure.isSecure && secure.host == "2001:db8::1" && secure.port == 443 && secure.path == "/a?pwd=b")
        #expect(WebSocketURL("ws://h")?.path == "/" && WebSocketURL("ws://h?x")?.path == "/?x")
        for wrong in ["http://h/", "ws:/h", "ws://", "ws://h:0/", "ws://h/a b", "ws://h/\r\nX: y", ""] {
            #expect(WebSocketURL(wrong) == nil, "\(wrong)")
        }
    }
}
