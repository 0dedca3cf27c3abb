// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives
import TestSupport
import Testing
import WebServer

@Suite("HTTP server, hostile input")
struct HostileRequestTests {
    static let cases: [(String, String)] = [
        ("\u{16}\u{3}\u{1}\u{2}rubbish\r\n\r\n", "HTTP/1.1 400 "),
        ("SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 "),
        ("TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 "),
        ("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 "),
        ("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2000000\r\n\r\n", "HTTP/1.1 413 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "HTTP/1.1 413 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 400 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5x\r\n\r\nabcde", "HTTP/1.1 400 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n", "HTTP/1.1 411 "),
        (
            "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nabcde",
            "HTTP/1.1 411 "
        ),
        ("GET /\(String(repeating: "a", count: 3_000)) HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 414 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nAccept: \(String(repeating: "a", count: 3_000))\r\n\r\n", "HTTP/1.1 431 "),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "HTTP/1.1 400 "
        ),
        (
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                + "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", "HTTP/1.1 400 "
        ),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 "),
        ("GET /%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", ""),
    ]

    @Test("is answered with a clear 4xx, and the next client is served", arguments: cases)
    func clearAnswer(_ input: String, _ answer: String) throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        client.send(input)
        let received = client.receive()
        #expect(received.hasPrefix(answer))
        #expect(!received.contains("root:"))
        #expect(try curl([bridge.address + "/alive"]).hasPrefix("GET /alive"))
    }

    @Test("headers without end are cut off")
    func endlessHeaders() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        client.send("GET / HTTP/1.1\r\nHost: h\r\n")
        for index in 0..<2_000 { client.send("X-\(index): \(String(repeating: "y", count: 100))\r\n") }
        let received = client.receive()
        #expect(received.isEmpty || received.hasPrefix("HTTP/1.1 4"))
        #expect(try curl([bridge.address + "/alive"]).hasPrefix("GET /alive"))
    }

    @Test("a body that trickles in is cut off, however steadily it comes")
    func slowBody() throws {
        let bridge = try EchoBridge(bodySeconds: 0.6)
        defer { bridge.stop() }
        let client = try #require(RawClient(port: bridge.server.port))
        client.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
        for _ in 0..<4 {
            client.send("a")
            usleep(100_000)
        }
        #expect(client.receive().hasPrefix("HTTP/1.1 408 "))
        // The limit is for one body; a connection that is used again has all of it again.
        let steady = try #require(RawClient(port: bridge.server.port))
        for _ in 0..<4 {
            steady.send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\na")
            usleep(250_000)
            steady.send("b")
            #expect(steady.receive(until: "body=2:ab").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test("a client that does not read its answer loses it; one that reads slowly gets all of it")
    func slowReader() throws {
        let bridge = try EchoBridge(bodySeconds: 0.5)
        defer { bridge.stop() }
        let request = "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
        let stuck = try #require(RawClient(port: bridge.server.port, receiveBuffer: 4_096))
        stuck.send(request)
        usleep(3_500_000)
        #expect(stuck.receive().utf8.count < 3_000_000)
        let reader = try #require(RawClient(port: bridge.server.port))
        reader.send("GET /big HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(reader.receive().utf8.count > 3_000_000)
    }

    @Test("connections beyond the limit are closed, and places free up again")
    func connectionLimit() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        var clients: [RawClient] = []
        for _ in 0..<(WebServerLimits.connections + 20) {
            if let client = RawClient(port: bridge.server.port) { clients.append(client) }
        }
        #expect(clients.last?.receive(until: "x") == "")
        clients.removeAll()
        #expect(
            try curl([
                "--retry", "5", "--retry-connrefused", "--retry-all-errors", "--retry-delay", "1",
                bridge.address + "/alive",
            ]).hasSuffix("GET /alive [] accept=*/* type=- body=0:"))
    }

    @Test("damaged requests never end the server")
    func mutated() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let seeds = [
            "GET /about/health?x=%41&y HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n",
            "POST /colibri/v2/conferences HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n{\"a\": 123}",
            "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        ].map { Array($0.utf8) }
        var random = Random(seed: 7)
        for _ in 0..<300 {
            let client = try #require(RawClient(port: bridge.server.port))
            client.send(mutate(seeds[random.int(in: 0...seeds.count - 1)], using: &random))
            if random.int(in: 0...3) == 0 { client.finish() }
        }
        #expect(
            try curl(["--retry", "5", "--retry-all-errors", "--retry-delay", "1", bridge.address + "/alive"])
                .contains("GET /alive"))
    }
}
