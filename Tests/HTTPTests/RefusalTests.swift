// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import HTTP
import Primitives
import TestSupport
import Testing

/// What is not handed on, and that nothing behind it is either.
@Suite("HTTP, refusals")
struct RefusalTests {
    private static func get(_ lines: String) -> String { "GET / HTTP/1.1\r\nHost: b\r\n" + lines + "\r\n" }
    private static func post(_ lines: String, _ body: String = "") -> String {
        "POST / HTTP/1.1\r\nHost: b\r\n" + lines + "\r\n" + body
    }
    private static func chunked(_ body: String) -> String { post("Transfer-Encoding: chunked\r\n", body) }
    private static func long(_ count: Int) -> String { String(repeating: "a", count: count) }

    static let cases: [(String, Refusal)] = [
        ("\u{16}\u{3}\u{1}", .notHTTP), (" GET / HTTP/1.1\r\n", .notHTTP), ("GET\r\n", .notHTTP), ("\n", .notHTTP),
        ("\rGET", .notHTTP), (String(repeating: "\r\n", count: 5), .notHTTP), (long(33), .notHTTP),
        ("SSH-2.0-OpenSSH_9.2\r\n", .notHTTP),
        ("GET /\r\n", .badLine), ("GET  / HTTP/1.1\r\n", .badLine), ("GET / HTTP/1.1 \r\n", .badLine),
        ("GET / HTTP/1.1\n", .badLine), ("GET / HTTP/1.1\r\r", .badLine), ("GET / http/1.1\r\n", .badLine),
        ("GET /\t HTTP/1.1\r\n", .badLine), ("GET /\u{0} HTTP/1.1\r\n", .badLine), ("GET /\u{E9} ", .badLine),
        ("GET / HTTP/1.1x", .badLine), ("GET / HTTP/1.10\r\n", .badLine),
        ("GET /\(long(2_048)) ", .targetTooLong),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion), ("GET / HTTP/0.9\r\n", .unsupportedVersion),
        ("GET * HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget), ("GET a HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET http:///x HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET ftp://b/ HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET http://:80/ HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET /%00 HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget), ("GET /%4 HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET /%zz HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget), ("GET /?%0 HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        ("GET /#x HTTP/1.1\r\nHost: b\r\n\r\n", .badTarget),
        (get("X: a\r\n b\r\n"), .badField), (get("X : a\r\n"), .badField), (get(": a\r\n"), .badField),
        (get("X\r\n"), .badField), (get("X: a\nY: b\r\n"), .badField), (get("X: a\rY: b\r\n"), .badField),
        (get("X: a\u{0}b\r\n"), .badField), (get("X: \u{7F}\r\n"), .badField), (get("X\u{E9}: a\r\n"), .badField),
        ("GET / HTTP/1.1\r\n Host: b\r\n\r\n", .badField), ("GET / HTTP/1.1\r\nHost: b\r\n\rx", .badField),
        (get("X: \(long(9_000))\r\n"), .fieldsTooLarge), (get("X: \(long(8_192))"), .fieldsTooLarge),
        (get(String(repeating: "X: a\r\n", count: 100)), .fieldsTooLarge),
        (get("Accept: \(long(2_049))\r\n"), .fieldsTooLarge),
        ("GET / HTTP/1.1\r\n\r\n", .badHost), (get("Host: b\r\n"), .badHost), (get("Host: c\r\n"), .badHost),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .badHost), ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .badHost),
        ("CONNECT b:443 HTTP/1.1\r\nHost: b\r\n\r\n", .tunnel),
        (post("Content-Length: -5\r\n"), .badLength), (post("Content-Length: +5\r\n"), .badLength),
        (post("Content-Length: 5x\r\n"), .badLength), (post("Content-Length:\r\n"), .badLength),
        (post("Content-Length: 5, 5\r\n"), .badLength), (post("Content-Length: 0x5\r\n"), .badLength),
        (post("Content-Length: 5\r\nContent-Length: 5\r\n"), .badLength),
        (post("Content-Length: 5\r\nContent-Length: 6\r\n"), .badLength),
        (post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), .ambiguousLength),
        (post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n"), .ambiguousLength),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", .ambiguousLength),
        (post("Transfer-Encoding: xchunked\r\n"), .ambiguousLength), (post("Transfer-Encoding:\r\n"), .ambiguousLength),
        (post("Transfer-Encoding: chunked, identity\r\n"), .ambiguousLength),
        (post("Transfer-Encoding: chunked;q=1\r\n"), .ambiguousLength),
        (post("Transfer-Encoding: gzip, chunked\r\n"), .unsupportedCoding),
        (post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), .unsupportedCoding),
        (post("Content-Length: 1048577\r\n"), .bodyTooLarge),
        (post("Content-Length: 99999999999999999999\r\n"), .bodyTooLarge),
        (chunked("100001"), .bodyTooLarge), (chunked("ffffffffffff"), .bodyTooLarge),
        (chunked("1\r\na\r\n100000"), .bodyTooLarge),
        (chunked("x"), .badChunk), (chunked("\r\n"), .badChunk), (chunked("0x5\r\n"), .badChunk),
        (chunked("-1"), .badChunk), (chunked("5\n"), .badChunk), (chunked("5\r\r"), .badChunk),
        (chunked("1\r\nab"), .badChunk), (chunked("1\r\na\n"), .badChunk), (chunked("1\r\na\rb"), .badChunk),
        (chunked("5 \r\n"), .badChunk), (chunked(" 5\r\n"), .badChunk), (chunked("1;a\u{0}"), .badChunk),
        (chunked("1;a\nb"), .badChunk), (chunked("1;\(long(4_096))"), .badChunk),
        (chunked("00000000000000001\r\n"), .badChunk),
        (chunked("0\r\nT : x\r\n\r\n"), .badField), (chunked("0\r\n: x\r\n\r\n"), .badField),
        (chunked("0\r\nT: \(long(8_192))"), .fieldsTooLarge),
        (post("Content-Length: 1\r\nExpect: 200-ok\r\n"), .unsupportedExpectation),
    ]

    @Test("a request that is wrong is refused for what is wrong with it, and ends the connection", arguments: cases)
    func refused(_ text: String, _ refusal: Refusal) {
        // What follows would be a request of its own, were the first one's end believed.
        let follower = Array("GET /smuggled HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
        let bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        for pieces in [[bytes + follower], [bytes, follower], (bytes + follower).map { [$0] }] {
            let dialogue = Dialogue(pieces)
            #expect(dialogue.events == ["\(refusal)"])
            #expect(dialogue.statuses == [refusal.status])
            #expect(dialogue.text.contains("Connection: close\r\n"))
            #expect(dialogue.hasEnded)
        }
    }

    @Test("every refusal has its status and its sentence, and a test provokes it")
    func complete() {
        let elsewhere: Set<String> = ["tooSlow", "endsEarly", "busy", "unanswered"]
        let provoked = Set(Self.cases.map { "\($0.1)" }).union(elsewhere)
        #expect(provoked == Set(Refusal.allCases.map { "\($0)" }))
        for refusal in Refusal.allCases {
            #expect(refusal.status >= 400 && !refusal.text.isEmpty)
            #expect(!Dialogue.reason(of: refusal.status).contains("Error"), "\(refusal.status)")
        }
    }

    @Test("limits are met exactly: one byte less is served")
    func limits() {
        let target = "/" + Self.long(HTTPLimits.targetBytes - 1)
        #expect(Dialogue("GET \(target) HTTP/1.1\r\nHost: b\r\n\r\n").events == ["GET \(target):"])
        // Host line, the header itself, the empty line.
        let room = HTTPLimits.fieldSectionBytes - "Host: b\r\nX: \r\n\r\n".utf8.count
        #expect(Dialogue(Self.get("X: \(Self.long(room))\r\n")).events == ["GET /:"])
        #expect(Dialogue(Self.get("X: \(Self.long(room + 1))\r\n")).events == ["fieldsTooLarge"])
        #expect(Dialogue(Self.get(String(repeating: "X: a\r\n", count: 99))).events == ["GET /:"])
        #expect(Dialogue(Self.get("Accept: \(Self.long(2_048))\r\n")).events == ["GET /:"])
        #expect(Dialogue(String(repeating: "\r\n", count: 4) + Self.get("")).events == ["GET /:"])
        let body = Self.long(HTTPLimits.bodyBytes)
        #expect(Dialogue(Self.post("Content-Length: 1048576\r\n", body)).events.first?.utf8.count == 1_048_583)
        let chunks = Self.chunked("80000\r\n\(body.prefix(0x80000))\r\n80000\r\n\(body.prefix(0x80000))\r\n0\r\n\r\n")
        #expect(Dialogue(chunks).events.first?.utf8.count == 1_048_583)
    }

    @Test("a refused HEAD has no body either")
    func head() {
        let dialogue = Dialogue("HEAD / HTTP/1.1\r\n\r\n")
        #expect(dialogue.events == ["badHost"])
        #expect(dialogue.text.hasSuffix("\r\n\r\n"))
    }
}

extension Dialogue {
    /// The reason phrase that goes with a status.
    static func reason(of status: Int) -> String {
        var connection = ServerConnection(settings, at: .zero)
        connection.handle(Array("x\r".utf8), at: .zero)
        _ = connection.pollEvent()
        connection.respond(Answer(status: status), at: .zero)
        let line = String(decoding: connection.pendingOutput, as: UTF8.self).prefix { $0 != "\r\n" }
        return String(line.dropFirst("HTTP/1.1 200 ".count))
    }
}
