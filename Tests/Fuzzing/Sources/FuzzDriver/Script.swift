// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Reads an input as a script: numbers and byte strings, one after the other; past the end everything is zero or empty.
public struct Script {
    private let bytes: [UInt8]
    private var position = 0

    /// A script that begins with the first byte.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether everything has been read.
    public var isAtEnd: Bool { position >= bytes.count }

    /// The next byte.
    public mutating func next() -> UInt8 {
        guard position < bytes.count else { return 0 }
        position += 1
        return bytes[position - 1]
    }

    /// The next `count` bytes, or as many as there are.
    public mutating func take(_ count: Int) -> [UInt8] {
        let end = min(bytes.count, position + count)
        defer { position = end }
        return Array(bytes[position..<end])
    }
}
