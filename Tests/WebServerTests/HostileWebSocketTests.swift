// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import CTestHooks
import Foundation
import Glibc
import Primitives
import TestSupport
import Testing
import Zlib

@testable import WebServer

@Suite("Public port, hostile WebSockets", .serialized)
struct HostileWebSocketTests {
    private func withHub(_ body: (HubThread) throws -> Void) throws {
        let hub = try HubThread()
        defer { hub.stop() }
        try body(hub)
    }

    /// What the client sends, and with which number it is closed.
    static let violations: [(String, [UInt8], String)] = [
        ("not masked", [0x81, 2, 65, 65], "1002"), ("no UTF-8", FrameClient.frame(1, [0xC3, 0x28]), "1007"),
        ("too long", FrameClient.frame(1, [UInt8](repeating: 65, count: 65_537)), "1009"),
        ("another request", Array(FrameClient.request().utf8), "1002"),
        ("compressed without having agreed on it", FrameClient.frame(1, [0xF2, 0x48], first: 0xC0), "1002"),
    ]

    @Test("is closed with the number of what it did, and others notice nothing", arguments: violations)
    func violation(_ what: String, _ bytes: [UInt8], _ code: String) throws {
        try withHub { hub in
            let good = try #require(FrameClient(hub.port))
            let bad = try #require(FrameClient(hub.port))
            bad.send(bytes: bytes)
            #expect(bad.receiveClose()?.hasPrefix(code) == true, "\(what)")
            #expect(bad.receive() == nil)
            good.send("still here")
            #expect(good.receiveText() == "still here")
            #expect(hub.server.webSocketCounts.violations == 1)
            #expect(hub.wait { $0.closed.count == 1 })
        }
    }

    @Test("a message that would expand to fifty megabytes is refused; a compressed one of sixty kilobytes arrives")
    func bomb() throws {
        try withHub { hub in
            let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
            let client = try #require(FrameClient(hub.port, offer))
            #expect(
                client.head.contains(
                    "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover;"
                        + " client_no_context_takeover\r\n"))
            var deflater = try Deflater(windowBits: 15, level: 9)
            var inflater = try Inflater()
            let long = [UInt8](repeating: 65, count: 60_000)
            let small = deflater.compress(long)
            client.send(bytes: FrameClient.frame(1, try #require(small), first: 0xC0))
            let echo = try #require(client.receive())
            #expect(echo.first == 0xC1)
            let expanded = inflater.expand(echo.payload, limit: 100_000)
            #expect(expanded == .message(long))
            let bomb = deflater.compress([UInt8](repeating: 0x20, count: 50 << 20))
            client.send(bytes: FrameClient.frame(1, try #require(bomb), first: 0xC0))
            #expect(client.receiveClose()?.hasPrefix("1009") == true)
            #expect(hub.told.textCount == 1)
        }
    }

    @Test("a client that never reads: the hub is told, then it is closed; the others get everything in time")
    func neverReads() throws {
        try withHub { hub in
            let good = try #require(FrameClient(hub.port))
            let stuck = try #require(FrameClient(hub.port, receiveBuffer: 4_096))
            #expect(hub.wait { $0.open.count == 2 })
            let message = [UInt8](repeating: 65, count: 10_000)
            var slowest = 0.0
            for _ in 0..<400 {
                let start = Date()
                #expect(hub.broadcast(message))
                #expect(good.receive()?.payload.count == 10_000)
                slowest = max(slowest, Date().timeIntervalSince(start))
            }
            #expect(slowest < 1, "\(slowest)")
            #expect(hub.wait { $0.closed.count == 1 })
            let backlogs = hub.told.backlogs
            #expect(backlogs.count >= 3 && backlogs == backlogs.sorted() && backlogs[0] >= 16_384, "\(backlogs)")
            #expect(backlogs.allSatisfy { $0 <= 512 << 10 })
            #expect(hub.server.webSocketCounts.overflows == 1 && hub.server.webSocketCounts.open == 1)
            _ = stuck
        }
    }

    @Test("a slow client gets everything, and the hub hears that it has caught up")
    func slowReader() throws {
        try withHub { hub in
            let slow = try #require(FrameClient(hub.port, receiveBuffer: 4_096))
            #expect(hub.wait { $0.open.count == 1 })
            for _ in 0..<30 { #expect(hub.broadcast([UInt8](repeating: 65, count: 10_000))) }
            #expect(hub.wait { !$0.backlogs.isEmpty })
            for _ in 0..<30 { #expect(slow.receive()?.payload.count == 10_000) }
            #expect(hub.wait { $0.backlogs.last == 0 })
        }
    }

    @Test("ten thousand messages a second from one: it is slowed down, the others are not, and nothing is lost")
    func flood() throws {
        try withHub { hub in
            let good = try #require(FrameClient(hub.port))
            let loud = try #require(FrameClient(hub.port))
            let shout = FrameClient.frame(1, Array("quiet please".utf8))
            let burst = [[UInt8]](repeating: shout, count: 5_000).flatMap(\.self)
            let raw = loud.raw
            let sender = Thread {
                raw.send(burst)
                raw.send(burst)
            }
            sender.start()
            var slowest = 0.0
            for number in 0..<100 {
                let start = Date()
                good.send("\(number)")
                #expect(good.receiveText() == "\(number)")
                slowest = max(slowest, Date().timeIntervalSince(start))
                usleep(5_000)
            }
            #expect(slowest < 0.5, "\(slowest)")
            let heard = hub.told.textCount - 100
            // 200 in each tenth of a second.
            #expect(heard < 5_000, "\(heard)")
            #expect(hub.server.webSocketCounts.throttled > 0)
            #expect(hub.wait(seconds: 15) { $0.textCount == 10_100 })
        }
    }

    @Test("while the control loop takes nothing clients wait; then all they said arrives, each one's in its order")
    func controlLoopHangs() throws {
        try withHub { hub in
            let clients = try (0..<10).map { _ in try #require(FrameClient(hub.port)) }
            #expect(hub.wait { $0.open.count == 10 })
            hub.pause(true)
            // Whatever the hub's thread was taking is taken by then.
            usleep(100_000)
            for (index, client) in clients.enumerated() {
                for number in 0..<190 { client.send("quiet \(index) \(number)") }
            }
            usleep(300_000)
            let received = hub.server.webSocketCounts.messagesReceived
            #expect(received >= UInt64(WebServerLimits.queuedEvents) && received < 1_500, "\(received)")
            hub.pause(false)
            #expect(hub.wait { $0.textCount == 1_900 })
            for index in 0..<10 {
                let said = hub.told.texts.filter { $0.hasPrefix("quiet \(index) ") }
                #expect(said == (0..<said.count).map { "quiet \(index) \($0)" })
            }
        }
    }

    @Test("connections that ask for nothing make room for each other, and for no WebSocket or private connection")
    func halfOpen() throws {
        try withHub { hub in
            let client = try #require(FrameClient(hub.port))
            let health = try #require(RawClient(port: hub.server.port))
            var idle: [RawClient] = []
            for index in 0..<(WebServerLimits.connections * 2) {
                let half = try #require(RawClient(port: hub.port))
                if index % 2 == 0 { half.send("GET /colibri-ws") }
                idle.append(half)
            }
            let other = try #require(FrameClient(hub.port))
            client.send("all of you")
            #expect(client.receiveText() == "all of you")
            #expect(other.receiveText() == "all of you")
            health.send("GET /about/health HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(health.receive().hasPrefix("HTTP/1.1 200 "))
            #expect(hub.server.counts.displacedConnections > 0)
        }
    }

    @Test("damaged frames never end the server")
    func mutated() throws {
        try withHub { hub in
            var random = Random(seed: 11)
            let seeds = [
                FrameClient.frame(1, Array("quiet".utf8)), FrameClient.frame(9, [1, 2]),
                FrameClient.frame(8, [3, 0xE8]),
                FrameClient.frame(1, [UInt8](repeating: 66, count: 300)),
            ]
            for _ in 0..<300 {
                let client = try #require(FrameClient(hub.port))
                let seed = seeds[random.int(in: 0...seeds.count - 1)]
                client.send(bytes: mutate(seed + seed, using: &random))
            }
            let good = try #require(FrameClient(hub.port))
            good.send("alive")
            #expect(good.receiveText() == "alive")
            #expect(hub.wait { $0.closed.count >= 300 })
            #expect(hub.server.webSocketCounts.open == 1)
        }
    }

    @Test(
        "an idle WebSocket holds little memory, with and without TLS",
        .enabled(if: PythonPeer.isThere, "no .venv: run make bootstrap"), arguments: [false, true])
    func memory(isSecure: Bool) throws {
        let identity = isSecure ? try TestIdentity.make() : nil
        let hub = try HubThread(identity: identity)
        defer { hub.stop() }
        let url = "\(isSecure ? "wss" : "ws")://127.0.0.1:\(hub.port)\(FrameClient.path)"
        var figures: [Int] = []
        // Other tests run beside this one and use the same heap: the best of several rounds counts.
        for _ in 0..<5 {
            let before = viaduct_test_heap_bytes()
            let crowd = try PythonPeer.Crowd(100, url)
            figures.append(Int(viaduct_test_heap_bytes() - before) / 100)
            #expect(hub.server.webSocketCounts.open >= 100)
            crowd.leave()
            #expect(hub.wait { $0.open.isEmpty })
        }
        let least = try #require(figures.filter { $0 > 0 }.min())
        print("an idle WebSocket\(isSecure ? " with TLS" : ""): \(least) bytes of \(figures)")
        #expect(least < (isSecure ? 60_000 : 30_000), "\(figures)")
    }
}
