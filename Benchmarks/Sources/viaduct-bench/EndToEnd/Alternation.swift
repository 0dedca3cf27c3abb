// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Glibc

/// Calls that differ in one thing, held in turn, so that a slow minute of the machine hits all of them alike.
struct Alternation {
    /// One of the things compared.
    struct Variant {
        let name: String
        let bed: Bed
        let scenario: Scenario
    }

    let rounds: Int

    /// Prints the head of a table of ``compare(_:)`` rows.
    static func head(_ first: String) {
        print(
            "  " + padded(first, 46) + leftPadded("µs/packet", 11) + leftPadded("messages", 10)
                + leftPadded("packets/s", 11) + leftPadded("p50 ms", 9) + leftPadded("p99 ms", 9)
                + leftPadded("ratio", 8) + "  perfect")
    }

    /// Holds the calls in turn and prints a row for each: medians, and the median of its cost over the first one's of
    /// the same round.
    func compare(_ variants: [Variant]) throws {
        var results: [[CallResult]] = variants.map { _ in [] }
        for _ in 0..<rounds {
            for (index, variant) in variants.enumerated() {
                results[index].append(try variant.bed.call(variant.scenario))
            }
        }
        for (index, variant) in variants.enumerated() {
            func median(_ value: (CallResult) -> Double) -> Double { Self.median(results[index].map(value)) }
            let isVideo = variant.scenario.videoSenders > 0
            let ratios = zip(results[index], results[0]).map { $0.cost / $1.cost }
            var text = "  " + padded(variant.name, 46)
            text += leftPadded(decimal(median(\.cost), 2), 11) + leftPadded(decimal(median(\.messagesPerPacket), 3), 10)
            text += leftPadded(decimal(median(\.packetsPerSecond), 0), 11)
            text += leftPadded(decimal(median { $0.transit("p50", isVideo: isVideo) }, 2), 9)
            text += leftPadded(decimal(median { $0.transit("p99", isVideo: isVideo) }, 2), 9)
            text += leftPadded(decimal(Self.median(ratios), 3), 8)
            print(text + "  " + (results[index].allSatisfy(\.isPerfect) ? "yes" : "no"))
            if let note = results[index].compactMap(\.bottleneck).first {
                print("    note: the generator was the bottleneck: \(note)")
            }
            fflush(nil)
        }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return sorted.isEmpty ? .nan : sorted[sorted.count / 2]
    }
}
