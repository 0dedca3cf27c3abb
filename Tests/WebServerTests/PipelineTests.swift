// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing
import WebServer

/// What HTTP/1.1 promises on one connection (RFC 9112), over real sockets.
@Suite("HTTP server, pipelines and forms")
struct PipelineTests {
    private let host = "Host: h\r\n"

    /// Sends all at once, and reads until the server closes.
    private func exchange(_ bridge: EchoBridge, _ text: String) throws -> String {
        let client = try #require(RawClient(port: bridge.server.port))
        client.send(text)
        return client.receive()
    }

    private func places(_ texts: [String], in answers: String) -> [String.Index?] {
        texts.map { answers.range(of: $0)?.lowerBound }
    }

    @Test("requests in one segment are all answered in their order, with bodies too")
    func oneSegment() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let answers = try exchange(
            bridge,
            "GET /1 HTTP/1.1\r\n\(host)\r\n" + "POST /2 HTTP/1.1\r\n\(host)Content-Length: 5\r\n\r\nabcde"
                + "GET /3 HTTP/1.1\r\n\(host)\r\n"
                + "POST /4 HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n3\r\nxyz\r\n0\r\n\r\n"
                + "OPTIONS /5 HTTP/1.1\r\n\(host)\r\n" + "HEAD /6 HTTP/1.1\r\n\(host)\r\n"
                + "BREW /7 HTTP/1.1\r\n\(host)\r\n" + "GET /8 HTTP/1.1\r\n\(host)Connection: close\r\n\r\n")
        let found = places(
            [
                "GET /1 []", "POST /2 []", "body=5:abcde", "GET /3 []", "POST /4 []", "body=3:xyz", "Allow: ",
                "GET /8 []",
            ],
            in: answers)
        #expect(!found.contains(nil) && found.compactMap { $0 } == found.compactMap { $0 }.sorted(), "\(answers)")
        #expect(answers.components(separatedBy: "HTTP/1.1 200 OK").count == 8)
        #expect(answers.components(separatedBy: "HTTP/1.1 405 ").count == 2)
    }

    @Test("a request behind one that is answered late, or with much, waits for its turn")
    func order() throws {
        let bridge = try EchoBridge(answerSeconds: 0.3)
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port, receiveBuffer: 4_096))
        client.send(
            "GET /silent HTTP/1.1\r\n\(host)\r\nGET /big HTTP/1.1\r\n\(host)\r\n"
                + "GET /last HTTP/1.1\r\n\(host)Connection: close\r\n\r\n")
        let answers = client.receive()
        let found = places(["HTTP/1.1 503 ", "Content-Length: 3000000", "xxx", "GET /last []"], in: answers)
        #expect(!found.contains(nil) && found.compactMap { $0 } == found.compactMap { $0 }.sorted())
    }

    @Test("two thousand pipelined requests are two thousand answers, and nothing spins afterwards")
    func many() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        let writer = Thread { [host] in
            for index in 0..<2_000 {
                let body = String(repeating: "b", count: index % 7)
                client.send("POST /n\(index) HTTP/1.1\r\n\(host)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            client.send("GET /last HTTP/1.1\r\n\(host)Connection: close\r\n\r\n")
        }
        writer.start()
        let answers = client.receive()
        let numbers = answers.matches(of: #/POST /n(\d+) /#).compactMap { Int($0.output.1) }
        #expect(numbers == Array(0..<2_000))
        #expect(answers.contains("GET /last []"))
        usleep(100_000)
        let turns = bridge.server.turns
        usleep(300_000)
        #expect(bridge.server.turns - turns < 10)
    }

    @Test("Expect: 100-continue is answered at once, and the body then taken")
    func expectation() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        client.send("POST /e HTTP/1.1\r\n\(host)Content-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.receive(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        client.send("abcde")
        #expect(client.receive(until: "abcde").contains("POST /e [] accept=- type=- body=5:abcde"))
        // curl waits a second for it, then sends the body anyway.
        let begin = Date()
        let file = FileManager.default.temporaryDirectory.appending(path: "viaduct-expect-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(repeating: 0x78, count: 100_000).write(to: file)
        let said = try curl([
            "-v", "--http1.1", "-H", "Expect: 100-continue", "--expect100-timeout", "15", "--data-binary",
            "@\(file.path)", bridge.address + "/e",
        ])
        #expect(said.contains("HTTP/1.1 100 Continue") && said.contains("body=100000"))
        #expect(Date().timeIntervalSince(begin) < 10)
    }

    @Test("the absolute form means the same as the path, an empty line first is passed over")
    func forms() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let close = "\(host)Connection: close\r\n\r\n"
        let absolute = try exchange(bridge, "GET http://h:8080/a/b?x=1 HTTP/1.1\r\n" + close)
        #expect(absolute.hasPrefix("HTTP/1.1 200 ") && absolute.contains("GET /a/b [x=1]"))
        #expect(try exchange(bridge, "\r\nGET /c HTTP/1.1\r\n" + close).contains("GET /c []"))
        // curl as it talks to a proxy.
        #expect(
            try curl(["--noproxy", "", "--proxy", bridge.address, "http://example.org/p?q"]).contains("GET /p [q]"))
        let large = try exchange(bridge, "GET /d HTTP/1.1\r\nX: \(String(repeating: "a", count: 9_000))\r\n" + close)
        #expect(large.hasPrefix("HTTP/1.1 431 "))
    }

    @Test("chunked bodies are read, curl's too, and longer ones than allowed get 413")
    func chunked() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let file = FileManager.default.temporaryDirectory.appending(path: "viaduct-chunks-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data(repeating: 0x78, count: 700_000).write(to: file)
        let arguments = ["-H", "Transfer-Encoding: chunked", "--data-binary", "@\(file.path)", bridge.address + "/c"]
        #expect(try curl(arguments).hasSuffix("body=700000"))
        try Data(repeating: 0x78, count: WebServerLimits.bodySize + 1).write(to: file)
        #expect(try curl(["-w", " %{http_code}"] + arguments).hasSuffix(" 413"))
        try Data(repeating: 0x78, count: WebServerLimits.bodySize).write(to: file)
        #expect(try curl(arguments).hasSuffix("body=1048576"))
    }

    @Test("a request to upgrade is answered as any other: there is nothing to upgrade to")
    func upgrades() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        #expect(try curl(["--http2", bridge.address + "/h2"]).hasPrefix("GET /h2"))
        let socket = try exchange(
            bridge,
            "GET /ws HTTP/1.1\r\n\(host)Upgrade: websocket\r\nConnection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        #expect(socket.hasPrefix("HTTP/1.1 200 "))
    }

    @Test("a client that says its last at once still gets every answer")
    func halfClose() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        client.send("GET /1 HTTP/1.1\r\n\(host)\r\nGET /2 HTTP/1.1\r\n\(host)\r\n")
        client.finish()
        let answers = client.receive()
        #expect(answers.contains("GET /1 []") && answers.contains("GET /2 []"))
    }

    @Test("a client that leaves while its request is worked on costs nothing: the thread sleeps")
    func leaving() throws {
        let bridge = try EchoBridge(answerSeconds: 2)
        defer { bridge.stop() }
        for _ in 0..<10 {
            let client = try #require(RawClient(port: bridge.server.port))
            client.send("GET /silent HTTP/1.1\r\n\(host)\r\n")
        }
        usleep(200_000)
        let turns = bridge.server.turns
        usleep(500_000)
        #expect(bridge.server.turns - turns < 15)
    }

    @Test("the thread's turns show that it lives, and stop when it does")
    func pulse() throws {
        let bridge = try EchoBridge()
        usleep(50_000)
        let before = bridge.server.turns
        bridge.server.nudge()
        for _ in 0..<500 where bridge.server.turns == before { usleep(10_000) }
        #expect(bridge.server.turns > before)
        bridge.stop()
        let last = bridge.server.turns
        bridge.server.nudge()
        usleep(50_000)
        #expect(bridge.server.turns == last)
    }
}
