// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The value of abs-send-time: when a packet left, in 2^-18 s, wrapping every 64 s (media-plane.md 4.2). Its origin
/// means nothing, receivers look at differences.
public struct AbsoluteSendTime: BitwiseCopyable, Hashable, Sendable {
    /// 24 bits.
    public let value: UInt32

    /// The value at `now`.
    public init(_ now: Timestamp) {
        let nanoseconds = UInt64(bitPattern: max(0, now.nanoseconds))
        let fraction = (nanoseconds % 1_000_000_000) << 18 / 1_000_000_000
        value = UInt32(truncatingIfNeeded: (nanoseconds / 1_000_000_000) << 18 | fraction) & 0xFF_FFFF
    }
}
