// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How often values fell below each of some bounds: written by one thread, read by anybody, never locked.
public final class Histogram: Sendable {
    /// Upper bounds, ascending; one more bucket without a bound follows.
    public let bounds: [Double]
    private let counts: [Cell]
    private let sumBits = Atomic<UInt64>(0)

    private final class Cell: Sendable {
        let value = Atomic<UInt64>(0)
    }

    /// An empty histogram with these upper bounds, which must ascend.
    public init(bounds: [Double]) {
        precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds must ascend")
        self.bounds = bounds
        counts = (0...bounds.count).map { _ in Cell() }
    }

    /// Counts a value; anything that is not finite is skipped. Owner only.
    public func record(_ value: Double) {
        guard value.isFinite else { return }
        var index = 0
        while index < bounds.count, value > bounds[index] { index += 1 }
        let cell = counts[index]
        cell.value.store(cell.value.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        let sum = Double(bitPattern: sumBits.load(ordering: .relaxed)) + value
        sumBits.store(sum.bitPattern, ordering: .relaxed)
    }

    /// The present state. Anybody.
    public var snapshot: HistogramSnapshot {
        HistogramSnapshot(
            bounds: bounds, counts: counts.map { $0.value.load(ordering: .relaxed) },
            sum: Double(bitPattern: sumBits.load(ordering: .relaxed)))
    }
}

/// A histogram at one moment.
public struct HistogramSnapshot: Hashable, Sendable {
    /// Upper bounds, ascending.
    public var bounds: [Double]
    /// Values in each bucket alone, one more than bounds.
    public var counts: [UInt64]
    /// The sum of all values.
    public var sum: Double

    /// A histogram from its parts; missing counts are zero.
    public init(bounds: [Double], counts: [UInt64] = [], sum: Double = 0) {
        self.bounds = bounds
        self.counts = (0...bounds.count).map { $0 < counts.count ? counts[$0] : 0 }
        self.sum = sum
    }

    /// A histogram of values that are all at hand, such as the sizes of present conferences.
    public init(bounds: [Double], values: [Double]) {
        self.init(bounds: bounds)
        for value in values where value.isFinite {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
        }
    }

    /// All values counted.
    public var count: UInt64 { counts.reduce(0, &+) }

    /// Bounds with the number of values not above each; the last one is infinite.
    var cumulative: [(bound: Double, count: UInt64)] {
        var total: UInt64 = 0
        return (bounds + [.infinity]).enumerated().map { index, bound in
            total &+= counts[index]
            return (bound, total)
        }
    }
}
