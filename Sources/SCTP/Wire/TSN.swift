// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Transmission sequence numbers are kept in 64 bits, so that comparing them needs no thought of wrapping; on the wire
/// go the lower 32 (RFC 9260 §1.6).
enum TSN {
    /// The wide form of an initial TSN; one round above zero, so that its predecessors have a place.
    static func first(_ wire: UInt32) -> UInt64 { (1 << 32) + UInt64(wire) }

    /// The wide number with the lower half `wire` that is nearest to `reference`.
    static func widen(_ wire: UInt32, near reference: UInt64) -> UInt64 {
        let distance = Int32(bitPattern: wire &- UInt32(truncatingIfNeeded: reference))
        return reference &+ UInt64(bitPattern: Int64(distance))
    }

    /// What goes on the wire.
    static func wire(_ tsn: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: tsn) }
}
