// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// How long requests took, in buckets of milliseconds (operations.md c.3, `xmpp-delay-stats`).
public struct DelayHistogram: Hashable, Sendable {
    /// Upper edges in milliseconds; the last bucket has none.
    public static let edges: [Int64] = [0, 5, 50, 100, 1_000]

    /// Samples per bucket: at most the edge and above the one before.
    public private(set) var buckets = [UInt64](repeating: 0, count: edges.count + 1)
    /// Sum of all samples in milliseconds.
    public private(set) var totalMilliseconds: Int64 = 0
    /// Number of samples.
    public private(set) var count: UInt64 = 0
    /// The largest sample in milliseconds.
    public private(set) var maximumMilliseconds: Int64 = 0
    /// The smallest sample in milliseconds; 0 without samples.
    public private(set) var minimumMilliseconds: Int64 = 0

    /// An empty histogram.
    public init() {}

    /// Adds a sample.
    public mutating func add(_ delay: TimeDelta) {
        let milliseconds = max(0, delay.milliseconds)
        buckets[Self.edges.firstIndex { milliseconds <= $0 } ?? Self.edges.count] += 1
        minimumMilliseconds = count == 0 ? milliseconds : min(minimumMilliseconds, milliseconds)
        maximumMilliseconds = max(maximumMilliseconds, milliseconds)
        totalMilliseconds = totalMilliseconds.addingReportingOverflow(milliseconds).partialValue
        count += 1
    }

    /// The object of `/debug/stats/jvb/xmpp-delay-stats`.
    public var document: JSONValue {
        var counts: [(String, JSONValue)] = []
        for (edge, bucket) in zip(Self.edges, buckets) { counts.append(("<= \(edge) ms", .integer(Int64(bucket)))) }
        counts.append(("> \(Self.edges.last ?? 0) ms", .integer(Int64(buckets.last ?? 0))))
        counts.append(("p99_upper_bound", .integer(upperBound(0.99))))
        counts.append(("p999_upper_bound", .integer(upperBound(0.999))))
        let average = count == 0 ? 0 : Double(totalMilliseconds) / Double(count)
        return .object([
            ("average_delay_ms", .number(average)), ("max_delay_ms", .integer(maximumMilliseconds)),
            ("min_delay_ms", .integer(minimumMilliseconds)), ("total_value", .integer(totalMilliseconds)),
            ("total_count", .integer(Int64(count))), ("discarded", .integer(0)), ("buckets", .object(counts)),
        ])
    }

    /// The edge that so large a share of the samples does not pass; the maximum beyond the last edge.
    private func upperBound(_ share: Double) -> Int64 {
        var sum: UInt64 = 0
        for (edge, bucket) in zip(Self.edges, buckets) {
            sum += bucket
            if Double(sum) >= share * Double(count) { return edge }
        }
        return maximumMilliseconds
    }
}
