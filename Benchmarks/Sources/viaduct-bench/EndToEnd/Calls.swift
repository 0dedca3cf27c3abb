// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc
import Primitives

/// Calls through the bridge, each beside the floor measured in the same minute.
struct Calls {
    let bed: Bed
    let rounds: Int

    func run() throws {
        heading(
            "End to end, µs of processor time per forwarded packet "
                + "(median of \(rounds) × \(decimal(bed.seconds, 0)) s)")
        print(
            "  " + padded("scenario", 30) + leftPadded("bridge", 9) + leftPadded("floor", 9) + leftPadded("ratio", 8)
                + leftPadded("packets/s", 11) + leftPadded("p50 ms", 9) + leftPadded("p99 ms", 9)
                + leftPadded("floor's", 9)
                + leftPadded("p99.9 ms", 10) + leftPadded("kB/endpoint", 13) + "  perfect")
        var grown: [Double] = []
        for scenario in Scenario.calls { grown.append(try measure(scenario)) }
        // The first endpoints also pay for what all share, such as the receive slab's first pages.
        let more = Double(Scenario.calls[1].participants - Scenario.calls[0].participants)
        line("memory of each further endpoint", decimal((grown[1] - grown[0]) / more / 1_000, 0) + " kB")
    }

    private struct Round {
        var floor: (cost: Double, p99: Double)
        var call: CallResult
        var ratio: Double { call.cost / floor.cost }
    }

    /// Prints a scenario's row and gives the bytes the bridge grew by.
    private func measure(_ scenario: Scenario) throws -> Double {
        var rounds: [Round] = []
        for _ in 0..<self.rounds {
            let call = try bed.call(scenario)
            let sink = try Sink(sockets: scenario.participants)
            var floor = try Floor(scenario, targets: sink.addresses)
            let least = try floor.run(seconds: bed.seconds)
            sink.end()
            rounds.append(Round(floor: least, call: call))
        }
        rounds.sort { $0.ratio < $1.ratio }
        let median = rounds[rounds.count / 2]
        report(scenario, median, allPerfect: rounds.allSatisfy(\.call.isPerfect))
        return median.call.grownBytes
    }

    private func report(_ scenario: Scenario, _ round: Round, allPerfect: Bool) {
        let call = round.call
        func ms(_ quantile: String) -> String {
            decimal(call.transit(quantile, isVideo: scenario.videoSenders > 0), 2)
        }
        var text = "  " + padded(scenario.name, 30)
        text += leftPadded(decimal(call.cost, 2), 9) + leftPadded(decimal(round.floor.cost, 2), 9)
        text += leftPadded(decimal(round.ratio, 2), 8) + leftPadded(decimal(call.packetsPerSecond, 0), 11)
        text += leftPadded(ms("p50"), 9) + leftPadded(ms("p99"), 9) + leftPadded(decimal(round.floor.p99, 2), 9)
        text += leftPadded(ms("p999"), 10)
        text += leftPadded(decimal(call.grownBytes / Double(scenario.participants) / 1_000, 0), 13)
        print(text + "  " + (allPerfect ? "yes" : "no"))
        fflush(nil)
        if let bottleneck = call.bottleneck { print("    note: the generator was the bottleneck: \(bottleneck)") }
    }
}
