// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What an encoding's NACKs were about.
public struct NackCounters: BitwiseCopyable, Hashable, Sendable {
    /// Numbers asked for the first time.
    public var asked: UInt32 = 0
    /// Numbers asked for again.
    public var askedAgain: UInt32 = 0
    /// Numbers that came after they were asked for.
    public var repaired: UInt32 = 0
    /// Numbers that came late by themselves, before they were asked for.
    public var reordered: UInt32 = 0
    /// Given up after ``ForwardingLimits/nackAttempts``.
    public var exhausted: UInt32 = 0
    /// Given up after ``ForwardingLimits/nackLifetime``.
    public var outlived: UInt32 = 0
    /// Given up because a key frame came behind them.
    public var superseded: UInt32 = 0
    /// Given up because too many are missing at once.
    public var overflowed: UInt32 = 0
    /// Gaps that were too large to ask for.
    public var jumps: UInt32 = 0

    /// Numbers given up, for whatever reason.
    public var givenUp: UInt32 { exhausted &+ outlived &+ superseded &+ overflowed }

    /// Nothing yet.
    public init() {}
}
