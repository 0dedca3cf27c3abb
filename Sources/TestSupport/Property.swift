// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Runs a law over many generated cases; each case gets its own seeded generator.
///
/// - Parameters:
///   - cases: how many cases.
///   - seed: where the seeds start; a failure message names the seed, so pass it here with `cases: 1` to replay.
///   - law: returns `nil` when the law holds, otherwise what is wrong.
/// - Returns: `nil`, or the first failure with the seed that shows it. Use as `#expect(checkProperty { … } == nil)`.
public func checkProperty(cases: Int = 1_000, seed: UInt64 = 1, _ law: (inout Random) -> String?) -> String? {
    for offset in 0..<UInt64(cases) {
        var random = Random(seed: seed &+ offset)
        if let failure = law(&random) { return "seed \(seed &+ offset): \(failure)" }
    }
    return nil
}

/// Damages `bytes` as a hostile or broken peer would: cuts, flips, inserts, repeats.
public func mutate(_ bytes: [UInt8], using random: inout Random) -> [UInt8] {
    var result = bytes
    for _ in 0...random.int(in: 0...3) {
        switch random.int(in: 0...5) {
        case 0 where !result.isEmpty: result.removeLast(random.int(in: 1...result.count))
        case 1 where !result.isEmpty:
            result[random.int(in: 0...result.count - 1)] = UInt8(truncatingIfNeeded: random.next())
        case 2 where !result.isEmpty: result[random.int(in: 0...result.count - 1)] ^= 1 << UInt8(random.int(in: 0...7))
        case 3: result.insert(UInt8(truncatingIfNeeded: random.next()), at: random.int(in: 0...result.count))
        case 4 where result.count > 1:
            let index = random.int(in: 0...result.count - 1)
            result.removeSubrange(index..<min(result.count, index + random.int(in: 1...8)))
        default: result += random.bytes(random.int(in: 0...16))
        }
    }
    return result
}

extension Array where Element == UInt8 {
    /// Bytes from hexadecimal text; spaces and line breaks are skipped.
    public init(hex: String) {
        let digits = hex.compactMap { $0.hexDigitValue }
        self = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
