// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// Calls in which receivers get different things of the same cameras, and repaired ones; each beside a plain call with
/// as many packets in the same minute, since only the ratio carries over to other machines.
struct Pictures {
    let bed: Bed
    let rounds: Int

    private struct Case {
        var name: String
        var scenario: Scenario
        var more: [String]
    }

    private static func scenario(
        _ name: String, _ participants: Int, audio: Int, video: Int, bitrate: Int = 1_500_000
    ) -> Scenario {
        var result = Scenario(
            name: name, participants: participants, audioSenders: audio, videoSenders: video, videoBitrate: bitrate)
        result.channel = "sctp"
        return result
    }

    private static let cases = [
        Case(
            name: "20 × 20, simulcast, last-N 5", scenario: scenario("twenty", 20, audio: 20, video: 20),
            more: ["--simulcast", "--constraints", "0:stage=720,others=180,lastn=5"]),
        Case(
            name: "1 → 100, 1 % lost and repaired", scenario: scenario("lossy", 101, audio: 1, video: 1),
            more: ["--repair", "--loss-down", "1"]),
        Case(
            name: "100, each sees 20", scenario: scenario("hundred", 100, audio: 3, video: 100),
            more: ["--simulcast", "--constraints", "0:stage=180,others=180,lastn=20"]),
    ]

    func run() throws {
        heading(
            "Pictures, µs of processor time per forwarded packet (median of \(rounds) × \(decimal(bed.seconds, 0)) s)")
        print(
            "  " + padded("scenario", 34) + leftPadded("bridge", 9) + leftPadded("plain", 9) + leftPadded("ratio", 8)
                + leftPadded("packets/s", 11) + leftPadded("p99 ms", 9) + leftPadded("at layer", 10)
                + leftPadded("freezes", 9) + leftPadded("repaired", 10) + "  perfect")
        for item in Self.cases { try measure(item) }
    }

    private func measure(_ item: Case) throws {
        var results: [(call: CallResult, plain: Double)] = []
        for _ in 0..<rounds {
            let call = try bed.call(item.scenario, more: item.more)
            let plain = try bed.call(Scenario.calls[1])
            results.append((call, plain.cost))
        }
        results.sort { $0.call.cost / $0.plain < $1.call.cost / $1.plain }
        let (call, plain) = results[results.count / 2]
        var text = "  " + padded(item.name, 34) + leftPadded(decimal(call.cost, 2), 9)
        text += leftPadded(decimal(plain, 2), 9) + leftPadded(decimal(call.cost / plain, 2), 8)
        text += leftPadded(decimal(call.packetsPerSecond, 0), 11)
        text += leftPadded(decimal(call.transit("p99", isVideo: true), 2), 9)
        text += leftPadded(decimal(call.pictures("share_at_layer") * 100, 1) + " %", 10)
        text += leftPadded(decimal(call.pictures("freezes"), 0), 9)
        let missed = call.repair("missed")
        let share = missed > 0 ? decimal((call.repair("repaired") + call.repair("came_late")) / missed * 100, 1) : "–"
        text += leftPadded(share + " %", 10)
        let isPerfect = results.allSatisfy(\.call.isPerfect)
        print(text + "  " + (isPerfect ? "yes" : "no: \(call.imperfections.joined(separator: "; "))"))
        fflush(nil)
        if let bottleneck = call.bottleneck { print("    note: the generator was the bottleneck: \(bottleneck)") }
    }
}
