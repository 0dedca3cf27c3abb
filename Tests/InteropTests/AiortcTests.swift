// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `Peers/aiortc_call.py` prints.
struct AiortcCalls: Decodable {
    struct Participant: Decodable {
        let number: Int
        /// Numbers of the participants whose picture, and whose tone, was recognised.
        let seen, heard: [Int]
        let setup, state: String
        let lost: Int
        let firstPictureSeconds: Double?
        let remote: String?
        let profile: String
    }
    struct Call: Decodable {
        let way: String
        let errors: [String]
        let participants: [Participant]?
    }
    let calls: [Call]
    let secrets: [String]

    /// Runs the script against a bridge: a call for each way, all at once.
    static func run(on bridge: BridgeProcess, _ ways: [String], _ arguments: [String] = []) async throws -> AiortcCalls
    {
        let script = try ChildProcess(
            Repository.python,
            [Repository.script("aiortc_call.py"), "--bridge", bridge.address] + arguments + ways, in: bridge.folder)
        let status = await script.wait(seconds: 90)
        guard status == 0, let calls = try? JSONDecoder().decode(AiortcCalls.self, from: Data(script.output.utf8))
        else {
            throw SetupError(description: "the script failed: \(script.complaints)\nthe bridge's log:\n\(bridge.log)")
        }
        return calls
    }
}

extension RealPeers {
    @Suite("aiortc", .enabled(if: Peers.hasPython, "no .venv: run make bootstrap"))
    struct AiortcTests {
        @Test(
            "aiortc hears and sees through the bridge with either DTLS role, either SRTP profile and IP version",
            arguments: [4, 6])
        func ways(family: Int) async throws {
            try await withBridge { bridge in
                let ways = ["active", "passive"].flatMap { setup in ["gcm", "cm"].map { "\(setup)-\($0)-\(family)" } }
                let calls = try await AiortcCalls.run(on: bridge, ways).calls
                #expect(calls.map(\.way) == ways)
                for call in calls {
                    check(call, others: [[1], [0]])
                    let profile = call.way.contains("gcm") ? "SRTP_AEAD_AES_128_GCM" : "SRTP_AES128_CM_SHA1_80"
                    for participant in call.participants ?? [] {
                        #expect(call.way.hasPrefix(participant.setup + "-"))
                        #expect(participant.profile == profile, "\(call.way)")
                        #expect(participant.remote == (family == 4 ? "127.0.0.1" : "::1"), "\(call.way)")
                    }
                }
            }
        }

        @Test("three aiortc participants each recognise both others by pitch and brightness")
        func three() async throws {
            try await withBridge { bridge in
                let calls = try await AiortcCalls.run(on: bridge, ["active-gcm-4"], ["--participants", "3"]).calls
                check(try #require(calls.first), others: [[1, 2], [0, 2], [0, 1]])
            }
        }

        @Test("the bridge's configuration decides the SRTP profile when the client offers both")
        func profilePreference() async throws {
            let configuration = "jmt.srtp.protection-profiles = [SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM]"
            try await withBridge(configuration) { bridge in
                let call = try #require(try await AiortcCalls.run(on: bridge, ["active-both-4"]).calls.first)
                check(call, others: [[1], [0]])
                #expect(call.participants?.allSatisfy { $0.profile == "SRTP_AES128_CM_SHA1_80" } == true)
            }
        }

        private func check(_ call: AiortcCalls.Call, others: [[Int]]) {
            #expect(call.errors.isEmpty, "\(call.way)")
            #expect(call.participants?.map(\.seen) == others, "\(call.way)")
            #expect(call.participants?.map(\.heard) == others, "\(call.way)")
            for participant in call.participants ?? [] {
                #expect(participant.state == "connected", "\(call.way)")
                #expect(participant.lost == 0, "\(call.way)")
                #expect((participant.firstPictureSeconds ?? .infinity) < 4, "\(call.way)")
            }
        }
    }
}
