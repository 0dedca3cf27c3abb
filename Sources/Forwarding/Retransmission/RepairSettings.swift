// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How much may be spent on repairing losses.
public struct RepairSettings: BitwiseCopyable, Sendable {
    /// Bytes of a worker's ``PacketStore``.
    public var storeBytes = 16 << 20
    /// Repeats that one receiver gets: bytes per second over time, headers included.
    public var bytesPerSecond = 375_000
    /// Repeats that it gets at once.
    public var burstBytes = 150_000
    /// NACKed numbers of one receiver that are looked at: per second over time; a loss of one packet in ten at
    /// 1,000 packets/s, asked for ten times, is below that.
    public var numbersPerSecond = 2_000
    /// NACKed numbers that are looked at at once.
    public var burstNumbers = 1_000

    /// The defaults.
    public init() {}
}
