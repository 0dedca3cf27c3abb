// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import TestSupport
import Testing
import WebServer

/// Python clients that share no code with us, straight and through a real nginx.
@Suite("Public port, independent peers", .enabled(if: PythonPeer.isThere, "no .venv: run make bootstrap"))
struct IndependentPeerTests {
    /// What each library must have seen.
    static let reports: [(String, String)] = [
        (
            "websockets",
            #"{"same": true, "pong": true, "end": [1000, "replaced"], "extensions": ["PerMessageDeflate"]}"#
        ),
        ("websockets-plain", #"{"same": true, "pong": true, "end": [1000, "replaced"], "extensions": []}"#),
        ("websocket-client", #"{"same": true, "pong": true, "end": [1000, "replaced"], "extensions": []}"#),
    ]

    @Test("messages of every length go there and back, compressed or not; ping, fragments, end", arguments: reports)
    func straight(_ library: String, _ report: String) throws {
        let hub = try HubThread()
        defer { hub.stop() }
        #expect(try PythonPeer.run(library, "ws://127.0.0.1:\(hub.port)\(FrameClient.path)") == report)
    }

    @Test("the same over TLS with a certificate that the client checks", arguments: reports)
    func secure(_ library: String, _ report: String) throws {
        let folder = try TestIdentity.folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let identity = try TestIdentity.load(folder)
        let hub = try HubThread(identity: identity)
        defer { hub.stop() }
        let url = "wss://localhost:\(hub.port)\(FrameClient.path)"
        #expect(try PythonPeer.run(library, url, authorities: folder.appending(path: "cert.pem").path) == report)
    }

    @Test("the same through nginx as deployments have it, by server id", arguments: reports)
    func proxied(_ library: String, _ report: String) throws {
        let hub = try HubThread(.init(serverID: "jvb-1"))
        defer { hub.stop() }
        try withNginx(hub.port) { (port) throws in
            let base = "ws://127.0.0.1:\(port)/colibri-ws/"
            #expect(try PythonPeer.run(library, base + "jvb-1/c1/e1?pwd=right") == report)
            #expect(try PythonPeer.run("refusal", base + "jvb-1/c1/e1?pwd=wrong") == #"{"status": 403}"#)
            #expect(try PythonPeer.run("refusal", base + "jvb-1/c1/e1") == #"{"status": 403}"#)
            #expect(try PythonPeer.run("refusal", base + "jvb-1/c1") == #"{"status": 404}"#)
            #expect(try PythonPeer.run("refusal", base + "jvb-2/c1/e1?pwd=right") == #"{"status": 502}"#)
        }
    }

    @Test("a proxy that does not pass the upgrade on is told so in words")
    func proxyWithoutUpgrade() throws {
        let hub = try HubThread(.init(serverID: "jvb-1"))
        defer { hub.stop() }
        try withNginx(hub.port, headers: "") { port in
            let answer = try curl(["-i", "http://127.0.0.1:\(port)/colibri-ws/jvb-1/c1/e1?pwd=right"])
            #expect(answer.hasPrefix("HTTP/1.1 426 ") && answer.contains("a proxy in front must"))
        }
    }

    /// The block of the original's handbook, and a server id that leads nowhere.
    private func withNginx(
        _ bridge: UInt16,
        headers: String = NginxConfiguration.upgradeHeaders,
        _ body: (UInt16) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "viaduct-nginx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // A port that was free a moment ago.
        let port = try HTTPServer.freePort()
        try NginxConfiguration.text(
            folder: folder.path,
            http: NginxConfiguration.channels(listen: "\(port)", bridge: bridge, headers: headers)
        ).write(to: folder.appending(path: "nginx.conf"), atomically: true, encoding: .utf8)
        let nginx = Process()
        nginx.executableURL = URL(filePath: NginxConfiguration.program)
        nginx.arguments = NginxConfiguration.arguments(folder: folder.path)
        nginx.standardError = FileHandle.nullDevice
        try nginx.run()
        defer {
            nginx.terminate()
            nginx.waitUntilExit()
        }
        var isUp = false
        for _ in 0..<250 where !isUp {
            usleep(20_000)
            isUp = RawClient(port: port) != nil
        }
        try #require(isUp)
        try body(port)
    }
}

extension HTTPServer {
    /// A port that nobody has at the moment.
    fileprivate static func freePort() throws -> UInt16 {
        let server = try HTTPServer.start(host: "127.0.0.1", port: 0)
        defer { server.stop() }
        return server.port
    }
}
