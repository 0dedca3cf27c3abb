// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What `viaduct-sim` was asked to do.
struct SimulationOptions {
    var scenarios: [Scenario] = []
    var seeds: ClosedRange<UInt64> = 1...20
    /// This process plays every count-th run, from `index` on.
    var part: (index: UInt64, count: UInt64) = (0, 1)
    /// Each run twice, and the traces must agree.
    var isTwice = false
    var isTraced = false
    /// Which build this is; the program's own identifier unless told otherwise.
    var revision: String?
    /// Expected failures fail too.
    var isStrict = false

    /// Reads arguments; `nil` when they make no sense.
    init?(_ arguments: [String]) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            switch word {
            case "--twice": isTwice = true
            case "--trace": isTraced = true
            case "--strict": isStrict = true
            case "--revision": revision = rest.popFirst()
            case "--seed", "--seeds":
                guard let range = Self.pair(rest.popFirst(), separator: "..") else { return nil }
                seeds = range.0...max(range.0, range.1)
            case "--part":
                guard let pair = Self.pair(rest.popFirst(), separator: "/"), pair.0 >= 1, pair.0 <= pair.1 else {
                    return nil
                }
                part = (pair.0 - 1, pair.1)
            default:
                guard let scenario = Scenario.named(word) else { return nil }
                scenarios.append(scenario)
            }
        }
    }

    private static func pair(_ text: String?, separator: String) -> (UInt64, UInt64)? {
        let numbers = (text ?? "").split(separator: separator).compactMap { UInt64($0) }
        guard numbers.count == 1 || numbers.count == 2 else { return nil }
        return (numbers[0], numbers[numbers.count - 1])
    }
}
