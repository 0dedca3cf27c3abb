// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What went into a ``PacketStore``, and what was asked of it.
public struct StoreCounters: BitwiseCopyable, Sendable {
    /// Packets kept.
    public var stored: UInt64 = 0
    /// Packets not kept: empty, or longer than ``ForwardingLimits/storedPacketBytes``.
    public var refused: UInt64 = 0
    /// Packets pushed out before their time: the store is too small for what comes.
    public var overwritten: UInt64 = 0
    /// Look-ups that found their packet.
    public var found: UInt64 = 0
    /// Look-ups of packets whose place others have taken.
    public var gone: UInt64 = 0
    /// Look-ups of packets that are older than ``ForwardingLimits/storeLifetime``.
    public var tooOld: UInt64 = 0
    /// Look-ups of what was never stored.
    public var neverStored: UInt64 = 0

    /// Nothing yet.
    public init() {}
}
