// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Decides when video packets may leave, as browsers do: libwebrtc paces at 2.5 times the target rate and lets 40 ms of
/// that go at once. An ordinary frame leaves in one burst, a key frame in several.
struct Pacer {
    /// Pacing rate over target rate.
    static let factor = 2.5
    /// How much of the pacing rate may leave at once.
    private static let burst = TimeDelta.milliseconds(40)
    /// And never more than so many bytes.
    private static let burstBytes = 63_000.0

    private let nanosecondsPerByte: Double
    private let limit: TimeDelta
    /// When everything sent so far would have left at the pacing rate.
    private(set) var drained = Timestamp.zero

    /// - Parameter bitrate: the target, in bits per second.
    init(bitrate: Int) {
        nanosecondsPerByte = 8e9 / (Double(bitrate) * Self.factor)
        limit = min(Self.burst, .nanoseconds(Int64(nanosecondsPerByte * Self.burstBytes)))
    }

    /// Whether the next packet may leave at `now`; if not, wait for ``drained``.
    func admits(at now: Timestamp) -> Bool { drained - now < limit }

    /// A packet of `byteCount` bytes left.
    mutating func note(byteCount: Int, at now: Timestamp) {
        drained = max(drained, now) + .nanoseconds(Int64(Double(byteCount) * nanosecondsPerByte))
    }
}
