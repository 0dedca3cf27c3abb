// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Named limits of this target.
public enum PacketIOLimits {
    /// Kernel messages taken by one system call.
    public static let batchMessages = 64
    /// Kernel messages given by one system call. It would take four times as many, but a message that it refuses has
    /// those behind it described again.
    public static let sendMessages = 256
    /// As many are given after a refusal, and twice as many after each call that took all.
    static let sendMessagesAfterRefusal = 8
    /// Datagrams that a receive slab of default size describes: every message of a batch a train of 64.
    public static let slabDatagrams = 4_096
    /// Largest UDP payload, and so the largest train the kernel hands over.
    public static let trainBytes = 65_536
    /// Distance of the slots in a slab: a train plus an odd number of cache lines, so that the first lines of the
    /// slots do not all compete for the same cache sets.
    public static let slotStride = 65_536 + 25 * 64
    /// How often an unlucky choice of an ephemeral port (taken on another of the addresses) is repeated.
    public static let ephemeralPortAttempts = 16
    /// After so many messages in a row for which the kernel had no room, the rest of a flush is not tried twice.
    public static let consecutiveRefusals = 8
    /// Local addresses of one port.
    public static let localAddresses = 64
    /// Destinations that are known to take no trains. When there are more, all are asked again.
    static let trainRefusals = 1_024
    /// How long a destination that took no train gets single datagrams before it is asked again.
    static let trainRefusalTime = TimeDelta.seconds(60 as Int64)
    /// Refusals that wait to be told; those beyond are only counted.
    static let untoldRefusals = 16
    /// Bytes of a thread's name (without the closing zero).
    public static let threadNameBytes = 15
    /// A loop that runs so much later than it should have was stopped: the time does not count.
    public static let longestStall = TimeDelta.milliseconds(500)
    /// Longest sleep of a loop, so that a stop within it is seen.
    public static let longestSleep = TimeDelta.seconds(1 as Int64)
    /// How often two clocks are read until nothing came between.
    static let clockReadings = 3
    /// The most that may lie between two readings of a clock that count as one moment.
    static let clockReadingTime = TimeDelta.microseconds(20)
}
