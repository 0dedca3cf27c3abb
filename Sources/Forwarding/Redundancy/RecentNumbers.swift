// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which of the last 20 numbers of a stream have been there, so that nothing is recovered that came by itself, and
/// nothing goes out twice that was recovered (media-plane.md 10.4).
public struct RecentNumbers: BitwiseCopyable, Sendable {
    /// Bit i: number `highest - i`.
    private var bits: UInt32 = 0
    private var highest: UInt16 = 0

    /// None was there.
    public init() {}

    /// Whether any number was there.
    public var isEmpty: Bool { bits == 0 }

    /// Notes a number.
    /// - Returns: `false` when it was there before, or lies so far back that nobody knows.
    public mutating func insert(_ number: UInt16) -> Bool {
        let distance = bits == 0 ? 0 : SequenceNumber.delta(number, highest)
        if bits == 0 || distance > 0 {
            bits = distance < ForwardingLimits.recentAudio ? bits << UInt32(distance) : 0
            bits = (bits | 1) & Self.mask
            highest = number
            return true
        }
        guard -distance < ForwardingLimits.recentAudio else { return false }
        let bit: UInt32 = 1 << UInt32(-distance)
        defer { bits |= bit }
        return bits & bit == 0
    }

    private static var mask: UInt32 { (1 << UInt32(ForwardingLimits.recentAudio)) - 1 }
}
