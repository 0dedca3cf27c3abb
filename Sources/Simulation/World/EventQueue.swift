// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What will happen, earliest first; of two events at one moment the one that was queued first.
struct EventQueue {
    private struct Entry {
        var time: Timestamp
        var serial: UInt64
        var slot: Int
    }

    private var heap: [Entry] = []
    private var events: [Event?] = []
    private var free: [Int] = []
    private var serial: UInt64 = 0

    /// When the next event is due.
    var earliest: Timestamp? { heap.first?.time }
    /// How many events were ever queued.
    var total: UInt64 { serial }

    /// Queues an event.
    mutating func insert(_ event: Event, at time: Timestamp) {
        let slot: Int
        if let reused = free.popLast() {
            slot = reused
            events[slot] = event
        } else {
            slot = events.count
            events.append(event)
        }
        heap.append(Entry(time: time, serial: serial, slot: slot))
        serial += 1
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard isBefore(index, parent) else { break }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    /// Takes the next event.
    mutating func pop() -> Event? {
        guard let first = heap.first else { return nil }
        let last = heap.count - 1
        heap.swapAt(0, last)
        heap.removeLast()
        var index = 0
        // Ends: `index` moves down a tree of finite depth.
        while true {
            var least = index
            let left = 2 * index + 1
            if left < last, isBefore(left, least) { least = left }
            if left + 1 < last, isBefore(left + 1, least) { least = left + 1 }
            if least == index { break }
            heap.swapAt(index, least)
            index = least
        }
        let event = events[first.slot]
        events[first.slot] = nil
        free.append(first.slot)
        return event
    }

    private func isBefore(_ a: Int, _ b: Int) -> Bool {
        heap[a].time == heap[b].time ? heap[a].serial < heap[b].serial : heap[a].time < heap[b].time
    }
}
