// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing
import XML
import XMPP

@testable import ControlPlane

@Suite("Daemon: life", .needsProsody)
struct DaemonLifeTests {
    @Test(
        "a signal ends the bridge with the original's status, and the room sees it leave at once",
        arguments: [(Int32(15), Int32(143)), (Int32(2), Int32(130)), (Int32(1), Int32(129))])
    func signals(_ signal: Int32, _ status: Int32) async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        try await withDaemon(Daemon.client(port: Int(prosody.port))) { daemon in
            let bench = try XMPPBench(prosody)
            let focus = bench.focus(port: prosody.port)
            #expect(try await bench.wait(20) { focus.isInRoom && focus.statistics(of: "via-1") != nil })
            daemon.send(signal: signal)
            // Prosody keeps the session of a connection that broke for 15 seconds: only a clean end is this fast.
            #expect(try await bench.wait(8) { focus.occupants["via-1"] == nil })
            #expect(focus.presences.last { $0.nickname == "via-1" }?.presence["type"] == "unavailable")
            #expect(await daemon.waitForEnd(seconds: 30) == status, "\(daemon.log)")
            #expect(daemon.count("Stopped") == 1 && daemon.count("Logged out") == 1, "\(daemon.log)")
        }
    }

    @Test("a signal in the middle of a call ends the bridge in less than four seconds")
    func signalInACall() async throws {
        try await withDaemon { daemon in
            let call = try LoadCall(on: daemon, seconds: 5)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            daemon.send(signal: SIGTERM)
            #expect(await daemon.waitForEnd(seconds: 30) == 143)
            // By the bridge's own clock: the test's threads may be busy elsewhere.
            let begin = try #require(seconds(of: "Stopping", in: daemon.log), "\(daemon.log)")
            let end = try #require(seconds(of: "Stopped", in: daemon.log), "\(daemon.log)")
            #expect((0..<4).contains(end < begin ? end + 86_400 - begin : end - begin))
            #expect(await call.wait() != nil)
        }
    }

    @Test(
        "the worker has its processor for itself, where there is another and unless it is not bound to one",
        arguments: [true, false])
    func processors(isPinned: Bool) async throws {
        try await withDaemon("viaduct.media.pin = \(isPinned)") { daemon in
            let tasks = "/proc/\(daemon.processIdentifier)/task"
            var allowed: [String: String] = [:]
            for task in try FileManager.default.contentsOfDirectory(atPath: tasks) {
                let status = try String(contentsOfFile: "\(tasks)/\(task)/status", encoding: .utf8)
                let fields = Dictionary(
                    status.split(separator: "\n").map { ($0.prefix { $0 != ":" }, $0.drop { $0 != ":" }.dropFirst(2)) }
                ) { first, _ in first }
                allowed[String(fields["Name"] ?? "")] = String(fields["Cpus_allowed_list"] ?? "")
            }
            let worker = try #require(allowed["media-0"])
            let web = try #require(allowed["web"])
            let isAlone = sysconf(Int32(_SC_NPROCESSORS_ONLN)) == 1
            #expect((worker == "0") == (isPinned || isAlone), "\(allowed)")
            #expect(web.hasPrefix("0") == (!isPinned || isAlone), "\(allowed)")
            #expect(allowed["viaduct"] == web)
        }
    }

    /// The time of day of the line with the message `text`.
    private func seconds(of text: String, in log: String) -> Double? {
        guard let line = log.split(separator: "\n").first(where: { $0.contains(": " + text) }),
            let match = line.firstMatch(of: #/ (\d\d):(\d\d):(\d\d\.\d+) /#),
            let hours = Double(match.1), let minutes = Double(match.2), let seconds = Double(match.3)
        else { return nil }
        return hours * 3_600 + minutes * 60 + seconds
    }

    @Test("systemd hears READY, then WATCHDOG again and again, and STOPPING in the end")
    func notifications() async throws {
        let path = "/tmp/viaduct-notify-\(UInt32.random(in: 0...UInt32.max))"
        let socket = try #require(NotificationSocket(path))
        try await withDaemon(
            environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"]
        ) { (daemon: Daemon) async throws in
            #expect(try await daemon.wait(10) { socket.messages.count { $0 == "WATCHDOG=1" } >= 8 })
            #expect(socket.messages.first == "READY=1", "\(socket.messages)")
            daemon.send(signal: SIGTERM)
            #expect(await daemon.waitForEnd(seconds: 30) == 143)
            #expect(socket.messages.contains("STOPPING=1"), "\(socket.messages)")
        }
    }

    @Test("the first healthy answer comes within a second, the brewery within two, in little memory")
    func startUp() async throws {
        let prosody = try ProsodyServer()
        try await prosody.start()
        var attempts: [(healthy: Double, joined: Double, kilobytes: Int)] = []
        // The best of three: this machine does much else.
        for _ in 0..<3 {
            let begin = Date()
            let daemon = try Daemon(Daemon.client(port: Int(prosody.port)))
            try await daemon.waitUntilHealthy()
            let healthy = Date().timeIntervalSince(begin)
            #expect(try await daemon.waitForLog("Joined the brewery"), "\(daemon.log)")
            let joined = Date().timeIntervalSince(begin)
            try await Task.sleep(for: .milliseconds(500))
            attempts.append((healthy, joined, daemon.residentKilobytes))
            await daemon.end()
        }
        let healthy = attempts.map(\.healthy).min() ?? .infinity
        let joined = attempts.map(\.joined).min() ?? .infinity
        let kilobytes = attempts.map(\.kilobytes).max() ?? .max
        print("start to healthy \(healthy) s, to joined \(joined) s; idle resident memory \(kilobytes) kB")
        #expect(healthy <= 1)
        #expect(joined <= 2)
        #expect(kilobytes > 1_000 && kilobytes <= 40_000)
    }
}
