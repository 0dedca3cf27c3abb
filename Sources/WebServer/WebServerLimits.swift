// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Primitives

/// Named limits of this target. What one request may hold is in ``HTTPLimits``.
public enum WebServerLimits {
    /// HTTP connections at once, on each port. One more takes the place of an idle one, or is closed where none can
    /// go.
    public static let connections = 128
    /// WebSockets at once: one for each endpoint there can be, and some that are being replaced. A further one is
    /// answered with 503; none makes room for anything.
    public static let webSockets = 8_448
    /// Bytes of a request's body; more is answered with 413.
    public static let bodySize = HTTPLimits.bodyBytes
    /// Bytes of bodies being received at once, over all connections; more is answered with 503.
    public static let bodiesTotal = 16 << 20
    /// Bytes of answers that clients have not taken yet, over all connections; more is answered with 503.
    static let answersTotal = 64 << 20
    /// Requests waiting for the control loop; one more is answered with 503.
    static let queuedRequests = 256
    /// Answers waiting for the web thread: room for one per connection and stale ones.
    static let queuedResponses = 1_024
    /// Connections accepted in one go. Below ``connections``, so that each is looked at before others push it out.
    static let acceptsPerTurn = 16
    /// Kernel events taken per turn.
    static let eventsPerTurn = 64
    /// Bytes of one read call.
    static let readBytes = 16 << 10
    /// Connections that the kernel keeps until they are accepted.
    static let backlog: Int32 = 64
    /// Without free descriptors, the time until the next attempt to accept.
    static let acceptPause = TimeDelta.milliseconds(100)
    /// A connection with half a request, or half an answer, makes room when nothing has moved for so long.
    static let standstill = TimeDelta.seconds(1)
    /// Time in which a request's line and headers must have arrived.
    static let headTime = TimeDelta.seconds(10)
    /// Seconds in which a whole body must have arrived, and in which a whole answer must have been taken.
    public static let bodySeconds = 30.0
    /// Time that an idle connection is kept.
    static let idleTime = TimeDelta.seconds(15)
    /// Seconds in which the control loop must have answered.
    public static let answerSeconds = 10.0
    /// What WebSockets have to tell and waits for the control loop. While it is full none of them is read.
    static let queuedEvents = 1_024
    /// What the control loop has for WebSockets; further messages are dropped and counted.
    static let queuedCommands = 4_096
    /// Places among them that are kept for what is not a message.
    static let commandReserve = 1_024
    /// Messages and control frames of one WebSocket taken per turn; the rest waits for the next.
    static let messagesPerTurn = 16
    /// The time in which the next two are counted.
    static let paceWindow = TimeDelta.milliseconds(100)
    /// Messages and control frames of one WebSocket in this time; then it is not read until the time is over.
    static let messagesPerWindow = 200
    /// Bytes of one WebSocket in this time, likewise.
    static let bytesPerWindow = 256 << 10
    /// Bytes waiting for a client beyond which the control loop is told.
    static let backlogMark = 16 << 10
    /// By how much they grow until it is told again.
    static let backlogStep = 32 << 10
    /// Bytes that the kernel holds for a client which has not been sent them yet.
    static let kernelBacklog: Int32 = 16 << 10
    /// Longest time between two looks at the deadlines of all WebSockets.
    static let sweepInterval = TimeDelta.seconds(1)
    /// Bytes sealed in one TLS record.
    static let sealBytes = 16 << 10
    /// Bytes of the web thread's stack.
    static let stackSize = 512 << 10
}
