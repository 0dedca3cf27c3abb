// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What is told best by calls held in turn.
struct Comparisons {
    let bed: Bed
    let rounds: Int

    private func title(_ text: String) {
        heading(text + " (medians of \(rounds) × \(decimal(bed.seconds, 0)) s in turn)")
    }

    /// Packets of twenty cameras between each other, beside whole frames.
    func interleaving() throws {
        title("Whole frames beside interleaved packets; bar: 1.2 of whole frames")
        Alternation.head(Scenario.twenty.name)
        let scenarios = [
            Scenario.twenty.paced(.whole, "whole frames"),
            Scenario.twenty.paced(.ticks(10), "interleaved, all senders in turn every 10 ms"),
            Scenario.twenty.paced(.even, "interleaved, each packet at its own moment"),
        ]
        try Alternation(rounds: rounds).compare(scenarios.map { .init(name: $0.name, bed: bed, scenario: $0) })
    }

    /// Another build of the bridge beside this one.
    func old(_ path: String) throws {
        title("An older bridge beside this one; ratio to the older")
        Alternation.head("call")
        let more = [
            Scenario.twenty, Scenario.twenty.paced(.ticks(10), "20 × 20, the same interleaved every 10 ms"),
        ]
        for scenario in Scenario.calls + more {
            try Alternation(rounds: rounds).compare([
                .init(name: scenario.name + ", old", bed: bed.with(bridge: path, settings: ""), scenario: scenario),
                .init(name: scenario.name + ", new", bed: bed, scenario: scenario),
            ])
        }
    }

    /// The two engines of SRTP.
    func engines() throws {
        title("SRTP by EVP beside the engine the bridge chooses; bar: 0.93 of EVP")
        Alternation.head("call")
        for scenario in Scenario.calls.dropFirst() {
            try Alternation(rounds: rounds).compare([
                .init(
                    name: scenario.name + ", EVP", bed: bed.with(settings: Self.engine("evp")), scenario: scenario),
                .init(
                    name: scenario.name + ", chosen", bed: bed.with(settings: Self.engine("auto")), scenario: scenario),
            ])
        }
    }

    /// The configuration that chooses an engine.
    static func engine(_ name: String) -> String { "viaduct.srtp.engine = \(name)" }
}
