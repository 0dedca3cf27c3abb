// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Counts times in buckets that grow with the value: 3 % wide everywhere, so that tails stay visible.
struct LatencyHistogram: Sendable {
    private static let subBits = 5
    private static let buckets = (64 - subBits + 1) << subBits
    private var counts = [UInt64](repeating: 0, count: buckets)
    /// How many values were noted.
    private(set) var count: UInt64 = 0
    /// The largest value, in nanoseconds.
    private(set) var maximum: Int64 = 0

    /// Notes a value in nanoseconds; negative ones count as 0.
    @inline(__always)
    mutating func note(_ nanoseconds: Int64) {
        counts[Self.index(UInt64(max(nanoseconds, 0)))] += 1
        count += 1
        if nanoseconds > maximum { maximum = nanoseconds }
    }

    /// The value that the share `fraction` of all values does not exceed, in nanoseconds; 0 without values.
    func quantile(_ fraction: Double) -> Int64 {
        guard count > 0 else { return 0 }
        let rank = max(UInt64((fraction * Double(count)).rounded(.up)), 1)
        var seen: UInt64 = 0
        for (index, number) in counts.enumerated() where number > 0 {
            seen += number
            if seen >= rank { return min(Self.upperEdge(index), maximum) }
        }
        return maximum
    }

    /// Adds the counts of `other`.
    mutating func merge(_ other: LatencyHistogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        maximum = max(maximum, other.maximum)
    }

    @inline(__always)
    static func index(_ value: UInt64) -> Int {
        guard value >= 1 << UInt64(subBits + 1) else { return Int(value) }
        let exponent = 63 - value.leadingZeroBitCount
        let shift = exponent - subBits
        return shift << subBits + Int(value >> UInt64(shift))
    }

    /// The largest value of bucket `index`.
    static func upperEdge(_ index: Int) -> Int64 {
        guard index >= 1 << (subBits + 1) else { return Int64(index) }
        let shift = index >> subBits - 1
        let mantissa = UInt64(index - shift << subBits)
        return Int64(clamping: ((mantissa + 1) << UInt64(shift)) &- 1)
    }
}
