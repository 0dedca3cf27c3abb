// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension RealPeers {
    /// What the whole program does with XMPP while calls run: a real Prosody, the bridge, the generator over REST.
    @Suite("Calls and XMPP", .enabled(if: Peers.hasProsody, "no prosody: run make bootstrap"))
    struct CallAndXMPPTests {
        @Test("a call loses nothing while its Prosody is killed, and the bridge is back in the room afterwards")
        func prosodyKilled() async throws {
            let prosody = try ProsodyServer()
            try await prosody.start()
            defer { prosody.kill() }
            try await withBridge("videobridge.apis.xmpp-client.configs.one { \(client(prosody)) }") { bridge in
                #expect(await isJoined(bridge), "\(bridge.log)")
                let arguments = ["--rest", "http://\(bridge.address)", "--participants", "3", "--duration", "6"]
                let load = try ChildProcess(
                    Repository.products.appendingPathComponent("viaduct-load"),
                    arguments + ["--local", "127.0.0.1", "--quiet"], in: bridge.folder)
                try await Task.sleep(nanoseconds: 2_000_000_000)
                prosody.kill()
                try await prosody.waitForEnd()
                let status = await load.wait(seconds: 60)
                #expect(status == 0, "\(load.output)\n\(load.complaints)")
                #expect(load.output.contains("PERFECT"))
                #expect(await !isJoined(bridge, attempts: 1))
                try await prosody.start()
                #expect(await isJoined(bridge), "\(bridge.log)")
            }
        }

        private func client(_ prosody: ProsodyServer) -> String {
            """
            HOSTNAME = 127.0.0.1, PORT = \(prosody.port), DOMAIN = \(ProsodyServer.domain), USERNAME = jvb
            PASSWORD = jvbpass, MUC_JIDS = "\(ProsodyServer.room)", MUC_NICKNAME = steady
            DISABLE_CERTIFICATE_VERIFICATION = true
            """
        }

        /// Whether the bridge says that it is in its room, asked every 100 ms.
        private func isJoined(_ bridge: BridgeProcess, attempts: Int = 200) async -> Bool {
            for attempt in 0..<attempts {
                if attempt > 0 { try? await Task.sleep(nanoseconds: 100_000_000) }
                if await bridge.get("/metrics")?.body.contains(/mucs_joined(\{[^}]*\})? 1/) == true { return true }
            }
            return false
        }
    }
}
