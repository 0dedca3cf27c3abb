// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// What WebSockets did since the start.
public struct WebSocketCounts: Equatable, Sendable {
    /// Open now.
    public var open: UInt64 = 0
    /// Let in.
    public var accepted: UInt64 = 0
    /// Turned away: wrong path, handshake or password, or too many at once.
    public var refused: UInt64 = 0
    /// Text messages that came.
    public var messagesReceived: UInt64 = 0
    /// Text messages that were handed to a connection.
    public var messagesSent: UInt64 = 0
    /// Messages that mean nothing here: binary ones.
    public var ignoredMessages: UInt64 = 0
    /// Closed because the client broke the protocol's rules or its limits.
    public var violations: UInt64 = 0
    /// Closed because the client let too much wait.
    public var overflows: UInt64 = 0
    /// Closed because nothing came for too long.
    public var idleTimeouts: UInt64 = 0
    /// How often one was not read for a while because it said too much.
    public var throttled: UInt64 = 0
    /// Commands that found the web thread's mailbox full.
    public var refusedCommands: UInt64 = 0
}

/// The same, as the web thread counts it.
final class WebSocketCounters: Sendable {
    let open = Atomic<UInt64>(0)
    let accepted = Atomic<UInt64>(0)
    let refused = Atomic<UInt64>(0)
    let messagesReceived = Atomic<UInt64>(0)
    let messagesSent = Atomic<UInt64>(0)
    let ignoredMessages = Atomic<UInt64>(0)
    let violations = Atomic<UInt64>(0)
    let overflows = Atomic<UInt64>(0)
    let idleTimeouts = Atomic<UInt64>(0)
    let throttled = Atomic<UInt64>(0)
    /// The control loop's own.
    let refusedCommands = Atomic<UInt64>(0)

    var counts: WebSocketCounts {
        WebSocketCounts(
            open: open.load(ordering: .relaxed), accepted: accepted.load(ordering: .relaxed),
            refused: refused.load(ordering: .relaxed), messagesReceived: messagesReceived.load(ordering: .relaxed),
            messagesSent: messagesSent.load(ordering: .relaxed),
            ignoredMessages: ignoredMessages.load(ordering: .relaxed), violations: violations.load(ordering: .relaxed),
            overflows: overflows.load(ordering: .relaxed), idleTimeouts: idleTimeouts.load(ordering: .relaxed),
            throttled: throttled.load(ordering: .relaxed), refusedCommands: refusedCommands.load(ordering: .relaxed))
    }
}
