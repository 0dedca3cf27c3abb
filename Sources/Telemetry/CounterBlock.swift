// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counters of one thread: written by it alone, read by anybody, never locked.
///
/// The owner adds with a relaxed load and store (no read-modify-write, there is one writer); readers see values that
/// are at most a moment old. Each cell fills a cache line's eighth; the whole block belongs to one writer, so lines
/// are not fought over.
public final class CounterBlock: Sendable {
    private let cells: Cells

    private struct Cells: ~Copyable, @unchecked Sendable {
        // Atomic cells in raw memory: shared by design, each access is atomic.
        let base: UnsafeMutablePointer<Atomic<UInt64>>

        init(count: Int) {
            base = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: count)
            for index in 0..<count { (base + index).initialize(to: Atomic(0)) }
        }

        deinit { base.deallocate() }
    }

    /// A block of zeros.
    public init() {
        cells = Cells(count: MediaCounter.allCases.count)
    }

    /// Adds to a counter. Owner only.
    @inline(__always)
    public func add(_ counter: MediaCounter, _ amount: UInt64 = 1) {
        let cell = cells.base + counter.rawValue
        cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Sets a gauge. Owner only.
    public func set(_ counter: MediaCounter, _ value: UInt64) {
        (cells.base + counter.rawValue).pointee.store(value, ordering: .relaxed)
    }

    /// The present value. Anybody.
    public func value(_ counter: MediaCounter) -> UInt64 {
        (cells.base + counter.rawValue).pointee.load(ordering: .relaxed)
    }
}
