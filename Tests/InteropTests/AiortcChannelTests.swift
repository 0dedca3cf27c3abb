// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What `Peers/aiortc_channel.py` prints.
private struct Conversations: Decodable {
    struct Answer: Decodable, Equatable {
        let answer: Bool
    }
    struct Conference: Decodable {
        let setup: String
        let errors: [String]
        let name: String?
        /// The port of SCTP that each client was told.
        let ports: [Int?]?
        let openSeconds: [Double]?
        /// Classes of what came before the client said anything.
        let onOpen: [String]?
        let hellos: Int?
        let numbers: [Int]?
        let longest: Int?
        let from: [String]?
        let answers: [Answer]?
        let states: [String]?
    }
    let conferences: [Conference]
}

extension RealPeers {
    @Suite("aiortc's data channel", .enabled(if: Peers.hasPython, "no .venv: run make bootstrap"))
    struct AiortcChannelTests {
        @Test("aiortc opens its data channel, gets the state, and what one client says reaches the other, in order")
        func talks() async throws {
            try await withBridge { bridge in
                let script = try ChildProcess(
                    Repository.python,
                    [Repository.script("aiortc_channel.py"), "--bridge", bridge.address, "active", "passive", "late"],
                    in: bridge.folder)
                let status = await script.wait(seconds: 90)
                let log = "\(script.complaints)\nthe bridge's log:\n\(bridge.log)"
                try #require(status == 0, "\(log)")
                let result = try JSONDecoder().decode(Conversations.self, from: Data(script.output.utf8))
                #expect(result.conferences.map(\.setup) == ["active", "passive", "late"])
                for conference in result.conferences { check(conference, log: log) }
                // What was said stays between them.
                for word in ["msgPayload", "xxxx", "number"] { #expect(!bridge.log.contains(word), "\(word)") }
                let metrics = try #require(await bridge.get("/metrics")).body
                for (name, least) in [("received", 3 * 205.0), ("sent", 3 * 206.0)] {
                    let line = metrics.split(separator: "\n").first {
                        $0.hasPrefix("jitsi_jvb_data_channel_messages_\(name)_total ")
                    }
                    let value = line.flatMap { $0.split(separator: " ").last.flatMap { Double($0) } } ?? 0
                    #expect(value >= least, "\(name)")
                }
            }
        }

        private func check(_ conference: Conversations.Conference, log: String) {
            let way = conference.setup
            #expect(conference.errors.isEmpty, "\(way): \(log)")
            #expect(conference.ports == [5_000, 5_000], "\(way)")
            #expect((conference.openSeconds ?? []).allSatisfy { $0 < 4 }, "\(way)")
            // Without media of anybody else there is nothing forwarded, which is told all the same.
            #expect(conference.onOpen?.contains("ForwardedSources") == true, "\(way): \(conference.onOpen ?? [])")
            #expect(conference.onOpen?.contains("ServerHello") == false, "\(way)")
            #expect(conference.hellos == 2, "\(way)")
            #expect(conference.numbers == Array(0..<200), "\(way)")
            #expect(conference.longest == 40_000, "\(way)")
            #expect(conference.from == conference.name.map { [$0] }, "\(way)")
            #expect(conference.answers == [Conversations.Answer(answer: true)], "\(way)")
            #expect(conference.states == ["open", "open"], "\(way)")
        }
    }
}
