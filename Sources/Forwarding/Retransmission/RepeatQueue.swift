// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The repeats that wait in a worker, a list for each receiver. A fixed number of places; nothing allocates after
/// `init`.
public struct RepeatQueue: ~Copyable {
    private struct Place: BitwiseCopyable {
        var value: Repeat
        var next: Int32
    }

    private let places: UnsafeMutablePointer<Place>
    private let capacity: Int
    private var freeHead: Int32 = -1
    private var untouched: Int32 = 0

    /// Nothing waits.
    public init(capacity: Int = ForwardingLimits.queuedRepeats) {
        self.capacity = capacity
        places = .allocate(capacity: capacity)
    }

    deinit { places.deallocate() }

    /// Puts a repeat at the end of a receiver's list.
    /// - Returns: `false` when the list is as long as it may be, or no place is free.
    mutating func append(_ value: Repeat, to list: inout RepeatList) -> Bool {
        guard list.count < ForwardingLimits.queuedRepeatsPerReceiver else { return false }
        let index: Int32
        if freeHead >= 0 {
            index = freeHead
            freeHead = places[Int(index)].next
        } else {
            guard untouched < capacity else { return false }
            index = untouched
            untouched += 1
        }
        (places + Int(index)).initialize(to: Place(value: value, next: -1))
        if list.isEmpty { list.head = index } else { places[Int(list.tail)].next = index }
        list.tail = index
        list.count += 1
        return true
    }

    /// Takes the first repeat out of a receiver's list.
    mutating func popFirst(from list: inout RepeatList) -> Repeat? {
        guard !list.isEmpty else { return nil }
        let index = list.head
        let place = places[Int(index)]
        list.head = place.next
        list.count -= 1
        places[Int(index)].next = freeHead
        freeHead = index
        return place.value
    }
}
