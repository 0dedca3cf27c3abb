// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What came of the numbers that receivers asked for. Every one is ``queued`` or refused for one of the reasons below.
public struct RepairCounters: BitwiseCopyable, Hashable, Sendable {
    /// Numbers asked for.
    public var requested: UInt64 = 0
    /// Repeats put into a receiver's list.
    public var queued: UInt64 = 0
    /// Not looked at: the receiver asks for more than ``RepairSettings/numbersPerSecond``.
    public var ignored: UInt64 = 0
    /// Never sent under this number, or nothing of this source was.
    public var neverSent: UInt64 = 0
    /// Sent too long ago: the ring has forgotten it.
    public var forgotten: UInt64 = 0
    /// Repeated less than a round trip ago.
    public var tooSoon: UInt64 = 0
    /// Repeated ``ForwardingLimits/repeatsPerNumber`` times.
    public var exhausted: UInt64 = 0
    /// No longer in the store; ``StoreCounters`` tells why.
    public var missed: UInt64 = 0
    /// More than ``RepairSettings/bytesPerSecond``.
    public var overBudget: UInt64 = 0
    /// No room in the receiver's list or in the worker's queue.
    public var queueFull: UInt64 = 0
    /// Queued, then dropped because the receiver went, could not be reached, or waited longer than the store keeps.
    public var dropped: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
