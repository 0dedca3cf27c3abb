// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the HTTP server turned away since it started.
public struct HTTPServerCounts: Equatable, Sendable {
    /// Connections that found no room.
    public var refusedConnections: UInt64 = 0
    /// Connections that were closed to make room for others.
    public var displacedConnections: UInt64 = 0
    /// Requests that were refused: malformed, too large, too slow, or too many at once.
    public var refusedRequests: UInt64 = 0
    /// Answers that came too late, for a connection that was gone, or while the web thread took none.
    public var droppedAnswers: UInt64 = 0
}
