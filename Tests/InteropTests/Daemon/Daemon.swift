// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation

/// The bridge of the same build as a process that a test starts, disturbs, kills and starts again.
///
/// Unlike ``BridgeProcess`` it does not insist on a healthy start: many of its tests are about the other kind.
final class Daemon {
    /// Port of the private HTTP server on 127.0.0.1.
    let httpPort: Int
    /// The media port.
    let mediaPort: Int
    /// Logs and configuration live here until the test ends.
    let folder: URL
    private let configurationFile: URL
    private let environment: [String: String]
    private var process: ChildProcess
    private var olderLogs = ""

    /// Starts a bridge; waits for nothing.
    /// - Parameters:
    ///   - configuration: further lines of `jvb.conf`; later lines win.
    ///   - limit: seconds that its whole life may take; see ``timed(_:_:)``.
    init(
        _ configuration: String = "", environment: [String: String] = [:], httpPort: Int? = nil, mediaPort: Int? = nil,
        limit: Int? = nil
    ) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.httpPort = try httpPort ?? Int(freePort(SOCK_STREAM))
        self.mediaPort = try mediaPort ?? Int(freePort(SOCK_DGRAM))
        self.environment = environment
        configurationFile = folder.appendingPathComponent("jvb.conf")
        let text = """
            videobridge.apis.rest.enabled = true
            videobridge.http-servers.private.port = \(self.httpPort)
            videobridge.ice.udp.port = \(self.mediaPort)
            videobridge.health.require-valid-address = false
            ice4j.harvest.allowed-addresses = ["127.0.0.1", "::1"]
            \(configuration)

            """
        try text.write(to: configurationFile, atomically: true, encoding: .utf8)
        process =
            if let limit {
                try ChildProcess(
                    URL(fileURLWithPath: "/bin/sh"),
                    Self.timed(limit, [Repository.bridge.path, "--config", configurationFile.path]), in: folder)
            } else {
                try ChildProcess(
                    Repository.bridge, ["--config", configurationFile.path], in: folder, environment: environment)
            }
    }

    /// Arguments of a shell that runs a command and turns its status into 124 when it took longer than `limit` seconds.
    ///
    /// The test's own clock is no measure: its threads may all be busy.
    static func timed(_ limit: Int, _ command: [String]) -> [String] {
        let script = """
            begin=$(date +%s%N); "$@"; status=$?
            [ $(( ($(date +%s%N) - begin) / 1000000000 )) -lt "$0" ] || status=124
            exit $status
            """
        return ["-c", script, "\(limit)"] + command
    }

    /// The lines of `jvb.conf` for one XMPP server, as an operator would write them.
    static func client(
        _ id: String = "shard", port: Int, password: String = "jvbpass", nickname: String = "via-1",
        verifiesCertificate: Bool = false, more: String = ""
    ) -> String {
        """
        videobridge.apis.xmpp-client.configs.\(id) {
          HOSTNAME = 127.0.0.1, PORT = \(port), DOMAIN = "\(ProsodyServer.domain)", USERNAME = jvb
          PASSWORD = "\(password)", MUC_JIDS = "\(ProsodyServer.room)", MUC_NICKNAME = "\(nickname)"
          DISABLE_CERTIFICATE_VERIFICATION = \(!verifiesCertificate)
          \(more)
        }
        """
    }

    /// What it has logged, earlier lives included.
    var log: String { olderLogs + process.output + process.complaints }
    var isRunning: Bool { process.isRunning }
    var processIdentifier: Int32 { process.processIdentifier }

    /// How often `text` stands in the log.
    func count(_ text: String) -> Int { log.components(separatedBy: text).count - 1 }

    /// Waits until `condition` holds, the process has ended, or time is up.
    func wait(_ seconds: Double = 20, until condition: () async throws -> Bool) async throws -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if try await condition() { return true }
            guard isRunning else { return false }
            try await Task.sleep(for: .milliseconds(10))
        }
        return try await condition()
    }

    func waitForLog(_ text: String, count: Int = 1, seconds: Double = 20) async throws -> Bool {
        try await wait(seconds) { self.count(text) >= count }
    }

    /// Waits until it says that it is healthy.
    func waitUntilHealthy() async throws {
        guard try await wait(until: { self.status("/about/health") == 200 }) else {
            throw SetupError(description: "the bridge did not become healthy; its log:\n\(log)")
        }
    }

    /// The status of one HTTP request on a connection of its own; `nil` without an answer in two seconds.
    func status(_ path: String) -> Int? {
        let descriptor = connectedSocket(port: UInt16(httpPort))
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
        guard Foundation.send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return nil
        }
        var answer = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &answer, answer.count, Int32(MSG_WAITALL))
        let words = String(decoding: answer.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        return words.count > 1 ? Int(words[1]) : nil
    }

    /// One HTTP request by curl, which is what operators use.
    func curl(_ path: String, _ arguments: [String] = []) async throws -> (status: Int, body: String) {
        let all = ["-s", "-m", "10", "-w", "\n%{http_code}"] + arguments + ["http://127.0.0.1:\(httpPort)\(path)"]
        let curl = try ChildProcess(URL(fileURLWithPath: "/usr/bin/curl"), all, in: folder)
        _ = await curl.wait(seconds: 15)
        var lines = curl.output.split(separator: "\n", omittingEmptySubsequences: false)
        let status = lines.popLast().flatMap { Int($0) } ?? 0
        return (status, lines.joined(separator: "\n"))
    }

    /// All of `/metrics`, by name without the prefix of the bridge.
    func metrics() async throws -> [String: Double] {
        var result: [String: Double] = [:]
        for line in try await curl("/metrics", ["-H", "Accept: text/plain"]).body.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let value = Double(words[1]) else { continue }
            result[String(words[0])] = value
        }
        return result
    }

    /// Resident memory in kB (proc(5)).
    var residentKilobytes: Int {
        let text = (try? String(contentsOfFile: "/proc/\(processIdentifier)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }

    func send(signal: Int32) { kill(processIdentifier, signal) }

    /// Waits for its end.
    /// - Returns: the exit status.
    func waitForEnd(seconds: Double = 10) async -> Int32? { await process.wait(seconds: seconds) }

    /// Starts it again with the same configuration, ports and nickname.
    func startAgain() throws {
        olderLogs += process.output + process.complaints
        process = try ChildProcess(
            Repository.bridge, ["--config", configurationFile.path], in: folder, environment: environment)
    }

    /// Ends it and removes its folder.
    func end() async {
        await process.end()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// Runs `body` with a bridge, which ends whatever happens.
func withDaemon<Result>(
    _ configuration: String = "", environment: [String: String] = [:], _ body: (Daemon) async throws -> Result
) async throws -> Result {
    let daemon = try Daemon(configuration, environment: environment)
    do {
        try await daemon.waitUntilHealthy()
        let result = try await body(daemon)
        await daemon.end()
        return result
    } catch {
        await daemon.end()
        throw error
    }
}
