// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How far back, in frame numbers, the frames lie that a frame refers to.
public struct FrameDifferences: BitwiseCopyable, Sendable {
    /// How many there are, at most ``VideoPayloadLimits/frameDifferences``.
    @inlinable public var count: Int { Int(filled) }
    @usableFromInline var values = InlineArray<8, UInt16>(repeating: 0)
    @usableFromInline var filled: UInt8 = 0

    /// The frame refers to none.
    public init() {}

    /// The difference at `index`, 1…4,096; 0 outside of what there is.
    @inlinable public subscript(index: Int) -> UInt16 { index >= 0 && index < count ? values[index] : 0 }

    /// Adds a difference.
    /// - Returns: `false`, with nothing added, when there is no room for it.
    @discardableResult
    public mutating func append(_ difference: UInt16) -> Bool {
        guard count < VideoPayloadLimits.frameDifferences else { return false }
        values[count] = difference
        filled += 1
        return true
    }

    /// The greatest of them; 0 when there are none.
    public var greatest: UInt16 {
        var greatest: UInt16 = 0
        for index in 0..<count { greatest = max(greatest, values[index]) }
        return greatest
    }
}

extension FrameDifferences: Equatable {
    public static func == (one: Self, other: Self) -> Bool {
        guard one.count == other.count else { return false }
        return (0..<one.count).allSatisfy { one.values[$0] == other.values[$0] }
    }
}
