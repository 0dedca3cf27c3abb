// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension RealPeers {
    @Suite("Log privacy", .enabled(if: Peers.hasPython && Peers.hasProsody, "run make bootstrap"))
    struct LogPrivacyTests {
        @Test("a whole session's log holds no password, no key and no client's full address")
        func secretsStayOut() async throws {
            let folder = FileManager.default.temporaryDirectory.appendingPathComponent("viaduct-" + UUID().uuidString)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(at: folder) }
            let port = try Int(freePort(SOCK_STREAM))
            let password = "correct-horse-\(UInt64.random(in: 0...UInt64.max))"
            let prosody = try ChildProcess(
                Repository.root.appendingPathComponent("scripts/prosody"),
                [folder.appendingPathComponent("prosody").path, "\(port)"], in: folder,
                environment: ["VIADUCT_JVB_PASSWORD": password])
            do {
                try await session(xmppPort: port, password: password)
            } catch {
                await prosody.end()
                throw error
            }
            await prosody.end()
        }

        private func session(xmppPort: Int, password: String) async throws {
            let configuration = """
                viaduct.log.level = trace
                videobridge.apis.xmpp-client.configs.one {
                  HOSTNAME = 127.0.0.1, PORT = \(xmppPort), DOMAIN = auth.bridge.test, USERNAME = jvb
                  PASSWORD = "\(password)", MUC_NICKNAME = private, DISABLE_CERTIFICATE_VERIFICATION = true
                  MUC_JIDS = "jvbbrewery@internal.auth.bridge.test"
                }
                """
            try await withBridge(configuration) { bridge in
                var isJoined = false
                for _ in 0..<200 where !isJoined {
                    try await Task.sleep(nanoseconds: 100_000_000)
                    isJoined = await bridge.get("/metrics")?.body.contains(/mucs_joined(\{[^}]*\})? 1/) == true
                }
                #expect(isJoined, "the bridge is in the brewery: \(bridge.log)")
                let session = try await AiortcCalls.run(on: bridge, ["active-gcm-4"], ["--address", "127.0.0.77"])
                #expect(session.calls.first?.participants?.map(\.heard) == [[1], [0]])
                let log = bridge.log
                #expect(log.contains("conference created"), "the log is not empty of the call")
                #expect(log.contains("remote=127.0.x.x:"), "an address is shown, shortened")
                #expect(session.secrets.count >= 12, "passwords of both sides and SRTP keys of both clients")
                for secret in session.secrets + [password, Data(password.utf8).base64EncodedString()] {
                    #expect(!log.lowercased().contains(secret.lowercased()), "\(secret) is in the log")
                }
                for line in log.split(separator: "\n") where line.contains("127.0.0.77") {
                    Issue.record("a client's full address is in the log: \(line)")
                }
            }
        }
    }
}
