// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Limits the key frame requests that reach senders (media-plane.md 6.7): per receiver and source at most three in ten
/// seconds, per source one in 200 ms. A request that either limit refuses counts for neither. One per conference.
public struct KeyframeThrottle: ~Copyable {
    // Not private: in a debug build the compiler cannot lay out a noncopyable struct of another module that holds
    // elements of a private type.
    struct Passed: BitwiseCopyable {
        /// Moments of the last three requests, the newest first.
        var first: Timestamp?
        var second: Timestamp?
        var third: Timestamp?
    }

    private var requests: FixedTable<UInt64, Passed>
    private var sources: FixedTable<UInt32, Timestamp>
    private var lastSweep: Timestamp?

    /// A throttle that keeps account of so many pairs of receiver and source, and of so many sources.
    public init(
        requesters: Int = ForwardingLimits.keyframeRequesters, sources: Int = ForwardingLimits.keyframeSources
    ) {
        requests = FixedTable(capacity: requesters)
        self.sources = FixedTable(capacity: sources)
    }

    /// Whether a request goes out now; if so it is counted.
    /// - Parameters:
    ///   - requester: number of the receiver, unique in the conference.
    ///   - ssrc: the source, as its owner sends it.
    ///   - roundTrip: to the owner; `nil` while it is unknown.
    public mutating func admits(requester: UInt32, ssrc: UInt32, roundTrip: TimeDelta?, now: Timestamp) -> Bool {
        let interval = min(
            ForwardingLimits.keyframeInterval, (roundTrip ?? ForwardingLimits.keyframeInterval) + .milliseconds(10))
        if let last = sources[ssrc], now - last < ForwardingLimits.keyframeInterval { return false }
        let key = UInt64(requester) << 32 | UInt64(ssrc)
        var passed = requests[key] ?? Passed()
        if let last = passed.first, now - last < interval { return false }
        if let last = passed.third, now - last < ForwardingLimits.keyframeQuotaInterval { return false }
        passed = Passed(first: now, second: passed.first, third: passed.second)
        makeRoom(now: now)
        // A source without a place could be asked without limit, so it is not asked at all. A pair without a place is
        // held by the limit of its source.
        guard sources.insert(ssrc, now) else { return false }
        requests.insert(key, passed)
        return true
    }

    /// Forgets a source that is gone.
    public mutating func remove(ssrc: UInt32) {
        sources.remove(ssrc)
    }

    /// Clears both tables of what no longer limits anything, at most once a second and only when one is full.
    private mutating func makeRoom(now: Timestamp) {
        guard requests.count == requests.capacity || sources.count == sources.capacity else { return }
        if let lastSweep, now - lastSweep < .seconds(1 as Int64) { return }
        lastSweep = now
        var kept = FixedTable<UInt64, Passed>(capacity: requests.capacity)
        requests.forEach { key, passed in
            if let last = passed.first, now - last < ForwardingLimits.keyframeQuotaInterval { kept.insert(key, passed) }
        }
        var keptSources = FixedTable<UInt32, Timestamp>(capacity: sources.capacity)
        sources.forEach { ssrc, last in
            if now - last < ForwardingLimits.keyframeInterval { keptSources.insert(ssrc, last) }
        }
        requests = kept
        sources = keptSources
    }
}
