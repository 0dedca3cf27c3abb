// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Many scenarios with many seeds.
struct Sweep {
    private let options: SimulationOptions
    private let revision: String

    init(_ options: SimulationOptions, revision: String) {
        self.options = options
        self.revision = revision
    }

    /// Plays them all; each scenario stops at its first breach.
    /// - Returns: 0 when all laws held but for expected failures.
    func run() -> Int32 {
        var status: Int32 = 0
        var turn: UInt64 = 0
        for scenario in options.scenarios.isEmpty ? Scenario.all : options.scenarios {
            var played = 0
            var seconds = 0.0
            var broken: String?
            for seed in options.seeds where seed % scenario.stride == 0 {
                turn += 1
                guard turn % options.part.count == options.part.index else { continue }
                let run = Run(scenario, seed: seed)
                played += 1
                seconds += run.seconds
                if run.violation != nil {
                    broken = SimulationProgram.line(run, scenario, seed: seed, revision: revision)
                } else if options.isTwice, case let second = Run(scenario, seed: seed), second.hash != run.hash {
                    broken = "BROKEN revision=\(revision) scenario=\(scenario.name) seed=\(seed): two runs differ"
                }
                if broken != nil { break }
            }
            guard played > 0 else { continue }
            let reason = options.isStrict ? nil : ExpectedFailures.reasons[scenario.name]
            if let broken {
                print(reason == nil ? broken : "expected (\(reason ?? "")): \(broken)")
                if reason == nil { status = 1 }
            } else {
                let note = reason == nil ? "" : "; it is on the list of expected failures without need"
                print("held \(scenario.name): \(played) runs, \(Int(seconds)) s of meetings\(note)")
            }
        }
        return status
    }
}
