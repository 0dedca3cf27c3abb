// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// When the last few requests were passed on, as far as a quota looks back: plain data that lives with what it limits,
/// so that it is never full, never void and never swept.
///
/// Moments are kept in milliseconds modulo 2^32; one that is 49 days old may be taken for a new one and refuse a
/// request once.
public struct RequestHistory: BitwiseCopyable, Sendable {
    private var moments = InlineArray<8, UInt32>(repeating: 0)
    private var count: UInt8 = 0
    private var newest: UInt8 = 0

    /// No request yet.
    public init() {}

    /// Whether another request keeps within the limits.
    /// - Parameters:
    ///   - spacing: least time since the last one.
    ///   - quota: how many pass within `interval`; more than ``ForwardingLimits/rememberedRequests`` counts as that.
    public func hasRoom(spacing: TimeDelta, quota: Int, within interval: TimeDelta, now: Timestamp) -> Bool {
        guard count > 0 else { return true }
        if age(0, now) < Self.milliseconds(spacing) { return false }
        let quota = min(max(quota, 1), ForwardingLimits.rememberedRequests)
        guard count >= quota else { return true }
        return age(quota - 1, now) >= Self.milliseconds(interval)
    }

    /// Notes a request that was passed on.
    public mutating func note(now: Timestamp) {
        newest = (newest + 1) & 7
        moments[Int(newest)] = Self.stamp(now)
        if count < 8 { count += 1 }
    }

    /// Age of the request before `back` others, in milliseconds.
    private func age(_ back: Int, _ now: Timestamp) -> UInt32 {
        Self.stamp(now) &- moments[(Int(newest) - back) & 7]
    }

    private static func stamp(_ now: Timestamp) -> UInt32 {
        UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
    }

    private static func milliseconds(_ span: TimeDelta) -> UInt32 {
        UInt32(clamping: (span.nanoseconds + 999_999) / 1_000_000)
    }
}
