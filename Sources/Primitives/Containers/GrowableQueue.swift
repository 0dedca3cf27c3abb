// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// First in, first out, for one thread: grows when full, allocates nothing else.
public struct GrowableQueue<Element: BitwiseCopyable>: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    @usableFromInline var mask: Int
    @usableFromInline var head = 0
    /// How many elements wait.
    public private(set) var count = 0

    /// An empty queue with room for at least `capacity` elements.
    public init(capacity: Int = 8) {
        var size = 8
        while size < capacity { size *= 2 }
        base = .allocate(capacity: size)
        mask = size - 1
    }

    deinit { base.deallocate() }

    /// Whether nothing waits.
    public var isEmpty: Bool { count == 0 }

    /// The oldest element.
    public var first: Element? { count == 0 ? nil : base[head] }

    /// Puts an element at the end.
    public mutating func append(_ element: Element) {
        if count == mask + 1 { grow() }
        (base + ((head + count) & mask)).initialize(to: element)
        count += 1
    }

    /// Takes the oldest element.
    @discardableResult
    public mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        defer {
            head = (head + 1) & mask
            count -= 1
        }
        return base[head]
    }

    /// Removes every element for which `isGone` says so; the others stay in order.
    public mutating func removeAll(where isGone: (Element) -> Bool) {
        // Ends: each element is taken once.
        for _ in 0..<count {
            if let element = popFirst(), !isGone(element) { append(element) }
        }
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: (mask + 1) * 2)
        for index in 0..<count { (larger + index).initialize(to: base[(head + index) & mask]) }
        base.deallocate()
        base = larger
        mask = (mask + 1) * 2 - 1
        head = 0
    }
}
