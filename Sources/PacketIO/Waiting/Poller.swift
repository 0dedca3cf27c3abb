// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
public import Primitives

/// What happened to a descriptor that a ``Poller`` watches.
public struct PollEvent: BitwiseCopyable, Sendable {
    /// The token given when the descriptor was added.
    public var token: UInt64
    /// Reading will not block.
    public var isReadable: Bool
    /// Writing will not block.
    public var isWritable: Bool
    /// The peer is gone or the descriptor failed.
    public var isHangup: Bool
}

/// Waits for descriptors and for time (epoll, level-triggered). Owned by one thread; nothing allocates after `init`.
public struct Poller: ~Copyable {
    private let descriptor: Int32
    private let events: UnsafeMutablePointer<viaduct_poll_event>
    private var hasPwait2 = true
    private static let batch = 256

    /// A poller that watches nothing yet.
    public init() throws(SystemError) {
        descriptor = try SystemError.check(viaduct_poller_open(), "epoll_create1")
        events = .allocate(capacity: Self.batch)
        events.initialize(repeating: viaduct_poll_event(), count: Self.batch)
    }

    deinit {
        close(descriptor)
        events.deallocate()
    }

    /// Begins to watch `descriptor`; its events carry `token`.
    public func add(
        descriptor watched: Int32, token: UInt64, readable: Bool = true, writable: Bool = false
    ) throws(SystemError) {
        _ = try SystemError.check(
            viaduct_poller_control(descriptor, 1, watched, token, readable, writable), "epoll_ctl add")
    }

    /// Changes what is watched for.
    public func modify(
        descriptor watched: Int32, token: UInt64, readable: Bool = true, writable: Bool
    ) throws(SystemError) {
        _ = try SystemError.check(
            viaduct_poller_control(descriptor, 2, watched, token, readable, writable), "epoll_ctl modify")
    }

    /// Stops watching `descriptor`; one that is not watched is passed over.
    public func remove(descriptor watched: Int32) {
        _ = viaduct_poller_control(descriptor, 3, watched, 0, false, false)
    }

    /// Waits until something happens or `deadline` has come (`nil`: no deadline) and fills `buffer`.
    ///
    /// A deadline that has passed means: look without waiting. Signals end the wait early.
    /// - Returns: how many events are in `buffer`.
    public mutating func wait(
        until deadline: Timestamp?, now: Timestamp, into buffer: UnsafeMutableBufferPointer<PollEvent>
    ) -> Int {
        var timeout: Int64 = -1
        if let deadline, deadline != .distantFuture {
            timeout = deadline <= now ? 0 : (deadline - now).nanoseconds
        }
        let capacity = Int32(min(buffer.count, Self.batch))
        let count = viaduct_poller_wait(descriptor, events, capacity, timeout, &hasPwait2)
        guard count > 0 else { return 0 }
        for index in 0..<Int(count) {
            let event = events[index]
            buffer[index] = PollEvent(
                token: event.token, isReadable: event.is_readable, isWritable: event.is_writable,
                isHangup: event.is_hangup)
        }
        return Int(count)
    }
}
