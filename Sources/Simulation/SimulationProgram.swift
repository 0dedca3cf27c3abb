// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The program `viaduct-sim`.
public enum SimulationProgram {
    private static let usage = """
        usage: viaduct-sim list
               viaduct-sim run SCENARIO --seed N [--trace]
               viaduct-sim hunt [--seeds FIRST..LAST]
               viaduct-sim sweep [SCENARIO…] [--seeds FIRST..LAST] [--part I/N] [--twice] [--strict]
               and [--revision TEXT], which is repeated in what is printed
        """

    /// Runs with the given arguments (without the program's name) and gives the exit status: 0 when every law held,
    /// 1 when one did not, 64 for wrong usage.
    public static func run(_ arguments: [String], revision: String) -> Int32 {
        guard let command = arguments.first else { return misused() }
        guard let options = SimulationOptions(Array(arguments.dropFirst())) else { return misused() }
        let revision = options.revision ?? revision
        switch command {
        case "list":
            for scenario in Scenario.all { print("\(scenario.name): \(scenario.summary)") }
            return 0
        case "run":
            guard options.scenarios.count == 1, let scenario = options.scenarios.first else { return misused() }
            let run = Run(scenario, seed: options.seeds.lowerBound, isTraced: options.isTraced)
            print(line(run, scenario, seed: options.seeds.lowerBound, revision: revision))
            return run.violation == nil ? 0 : 1
        case "hunt":
            return hunt(options, revision: revision)
        case "sweep":
            return Sweep(options, revision: revision).run()
        default:
            return misused()
        }
    }

    /// What one run came to, in one line.
    static func line(_ run: Run, _ scenario: Scenario, seed: UInt64, revision: String) -> String {
        let what = "revision=\(revision) scenario=\(scenario.name) seed=\(seed)"
        guard let violation = run.violation else {
            return "held \(what) time=\(run.seconds)s events=\(run.events) trace=\(String(run.hash, radix: 16))"
        }
        return "BROKEN \(what) time=\(violation.time.text) invariant=\(violation.law.rawValue): \(violation.detail)"
    }

    /// Plays all scenarios with one seed after the other until a law is broken.
    /// - Returns: 1 when one was, 0 when none was.
    private static func hunt(_ options: SimulationOptions, revision: String) -> Int32 {
        for seed in options.seeds {
            for scenario in Scenario.all where seed % scenario.stride == 0 {
                let run = Run(scenario, seed: seed)
                guard run.violation == nil || ExpectedFailures.reasons[scenario.name] != nil else {
                    print(line(run, scenario, seed: seed, revision: revision))
                    return 1
                }
            }
        }
        print("nothing found in seeds \(options.seeds)")
        return 0
    }

    private static func misused() -> Int32 {
        print(usage)
        return 64
    }
}
