// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Turns the kernel's stamps of arrival, which are of the clock on the wall, into moments of a loop's clock.
struct ArrivalClock {
    /// Nanoseconds by which the wall clock is ahead.
    private(set) var offset: Int64 = 0

    /// Reads both clocks. Whoever was interrupted between the readings reads again, a few times at most: what lies
    /// between them would be an error of all stamps.
    /// - Parameter skipped: what the loop's clock does not count.
    /// - Returns: the present moment of the loop's clock.
    mutating func read(skipped: TimeDelta) -> Timestamp {
        var before = MonotonicClock.now()
        for _ in 0..<PacketIOLimits.clockReadings {
            let wall = WallClock.nanosecondsSinceEpoch()
            let after = MonotonicClock.now()
            offset = wall - (before - skipped).nanoseconds
            if after - before < PacketIOLimits.clockReadingTime { return after - skipped }
            before = after
        }
        return before - skipped
    }

    /// When a datagram came.
    ///
    /// A step of the wall clock between the stamp and its reading cannot do more harm than the bounds allow.
    /// - Parameters:
    ///   - stamp: the kernel's, in nanoseconds since 1970; 0 where it gave none.
    ///   - earliest: when the socket was last seen empty.
    ///   - now: when the datagram was read, which is the answer where there is no stamp.
    func arrival(_ stamp: Int64, notBefore earliest: Timestamp, now: Timestamp) -> Timestamp {
        guard stamp != 0 else { return now }
        return max(earliest, min(now, Timestamp(nanoseconds: stamp &- offset)))
    }
}
