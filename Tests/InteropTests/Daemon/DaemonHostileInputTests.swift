// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Primitives
import Testing

/// Bytes that nobody should send, at each door of the running bridge.
@Suite("Daemon: hostile input")
struct DaemonHostileInputTests {
    /// What a door may make the bridge keep, in kB.
    private let allowedGrowth = 8_000

    private func expectStillServing(_ daemon: Daemon, residentBefore: Int) async throws {
        #expect(daemon.isRunning, "\(daemon.log)")
        let grown = daemon.residentKilobytes - residentBefore
        #expect(grown <= allowedGrowth, "grown by \(grown) kB")
        let call = try LoadCall(on: daemon, seconds: 2)
        #expect(await call.wait() == 0, "\(call.text)")
        #expect(try call.outcome().perfect)
    }

    /// Warm, so that what comes later is growth: one short call.
    private func warmedUp(_ daemon: Daemon) async throws -> Int {
        let call = try LoadCall(on: daemon, seconds: 1)
        #expect(await call.wait() == 0, "\(call.text)")
        return daemon.residentKilobytes
    }

    @Test("UDP: every first byte, every size, truncated checks, a flood from many ports; a call meanwhile is whole")
    func datagrams() async throws {
        try await withDaemon { daemon in
            let before = try await warmedUp(daemon)
            let port = UInt16(daemon.mediaPort)
            var random = Random(seed: 5)
            let call = try LoadCall(on: daemon, seconds: 6)
            let sender = try UDPSocket(port: 0)
            for first in 0...255 {
                for size in [0, 1, 2, 3, 11, 12, 19, 20, 21, 60, 200, 1_200, 1_472] {
                    var bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                    if size > 0 { bytes[0] = UInt8(first) }
                    sender.send(bytes, to: port)
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            for first: UInt8 in [0, 20, 22, 64, 128, 144, 200, 255] {
                sender.send([first] + [UInt8](repeating: 0x80, count: 65_506), to: port)
            }
            try await sendTruncatedChecks(to: daemon, from: sender)
            #expect(await call.wait() == 0, "\(call.text)")
            try await flood(port, &random)
            let metrics = try await daemon.metrics()
            for reason in [
                "unknown_source", "not_media", "too_short", "malformed_stun", "unknown_fragment", "bad_integrity",
            ] {
                let name = metrics.keys.first { $0.hasSuffix("dropped_\(reason)_total") }
                let counted = metrics.filter {
                    $0.key.contains("_dropped_") && $0.key.hasSuffix("total") && $0.value > 0
                }
                #expect((name.flatMap { metrics[$0] } ?? 0) > 0, "dropped_\(reason) does not count: \(counted)")
            }
            try await expectStillServing(daemon, residentBefore: before)
        }
    }

    /// Checks with the fragment of an endpoint that exists: cut off at each length, then whole with a wrong integrity.
    private func sendTruncatedChecks(to daemon: Daemon, from sender: UDPSocket) async throws {
        let request = #"""
            {"meeting-id":"hostile","name":"hostile@conference.test","create":true,"endpoints":[{"id":"aaaaaaaa",
            "create":true,"capabilities":["source-names"],"transport":{"ice-controlling":true}}]}
            """#
        let answer = try await daemon.curl(
            "/colibri/v2/conferences", ["-H", "Content-Type: application/json", "-d", request])
        let match = try #require(answer.body.firstMatch(of: #/"ufrag"\s*:\s*"([^"]+)"/#), "\(answer)")
        let user = Array((match.1 + ":abcd").utf8)
        let padding = [UInt8](repeating: 0, count: (4 - user.count % 4) % 4)
        var body: [UInt8] = [0x00, 0x06, 0x00, UInt8(user.count)] + user + padding
        body += [0x00, 0x08, 0x00, 0x14] + [UInt8](repeating: 0x5A, count: 20)
        let head: [UInt8] = [0x00, 0x01, 0x00, UInt8(body.count), 0x21, 0x12, 0xA4, 0x42]
        let whole = head + (0..<12).map { UInt8($0) } + body
        var stranger = whole
        stranger[24] ^= 1
        sender.send(stranger, to: UInt16(daemon.mediaPort))
        for length in 1...whole.count {
            sender.send(Array(whole.prefix(length)), to: UInt16(daemon.mediaPort))
            // Cut off and with a length field that says so.
            guard length > 20 else { continue }
            var honest = Array(whole.prefix(length))
            honest[3] = UInt8(length - 20)
            sender.send(honest, to: UInt16(daemon.mediaPort))
        }
        let expire = ["-X", "PATCH", "-H", "Content-Type: application/json", "-d", #"{"expire":true}"#]
        #expect(try await daemon.curl("/colibri/v2/conferences/hostile", expire).status / 100 == 2)
    }

    /// Twenty thousand datagrams from two hundred ports, as fast as one thread can.
    private func flood(_ port: UInt16, _ random: inout Random) async throws {
        let senders = try (0..<200).map { _ in try UDPSocket(port: 0) }
        for round in 0..<100 {
            for sender in senders {
                let size = Int(random.next() % 300)
                sender.send((0..<size).map { UInt8(truncatingIfNeeded: $0 &* round &+ 1) }, to: port)
            }
            await Task.yield()
        }
    }

    @Test("HTTP: noise, half requests, too much of everything: 4xx or a closed connection, and others are served")
    func http() async throws {
        try await withDaemon { daemon in
            let before = try await warmedUp(daemon)
            let port = UInt16(daemon.httpPort)
            var random = Random(seed: 6)
            for index in 0..<100 {
                var noise = (0..<Int(random.next() % 3_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
                if index % 2 == 0 { noise = Array("POST /colibri/v2/conferences HTTP/1.1\r\n".utf8) + noise }
                let descriptor = connectedSocket(port: port)
                _ = send(descriptor, noise, noise.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                close(descriptor)
            }
            // Half requests that stay: fewer than there are connections, so that others are served meanwhile.
            let halves = (0..<60).map { index -> Int32 in
                let descriptor = connectedSocket(port: port)
                let head = index % 2 == 0 ? "GET /about/hea" : "POST /colibri/v2/conferences HTTP/1.1\r\nHost: a\r\n"
                let body = index % 3 == 0 ? "Content-Length: 500\r\n\r\n{" : ""
                _ = send(descriptor, head + body, head.utf8.count + body.utf8.count, Int32(MSG_NOSIGNAL))
                return descriptor
            }
            #expect(try await daemon.curl("/about/health").status == 200)
            try await expectLimits(daemon)
            #expect(try await daemon.wait(40) { halves.allSatisfy(isHungUp) }, "half requests are kept for ever")
            for descriptor in halves { close(descriptor) }
            #expect(daemon.status("/about/health") == 200)
            try await expectStillServing(daemon, residentBefore: before)
        }
    }

    private func expectLimits(_ daemon: Daemon) async throws {
        let body = daemon.folder.appendingPathComponent("body")
        try Data(repeating: UInt8(ascii: "["), count: 3 << 20).write(to: body)
        let post = ["-H", "Content-Type: application/json", "--data-binary", "@\(body.path)"]
        #expect(try await [0, 413].contains(daemon.curl("/colibri/v2/conferences", post).status))
        let chunked = post + ["-H", "Transfer-Encoding: chunked"]
        #expect(try await [0, 400, 411, 413].contains(daemon.curl("/colibri/v2/conferences", chunked).status))
        try Data(repeating: UInt8(ascii: "["), count: 900_000).write(to: body)
        #expect(try await daemon.curl("/colibri/v2/conferences", post).status == 400, "deep nesting")
        let header = ["-H", "X-Long: " + String(repeating: "a", count: 60_000)]
        #expect(try await [0, 400, 431].contains(daemon.curl("/about/health", header).status))
        let target = "/about/health?" + String(repeating: "a", count: 5_000)
        #expect(try await [0, 414].contains(daemon.curl(target).status))
        #expect(try await daemon.curl("/about/health", ["-X", "BREW"]).status / 100 == 4)
        #expect(try await daemon.curl("/about/../../etc/passwd", ["--path-as-is"]).status / 100 == 4)
        #expect(try await daemon.curl("/about/health").status == 200)
    }

    /// Whether the server has closed a connection.
    private func isHungUp(_ descriptor: Int32) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 1_024)
        let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
        return count == 0 || (count < 0 && errno != EAGAIN)
    }

    @Test(
        "XMPP: a server that sends noise, entities, endless attributes and bottomless nesting is left and tried again")
    func xml() async throws {
        let servers = try HostileServer.speeches.map { ($0.name, try HostileServer($0)) }
        defer { for (_, server) in servers { server.stop() } }
        for (_, server) in servers { server.start() }
        let clients = servers.map { name, server in
            Daemon.client(name, port: Int(server.port), more: "SECURITY_MODE = disabled")
        }
        try await withDaemon(clients.joined(separator: "\n")) { daemon in
            #expect(try await daemon.wait(30) { servers.allSatisfy { $0.1.connections >= 2 } }, "\(daemon.log)")
            let before = try await warmedUp(daemon)
            #expect(try await daemon.wait(30) { servers.allSatisfy { $0.1.connections >= 4 } }, "\(daemon.log)")
            for (name, server) in servers where name != "spaces" {
                // A stanza is a mebibyte at most; the rest are the kernel's buffers.
                #expect(server.longest / server.connections < 12 << 20, "\(name) was listened to for too long")
                #expect(daemon.log.contains("client=\(name)"))
            }
            #expect(daemon.count("The XMPP server sent malformed XML") >= 8, "\(daemon.log)")
            try await expectStillServing(daemon, residentBefore: before)
        }
    }
}
