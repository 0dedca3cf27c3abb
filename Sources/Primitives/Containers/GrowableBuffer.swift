// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A growing array of elements that may be noncopyable, edited in place and never copied.
///
/// For tables that change by command and are read per packet: growing allocates, indexing does not, and there is no
/// reference count anywhere.
public struct GrowableBuffer<Element: ~Copyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var room: Int
    @usableFromInline var filled: Int

    /// An empty buffer with room for `capacity` elements.
    public init(capacity: Int = 0) {
        base = .allocate(capacity: max(capacity, 1))
        room = max(capacity, 1)
        filled = 0
    }

    deinit {
        base.deinitialize(count: filled)
        base.deallocate()
    }

    /// How many elements there are.
    @inlinable public var count: Int { filled }

    /// Whether there is none.
    @inlinable public var isEmpty: Bool { filled == 0 }

    /// The element at `index`, in place; traps outside `0..<count`.
    @inlinable
    public subscript(_ index: Int) -> Element {
        @inline(__always)
        unsafeAddress {
            precondition(index >= 0 && index < filled, "buffer index out of range")
            return UnsafePointer(base + index)
        }
        @inline(__always)
        unsafeMutableAddress {
            precondition(index >= 0 && index < filled, "buffer index out of range")
            return base + index
        }
    }

    /// The address of the element at `index`, for code that touches two elements at once; traps outside `0..<count`.
    /// Valid until the buffer grows, shrinks or ends.
    @inlinable @inline(__always)
    public func pointer(at index: Int) -> UnsafeMutablePointer<Element> {
        precondition(index >= 0 && index < filled, "buffer index out of range")
        return base + index
    }

    /// Appends an element; grows by half when full.
    public mutating func append(_ element: consuming Element) {
        if filled == room { grow(to: max(4, room + room / 2)) }
        (base + filled).initialize(to: element)
        filled += 1
    }

    /// Takes the element at `index` out; the last one takes its place.
    public mutating func swapRemove(at index: Int) -> Element {
        precondition(index >= 0 && index < filled, "buffer index out of range")
        let removed = (base + index).move()
        filled -= 1
        if index != filled { (base + index).initialize(to: (base + filled).move()) }
        return removed
    }

    /// Takes the last element out.
    public mutating func popLast() -> Element? {
        guard filled > 0 else { return nil }
        filled -= 1
        return (base + filled).move()
    }

    /// Removes every element; keeps the room.
    public mutating func removeAll() {
        base.deinitialize(count: filled)
        filled = 0
    }

    private mutating func grow(to capacity: Int) {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        larger.moveInitialize(from: base, count: filled)
        base.deallocate()
        base = larger
        room = capacity
    }
}
