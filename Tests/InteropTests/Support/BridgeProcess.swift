// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

#if canImport(Glibc)
import Glibc
#endif

/// Why a test could not set up its world.
struct SetupError: Error, CustomStringConvertible {
    let description: String
}

/// A bridge of the same build, on loopback, with ports of its own.
final class BridgeProcess {
    /// Port of the private HTTP server on 127.0.0.1.
    let httpPort: Int
    /// The media port.
    let mediaPort: Int
    /// Logs and configuration live here until the test ends.
    let folder: URL
    private let process: ChildProcess

    /// Starts a bridge and waits until it says it is healthy.
    /// - Parameters:
    ///   - configuration: further lines of `jvb.conf`.
    ///   - asNobody: gives up root's rights first.
    init(configuration: String = "", asNobody: Bool = false) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        httpPort = try Int(freePort(SOCK_STREAM))
        mediaPort = try Int(freePort(SOCK_DGRAM))
        let file = folder.appendingPathComponent("jvb.conf")
        let text = """
            videobridge.apis.rest.enabled = true
            videobridge.http-servers.private.port = \(httpPort)
            videobridge.ice.udp.port = \(mediaPort)
            videobridge.health.require-valid-address = false
            ice4j.harvest.allowed-addresses = ["127.0.0.1", "::1"]
            \(configuration)

            """
        try text.write(to: file, atomically: true, encoding: .utf8)
        if asNobody {
            // The checkout may lie where only root can look.
            let copy = folder.appendingPathComponent("viaduct")
            try FileManager.default.copyItem(at: Repository.bridge, to: copy)
            let rights = ["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
            process = try ChildProcess(
                URL(fileURLWithPath: "/usr/bin/setpriv"), rights + [copy.path, "--config", file.path], in: folder)
        } else {
            process = try ChildProcess(Repository.bridge, ["--config", file.path], in: folder)
        }
        for _ in 0..<200 where process.isRunning {
            if await get("/about/health")?.status == 200 { return }
            try await Task.sleep(nanoseconds: 50_000_000)
        }
        let log = process.complaints
        await process.end()
        throw SetupError(description: "the bridge did not become healthy; its log:\n\(log)")
    }

    /// `host:port` for the scripts.
    var address: String { "127.0.0.1:\(httpPort)" }
    /// What it has logged so far.
    var log: String { process.output + process.complaints }
    /// Its process identifier.
    var processIdentifier: Int32 { process.processIdentifier }
    /// Whether it is still alive.
    var isRunning: Bool { process.isRunning }

    /// One GET by curl, which is what operators use.
    func get(_ path: String) async -> (status: Int, body: String)? {
        let arguments = ["-s", "-m", "5", "-w", "\n%{http_code}", "http://\(address)\(path)"]
        guard let curl = try? ChildProcess(URL(fileURLWithPath: "/usr/bin/curl"), arguments, in: folder),
            await curl.wait(seconds: 10) == 0
        else { return nil }
        var lines = curl.output.split(separator: "\n", omittingEmptySubsequences: false)
        let status = lines.popLast().flatMap { Int($0) } ?? 0
        return (status, lines.joined(separator: "\n"))
    }

    /// Waits until it ends by itself; ends it when time is up.
    /// - Returns: its status, or `nil` when it had to be ended.
    func wait(seconds: Double) async -> Int32? { await process.wait(seconds: seconds) }

    /// Ends it and removes its folder.
    func end() async {
        await process.end()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Runs `body` with a bridge, which ends whatever happens.
func withBridge<Result>(
    _ configuration: String = "", asNobody: Bool = false, _ body: (BridgeProcess) async throws -> Result
) async throws -> Result {
    let bridge = try await BridgeProcess(configuration: configuration, asNobody: asNobody)
    do {
        let result = try await body(bridge)
        await bridge.end()
        return result
    } catch {
        await bridge.end()
        throw error
    }
}
