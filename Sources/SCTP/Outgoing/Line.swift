// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// First in, first out, with access by index: a ring in an array that grows, and that is given back when it is empty.
struct Line<Element> {
    private var elements: [Element?] = []
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }

    /// The element at `index` from the front; `nil` outside.
    subscript(_ index: Int) -> Element? {
        get { index >= 0 && index < count ? elements[slot(index)] : nil }
        _modify {
            precondition(index >= 0 && index < count, "line index out of range")
            yield &elements[slot(index)]
        }
    }

    mutating func append(_ element: Element) {
        if count == elements.count { grow() }
        elements[slot(count)] = element
        count += 1
    }

    /// Takes the first element out.
    @discardableResult
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let first = elements[head]
        elements[head] = nil
        head = slot(1)
        count -= 1
        // Kept while it is small: a line that fills and empties all the time does not allocate.
        if count == 0, elements.count > 8 { removeAll() }
        return first
    }

    mutating func removeAll() {
        elements = []
        head = 0
        count = 0
    }

    private func slot(_ index: Int) -> Int { (head + index) & (elements.count - 1) }

    private mutating func grow() {
        var larger: [Element?] = []
        larger.reserveCapacity(max(4, elements.count * 2))
        for index in 0..<count { larger.append(elements[slot(index)]) }
        for _ in count..<max(4, elements.count * 2) { larger.append(nil) }
        elements = larger
        head = 0
    }
}
