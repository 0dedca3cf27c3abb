// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Slow start, congestion avoidance and recovery (RFC 9260 §7.2).
struct CongestionWindow: BitwiseCopyable, Sendable {
    /// Bytes that may be on their way.
    private(set) var size: Int
    private(set) var threshold: Int
    private var partlyAcknowledged = 0
    /// The TSN that ends fast recovery, while it goes on.
    private(set) var recoveryEnd: UInt64?
    /// User data of a full packet: all here is counted in user data.
    private let packet: Int

    init(packet: Int, peerWindow: Int) {
        self.packet = packet
        size = min(4 * packet, max(2 * packet, 4_404))
        threshold = max(peerWindow, 4 * packet)
    }

    /// The cumulative TSN advanced, by so many bytes with what gap blocks told, while `flight` bytes were on their way.
    mutating func acknowledged(_ bytes: Int, flight: Int, cumulative: UInt64) {
        if let end = recoveryEnd {
            guard cumulative >= end else { return }
            recoveryEnd = nil
        }
        if size <= threshold {
            // Only a window that is used grows.
            if flight >= size { size += min(bytes, packet) }
        } else {
            partlyAcknowledged += bytes
            if partlyAcknowledged >= size, flight >= size {
                partlyAcknowledged -= size
                size += packet
            }
        }
        size = min(size, SCTPLimits.congestionWindow)
        partlyAcknowledged = min(partlyAcknowledged, SCTPLimits.congestionWindow)
    }

    /// Everything is acknowledged.
    mutating func drained() { partlyAcknowledged = 0 }

    /// Chunks were reported missing often enough; says whether recovery began.
    mutating func lost(highest: UInt64) -> Bool {
        guard recoveryEnd == nil else { return false }
        threshold = max(size / 2, 4 * packet)
        size = threshold
        partlyAcknowledged = 0
        recoveryEnd = highest
        return true
    }

    /// Nothing was acknowledged in time.
    mutating func timedOut() {
        threshold = max(size / 2, 4 * packet)
        size = packet
        partlyAcknowledged = 0
        recoveryEnd = nil
    }

    /// Nothing was sent for a time-out (§7.2.1).
    mutating func idled() {
        size = max(size / 2, min(size, 4 * packet))
    }
}
