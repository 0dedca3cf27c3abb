// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where an element of a ``Slab`` lives, and which of its successive tenants is meant.
public struct SlabKey: Hashable, Sendable, BitwiseCopyable {
    /// Slot number, below the slab's capacity.
    public var index: UInt32
    /// Counts the tenants of the slot; an outdated key finds nothing.
    public var generation: UInt32

    /// A key from its two parts.
    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }
}

/// A fixed number of places for noncopyable elements, found by index, edited in place.
///
/// Slots are reused lowest-index-first-freed-last; the generation tells a new tenant from the old one. The memory of a
/// slot is touched only once it is used, so a large capacity costs address space and no resident memory.
public struct Slab<Element: ~Copyable>: ~Copyable {
    @usableFromInline let elements: UnsafeMutablePointer<Element>
    @usableFromInline let generations: UnsafeMutablePointer<UInt32>
    private let next: UnsafeMutablePointer<UInt32>
    /// How many elements fit.
    public let capacity: Int
    /// How many elements are in.
    public private(set) var count = 0
    private var freeHead = UInt32.max
    private var untouched: UInt32 = 0

    /// An empty slab for at most `capacity` elements.
    public init(capacity: Int) {
        precondition(capacity > 0 && capacity < Int(UInt32.max), "slab capacity out of range")
        self.capacity = capacity
        elements = .allocate(capacity: capacity)
        generations = .allocate(capacity: capacity)
        next = .allocate(capacity: capacity)
    }

    deinit {
        for index in 0..<Int(untouched) where generations[index] & 1 == 1 {
            (elements + index).deinitialize(count: 1)
        }
        elements.deallocate()
        generations.deallocate()
        next.deallocate()
    }

    /// The key the next ``insert(_:)`` will give; `nil` when the slab is full.
    public var nextKey: SlabKey? {
        if freeHead != .max { return SlabKey(index: freeHead, generation: generations[Int(freeHead)] &+ 1) }
        guard untouched < capacity else { return nil }
        return SlabKey(index: untouched, generation: 1)
    }

    /// Takes `element` in; traps when the slab is full, so ask ``nextKey`` first.
    @discardableResult
    public mutating func insert(_ element: consuming Element) -> SlabKey {
        guard let key = nextKey else { preconditionFailure("slab is full") }
        let index = Int(key.index)
        if freeHead != .max {
            freeHead = next[index]
        } else {
            untouched += 1
        }
        (elements + index).initialize(to: element)
        // Odd generations are in use, even ones are free.
        generations[index] = key.generation
        count += 1
        return key
    }

    /// Whether `key` still names a living element.
    @inlinable @inline(__always)
    public func contains(_ key: SlabKey) -> Bool {
        key.index < UInt32(capacity) && key.generation & 1 == 1 && isLive(Int(key.index))
            && generations[Int(key.index)] == key.generation
    }

    /// Whether slot `index` holds an element.
    @inlinable @inline(__always)
    public func isLive(_ index: Int) -> Bool {
        index >= 0 && index < touchedCount && generations[index] & 1 == 1
    }

    /// Slots `0..<touchedCount` have been used at least once; loops over all elements run over these.
    @inlinable
    public var touchedCount: Int { Int(_untouched) }

    @usableFromInline var _untouched: UInt32 { untouched }

    /// The key of the element in slot `index`.
    public func key(at index: Int) -> SlabKey? {
        isLive(index) ? SlabKey(index: UInt32(index), generation: generations[index]) : nil
    }

    /// The element in slot `index`, in place; traps when the slot is free.
    @inlinable
    public subscript(_ index: Int) -> Element {
        @inline(__always)
        unsafeAddress {
            precondition(isLive(index), "free slot")
            return UnsafePointer(elements + index)
        }
        @inline(__always)
        unsafeMutableAddress {
            precondition(isLive(index), "free slot")
            return elements + index
        }
    }

    /// The address of the element in slot `index`, for loops that touch two elements at once; traps when it is free.
    /// Valid until the element is removed: elements never move.
    @inlinable @inline(__always)
    public func pointer(at index: Int) -> UnsafeMutablePointer<Element> {
        precondition(isLive(index), "free slot")
        return elements + index
    }

    /// Takes the element of `key` out; `nil` when the key is outdated.
    @discardableResult
    public mutating func remove(_ key: SlabKey) -> Element? {
        guard contains(key) else { return nil }
        release(key)
        return (elements + Int(key.index)).move()
    }

    /// Ends the element of `key` where it lies.
    /// - Returns: `false` when the key is outdated.
    @discardableResult
    public mutating func discard(_ key: SlabKey) -> Bool {
        guard contains(key) else { return false }
        release(key)
        (elements + Int(key.index)).deinitialize(count: 1)
        return true
    }

    private mutating func release(_ key: SlabKey) {
        let index = Int(key.index)
        generations[index] = key.generation &+ 1
        next[index] = freeHead
        freeHead = key.index
        count -= 1
    }
}
