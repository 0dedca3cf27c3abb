// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The last few requests of each key, as far as a quota looks back. No allocation after `init`.
///
/// Not private to its user: see the note in ``KeyframeThrottle``.
struct RecentRequests<Key: TableKey>: ~Copyable {
    private let quota: Int
    /// Nothing older limits anything.
    private let memory: TimeDelta
    private var places: FixedTable<Key, UInt32>
    /// Places that were given back.
    private var free: GrowableBuffer<UInt32>
    /// `quota` moments for each place so far, the newest first; `distantFuture` where there was none. Memory is there
    /// for all, but not touched before its turn: most conferences are small.
    private var moments: GrowableBuffer<Timestamp>

    init(capacity: Int, quota: Int, memory: TimeDelta) {
        self.quota = quota
        self.memory = memory
        places = FixedTable(capacity: capacity)
        free = GrowableBuffer(capacity: capacity)
        moments = GrowableBuffer(capacity: capacity * quota)
    }

    var isFull: Bool { places.count == places.capacity }

    /// Whether another request keeps within the limits: at least `spacing` after the last one, at most `quota` in
    /// `interval`.
    func hasRoom(_ key: Key, spacing: TimeDelta, interval: TimeDelta, now: Timestamp) -> Bool {
        guard let place = places[key] else { return true }
        let newest = moments[Int(place) * quota]
        let oldest = moments[Int(place) * quota + quota - 1]
        if newest != .distantFuture, now - newest < spacing { return false }
        return oldest == .distantFuture || now - oldest >= interval
    }

    /// Notes a request.
    /// - Returns: `false` when the key is new and there is no place for it.
    mutating func note(_ key: Key, now: Timestamp) -> Bool {
        let start: Int
        if let place = places[key] {
            start = Int(place) * quota
        } else {
            guard let place = takePlace() else { return false }
            places.insert(key, place)
            start = Int(place) * quota
            for index in 0..<quota { moments[start + index] = .distantFuture }
        }
        for index in stride(from: quota - 1, to: 0, by: -1) { moments[start + index] = moments[start + index - 1] }
        moments[start] = now
        return true
    }

    private mutating func takePlace() -> UInt32? {
        if let place = free.popLast() { return place }
        let place = moments.count / quota
        guard place < places.capacity else { return nil }
        for _ in 0..<quota { moments.append(.distantFuture) }
        return UInt32(place)
    }

    /// Clears what no longer limits anything.
    mutating func forget(now: Timestamp) {
        var kept = FixedTable<Key, UInt32>(capacity: places.capacity)
        free.removeAll()
        places.forEach { key, place in
            if now - moments[Int(place) * quota] < memory { kept.insert(key, place) }
        }
        var isTaken = [Bool](repeating: false, count: moments.count / quota)
        kept.forEach { _, place in isTaken[Int(place)] = true }
        for place in isTaken.indices where !isTaken[place] { free.append(UInt32(place)) }
        places = kept
    }
}
