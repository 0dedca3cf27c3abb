// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Daemon: descriptors")
struct DaemonDescriptorTests {
    @Test("out of file descriptors, idle connections make room: health is answered, and the web thread does not spin")
    func idleConnections() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "viaduct-descriptors-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try freePort(SOCK_STREAM)
        let text = """
            videobridge.health.require-valid-address = false
            videobridge.http-servers.private.port = \(port)
            videobridge.ice.udp.port = \(try freePort(SOCK_DGRAM))
            ice4j.harvest.allowed-addresses = ["127.0.0.1"]

            """
        let file = folder.appendingPathComponent("jvb.conf")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let output = folder.appendingPathComponent("output").path
        let bridge = try WatchedProcess(
            "/bin/sh", ["-c", "ulimit -n 64; exec \"$0\" --config \"$1\"", Repository.bridge.path, file.path],
            in: folder.path, output: output)
        defer { bridge.kill() }
        let end = Date().addingTimeInterval(20)
        while answer(port, "/about/health") == nil, Date() < end { try await Task.sleep(for: .milliseconds(50)) }
        // More than the process can have, fewer than the server would.
        let idle = (0..<100).map { _ in connectedSocket(port: port) }
        defer { idle.forEach { close($0) } }
        for _ in 0..<5 { #expect(answer(port, "/about/health")?.hasPrefix("HTTP/1.1 200 ") == true) }
        let debug = try #require(answer(port, "/debug?full=true"))
        let displaced = try #require(debug.firstMatch(of: #/"displaced_connections":(\d+)/#), "\(debug)")
        #expect((Int(displaced.1) ?? 0) > 36)
        #expect(debug.contains(#""refused_connections":0"#))
        bridge.terminate()
        #expect(try await bridge.wait() == 143, "\((try? String(contentsOfFile: output, encoding: .utf8)) ?? "")")
    }

    /// The whole answer; `nil` without one.
    private func answer(_ port: UInt16, _ path: String) -> String? {
        let descriptor = connectedSocket(port: port)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let request = "GET \(path) HTTP/1.1\r\nHost: bridge\r\nConnection: close\r\n\r\n"
        guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else { return nil }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        // Ends when the server closes, as it was asked to.
        while case let count = recv(descriptor, &buffer, buffer.count, 0), count > 0 { text += buffer[..<count] }
        return text.isEmpty ? nil : String(decoding: text, as: UTF8.self)
    }
}
