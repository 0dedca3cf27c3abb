// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How many packets were lost of how many on one leg, over about the last minute: what is older fades away.
public struct LossAccount: BitwiseCopyable, Sendable {
    // In 1/1,024 packets, so that small numbers fade as well.
    private var lostUnits: UInt64 = 0
    private var expectedUnits: UInt64 = 0

    /// Nothing counted.
    public init() {}

    /// Packets lost.
    public var lost: UInt64 { lostUnits >> 10 }
    /// Packets that should have arrived, the lost ones included.
    public var expected: UInt64 { expectedUnits >> 10 }

    /// Adds what one report says; `lost` may be negative, when packets came after they were counted as lost.
    public mutating func add(lost: Int64, expected: Int64) {
        // No report covers more: beyond that a peer invents numbers.
        let expected = min(max(expected, 0), Int64(UInt16.max))
        expectedUnits += UInt64(expected) << 10
        lostUnits += UInt64(min(max(lost, 0), expected)) << 10
    }

    /// Lets a second pass.
    public mutating func fade() {
        lostUnits -= lostUnits >> 6
        expectedUnits -= expectedUnits >> 6
    }
}
