// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The repeats that wait for one receiver, oldest first: plain data, the elements are in the worker's
/// ``RepeatQueue``.
public struct RepeatList: BitwiseCopyable, Sendable {
    var head: Int32 = -1
    /// Means something while there is a ``head``.
    var tail: Int32 = -1
    /// How many there are.
    public internal(set) var count: Int32 = 0

    /// None.
    public init() {}

    /// Whether there is none.
    public var isEmpty: Bool { head < 0 }
}
