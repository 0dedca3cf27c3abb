// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc

/// Wakes a thread that waits in a ``Poller`` (eventfd). Any thread may wake, the waiting one drains.
public final class WakeUp: Sendable {
    /// For the poller; readable after a wake.
    public let descriptor: Int32

    /// A wake-up that nobody has used.
    public init() throws(SystemError) {
        descriptor = try SystemError.check(viaduct_eventfd(), "eventfd")
    }

    deinit {
        close(descriptor)
    }

    /// Makes the descriptor readable. Wakes that come before the drain are one.
    public func wake() {
        var one: UInt64 = 1
        // The only failure is a counter that is full, which wakes as well.
        _ = write(descriptor, &one, 8)
    }

    /// Makes the descriptor quiet again.
    public func drain() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
    }
}
