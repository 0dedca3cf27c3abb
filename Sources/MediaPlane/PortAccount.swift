// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import PacketIO
import Telemetry

/// Moves what the port has counted into the worker's counters. It adds the growth: the shard counts drops of its own
/// under some of the same reasons.
struct PortAccount {
    private var before = PacketIOCounters()

    mutating func add(_ io: PacketIOCounters, to counters: CounterBlock) {
        counters.add(.receiveCalls, io.receiveCalls &- before.receiveCalls)
        counters.add(.sendCalls, io.sendCalls &- before.sendCalls)
        counters.add(.sendMessages, io.sentMessages &- before.sentMessages)
        counters.add(.segmentationRuns, io.sentTrains &- before.sentTrains)
        counters.add(.droppedSendError, Self.sendErrors(io) &- Self.sendErrors(before))
        counters.add(.droppedSendBuffer, io.droppedNoRoom &- before.droppedNoRoom)
        counters.add(.droppedTruncated, Self.truncated(io) &- Self.truncated(before))
        counters.add(.droppedKernelReceive, io.kernelDrops &- before.kernelDrops)
        before = io
    }

    private static func sendErrors(_ io: PacketIOCounters) -> UInt64 { io.droppedOnSend &- io.droppedNoRoom }
    private static func truncated(_ io: PacketIOCounters) -> UInt64 { io.truncated &+ io.slabOverflow }
}
