// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives
import TestSupport
import Testing
import WebServer

@Suite("Public port, WebSockets")
struct WebSocketServerTests {
    private func withHub(
        _ webSockets: WebServerSettings.WebSockets? = .init(), answerSeconds: Double = 10,
        _ body: (HubThread) throws -> Void
    ) throws {
        let hub = try HubThread(webSockets, answerSeconds: answerSeconds)
        defer { hub.stop() }
        try body(hub)
    }

    @Test("who knows the password is let in, and what one says reaches the hub and whom the hub sends it to")
    func conversation() throws {
        try withHub { hub in
            let first = try #require(FrameClient(hub.port))
            #expect(first.head.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
            #expect(first.head.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"))
            #expect(!first.head.lowercased().contains("content-length") && !first.head.contains("Extensions"))
            let second = try #require(FrameClient(hub.port))
            first.send("only me: grüße")
            #expect(first.receiveText() == "only me: grüße")
            second.send("all of you")
            #expect(first.receiveText() == "all of you")
            #expect(second.receiveText() == "all of you")
            let request = try #require(hub.told.requests.first)
            #expect(request == WebSocketRequest(id: request.id, conference: "c1", endpoint: "e1", password: "right"))
            let counts = hub.server.webSocketCounts
            #expect(
                counts.accepted == 2 && counts.open == 2 && counts.messagesReceived == 2 && counts.messagesSent == 3)
        }
    }

    @Test("frames that come in one piece with the request are read")
    func pipelined() throws {
        try withHub { hub in
            let frames = FrameClient.frame(1, Array("one".utf8)) + FrameClient.frame(1, Array("two".utf8))
            let client = try #require(FrameClient(hub.port, behind: frames))
            #expect(client.receiveText() == "one")
            #expect(client.receiveText() == "two")
        }
    }

    static let otherPaths = [
        "/", "/about/health", "/about/version", "/colibri/stats", "/metrics", "/debug", "/colibri-ws",
        "/colibri-ws/default-id", "/colibri-ws/default-id/c1", "/colibri-ws/default-id/c1/e1/",
        "/colibri-ws/default-id/c1/e1/x?pwd=right", "/colibri-ws/other/c1/e1?pwd=right",
        "/colibri-ws/default-id//e1?pwd=right", "/colibri-relay-ws/default-id/c1/e1?pwd=right",
        "//colibri-ws/default-id/c1/e1?pwd=right",
    ]

    @Test("any other path, and another server's, is 404; the hub is not asked", arguments: otherPaths)
    func notFound(_ path: String) throws {
        try withHub { hub in
            let client = try #require(FrameClient(hub.port, path: path))
            #expect(client.head.hasPrefix("HTTP/1.1 404 "), "\(client.head)")
            #expect(hub.told.requests.isEmpty)
        }
    }

    @Test("unknown conference, unknown endpoint, wrong password and none are one and the same 403")
    func forbidden() throws {
        try withHub { hub in
            let answers = try [
                "/c2/e1?pwd=right", "/c1/e9?pwd=wrong", "/c1/e1?pwd=wrong", "/c1/e1?pwd=", "/c1/e1",
                "/c1/e1?x=1&pwd=right",
                "/c1/e1?pwd=right&x=1",
            ].map { path in
                let client = try #require(RawClient(port: hub.port))
                client.send(FrameClient.request("/colibri-ws/default-id" + path, "Connection: close\r\n"))
                return client.receive().replacing(/Date: [^\r]*/, with: "Date")
            }
            #expect(answers[0].hasPrefix("HTTP/1.1 403 Forbidden\r\n") && answers[0].contains("password is wrong"))
            #expect(Set(answers).count == 1, "\(Set(answers))")
            #expect(hub.server.webSocketCounts.refused == 7)
        }
    }

    static let handshakes: [(String, String)] = [
        ("GET P HTTP/1.1\r\nHost: h\r\n\r\n", "426"),
        ("GET P HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n", "426"),
        ("GET P HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "426"),
        (
            "GET P HTTP/1.0\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "426"
        ),
        (
            "GET P HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", "426"
        ),
        ("GET P HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "400"),
        (
            "GET P HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: short\r\n\r\n", "400"
        ),
        (
            "GET P HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "400"
        ),
        ("POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "405"),
        ("TRACE P HTTP/1.1\r\nHost: h\r\n\r\n", "405"),
        ("POST P HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabc", "413"),
        ("\u{16}\u{3}\u{1}\u{2}rubbish\r\n\r\n", "400"),
    ]

    @Test("handshakes that are none are refused, and the hub is not asked", arguments: handshakes)
    func handshake(_ request: String, _ status: String) throws {
        try withHub { hub in
            let client = try #require(RawClient(port: hub.port))
            client.send(request.replacing(" P ", with: " \(FrameClient.path) "))
            let answer = client.receive(until: "\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            if status == "426" {
                #expect(
                    answer.contains("\r\nSec-WebSocket-Version: 13\r\n")
                        && answer.contains("\r\nUpgrade: websocket\r\n"))
            }
            #expect(hub.told.requests.isEmpty)
        }
    }

    @Test("after a refusal the connection may ask again, as often as it likes")
    func again() throws {
        try withHub { hub in
            let client = try #require(RawClient(port: hub.port))
            for _ in 0..<5 {
                client.send(FrameClient.request("/colibri-ws/default-id/c1/e1?pwd=wrong"))
                #expect(client.receive(until: "is wrong\n").hasPrefix("HTTP/1.1 403 "))
            }
            client.send(FrameClient.request())
            #expect(client.receive(until: "\r\n\r\n").hasPrefix("HTTP/1.1 101 "))
        }
    }

    @Test("the private port knows no WebSockets, and the public one nothing else; without WebSockets it is empty")
    func doors() throws {
        try withHub { hub in
            let client = try #require(FrameClient(hub.server.port))
            #expect(client.head.hasPrefix("HTTP/1.1 200 "))
            #expect(hub.told.requests.isEmpty)
        }
        try withHub(nil) { hub in
            let client = try #require(FrameClient(hub.port))
            #expect(client.head.hasPrefix("HTTP/1.1 404 "))
        }
    }

    @Test("the hub says goodbye with number and text, and hears of the end once")
    func goodbye() throws {
        try withHub { hub in
            let client = try #require(FrameClient(hub.port))
            client.send("bye")
            #expect(client.receiveClose() == "1000 replaced")
            client.send(bytes: FrameClient.frame(8, [3, 0xE8]))
            #expect(client.receive() == nil)
            #expect(hub.wait { _ in hub.server.webSocketCounts.open == 0 })
            #expect(hub.told.closed.count == 1)
        }
    }

    @Test("a client that ends, in order or not, is told to the hub; so is one that did not wait for its answer")
    func ends() throws {
        try withHub { hub in
            let polite = try #require(FrameClient(hub.port))
            polite.send(bytes: FrameClient.frame(8, [0x03, 0xE9]))
            #expect(polite.receiveClose() == "1001 ")
            #expect(polite.receive() == nil)
            #expect(hub.wait { $0.closed.count == 1 })
            var rude = FrameClient(hub.port)
            #expect(rude?.head.hasPrefix("HTTP/1.1 101 ") == true)
            rude = nil
            #expect(hub.wait { $0.closed.count == 2 })
            let hasty = RawClient(port: hub.port)
            hasty?.send(FrameClient.request("/colibri-ws/default-id/c1/e1?pwd=late"))
            #expect(hub.wait { $0.requests.count == 3 })
            hasty?.finish()
            #expect(hub.wait { $0.closed.count == 3 })
        }
    }

    @Test("a request that the hub does not answer gets 503; an answer after that is told to be too late")
    func unanswered() throws {
        try withHub(answerSeconds: 0.5) { hub in
            let never = try #require(FrameClient(hub.port, path: "/colibri-ws/default-id/c1/e1?pwd=never"))
            #expect(never.head.hasPrefix("HTTP/1.1 503 "))
            let late = try #require(FrameClient(hub.port, path: "/colibri-ws/default-id/c1/e1?pwd=late"))
            #expect(late.head.hasPrefix("HTTP/1.1 503 "))
            #expect(hub.wait { $0.closed.count == 1 })
            #expect(hub.server.webSocketCounts.accepted == 0)
        }
    }

    @Test("messages within five milliseconds leave in one piece")
    func gathered() throws {
        try withHub { hub in
            let client = try #require(FrameClient(hub.port))
            #expect(hub.wait { $0.open.count == 1 })
            var sizes: [Int] = []
            for _ in 0..<20 {
                for part in ["a", "b", "c"] { #expect(hub.broadcast(Array(part.utf8))) }
                sizes.append(client.receiveBytes()?.count ?? 0)
            }
            // Now and then this machine takes longer than that between two of them.
            #expect(sizes.filter { $0 == 9 }.count >= 15, "\(sizes)")
        }
    }

    @Test("a quiet client is pinged; one that does not answer is closed, one that does is kept")
    func keepAlive() throws {
        let settings = WebServerSettings.WebSockets(pingInterval: .milliseconds(200), idleTime: .milliseconds(900))
        try withHub(settings) { hub in
            let dead = try #require(FrameClient(hub.port))
            let alive = try #require(FrameClient(hub.port))
            for _ in 0..<10 {
                let ping = try #require(alive.receive())
                #expect(ping.first == 0x89 && ping.payload.isEmpty)
                alive.send(bytes: FrameClient.frame(10, []))
            }
            #expect(hub.server.webSocketCounts.idleTimeouts == 1 && hub.told.closed.count == 1)
            #expect(dead.receiveClose() == "1001 idle timeout")
            alive.send("still here")
            #expect(hub.wait { $0.texts == ["still here"] })
        }
    }
}
