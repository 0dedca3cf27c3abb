// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The bridge that cannot start says why and what to do, and ends with a status at once.
@Suite("Daemon: cannot start")
struct DaemonRefusalTests {
    /// Seconds; a few milliseconds are usual.
    private let limit = 2

    /// Waits for the end of a bridge that cannot start.
    private func expectRefusal(
        _ daemon: Daemon, status: Int32, says words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let ended = await daemon.waitForEnd(seconds: 20)
        #expect(ended == status, "\(daemon.log)", sourceLocation: sourceLocation)
        for word in words {
            #expect(daemon.log.contains(word), "\(word): \(daemon.log)", sourceLocation: sourceLocation)
        }
        await daemon.end()
    }

    @Test("the media port is taken by another program")
    func mediaPortTaken() async throws {
        let other = try UDPSocket(port: 0)
        // On every address that there is: one of several is left out, and the bridge serves on the others.
        let daemon = try Daemon(
            #"ice4j.harvest.allowed-addresses = ["127.0.0.1"]"#, mediaPort: Int(other.port), limit: limit)
        await expectRefusal(
            daemon, status: 1,
            says: ["127.0.0.1:\(other.port)", "Address already in use", "videobridge.ice.udp.port"])
        withExtendedLifetime(other) {}
    }

    @Test("the media port is taken by another bridge, whose calls stay whole")
    func secondBridge() async throws {
        try await withDaemon { first in
            let second = try Daemon(mediaPort: first.mediaPort, limit: limit)
            await expectRefusal(second, status: 1, says: ["Is another bridge running"])
            #expect(first.status("/about/health") == 200)
        }
    }

    @Test("the HTTP port is taken")
    func httpPortTaken() async throws {
        let port = try freePort()
        let other = try listeningSocket(port: port)
        defer { close(other) }
        await expectRefusal(
            try Daemon(httpPort: Int(port), limit: limit), status: 1,
            says: ["\(port)", "another program uses this port", "videobridge.http-servers.private.port"])
    }

    @Test("no address of the machine is allowed")
    func noAddress() async throws {
        let daemon = try Daemon("ice4j.harvest.allowed-addresses = [\"203.0.113.7\"]", limit: limit)
        await expectRefusal(
            daemon, status: 1, says: ["no local address is usable", "ice4j.harvest.allowed-addresses"])
    }

    @Test("a malformed configuration is told with file, line and column")
    func malformedConfiguration() async throws {
        let daemon = try Daemon("videobridge.ice {\n  udp { port = ]\n}", limit: limit)
        await expectRefusal(daemon, status: 78, says: ["jvb.conf:7:16: "])
    }

    @Test("a value out of its range is told with its place and the range")
    func badValue() async throws {
        await expectRefusal(
            try Daemon("videobridge.ice.udp.port = 99999", limit: limit), status: 78,
            says: ["jvb.conf:6:1: ", "videobridge.ice.udp.port", "1 to 65535"])
    }

    @Test("a missing, an unreadable and an endless configuration file; a wrong option")
    func commandLine() async throws {
        let cases: [(arguments: [String], status: Int32, words: [String])] = [
            (
                ["--config", "/nonexistent/jvb.conf"], 78,
                ["/nonexistent/jvb.conf", "there is no such file", "--config"]
            ),
            (["--config", "/proc"], 78, ["/proc", "cannot be read"]),
            (["--config", "/dev/zero"], 78, ["/dev/zero", "is longer than"]),
            (["--configuration", "x"], 64, ["unknown option --configuration", "Usage: viaduct"]),
            (["--config"], 64, ["--config needs a file"]),
        ]
        for (arguments, status, words) in cases {
            let result = try await run(arguments)
            #expect(result.status == status, "\(arguments): \(result.text)")
            for word in words { #expect(result.text.contains(word), "\(arguments): \(result.text)") }
        }
    }

    @Test("a configuration file that the bridge's user may not read")
    func unreadableConfiguration() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try Data("a = 1".utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        // Root reads everything, so for root the bridge runs as somebody else; others cannot read even their own file.
        chmod(file.path, 0o000)
        let result = try await run(["--config", file.path], asNobody: getuid() == 0)
        #expect(result.status == 78, "\(result.text)")
        #expect(result.text.contains("cannot be read: Permission denied"), "\(result.text)")
    }

    private func run(
        _ arguments: [String], asNobody: Bool = false
    ) async throws -> (status: Int32?, text: String) {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var command = [Repository.bridge.path]
        if asNobody {
            // The checkout may lie where only root can look.
            let copy = folder.appendingPathComponent("viaduct")
            // By a program: a copy of our own would be busy as long as a child of another test has its descriptor.
            let cp = try ChildProcess(URL(fileURLWithPath: "/bin/cp"), [Repository.bridge.path, copy.path], in: folder)
            #expect(await cp.wait(seconds: 20) == 0)
            command = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copy.path]
        }
        let process = try ChildProcess(
            URL(fileURLWithPath: "/bin/sh"), Daemon.timed(limit, command + arguments), in: folder)
        let status = await process.wait(seconds: 20)
        return (status, process.output + process.complaints)
    }
}
