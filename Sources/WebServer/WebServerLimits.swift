// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target.
public enum WebServerLimits {
    /// Connections at once; one more is closed right after it was accepted.
    public static let connections = 128
    /// Bytes of a request's body; more is answered with 413.
    public static let bodySize = 1 << 20
    /// Bytes of bodies being received at once, over all connections; more is answered with 503.
    public static let bodiesTotal = 16 << 20
    /// Bytes of a path with its query; more is answered with 414.
    public static let targetSize = 2_048
    /// Bytes of one header value that is looked at; more is answered with 431.
    public static let headerSize = 2_048
    /// Bytes of all headers of a request; libwebsockets closes the connection beyond.
    static let allHeadersSize: UInt16 = 8_192
    /// Requests waiting for the control loop; one more is answered with 503.
    static let queuedRequests = 256
    /// Answers waiting for the web thread: room for one per connection and stale ones.
    static let queuedResponses = 1_024
    /// Connections accepted in one go.
    static let acceptsPerTurn = 16
    /// Connections that the kernel keeps until they are accepted.
    static let backlog: Int32 = 64
    /// Seconds in which a request's line and headers must have arrived, and in which a body must make progress.
    static let requestSeconds: UInt32 = 10
    /// Seconds in which a whole body must have arrived, and in which a whole answer must have been taken.
    public static let bodySeconds = 30.0
    /// Seconds that an idle connection is kept.
    static let idleSeconds: Int32 = 15
    /// Seconds in which the control loop must have answered.
    public static let answerSeconds = 10.0
    /// Bytes of the web thread's stack.
    static let stackSize = 512 << 10
}
