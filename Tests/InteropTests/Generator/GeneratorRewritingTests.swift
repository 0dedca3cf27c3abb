// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Calls with SSRC rewriting: receivers know no SSRCs but those that they are told over a real channel, and every
/// packet's stamp has to be of the source that was told.
@Suite("Generator: SSRC rewriting", .serialized)
struct GeneratorRewritingTests {
    /// What counts of a result.
    private struct Outcome: Decodable {
        struct Channel: Decodable {
            let slot_maps: Int
        }
        let perfect: Bool
        let bridge_channel: Channel
    }

    private func call(
        _ line: String, _ configuration: String = ""
    ) async throws -> (run: GeneratorRun, outcome: Outcome, log: String) {
        let port = try freePort()
        let settings = """
            videobridge.http-servers.public { host = "127.0.0.1", port = \(port) }
            videobridge.websockets { enabled = true, domains = ["127.0.0.1:\(port)"] }
            \(configuration)
            """
        return try await withDaemon(settings) { daemon in
            let file = daemon.folder.appendingPathComponent("result")
            let run = try await GeneratorRun(
                "--rest http://127.0.0.1:\(daemon.httpPort) --ssrc-rewriting --json \(file.path) \(line)", limit: 120)
            let outcome = try JSONDecoder().decode(Outcome.self, from: try Data(contentsOf: file))
            return (run, outcome, daemon.log)
        }
    }

    @Test("all that is sent comes, under the SSRCs that were told", arguments: ["sctp", "websocket"])
    func three(channel: String) async throws {
        let (run, outcome, log) = try await call("--channel \(channel) --duration 6 --turn 3")
        #expect(run.status == 0 && outcome.perfect, "\(run)\n\(log)")
        // Two voices and two pictures for each of three.
        #expect(outcome.bridge_channel.slot_maps >= 3 * 2)
    }

    @Test("simulcast, changing wishes and losses: pictures are whole, repeats come under the slots' own RTX")
    func simulcast() async throws {
        let (run, outcome, log) = try await call(
            "--simulcast --loss-down 1 --duration 9 --constraints 0:stage=180,others=180;3:stage=720;6:stage=180")
        #expect(run.status == 0 && outcome.perfect, "\(run)\n\(log)")
    }
}
