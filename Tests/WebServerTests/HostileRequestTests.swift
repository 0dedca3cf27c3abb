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
        ("POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 501 "),
        (
            "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 400 "
        ),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length : 5\r\n\r\nabcde", "HTTP/1.1 400 "),
        ("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\nHost: h\n\n", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nX: \0\r\n\r\n", "HTTP/1.1 400 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", "HTTP/1.1 400 "),
        ("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 405 "), ("PRI * HTTP/2.0\r\n\r\n", "HTTP/1.1 505 "),
        ("GET /\(String(repeating: "a", count: 3_000)) HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 414 "),
        ("GET / HTTP/1.1\r\nHost: h\r\nAccept: \(String(repeating: "a", count: 3_000))\r\n\r\n", "HTTP/1.1 431 "),
        ("GET /../../etc/passwd HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 "),
        ("GET /%00 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 "),
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
        #expect(client.receive().hasPrefix("HTTP/1.1 431 "))
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

    @Test("idle connections make room for new ones, the oldest first, however many there are")
    func idleMakeRoom() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        var clients: [RawClient] = []
        for _ in 0..<(WebServerLimits.connections * 3) {
            clients.append(try #require(RawClient(port: bridge.server.port)))
        }
        #expect(try curl([bridge.address + "/alive"]).hasPrefix("GET /alive"))
        #expect(clients.first?.receive() == "")
        clients.last?.send("GET /last HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        #expect(clients.last?.receive().contains("GET /last") == true)
        let displaced = bridge.server.counts.displacedConnections
        #expect(displaced >= UInt64(WebServerLimits.connections * 2), "\(displaced)")
        #expect(bridge.server.counts.refusedConnections == 0)
    }

    @Test("so do connections with half a request, once they have stood still for a second")
    func halvesMakeRoom() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let halves = ["GET /half", "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na"]
        var clients: [RawClient] = []
        for index in 0..<WebServerLimits.connections {
            let client = try #require(RawClient(port: bridge.server.port))
            client.send(halves[index % 2])
            clients.append(client)
        }
        usleep(1_200_000)
        for _ in 0..<20 { #expect(try curl([bridge.address + "/alive"]).hasPrefix("GET /alive")) }
    }

    @Test("a request that is being worked on never makes room; one connection too many is closed")
    func workIsKept() throws {
        let bridge = try EchoBridge(answerSeconds: 3)
        defer { bridge.stop() }
        var clients: [RawClient] = []
        for _ in 0..<WebServerLimits.connections {
            let client = try #require(RawClient(port: bridge.server.port))
            client.send("GET /silent HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            clients.append(client)
        }
        usleep(500_000)
        #expect(try #require(RawClient(port: bridge.server.port)).receive() == "")
        #expect(bridge.server.counts.refusedConnections == 1)
        #expect(clients.first?.receive().hasPrefix("HTTP/1.1 503 ") == true)
        #expect(try curl([bridge.address + "/alive"]).hasPrefix("GET /alive"))
    }

    @Test("bodies that arrive at once share one limit; who goes beyond gets 503")
    func bodiesTotal() throws {
        let bridge = try EchoBridge()
        defer { bridge.stop() }
        let head = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1048576\r\n\r\n"
        let almost = [UInt8](repeating: 0x61, count: (1 << 20) - 1)
        var clients: [RawClient] = []
        for _ in 0..<17 {
            let client = try #require(RawClient(port: bridge.server.port))
            client.send(head)
            client.send(almost)
            clients.append(client)
        }
        usleep(300_000)
        for client in clients { client.send("a") }
        let answers = clients.map { $0.receive(until: "\r\n") }
        #expect(answers.count { $0.hasPrefix("HTTP/1.1 200 ") } == 16)
        #expect(answers.count { $0.hasPrefix("HTTP/1.1 503 ") } == 1)
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
