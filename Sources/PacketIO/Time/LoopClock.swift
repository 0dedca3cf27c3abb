// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// The clock of a thread's loop: the monotonic clock less the time in which the process did not run.
///
/// A process that was stopped (SIGSTOP, a debugger, a host that gave it no processor) wakes long after its deadline.
/// Were that time to count, every timer in it would run out at once, although nobody had failed to do anything. So a
/// gap between the moment at which the loop should have run again and the one at which it did, when it is longer than
/// ``PacketIOLimits/longestStall``, is taken out of the time that the loop's parts see. Because a loop sleeps no longer
/// than ``PacketIOLimits/longestSleep``, at most that much of a pause is counted as time.
///
/// `CLOCK_MONOTONIC` stands still while the whole machine is suspended; there is nothing to take out then, but the
/// peers' time went on: `CLOCK_BOOTTIME` tells, and such a pause is reported like the others. A virtual machine whose
/// host stops all its clocks cannot know of it (docs/adr/0021).
///
/// Owned by the loop's thread. Read the clock by ``tick()`` at the begin of a turn and before a wait, and ask
/// ``sleep(until:from:)`` how long the wait may be.
public struct LoopClock: Sendable {
    /// What the kernel's clocks say at one moment.
    struct Reading {
        var monotonic: Timestamp
        /// Nanoseconds of `CLOCK_BOOTTIME`.
        var boot: Int64

        static func now() -> Reading {
            Reading(monotonic: MonotonicClock.now(), boot: BootClock.nanoseconds())
        }
    }

    /// How much of the monotonic clock's time the process did not run and is not counted.
    public private(set) var skipped = TimeDelta.zero
    /// When the loop runs again at the latest, by the monotonic clock.
    private var expected: Timestamp
    /// Nanoseconds by which the two clocks differ: the suspensions so far.
    private var suspended: Int64
    private var pause = TimeDelta.zero

    /// A clock that has skipped nothing.
    public init() {
        self.init(Reading.now())
    }

    init(_ reading: Reading) {
        expected = reading.monotonic
        suspended = reading.boot - reading.monotonic.nanoseconds
    }

    /// Reads the clock, skipping the time in which the process did not run.
    public mutating func tick() -> Timestamp { tick(Reading.now()) }

    mutating func tick(_ reading: Reading) -> Timestamp {
        let late = reading.monotonic - expected
        if late > PacketIOLimits.longestStall {
            skipped = skipped + late
            pause = pause + late
        }
        let suspension = TimeDelta(nanoseconds: reading.boot - reading.monotonic.nanoseconds - suspended)
        // Shorter differences are those of two readings that are not quite one moment.
        if suspension > PacketIOLimits.longestStall {
            suspended += suspension.nanoseconds
            pause = pause + suspension
        }
        expected = reading.monotonic
        return reading.monotonic - skipped
    }

    /// The present moment, without looking for a pause.
    public func read() -> Timestamp { MonotonicClock.now() - skipped }

    /// Notes that the loop is about to wait, at `now`, for its next `deadline`.
    /// - Returns: until when it may wait.
    public mutating func sleep(until deadline: Timestamp?, from now: Timestamp) -> Timestamp {
        let end = max(now, min(deadline ?? .distantFuture, now + PacketIOLimits.longestSleep))
        expected = end + skipped
        return end
    }

    /// For how long the process did not run since this was asked last; `nil` when it always did.
    public mutating func takePause() -> TimeDelta? {
        guard pause > .zero else { return nil }
        defer { pause = .zero }
        return pause
    }
}
