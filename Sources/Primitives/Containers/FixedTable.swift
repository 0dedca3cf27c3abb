// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A key that a ``FixedTable`` can hold: plain bits with a well-mixed hash that is the same in every run.
public protocol TableKey: BitwiseCopyable, Equatable {
    /// 64 well-mixed bits; equal keys give equal hashes.
    var tableHash: UInt64 { get }
}

extension UInt32: TableKey {
    @inlinable
    public var tableHash: UInt64 {
        var z = UInt64(self) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 32)) &* 0xBF58_476D_1CE4_E5B9
        return z ^ (z >> 29)
    }
}

extension UInt64: TableKey {
    @inlinable
    public var tableHash: UInt64 {
        var z = (self ^ (self >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// A flat open-addressing table of fixed capacity: no allocation after `init`, no iteration-order surprises.
///
/// Linear probing with backward-shift deletion, at most half full. Look-ups are O(1); insertion into a full table is
/// refused. For the packet path (house rule: no `Dictionary` there).
public struct FixedTable<Key: TableKey, Value: BitwiseCopyable>: ~Copyable {
    @usableFromInline let keys: UnsafeMutablePointer<Key>
    @usableFromInline let values: UnsafeMutablePointer<Value>
    @usableFromInline let used: UnsafeMutablePointer<Bool>
    @usableFromInline let mask: Int
    /// How many entries fit.
    public let capacity: Int
    /// How many entries are in.
    public private(set) var count = 0

    /// An empty table for at most `capacity` entries.
    public init(capacity: Int) {
        precondition(capacity > 0, "a table needs room")
        var size = 4
        while size < capacity * 2 { size *= 2 }
        self.capacity = capacity
        mask = size - 1
        keys = .allocate(capacity: size)
        values = .allocate(capacity: size)
        used = .allocate(capacity: size)
        used.initialize(repeating: false, count: size)
    }

    deinit {
        keys.deallocate()
        values.deallocate()
        used.deallocate()
    }

    @inlinable @inline(__always)
    func find(_ key: Key) -> Int {
        var index = Int(truncatingIfNeeded: key.tableHash) & mask
        // Ends: the table is at most half full, so a free slot is always met.
        while used[index], keys[index] != key { index = (index + 1) & mask }
        return index
    }

    /// The value stored for `key`.
    @inlinable @inline(__always)
    public subscript(_ key: Key) -> Value? {
        let index = find(key)
        return used[index] ? values[index] : nil
    }

    /// Stores `value` for `key`, replacing an earlier one.
    /// - Returns: `false` when the key is new and the table is full; nothing is stored then.
    @discardableResult
    public mutating func insert(_ key: Key, _ value: Value) -> Bool {
        let index = find(key)
        if !used[index] {
            guard count < capacity else { return false }
            used[index] = true
            count += 1
        }
        keys[index] = key
        values[index] = value
        return true
    }

    /// Removes the entry of `key`, if there is one, and returns its value.
    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        var hole = find(key)
        guard used[hole] else { return nil }
        let removed = values[hole]
        count -= 1
        var index = (hole + 1) & mask
        while used[index] {
            let home = Int(truncatingIfNeeded: keys[index].tableHash) & mask
            // An entry may move back only if its home does not lie behind the hole on its probe path.
            if (index - home) & mask >= (index - hole) & mask {
                keys[hole] = keys[index]
                values[hole] = values[index]
                hole = index
            }
            index = (index + 1) & mask
        }
        used[hole] = false
        return removed
    }

    /// Calls `body` for every entry, in an order that depends on the contents alone.
    public func forEach(_ body: (Key, Value) -> Void) {
        for index in 0...mask where used[index] { body(keys[index], values[index]) }
    }

    /// Removes every entry.
    public mutating func removeAll() {
        for index in 0...mask { used[index] = false }
        count = 0
    }
}
