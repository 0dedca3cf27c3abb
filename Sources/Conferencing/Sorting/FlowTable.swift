// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which session each 4-tuple belongs to: only those from which a session's own check was answered.
///
/// There is room for all that the agents of a full worker may hold, so nobody can crowd out anybody. The entries lie
/// side by side in the order of their coming, and a hash index of their numbers grows with them: a table for 100,000
/// takes no more memory for 500 than one for 500.
struct FlowTable: ~Copyable {
    /// What became of a 4-tuple that a session has proven to be its own.
    enum Proof: Equatable {
        /// It was nobody's.
        case new
        /// It was the session's already.
        case known
        /// It was another's, which does not have it any more.
        case taken(from: SlabKey)
        /// There is no room; nothing has changed.
        case full
    }

    private struct Entry: BitwiseCopyable {
        var key: FlowKey
        var owner: SlabKey
    }

    /// `0..<count` are in use.
    private let entries: UnsafeMutablePointer<Entry>
    /// Number of the entry plus one, by hash, with linear probing; zero where there is none. At most half full.
    private var index: UnsafeMutablePointer<UInt32>
    private var mask: Int
    /// How many 4-tuples fit.
    let capacity: Int
    /// How many there are.
    private(set) var count = 0

    init(capacity: Int = ConferencingLimits.flows) {
        precondition(capacity > 0 && capacity < Int(UInt32.max), "flow table capacity out of range")
        self.capacity = capacity
        entries = .allocate(capacity: capacity)
        mask = 63
        index = Self.makeIndex(mask + 1)
    }

    deinit {
        entries.deallocate()
        index.deallocate()
    }

    /// Whose the 4-tuple is.
    @inline(__always)
    subscript(_ key: FlowKey) -> SlabKey? {
        let number = index[place(key)]
        return number == 0 ? nil : entries[Int(number) - 1].owner
    }

    /// The 4-tuple is `owner`'s from now on.
    mutating func prove(_ key: FlowKey, by owner: SlabKey) -> Proof {
        let number = index[place(key)]
        if number != 0 {
            let former = entries[Int(number) - 1].owner
            entries[Int(number) - 1].owner = owner
            return former == owner ? .known : .taken(from: former)
        }
        guard count < capacity else { return .full }
        if (count + 1) * 2 > mask + 1 { grow() }
        entries[count] = Entry(key: key, owner: owner)
        count += 1
        index[place(key)] = UInt32(count)
        return .new
    }

    /// The 4-tuple is not `owner`'s any more; no change if it is another's.
    mutating func remove(_ key: FlowKey, of owner: SlabKey) {
        let hole = place(key)
        guard index[hole] != 0, entries[Int(index[hole]) - 1].owner == owner else { return }
        let number = Int(index[hole]) - 1
        close(hole)
        // The last entry takes the place of the one that goes.
        count -= 1
        guard number != count else { return }
        let last = place(entries[count].key)
        entries[number] = entries[count]
        index[last] = UInt32(number + 1)
    }

    /// Where in the index the key stands, or would.
    @inline(__always)
    private func place(_ key: FlowKey) -> Int {
        var position = Int(truncatingIfNeeded: key.tableHash) & mask
        // Ends: the index is at most half full, so a free place is always met.
        while index[position] != 0, entries[Int(index[position]) - 1].key != key { position = (position + 1) & mask }
        return position
    }

    /// Empties a place of the index; entries behind it on their probe paths move up.
    private mutating func close(_ place: Int) {
        var hole = place
        var position = (hole + 1) & mask
        // Ends: a free place is met.
        while index[position] != 0 {
            let home = Int(truncatingIfNeeded: entries[Int(index[position]) - 1].key.tableHash) & mask
            // An entry may move up only if its home does not lie behind the hole.
            if (position - home) & mask >= (position - hole) & mask {
                index[hole] = index[position]
                hole = position
            }
            position = (position + 1) & mask
        }
        index[hole] = 0
    }

    /// Doubles the index: some 10 ns per entry, when a session proves an address, never for a packet.
    private mutating func grow() {
        index.deallocate()
        mask = mask * 2 + 1
        index = Self.makeIndex(mask + 1)
        for number in 0..<count { index[place(entries[number].key)] = UInt32(number + 1) }
    }

    private static func makeIndex(_ size: Int) -> UnsafeMutablePointer<UInt32> {
        let index = UnsafeMutablePointer<UInt32>.allocate(capacity: size)
        index.initialize(repeating: 0, count: size)
        return index
    }
}
