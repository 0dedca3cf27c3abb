// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Deadlines of many owners, earliest first: a binary heap with lazy removal.
///
/// An owner may be in several times; the user of the queue remembers the one deadline that counts and ignores the
/// others when they come up. Grows when needed, which only commands and timers can cause.
public struct DeadlineQueue: ~Copyable {
    /// An owner's deadline.
    public struct Entry: BitwiseCopyable {
        /// When.
        public var deadline: Timestamp
        /// Whose.
        public var owner: SlabKey
    }

    private var heap: GrowableBuffer<Entry>

    /// An empty queue.
    public init() {
        heap = GrowableBuffer(capacity: 64)
    }

    /// How many entries wait, outdated ones included.
    public var count: Int { heap.count }

    /// The earliest deadline, possibly an outdated one.
    public var earliest: Timestamp? {
        heap.isEmpty ? nil : heap[0].deadline
    }

    /// Adds a deadline.
    public mutating func insert(_ deadline: Timestamp, owner: SlabKey) {
        heap.append(Entry(deadline: deadline, owner: owner))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].deadline < heap[parent].deadline else { break }
            exchange(index, parent)
            index = parent
        }
    }

    /// Takes the earliest entry that is due at `now`.
    public mutating func popDue(at now: Timestamp) -> Entry? {
        guard !heap.isEmpty, heap[0].deadline <= now else { return nil }
        let top = heap.swapRemove(at: 0)
        var index = 0
        // Ends: `index` moves down a tree of finite depth.
        while true {
            var least = index
            let left = 2 * index + 1
            if left < heap.count, heap[left].deadline < heap[least].deadline { least = left }
            if left + 1 < heap.count, heap[left + 1].deadline < heap[least].deadline { least = left + 1 }
            if least == index { break }
            exchange(index, least)
            index = least
        }
        return top
    }

    private mutating func exchange(_ a: Int, _ b: Int) {
        let held = heap[a]
        heap[a] = heap[b]
        heap[b] = held
    }
}
