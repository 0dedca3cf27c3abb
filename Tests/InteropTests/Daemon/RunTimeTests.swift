// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

#if canImport(Glibc)
import Glibc
#endif

extension RealPeers {
    /// What changes while the daemon runs: its XMPP connections, and its end.
    @Suite("Daemon at run time")
    struct RunTimeTests {
        private static let generator = Repository.products.appendingPathComponent("viaduct-load")

        /// A POST by curl.
        /// - Returns: the status, zero when there was no answer.
        private func post(_ path: String, _ body: String, to bridge: BridgeProcess) async throws -> Int {
            let arguments = [
                "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", body,
                "http://\(bridge.address)\(path)",
            ]
            let curl = try ChildProcess(URL(fileURLWithPath: "/usr/bin/curl"), arguments, in: bridge.folder)
            _ = await curl.wait(seconds: 10)
            return Int(curl.output) ?? 0
        }

        private func client(
            _ id: String, _ prosody: ProsodyServer, user: String = "jvb", nickname: String = "run-time"
        ) -> String {
            """
            {"id": "\(id)", "hostname": "127.0.0.1", "port": "\(prosody.port)", "domain": "\(ProsodyServer.domain)",
             "username": "\(user)", "password": "\(user)pass", "muc_jids": "\(ProsodyServer.room)", "muc_nickname": "\(nickname)",
             "disable_certificate_verification": "true", "iq_handler_mode": 7}
            """
        }

        private func list(_ bridge: BridgeProcess) async -> String? {
            await bridge.get("/colibri/muc-client/list")?.body
        }

        @Test("T30: XMPP clients are added, listed, left alone when posted again, replaced, removed")
        func clients() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            let bench = try XMPPBench(prosody)
            let focus = bench.focus(port: prosody.port)
            let configured = """
                videobridge.apis.xmpp-client.configs.one {
                  HOSTNAME = 127.0.0.1, PORT = \(prosody.port), DOMAIN = \(ProsodyServer.domain), USERNAME = other
                  PASSWORD = otherpass, MUC_NICKNAME = configured, DISABLE_CERTIFICATE_VERIFICATION = true
                  MUC_JIDS = "\(ProsodyServer.room)"
                }
                """
            try await withBridge(configured) { (bridge: BridgeProcess) async throws -> Void in
                #expect(try await bench.wait { focus.occupants["configured"] != nil })
                #expect(await list(bridge) == "[\"one\"]")
                #expect(try await post("/colibri/muc-client/add", client("two", prosody), to: bridge) == 200)
                #expect(try await bench.wait { focus.statistics(of: "run-time")?["version"] != nil }, "\(bridge.log)")
                #expect(await list(bridge) == "[\"one\",\"two\"]")

                // The same server and account: nothing happens, whatever else is said.
                let again = client("two", prosody, nickname: "another")
                #expect(try await post("/colibri/muc-client/add", again, to: bridge) == 200)
                #expect(try await bench.wait(1) { focus.occupants["another"] != nil } == false)
                #expect(focus.occupants["run-time"] != nil)

                // Another account under the same id: the old session ends, the new one begins.
                let changed = client("two", prosody, user: "other", nickname: "changed")
                #expect(try await post("/colibri/muc-client/add", changed, to: bridge) == 200)
                #expect(
                    try await bench.wait { focus.occupants["changed"] != nil && focus.occupants["run-time"] == nil })
                #expect(await list(bridge) == "[\"one\",\"two\"]")

                #expect(try await post("/colibri/muc-client/remove", "{\"id\": \"two\"}", to: bridge) == 200)
                #expect(try await bench.wait { focus.occupants["changed"] == nil })
                #expect(await list(bridge) == "[\"one\"]")
                #expect(focus.occupants["configured"] != nil)
                #expect(try await post("/colibri/muc-client/remove", "{\"id\": \"two\"}", to: bridge) == 400)
                #expect(try await post("/colibri/muc-client/add", "{\"id\": \"two\"}", to: bridge) == 400)

                // A configured one can be removed, too. What it has counted stays counted.
                let counted = await stanzas(bridge)
                #expect(counted > 5)
                #expect(try await post("/colibri/muc-client/remove", "{\"id\": \"one\"}", to: bridge) == 200)
                #expect(try await bench.wait { focus.occupants["configured"] == nil })
                #expect(await list(bridge) == "[]")
                #expect(await stanzas(bridge) >= counted)
                #expect(await bridge.get("/about/health")?.status == 200)
                #expect(!bridge.log.contains("jvbpass"))
                #expect(!bridge.log.contains("otherpass"))
            }
        }

        /// Stanzas received on all connections.
        private func stanzas(_ bridge: BridgeProcess) async -> Double {
            let match = await bridge.get("/metrics")?.body
                .firstMatch(of: /viaduct_xmpp_stanzas_received_total ([0-9.E]+)/)
            return match.flatMap { Double($0.1) } ?? -1
        }

        /// A bridge in the brewery with a call on it, and a focus that watches.
        private func withCall(
            _ configuration: String, _ body: (BridgeProcess, XMPPBench, Party) async throws -> Void
        ) async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            let bench = try XMPPBench(prosody)
            let focus = bench.focus(port: prosody.port, user: "other")
            let xmpp = """
                videobridge.apis.xmpp-client.configs.one {
                  HOSTNAME = 127.0.0.1, PORT = \(prosody.port), DOMAIN = \(ProsodyServer.domain), USERNAME = jvb
                  PASSWORD = jvbpass, MUC_NICKNAME = ending, DISABLE_CERTIFICATE_VERIFICATION = true
                  MUC_JIDS = "\(ProsodyServer.room)"
                }
                \(configuration)
                """
            try await withBridge(xmpp) { bridge in
                #expect(try await bench.wait { focus.occupants["ending"] != nil })
                let call = try ChildProcess(
                    Self.generator,
                    [
                        "--rest", "http://\(bridge.address)", "--participants", "2", "--duration", "30", "--quiet",
                        "--local", "127.0.0.1",
                    ], in: bridge.folder)
                var hasConference = false
                for _ in 0..<200 where !hasConference {
                    try await Task.sleep(nanoseconds: 50_000_000)
                    hasConference =
                        await bridge.get("/colibri/stats")?.body.contains(/"conferences":1[,}]/) == true
                }
                #expect(hasConference, "\(call.output) \(call.complaints)")
                do {
                    try await body(bridge, bench, focus)
                } catch {
                    kill(call.processIdentifier, SIGKILL)
                    throw error
                }
                // It would go on calling a bridge that is gone.
                kill(call.processIdentifier, SIGKILL)
                await call.end()
            }
        }

        @Test(
            "with a conference the end is announced, the bridge serves on for the grace, then leaves in order",
            arguments: [(SIGTERM, 143), (SIGINT, 130), (SIGHUP, 129)] as [(Int32, Int32)])
        func grace(signal: Int32, status: Int32) async throws {
            try await withCall("viaduct.sigterm-grace = 2 s") {
                (bridge: BridgeProcess, bench: XMPPBench, focus: Party) async throws -> Void in
                let start = Date()
                kill(bridge.processIdentifier, signal)
                #expect(
                    try await bench.wait(1.8) { focus.statistics(of: "ending")?["shutting_down"] == "true" },
                    "\(bridge.log)")
                #expect(await bridge.get("/colibri/stats")?.body.contains(/"shutting_down":true/) == true)
                #expect(bridge.isRunning)
                #expect(try await bench.wait(10) { focus.occupants["ending"] == nil })
                let pause = Date().timeIntervalSince(start)
                #expect((1.9...5).contains(pause), "\(pause)")
                #expect(await bridge.wait(seconds: 5) == status, "\(bridge.log)")
            }
        }

        @Test("a second signal ends it at once")
        func secondSignal() async throws {
            try await withCall("viaduct.sigterm-grace = 60 s") { bridge, _, _ in
                kill(bridge.processIdentifier, SIGTERM)
                try await Task.sleep(nanoseconds: 500_000_000)
                #expect(bridge.isRunning)
                kill(bridge.processIdentifier, SIGTERM)
                #expect(await bridge.wait(seconds: 3) == 143, "\(bridge.log)")
            }
        }

        @Test("without a conference nothing is waited for")
        func idle() async throws {
            try await withBridge("viaduct.sigterm-grace = 60 s") { bridge in
                kill(bridge.processIdentifier, SIGTERM)
                #expect(await bridge.wait(seconds: 3) == 143, "\(bridge.log)")
            }
        }
    }
}
