// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which packets one receiver was sent of one source, by the numbers it knows them under: the way from a NACK back to
/// the ``PacketStore``.
///
/// Plain data of eight bytes that lives with the pair; its entries, 16 bytes each, lie in the worker's ``SentRings``
/// and are taken with the first packet. The last ``ForwardingLimits/sentRing`` numbers are remembered.
public struct SentRing: BitwiseCopyable, Sendable {
    /// A number that was sent.
    struct Entry: BitwiseCopyable {
        var reference: PacketReference
        var timestampOffset: UInt32
        var pictureID: UInt16
        var sequence: UInt16
        /// When it was repeated last, in milliseconds modulo 2^16. What the store still has is much younger than that.
        var repeatedAt: UInt16 = 0
        var layerIndex: UInt8
        /// Low half: ``PacketPatch/Fields``. High half: how often it was repeated.
        var bits: UInt8

        var patch: PacketPatch {
            PacketPatch(
                timestampOffset: timestampOffset, pictureID: pictureID, layerIndex: layerIndex,
                fields: PacketPatch.Fields(rawValue: bits))
        }

        var repeats: Int { Int(bits >> 4) }

        /// How long ago it was repeated last; meaningless before the first time.
        func timeSinceRepeat(at now: Timestamp) -> TimeDelta {
            .milliseconds(Int64(Self.stamp(now) &- repeatedAt))
        }

        mutating func noteRepeat(at now: Timestamp) {
            repeatedAt = Self.stamp(now)
            bits += 16
        }

        private static func stamp(_ now: Timestamp) -> UInt16 {
            UInt16(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        }
    }

    /// Why there is no entry.
    enum Miss: Error {
        /// Ahead of what was sent, a number that was left out, or nothing was sent at all.
        case neverSent
        /// Behind what is remembered.
        case tooOld
    }

    /// Which place in ``SentRings`` its entries have; `.max` for none.
    var place = UInt32.max
    /// The highest number sent.
    var newest: UInt16 = 0

    /// Nothing sent.
    public init() {}

    /// Whether it has entries.
    public var isOpen: Bool { place != .max }
}
