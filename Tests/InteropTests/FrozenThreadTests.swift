// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The bridge ends on SIGTERM whatever any of its threads does.
@Suite("Frozen threads")
struct FrozenThreadTests {
    private struct Outcome: Decodable {
        let seconds: Double
        let status: Int32
    }

    @Test(
        "with any thread frozen, SIGTERM ends the bridge within viaduct.sigterm-grace and five seconds",
        arguments: ["web", "media-0", "main"])
    func frozen(_ thread: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "viaduct-frozen-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try freePort(SOCK_STREAM)
        let text = """
            videobridge.health.require-valid-address = false
            videobridge.http-servers.private.port = \(port)
            videobridge.ice.udp.port = \(try freePort(SOCK_DGRAM))
            ice4j.harvest.allowed-addresses = ["127.0.0.1"]
            viaduct.sigterm-grace = 500 ms

            """
        let file = folder.appendingPathComponent("jvb.conf")
        try text.write(to: file, atomically: true, encoding: .utf8)
        let output = folder.appendingPathComponent("output")
        let child = try WatchedProcess(
            "/usr/bin/python3",
            [
                Repository.script("frozen_thread.py"), thread, String(port), Repository.bridge.path, "--config",
                file.path,
            ], in: folder.path, output: output.path)
        let status = try await child.wait(seconds: 90)
        let said = try String(contentsOf: output, encoding: .utf8)
        #expect(status == 0, "\(said)")
        let line = try #require(said.split(separator: "\n").last { $0.hasPrefix("{") }, "\(said)")
        let outcome = try JSONDecoder().decode(Outcome.self, from: Data(line.utf8))
        #expect(outcome.status == 143)
        // The limit itself, and some time for a busy machine.
        #expect(outcome.seconds < 5.5 + 2, "\(outcome.seconds)")
        #expect(said.contains("Did not end in time"), "\(said)")
    }
}
