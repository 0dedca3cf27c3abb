// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `Peers/aiortc_call.py` prints.
struct AiortcCall: Decodable {
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
    let errors: [String]
    let participants: [Participant]?
    let secrets: [String]

    /// Runs the script against a bridge.
    static func run(on bridge: BridgeProcess, _ arguments: [String]) async throws -> AiortcCall {
        let script = try ChildProcess(
            Repository.python,
            [Repository.script("aiortc_call.py"), "--bridge", bridge.address] + arguments, in: bridge.folder)
        let status = await script.wait(seconds: 60)
        guard status == 0, let call = try? JSONDecoder().decode(AiortcCall.self, from: Data(script.output.utf8)) else {
            throw SetupError(description: "the script failed: \(script.complaints)\nthe bridge's log:\n\(bridge.log)")
        }
        return call
    }
}

extension RealPeers {
    @Suite("aiortc", .enabled(if: Peers.hasPython, "no .venv: run make bootstrap"))
    struct AiortcTests {
        /// One way of connecting.
        struct Way: CustomTestStringConvertible, Sendable {
            var setup: String
            var profile: String
            var family: Int
            var testDescription: String { "client \(setup), \(profile), IPv\(family)" }
        }

        @Test(
            "aiortc hears and sees through the bridge with either DTLS role, either SRTP profile and IP version",
            arguments: [
                Way(setup: "active", profile: "gcm", family: 4),
                Way(setup: "passive", profile: "gcm", family: 4),
                Way(setup: "active", profile: "cm", family: 4),
                Way(setup: "passive", profile: "cm", family: 6),
            ])
        func ways(_ way: Way) async throws {
            try await withBridge { bridge in
                let call = try await AiortcCall.run(
                    on: bridge, ["--setup", way.setup, "--profile", way.profile, "--family", "\(way.family)"])
                check(call, others: [[1], [0]])
                for participant in call.participants ?? [] {
                    #expect(participant.setup == way.setup)
                    #expect(
                        participant.profile.contains(way.profile == "gcm" ? "AEAD_AES_128_GCM" : "AES128_CM_SHA1_80"))
                    #expect(participant.remote == (way.family == 4 ? "127.0.0.1" : "::1"))
                }
            }
        }

        @Test("three aiortc participants each recognise both others by pitch and brightness")
        func three() async throws {
            try await withBridge { bridge in
                let call = try await AiortcCall.run(on: bridge, ["--participants", "3"])
                check(call, others: [[1, 2], [0, 2], [0, 1]])
            }
        }

        @Test("the bridge's configuration decides the SRTP profile when the client offers both")
        func profilePreference() async throws {
            let configuration = "jmt.srtp.protection-profiles = [SRTP_AES128_CM_HMAC_SHA1_80, SRTP_AEAD_AES_128_GCM]"
            try await withBridge(configuration) { bridge in
                let call = try await AiortcCall.run(on: bridge, ["--profile", "both"])
                check(call, others: [[1], [0]])
                #expect(call.participants?.allSatisfy { $0.profile.contains("AES128_CM_SHA1_80") } == true)
            }
        }

        private func check(_ call: AiortcCall, others: [[Int]]) {
            #expect(call.errors.isEmpty)
            #expect(call.participants?.map(\.seen) == others)
            #expect(call.participants?.map(\.heard) == others)
            for participant in call.participants ?? [] {
                #expect(participant.state == "connected")
                #expect(participant.lost == 0)
                #expect((participant.firstPictureSeconds ?? .infinity) < 4)
            }
        }
    }
}
