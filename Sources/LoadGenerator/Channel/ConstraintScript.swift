// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What receivers ask for in the course of a call, written as `0:stage=180,others=180;3:stage=720;6:lastn=2`.
public struct ConstraintScript: Equatable, Sendable {
    /// From some moment on.
    public struct Step: Equatable, Sendable {
        /// Seconds from the beginning of the call.
        public var at: Double
        /// Lines of the picture on stage.
        public var stage: Int
        /// Lines of all others.
        public var others: Int
        /// Most sources with video; -1: no limit.
        public var lastN: Int
    }

    /// In the order of their times, the first at 0.
    public var steps: [Step]

    /// Reads a script; what a step does not name stays as it was, in the beginning 720, 720 and -1.
    init(_ text: String) throws(LoadError) {
        func bad(_ why: String) -> LoadError { .usage("--constraints \(text): \(why)") }
        steps = []
        var step = Step(at: 0, stage: 720, others: 720, lastN: -1)
        for part in text.split(separator: ";") {
            let halves = part.split(separator: ":", maxSplits: 1)
            guard halves.count == 2, let at = Double(halves[0]), (0...86_400).contains(at) else {
                throw bad("a step is SECONDS:NAME=NUMBER,…")
            }
            step.at = at
            for setting in halves[1].split(separator: ",") {
                let pair = setting.split(separator: "=", maxSplits: 1)
                guard pair.count == 2, let number = Int(pair[1]), (-1...10_000).contains(number) else {
                    throw bad("\(setting) is no NAME=NUMBER from -1 to 10000")
                }
                switch pair[0] {
                case "stage": step.stage = number
                case "others": step.others = number
                case "lastn": step.lastN = number
                default: throw bad("no \(pair[0]) (but stage, others, lastn)")
                }
            }
            guard steps.last.map({ $0.at < at }) ?? (at == 0) else {
                throw bad("the first step is at 0, each later than the one before")
            }
            steps.append(step)
        }
        guard !steps.isEmpty, steps.count <= LoadGeneratorLimits.constraintSteps else {
            throw bad("1 to \(LoadGeneratorLimits.constraintSteps) steps")
        }
    }
}
