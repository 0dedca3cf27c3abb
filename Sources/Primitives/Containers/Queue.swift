// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// First in, first out; both ends in constant time on average. Its users bound its length.
public struct Queue<Element> {
    @usableFromInline var elements: [Element] = []
    @usableFromInline var head = 0

    /// An empty queue.
    public init() {}

    /// How many elements wait.
    @inlinable public var count: Int { elements.count - head }
    /// Whether none waits.
    @inlinable public var isEmpty: Bool { count == 0 }
    /// The oldest element.
    @inlinable public var first: Element? { isEmpty ? nil : elements[head] }

    /// Puts an element at the end.
    @inlinable public mutating func append(_ element: Element) { elements.append(element) }

    /// Drops what does not satisfy `condition`; the order stays.
    @inlinable public mutating func keep(where condition: (Element) -> Bool) {
        elements = elements[head...].filter(condition)
        head = 0
    }

    /// Takes the oldest element.
    @inlinable public mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let element = elements[head]
        head += 1
        // Drop the consumed half now and then, so that popping stays cheap and memory follows the length.
        if head == elements.count || head >= 64 && head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}

extension Queue: Sendable where Element: Sendable {}
