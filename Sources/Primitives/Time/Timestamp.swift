// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A length of time, in nanoseconds; may be negative.
public struct TimeDelta: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// The length in nanoseconds.
    public var nanoseconds: Int64

    /// A length of so many nanoseconds.
    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// No time at all.
    public static let zero = TimeDelta(nanoseconds: 0)

    /// So many nanoseconds.
    @inlinable public static func nanoseconds(_ value: Int64) -> TimeDelta { TimeDelta(nanoseconds: value) }
    /// So many microseconds.
    @inlinable public static func microseconds(_ value: Int64) -> TimeDelta { TimeDelta(nanoseconds: value * 1_000) }
    /// So many milliseconds.
    @inlinable public static func milliseconds(_ value: Int64) -> TimeDelta {
        TimeDelta(nanoseconds: value * 1_000_000)
    }
    /// So many seconds.
    @inlinable public static func seconds(_ value: Int64) -> TimeDelta { TimeDelta(nanoseconds: value * 1_000_000_000) }
    /// So many seconds, with a fraction.
    @_disfavoredOverload
    @inlinable public static func seconds(_ value: Double) -> TimeDelta { TimeDelta(nanoseconds: Int64(value * 1e9)) }

    /// The length in whole microseconds, rounded towards zero.
    @inlinable public var microseconds: Int64 { nanoseconds / 1_000 }
    /// The length in whole milliseconds, rounded towards zero.
    @inlinable public var milliseconds: Int64 { nanoseconds / 1_000_000 }
    /// The length in seconds.
    @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }

    @inlinable public static func < (a: TimeDelta, b: TimeDelta) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable public static func + (a: TimeDelta, b: TimeDelta) -> TimeDelta {
        TimeDelta(nanoseconds: a.nanoseconds + b.nanoseconds)
    }
    @inlinable public static func - (a: TimeDelta, b: TimeDelta) -> TimeDelta {
        TimeDelta(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
    @inlinable public static func * (a: TimeDelta, b: Int64) -> TimeDelta { TimeDelta(nanoseconds: a.nanoseconds * b) }
    @inlinable public static func / (a: TimeDelta, b: Int64) -> TimeDelta { TimeDelta(nanoseconds: a.nanoseconds / b) }
}

/// A moment, in nanoseconds since an origin that the shell chooses (the monotonic clock's); never read by a core.
public struct Timestamp: Hashable, Comparable, Sendable, BitwiseCopyable {
    /// Nanoseconds since the origin.
    public var nanoseconds: Int64

    /// The moment so many nanoseconds after the origin.
    @inlinable
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// The origin.
    public static let zero = Timestamp(nanoseconds: 0)
    /// A moment that never comes.
    public static let distantFuture = Timestamp(nanoseconds: .max)

    @inlinable public static func < (a: Timestamp, b: Timestamp) -> Bool { a.nanoseconds < b.nanoseconds }
    @inlinable public static func - (a: Timestamp, b: Timestamp) -> TimeDelta {
        TimeDelta(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
    @inlinable public static func + (a: Timestamp, b: TimeDelta) -> Timestamp {
        Timestamp(nanoseconds: a.nanoseconds + b.nanoseconds)
    }
    @inlinable public static func - (a: Timestamp, b: TimeDelta) -> Timestamp {
        Timestamp(nanoseconds: a.nanoseconds - b.nanoseconds)
    }
}

/// The earlier of two moments, either of which may be missing.
@inlinable
public func earlier(_ a: Timestamp?, _ b: Timestamp?) -> Timestamp? {
    guard let a else { return b }
    guard let b else { return a }
    return min(a, b)
}
