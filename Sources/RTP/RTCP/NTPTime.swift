// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// A 64-bit NTP time: seconds since 1900 in the upper, fractions in the lower half (RFC 3550 4).
public struct NTPTime: BitwiseCopyable, Hashable, Sendable {
    /// The 64 bits.
    public var value: UInt64

    /// Wraps 64 bits.
    @inlinable
    public init(_ value: UInt64) { self.value = value }

    /// So many nanoseconds after the Unix epoch (1970), at or after it.
    public init(nanosecondsSince1970 nanoseconds: UInt64) {
        let seconds = nanoseconds / 1_000_000_000 &+ 2_208_988_800
        let fraction = (nanoseconds % 1_000_000_000) << 32 / 1_000_000_000
        value = seconds << 32 | fraction
    }

    /// The middle 32 bits: what LSR carries, in units of 1/65,536 s.
    @inlinable public var compact: UInt32 { UInt32(truncatingIfNeeded: value >> 16) }

    /// `span` in units of 1/65,536 s, wrapping at 18 hours; negative spans count as zero.
    public static func compact(_ span: TimeDelta) -> UInt32 {
        guard span.nanoseconds > 0 else { return 0 }
        let nanoseconds = UInt64(span.nanoseconds)
        let seconds = nanoseconds / 1_000_000_000
        let fraction = (nanoseconds % 1_000_000_000) << 16 / 1_000_000_000
        return UInt32(truncatingIfNeeded: seconds << 16 | fraction)
    }

    /// The span that a number of 1/65,536 s stands for.
    public static func span(_ compact: UInt32) -> TimeDelta {
        .nanoseconds(Int64((UInt64(compact) * 1_000_000_000) >> 16))
    }
}
