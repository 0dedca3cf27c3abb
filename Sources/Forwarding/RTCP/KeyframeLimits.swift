// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The numbers of `jmt.keyframe` (media-plane.md 6.7): per receiver and source at most three requests in ten seconds,
/// per source one in 200 ms, unless told otherwise. A request that either limit refuses counts for neither.
public struct KeyframeLimits: Sendable, BitwiseCopyable {
    /// Least time between two requests of a receiver for a source; also bounded by the round trip.
    public var interval = ForwardingLimits.keyframeInterval
    /// Requests of a receiver for a source that pass within ``quotaInterval``.
    public var quota = ForwardingLimits.keyframeQuota
    /// The same where the bridge asks for a receiver that changes to another encoding: a quota that its own requests
    /// have used up would leave it with a frozen picture.
    public var switchQuota = ForwardingLimits.rememberedRequests
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

    /// Whether the bridge may ask for a receiver's sake, so that another one's turn is not wasted on it.
    public func hasQuota(_ pair: RequestHistory, now: Timestamp) -> Bool {
        pair.hasRoom(spacing: .zero, quota: max(quota, switchQuota), within: quotaInterval, now: now)
    }

    /// Whether a request goes out now; if so it is noted in both histories.
    /// - Parameters:
    ///   - pair: of the receiver and the source.
    ///   - source: of the source alone.
    ///   - roundTrip: to the owner; `nil` while it is unknown.
    ///   - isOwn: the bridge asks, not the receiver.
    public func admits(
        pair: inout RequestHistory, source: inout RequestHistory, roundTrip: TimeDelta?, isOwn: Bool = false,
        now: Timestamp
    ) -> Bool {
        let bound = roundTrip.map { $0 + .milliseconds(10) }
        guard
            source.hasRoom(
                spacing: min(sourceInterval, bound ?? sourceInterval), quota: sourceQuota,
                within: sourceQuotaInterval, now: now),
            pair.hasRoom(
                spacing: min(interval, bound ?? interval), quota: isOwn ? max(quota, switchQuota) : quota,
                within: quotaInterval, now: now)
        else { return false }
        pair.note(now: now)
        source.note(now: now)
        return true
    }
}
