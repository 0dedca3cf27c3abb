// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
public import Primitives

/// The clock that all time in the cores comes from: it never jumps.
public enum MonotonicClock {
    /// Nanoseconds since the machine started.
    @inline(__always)
    public static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Timestamp(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The clock that also counts the time in which the whole machine was suspended.
enum BootClock {
    /// Nanoseconds since the machine started, suspensions included.
    static func nanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The clock on the wall, for what people and protocols call the time of day.
public enum WallClock {
    /// Nanoseconds since 1970-01-01 00:00 UTC.
    public static func nanosecondsSinceEpoch() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
