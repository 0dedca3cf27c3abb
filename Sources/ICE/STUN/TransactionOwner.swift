// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Whose check a transaction number belongs to: the media worker and the slot of the session that asked.
///
/// They stand in the first 32 bits of the number, so that whoever receives the answer finds the owner in it, as the
/// user fragment tells the owner of a request: answers need no table of addresses, and a table of addresses needs
/// nothing but what answers have proven (ADR 18). The other 64 bits are secret until they are sent.
public struct TransactionOwner: Hashable, Sendable, BitwiseCopyable {
    /// Slots that can be told apart.
    public static let slots: UInt32 = 1 << 24

    /// Number of the worker.
    public let worker: UInt8
    /// Slot of the session, below ``slots``.
    public let slot: UInt32

    /// An owner; `slot` must be below ``slots``.
    public init(worker: UInt8, slot: UInt32) {
        precondition(slot < Self.slots, "a transaction number has 24 bits for the slot")
        self.worker = worker
        self.slot = slot
    }
}

extension TransactionID {
    /// A number of `owner`'s.
    /// - Parameter secret: bits that nobody can guess.
    public init(owner: TransactionOwner, secret: UInt64) {
        self.init(high: UInt32(owner.worker) << 24 | owner.slot, low: secret)
    }

    /// Who asked, if the request was one of ours.
    public var owner: TransactionOwner {
        TransactionOwner(worker: UInt8(truncatingIfNeeded: high >> 24), slot: high & (TransactionOwner.slots - 1))
    }
}
