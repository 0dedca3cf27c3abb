// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Daemon: pauses and logs")
struct DaemonPauseTests {
    @Test("a process that was stopped for longer than endpoints may be silent throws no call away")
    func stopped() async throws {
        let short = "videobridge.entity-expiration { timeout = 4 s, check-interval = 1 s }"
        try await withDaemon(short) { daemon in
            let call = try LoadCall(on: daemon, seconds: 20)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            try await Task.sleep(for: .seconds(2))
            daemon.send(signal: SIGSTOP)
            try await Task.sleep(for: .seconds(9))
            daemon.send(signal: SIGCONT)
            // At once, and still after the next looks for silent endpoints.
            for _ in 0..<4 {
                #expect(daemon.status("/about/health") == 200)
                #expect(try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3)
                try await Task.sleep(for: .seconds(1))
            }
            #expect(await call.wait() != nil)
            let outcome = try call.outcome()
            #expect(outcome.altered == 0)
            // Three people, 50 audio packets a second each to two others, for all of the call but the pause.
            #expect(outcome.received > 3 * 2 * 50 * 11, "\(call.text)")
            #expect(daemon.count("did not run for a while") >= 1, "\(daemon.log)")
            #expect(daemon.count("endpoint ended") == 0 && daemon.count("hangs") == 0, "\(daemon.log)")
        }
    }

    @Test("a request that was being sent, and the grace of an end under way, lose no time while the process is stopped")
    func stoppedElsewhere() async throws {
        try await withDaemon("viaduct.sigterm-grace = 4 s") { daemon in
            #expect(daemon.count("SRTP engine is chosen") == 1)
            // Somebody is in a call, so that the end waits for the grace.
            let call = try LoadCall(on: daemon, seconds: 60)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            let client = connectedSocket(port: UInt16(daemon.httpPort))
            try #require(client >= 0)
            defer { close(client) }
            var limit = timeval(tv_sec: 5, tv_usec: 0)
            setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            #expect(Foundation.send(client, "GET /about/health HTTP/1.1\r\n", 28, Int32(MSG_NOSIGNAL)) == 28)
            daemon.send(signal: SIGTERM)
            #expect(try await daemon.waitForLog("Stopping"))
            // Longer than a request's headers may take, and than the grace with its five seconds.
            daemon.send(signal: SIGSTOP)
            try await Task.sleep(for: .seconds(12))
            daemon.send(signal: SIGCONT)
            #expect(Foundation.send(client, "Host: h\r\n\r\n", 11, Int32(MSG_NOSIGNAL)) == 11)
            var answer = [UInt8](repeating: 0, count: 12)
            #expect(recv(client, &answer, answer.count, Int32(MSG_WAITALL)) == answer.count)
            #expect(String(decoding: answer, as: UTF8.self) == "HTTP/1.1 200")
            #expect(await daemon.waitForEnd(seconds: 30) == 143)
            #expect(daemon.count("Stopped") == 1 && daemon.count("Did not end in time") == 0, "\(daemon.log)")
            call.kill()
        }
    }

    @Test("who stays silent is still ended, with one line in the log")
    func silent() async throws {
        let short = "videobridge.entity-expiration { timeout = 4 s, check-interval = 1 s }"
        try await withDaemon(short) { daemon in
            let call = try LoadCall(on: daemon, seconds: 30)
            #expect(try await daemon.wait { try await daemon.metrics()["jitsi_jvb_current_endpoints"] == 3 })
            try await Task.sleep(for: .seconds(1))
            call.kill()
            #expect(try await daemon.waitForLog("endpoint ended", count: 3))
            #expect(daemon.count("reason=inactive") == 3, "\(daemon.log)")
        }
    }

    @Test("a log whose reader is gone, from the first line on, ends nothing")
    func logWithoutReader() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let port = try freePort(SOCK_STREAM)
        try """
        videobridge.http-servers.private.port = \(port)
        videobridge.ice.udp.port = \(try freePort(SOCK_DGRAM))
        videobridge.health.require-valid-address = false
        ice4j.harvest.allowed-addresses = ["127.0.0.1"]
        """.write(to: folder.appendingPathComponent("jvb.conf"), atomically: true, encoding: .utf8)
        // The reader closes before the bridge writes: the shell opens both ends of a pipe and closes the reading one.
        let script = """
            mkfifo log; exec 3<>log; exec 4>log; exec 3<&-
            env --default-signal=PIPE "$0" --config jvb.conf 2>&4 4>&- & pid=$!
            for attempt in $(seq 200); do
              kill -0 $pid || break
              curl -sf http://127.0.0.1:$1/about/health && kill -TERM $pid && break
              sleep 0.1
            done
            wait $pid; echo "ended with $?"
            """
        let shell = try ChildProcess(
            URL(fileURLWithPath: "/bin/bash"), ["-c", script, Repository.bridge.path, "\(port)"], in: folder)
        #expect(await shell.wait(seconds: 40) == 0)
        #expect(shell.output.contains("ended with 143"), "\(shell.output) \(shell.complaints)")
    }
}
