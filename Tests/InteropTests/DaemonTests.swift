// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

extension RealPeers {
    /// The daemon as an operator starts, ends and mistreats it.
    @Suite("Daemon")
    struct DaemonTests {
        private static let generator = Repository.products.appendingPathComponent("viaduct-load")

        private func xmpp(_ prosody: ProsodyServer, password: String = "jvbpass", verify: Bool = false) -> String {
            """
            videobridge.apis.xmpp-client.configs.one {
              HOSTNAME = 127.0.0.1, PORT = \(prosody.port), DOMAIN = \(ProsodyServer.domain), USERNAME = jvb
              PASSWORD = "\(password)", MUC_NICKNAME = daemon, DISABLE_CERTIFICATE_VERIFICATION = \(!verify)
              MUC_JIDS = "\(ProsodyServer.room)"
            }
            """
        }

        private func isJoined(_ bridge: BridgeProcess, seconds: Double = 20) async throws -> Bool {
            let end = Date().addingTimeInterval(seconds)
            while Date() < end {
                if await bridge.get("/metrics")?.body.contains(/mucs_joined(\{[^}]*\})? 1/) == true { return true }
                try await Task.sleep(nanoseconds: 100_000_000)
            }
            return false
        }

        @Test("a call goes on without loss while Prosody is killed and comes back, and the bridge joins again")
        func prosodyCrash() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            try await withBridge(xmpp(prosody)) { bridge in
                #expect(try await isJoined(bridge))
                let call = try ChildProcess(
                    Self.generator,
                    [
                        "--rest", "http://\(bridge.address)", "--participants", "3", "--duration", "8", "--quiet",
                        "--local", "127.0.0.1",
                    ], in: bridge.folder)
                try await Task.sleep(nanoseconds: 2_000_000_000)
                prosody.kill()
                try await prosody.waitForEnd()
                try await Task.sleep(nanoseconds: 1_500_000_000)
                #expect(bridge.log.contains("WARNING"))
                try await prosody.start()
                #expect(await call.wait(seconds: 40) == 0, "\(call.output) \(call.complaints)")
                #expect(call.output.contains("PERFECT"))
                #expect(try await isJoined(bridge))
            }
        }

        @Test("focus over XMPP: conferences are made through the brewery, and the call is perfect")
        func focusOverXMPP() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            try await withBridge(xmpp(prosody)) { bridge in
                #expect(try await isJoined(bridge))
                let call = try ChildProcess(
                    Self.generator,
                    [
                        "--xmpp", "127.0.0.1:\(prosody.port)", "--domain", ProsodyServer.domain, "--room",
                        ProsodyServer.room, "--user", "focus", "--password", "focuspass", "--participants", "3",
                        "--duration", "3", "--quiet", "--local", "127.0.0.1",
                    ], in: bridge.folder)
                #expect(await call.wait(seconds: 40) == 0, "\(call.output) \(call.complaints)")
            }
        }

        @Test("a wrong password is said in words, tried again, and leaves the bridge healthy")
        func wrongPassword() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            try await withBridge(xmpp(prosody, password: "wrong")) { bridge in
                try await expectLog(bridge, "refused the login; check USERNAME and PASSWORD")
                #expect(await bridge.get("/about/health")?.status == 200)
            }
        }

        @Test("a certificate of an unknown authority is said in words")
        func unknownAuthority() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            try await withBridge(xmpp(prosody, verify: true)) { bridge in
                try await expectLog(bridge, "certificate verify failed")
            }
        }

        private func expectLog(_ bridge: BridgeProcess, _ text: String) async throws {
            for _ in 0..<100 where !bridge.log.contains(text) { try await Task.sleep(nanoseconds: 100_000_000) }
            #expect(bridge.log.contains(text), "\(bridge.log)")
        }

        @Test(
            "signals end it cleanly, with the statuses of the original",
            arguments: [(SIGTERM, 143), (SIGINT, 130), (SIGHUP, 129)] as [(Int32, Int32)])
        func signals(signal: Int32, status: Int32) async throws {
            let folder = try temporaryFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let process = try ChildProcess(Repository.bridge, ["--config", try configuration(in: folder)], in: folder)
            for _ in 0..<100 where !process.complaints.contains("Media port is open") {
                try await Task.sleep(nanoseconds: 50_000_000)
            }
            kill(process.processIdentifier, signal)
            #expect(await process.wait(seconds: 10) == status, "\(process.complaints)")
            #expect(process.complaints.contains("Stopped"))
        }

        @Test("systemd is told: ready, alive, stopping")
        func notification() async throws {
            let folder = try temporaryFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let path = folder.appendingPathComponent("notify").path
            let listener = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(listener) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                }
            }
            #expect(isBound)
            var limit = timeval(tv_sec: 10, tv_usec: 0)
            setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            let process = try ChildProcess(
                Repository.bridge, ["--config", try configuration(in: folder)], in: folder,
                environment: ["NOTIFY_SOCKET": path, "WATCHDOG_USEC": "400000"])
            func next() -> String {
                var buffer = [UInt8](repeating: 0, count: 256)
                let count = recv(listener, &buffer, buffer.count, 0)
                return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
            }
            #expect(next() == "READY=1")
            #expect(next() == "WATCHDOG=1")
            kill(process.processIdentifier, SIGTERM)
            var last = next()
            while last == "WATCHDOG=1" { last = next() }
            #expect(last == "STOPPING=1")
            #expect(await process.wait(seconds: 10) == 143)
        }

        @Test("what keeps it from starting is named with the cure, and the status is not zero")
        func refusals() async throws {
            let folder = try temporaryFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            func run(_ arguments: [String]) async throws -> (status: Int32?, text: String) {
                let process = try ChildProcess(Repository.bridge, arguments, in: folder)
                let status = await process.wait(seconds: 10)
                return (status, process.output + process.complaints)
            }
            let missing = try await run(["--config", folder.appendingPathComponent("none.conf").path])
            #expect(missing.status == 78 && missing.text.contains("there is no such file"), "\(missing)")
            let broken = folder.appendingPathComponent("broken.conf")
            try "videobridge {\n  ice.udp.port = \n}}\n".write(to: broken, atomically: true, encoding: .utf8)
            let malformed = try await run(["--config", broken.path])
            #expect(malformed.status == 78 && malformed.text.contains("broken.conf:3:"), "\(malformed)")
            let option = try await run(["--nonsense"])
            #expect(option.status == 64 && option.text.contains("unknown option --nonsense"), "\(option)")
            let nowhere = try configuration(in: folder, addresses: "203.0.113.9")
            let unusable = try await run(["--config", nowhere])
            #expect(unusable.status == 1 && unusable.text.contains("allowed-addresses"), "\(unusable)")
            try await withBridge { bridge in
                let taken = try configuration(in: folder, mediaPort: bridge.mediaPort)
                let media = try await run(["--config", taken])
                #expect(media.status == 1 && media.text.contains("videobridge.ice.udp.port"), "\(media)")
                let http = try await run(["--config", try configuration(in: folder, httpPort: bridge.httpPort)])
                #expect(http.status == 1 && http.text.contains("\(bridge.httpPort)"), "\(http)")
            }
        }

        private func temporaryFolder() throws -> URL {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            return folder
        }

        private func configuration(
            in folder: URL, addresses: String = "127.0.0.1", mediaPort: Int? = nil, httpPort: Int? = nil
        ) throws -> String {
            let file = folder.appendingPathComponent("jvb-\(UInt32.random(in: 0...UInt32.max)).conf")
            let text = """
                videobridge.ice.udp.port = \(try mediaPort ?? freePort(SOCK_DGRAM))
                videobridge.http-servers.private.port = \(try httpPort ?? freePort(SOCK_STREAM))
                videobridge.health.require-valid-address = false
                ice4j.harvest.allowed-addresses = ["\(addresses)"]

                """
            try text.write(to: file, atomically: true, encoding: .utf8)
            return file.path
        }
    }
}
