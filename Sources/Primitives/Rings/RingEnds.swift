// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// What a ring's two threads share beside the elements: how far each has come, and whether the consumer sleeps.
///
/// Wake-up protocol (house rule 2.6): the consumer parks; if the ring is still empty then it may sleep until the
/// producer's wake. The producer publishes first and then asks whether a wake is needed; both sides are sequentially
/// consistent, so a wake cannot be lost.
final class RingEnds: Sendable {
    // Each position on a cache line of its own.
    private let padding1: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// How far the producer has come.
    let head = Atomic<Int>(0)
    private let padding2: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    /// How far the consumer has come.
    let tail = Atomic<Int>(0)
    private let padding3: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    private let parked = Atomic<Bool>(false)

    /// Says that the consumer is about to sleep. Consumer only.
    /// - Returns: whether it may: `false` when something arrived meanwhile (the parking is undone).
    func park() -> Bool {
        parked.store(true, ordering: .sequentiallyConsistent)
        if head.load(ordering: .sequentiallyConsistent) != tail.load(ordering: .relaxed) {
            parked.store(false, ordering: .sequentiallyConsistent)
            return false
        }
        return true
    }

    /// Says that the consumer is awake again. Consumer only.
    func unpark() {
        parked.store(false, ordering: .relaxed)
    }

    /// Whether the consumer has to be woken for what was just pushed; answers `true` once per sleep. Producer only.
    func needsWake() -> Bool {
        guard parked.load(ordering: .sequentiallyConsistent) else { return false }
        return parked.exchange(false, ordering: .sequentiallyConsistent)
    }
}
