// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// The next deadline of each of a fixed number of owners, the earliest on top.
struct DeadlineHeap {
    private var owners: [Int32] = []
    private var places: [Int32]
    private var deadlines: [Timestamp]

    /// Room for `capacity` owners, none of which has a deadline.
    init(capacity: Int) {
        places = [Int32](repeating: -1, count: capacity)
        deadlines = [Timestamp](repeating: .distantFuture, count: capacity)
        owners.reserveCapacity(capacity)
    }

    /// The earliest deadline and whose it is.
    var first: (owner: Int, deadline: Timestamp)? {
        guard let owner = owners.first else { return nil }
        return (Int(owner), deadlines[Int(owner)])
    }

    /// Sets, moves or (with `nil`) removes the deadline of `owner`.
    mutating func set(_ owner: Int, _ deadline: Timestamp?) {
        guard let deadline else {
            remove(owner)
            return
        }
        deadlines[owner] = deadline
        if places[owner] < 0 {
            places[owner] = Int32(owners.count)
            owners.append(Int32(owner))
        }
        let place = Int(places[owner])
        if !rise(place) { sink(place) }
    }

    private mutating func remove(_ owner: Int) {
        let place = Int(places[owner])
        guard place >= 0 else { return }
        places[owner] = -1
        let last = owners.removeLast()
        guard Int(last) != owner else { return }
        owners[place] = last
        places[Int(last)] = Int32(place)
        if !rise(place) { sink(place) }
    }

    private mutating func rise(_ start: Int) -> Bool {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard isEarlier(place, parent) else { break }
            swap(place, parent)
            place = parent
        }
        return place != start
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {  // Ends: each turn goes one level down.
            let left = 2 * place + 1
            guard left < owners.count else { return }
            let right = left + 1
            let child = right < owners.count && isEarlier(right, left) ? right : left
            guard isEarlier(child, place) else { return }
            swap(place, child)
            place = child
        }
    }

    private func isEarlier(_ a: Int, _ b: Int) -> Bool {
        deadlines[Int(owners[a])] < deadlines[Int(owners[b])]
    }

    private mutating func swap(_ a: Int, _ b: Int) {
        owners.swapAt(a, b)
        places[Int(owners[a])] = Int32(a)
        places[Int(owners[b])] = Int32(b)
    }
}
