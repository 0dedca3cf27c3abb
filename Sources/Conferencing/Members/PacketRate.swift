// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Whether more packets come than anybody needs to send.
struct PacketRate: BitwiseCopyable {
    private var second: Int64 = 0
    private var count: UInt32 = 0

    /// Counts a packet.
    /// - Returns: whether this second has had more than ``ConferencingLimits/mutedPacketsPerSecond``.
    mutating func isExceeded(at now: Timestamp) -> Bool {
        let present = now.nanoseconds / 1_000_000_000
        if present != second { (second, count) = (present, 0) }
        count &+= 1
        return Int(count) > ConferencingLimits.mutedPacketsPerSecond
    }
}
