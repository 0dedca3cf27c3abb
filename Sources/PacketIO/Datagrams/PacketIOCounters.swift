// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a ``UDPPort`` did since it was opened.
public struct PacketIOCounters: Sendable, BitwiseCopyable, Equatable {
    /// Receive calls.
    public var receiveCalls: UInt64 = 0
    /// Kernel messages received; fewer than datagrams where trains came.
    public var receivedMessages: UInt64 = 0
    /// Datagrams received.
    public var receivedDatagrams: UInt64 = 0
    /// Bytes received, without headers of UDP and below.
    public var receivedBytes: UInt64 = 0
    /// Messages longer than their slot, dropped.
    public var truncated: UInt64 = 0
    /// Datagrams of trains that found no entry in the slab, dropped.
    public var slabOverflow: UInt64 = 0
    /// Datagrams the kernel dropped because a receive buffer was full, as far as it has told.
    public var kernelDrops: UInt64 = 0
    /// Receive calls that failed other than by having nothing.
    public var receiveErrors: UInt64 = 0

    /// Send calls.
    public var sendCalls: UInt64 = 0
    /// Kernel messages sent.
    public var sentMessages: UInt64 = 0
    /// Datagrams sent.
    public var sentDatagrams: UInt64 = 0
    /// Bytes sent, without headers of UDP and below.
    public var sentBytes: UInt64 = 0
    /// Messages that carried more than one datagram.
    public var sentTrains: UInt64 = 0
    /// Trains the kernel refused to cut, sent as single datagrams instead.
    public var refusedTrains: UInt64 = 0
    /// Datagrams dropped because the kernel had no room (EAGAIN, ENOBUFS, ENOMEM).
    public var droppedNoRoom: UInt64 = 0
    /// Datagrams dropped because there was no way to their destination (ENETUNREACH, EHOSTUNREACH, EPERM, …) or our
    /// own address is gone (EINVAL).
    public var droppedUnreachable: UInt64 = 0
    /// Datagrams dropped because they were too long (EMSGSIZE).
    public var droppedTooLong: UInt64 = 0
    /// Datagrams dropped for another reason, an unknown local address among them.
    public var droppedOther: UInt64 = 0

    /// Nothing done yet.
    public init() {}

    /// Datagrams that could not be sent.
    public var droppedOnSend: UInt64 { droppedNoRoom + droppedUnreachable + droppedTooLong + droppedOther }
}
