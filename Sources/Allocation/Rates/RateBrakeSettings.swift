// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Bounds and steps of a ``RateBrake``; rates in bits per second. The defaults are the original's where it has them
/// (media-plane.md 8.1, 8.3).
public struct RateBrakeSettings: Hashable, Sendable, BitwiseCopyable {
    /// Before anything is known (`initial-bw`).
    public var initial: UInt64 = 2_500_000
    /// Never less (`min-bw`).
    public var floor: UInt64 = 30_000
    /// Never more (`max-bw`).
    public var ceiling: UInt64 = 20_000_000

    /// The defaults.
    public init() {}

    // MARK: Steps

    /// Below this loss the rate grows, in thousandths.
    static let fewLosses: Int64 = 20
    /// Above this loss it is lowered.
    static let manyLosses: Int64 = 100
    /// Packets that a loss is judged by at least.
    static let judgedPackets: Int64 = 20
    /// Of so many packets what is lost is no chance.
    static let manyPackets: Int64 = 500
    /// Growth per second, in thousandths.
    static let growth: Int64 = 80
    /// Growth per second in addition.
    static let addedGrowth: Int64 = 1_000
    /// So long there must have been few losses.
    static let calmTime = TimeDelta.seconds(Int64(1))
    /// Between two reductions: this and a round trip.
    static let reductionInterval = TimeDelta.milliseconds(300)
    /// Losses reduce no further than this; what is that little was not too much.
    static let leastReduced: Int64 = 100_000
    /// So much longer than the shortest round trip and the rate does not grow.
    static let queueing = TimeDelta.milliseconds(100)
    /// So much longer and it is lowered.
    static let congestion = TimeDelta.milliseconds(300)
    /// To this part, in thousandths.
    static let congestionFactor: Int64 = 850
    /// The shortest round trip is that of the last one to two of these.
    static let roundTripMemory = TimeDelta.seconds(Int64(30))
    /// The longest round trip that is believed.
    static let longestRoundTrip = TimeDelta.seconds(Int64(10))
    /// What is sent, and what of it was asked for again, is judged over at least this time.
    static let window = TimeDelta.milliseconds(500)
    /// Packets in that time that NACKs are judged by at least.
    static let nackedPackets: Int64 = 50
    /// A receiver's own estimate counts for so long.
    static let estimateLifetime = TimeDelta.seconds(Int64(5))
}
