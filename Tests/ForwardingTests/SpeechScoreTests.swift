// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Forwarding

@Suite("SpeechScore (media-plane.md 10.2)")
struct SpeechScoreTests {
    private static func formula(_ v: Int, of n: Int, lambda: Double) -> Double {
        var choices = 1.0
        for step in 0..<v { choices = choices * Double(n - step) / Double(step + 1) }
        return max(
            1e-10,
            log(choices) + Double(v) * log(0.5) + Double(n - v) * log(0.5) - log(lambda) + lambda * Double(v))
    }

    @Test("the tables are the formula's values and their logarithms")
    func tables() {
        func compare(_ table: (UInt8) -> Double, _ logs: (UInt8) -> Double, n: Int, lambda: Double) {
            for v in 0...n {
                let value = Self.formula(v, of: n, lambda: lambda)
                #expect(abs(table(UInt8(v)) - value) <= value * 1e-9, "\(v) of \(n)")
                #expect(abs(logs(UInt8(v)) - log(value)) <= 1e-9, "ln, \(v) of \(n)")
            }
        }
        compare(SpeechScore.immediate, SpeechScore.logImmediate, n: 13, lambda: 0.78)
        compare(SpeechScore.medium, SpeechScore.logMedium, n: 5, lambda: 24)
        compare(SpeechScore.long, SpeechScore.logLong, n: 10, lambda: 47)
    }

    @Test("fixed vectors")
    func vectors() {
        #expect(SpeechScore.immediate(0) == 1e-10)
        #expect(SpeechScore.immediate(3) == 1e-10)
        #expect(abs(SpeechScore.immediate(9) - 4.8298305547) < 1e-9)
        #expect(SpeechScore.medium(0) == 1e-10)
        #expect(abs(SpeechScore.medium(5) - 113.3562102669) < 1e-9)
        #expect(SpeechScore.long(0) == 1e-10)
        #expect(abs(SpeechScore.long(10) - 459.2183805927) < 1e-9)
    }
}
