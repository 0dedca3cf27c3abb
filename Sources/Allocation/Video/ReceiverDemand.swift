// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a receiver can take and wants altogether.
public struct ReceiverDemand: Hashable, Sendable, BitwiseCopyable {
    /// The receiver; what it sends itself is nothing for it.
    public var owner: UInt32
    /// What can be sent to it.
    public var rate: AvailableRate
    /// How many sources it gets at most, with all limits that count (``LastNLimits``); negative is no limit.
    public var lastN: Int32
    /// What it asks of sources that it did not name.
    public var defaultWish: SourceWish

    /// A demand.
    public init(owner: UInt32, rate: AvailableRate, lastN: Int32 = -1, defaultWish: SourceWish) {
        self.owner = owner
        self.rate = rate
        self.lastN = lastN
        self.defaultWish = defaultWish
    }
}
