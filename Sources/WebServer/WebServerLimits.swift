// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import HTTP
internal import Primitives

/// Named limits of this target. What one request may hold is in ``HTTPLimits``.
public enum WebServerLimits {
    /// Connections at once. One more takes the place of an idle one, or is closed where none can go.
    public static let connections = 128
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
    /// Bytes of the web thread's stack.
    static let stackSize = 512 << 10
}
