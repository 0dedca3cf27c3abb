// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Limits the key frame requests that reach senders (media-plane.md 6.7): per receiver and source at most three in ten
/// seconds, per source one in 200 ms, unless told otherwise. A request that either limit refuses counts for neither.
/// One per conference.
public struct KeyframeThrottle: ~Copyable {
    /// The numbers of `jmt.keyframe`.
    public struct Limits: Sendable {
        /// Least time between two requests of a receiver for a source; also bounded by the round trip.
        public var interval = ForwardingLimits.keyframeInterval
        /// Requests of a receiver for a source that pass within ``quotaInterval``.
        public var quota = ForwardingLimits.keyframeQuota
        /// See ``quota``.
        public var quotaInterval = ForwardingLimits.keyframeQuotaInterval
        /// Least time between two requests for a source, whoever asks; also bounded by the round trip.
        public var sourceInterval = ForwardingLimits.keyframeInterval
        /// Requests for a source that pass within ``sourceQuotaInterval``.
        public var sourceQuota = 1
        /// See ``sourceQuota``.
        public var sourceQuotaInterval = ForwardingLimits.keyframeInterval

        /// JVB's numbers.
        public init() {}
    }

    private let limits: Limits
    // Not of private types: in a debug build the compiler cannot lay out a noncopyable struct of another module that
    // holds them.
    private var requests: RecentRequests<UInt64>
    private var sources: RecentRequests<UInt32>
    private var lastSweep: Timestamp?

    /// A throttle that keeps account of so many pairs of receiver and source, and of so many sources.
    public init(
        _ limits: Limits = Limits(), requesters: Int = ForwardingLimits.keyframeRequesters,
        sources: Int = ForwardingLimits.keyframeSources
    ) {
        self.limits = limits
        requests = RecentRequests(
            capacity: requesters, quota: Self.remembered(limits.quota),
            memory: max(limits.interval, limits.quotaInterval))
        self.sources = RecentRequests(
            capacity: sources, quota: Self.remembered(limits.sourceQuota),
            memory: max(limits.sourceInterval, limits.sourceQuotaInterval))
    }

    private static func remembered(_ quota: Int) -> Int { min(max(quota, 1), ForwardingLimits.rememberedRequests) }

    /// Whether a request goes out now; if so it is counted.
    /// - Parameters:
    ///   - requester: number of the receiver, unique in the conference.
    ///   - ssrc: the source, as its owner sends it.
    ///   - roundTrip: to the owner; `nil` while it is unknown.
    public mutating func admits(requester: UInt32, ssrc: UInt32, roundTrip: TimeDelta?, now: Timestamp) -> Bool {
        let bound = roundTrip.map { $0 + .milliseconds(10) }
        let key = Self.key(requester, ssrc)
        guard
            sources.hasRoom(
                ssrc, spacing: min(limits.sourceInterval, bound ?? limits.sourceInterval),
                interval: limits.sourceQuotaInterval, now: now),
            requests.hasRoom(
                key, spacing: min(limits.interval, bound ?? limits.interval), interval: limits.quotaInterval, now: now)
        else { return false }
        makeRoom(now: now)
        // A source without a place could be asked without limit, so it is not asked at all. A pair without a place is
        // held by the limit of its source.
        guard sources.note(ssrc, now: now) else { return false }
        _ = requests.note(key, now: now)
        return true
    }

    /// Whether the receiver has requests for the source left, so that another one's turn is not wasted on it.
    public func hasQuota(requester: UInt32, ssrc: UInt32, now: Timestamp) -> Bool {
        requests.hasRoom(
            Self.key(requester, ssrc), spacing: .zero, interval: limits.quotaInterval, now: now)
    }

    private static func key(_ requester: UInt32, _ ssrc: UInt32) -> UInt64 { UInt64(requester) << 32 | UInt64(ssrc) }

    /// Clears both tables of what no longer limits anything, at most once a second and only when one is full.
    private mutating func makeRoom(now: Timestamp) {
        guard requests.isFull || sources.isFull else { return }
        if let lastSweep, now - lastSweep < .seconds(1 as Int64) { return }
        lastSweep = now
        requests.forget(now: now)
        sources.forget(now: now)
    }
}
