// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Periods and time limits of a connection (control-plane.md 1.4, 1.5). Tests shorten them.
public struct XMPPTiming: Hashable, Sendable {
    /// Period of the statistics presence.
    public var presenceInterval = TimeDelta.seconds(5)
    /// Pause between attempts until the first login has worked.
    public var firstConnectDelay = TimeDelta.seconds(5)
    /// First pause after a connection that had worked.
    public var reconnectDelay = TimeDelta.seconds(1)
    /// That pause grows to this.
    public var reconnectDelayLimit = TimeDelta.seconds(10)
    /// Pause after somebody else took our resource.
    public var conflictDelay = TimeDelta.seconds(30)
    /// Limit of the name look-up and the TCP connect: slow name servers and several addresses take their time.
    public var connectTimeout = TimeDelta.seconds(30)
    /// Limit of each step from the stream's opening to the bound resource, and of joining a room.
    public var stepTimeout = TimeDelta.seconds(10)
    /// Limit of an own request.
    public var requestTimeout = TimeDelta.seconds(10)
    /// Silence after which the server is pinged.
    public var pingAfter = TimeDelta.seconds(30)
    /// Further silence after which the connection is given up.
    public var pingAnswerLimit = TimeDelta.seconds(15)
    /// First pause before a room is joined again.
    public var roomDelay = TimeDelta.seconds(1)
    /// That pause grows to this; a stay longer than this starts over.
    public var roomDelayLimit = TimeDelta.seconds(60)
    /// A room that no longer echoes our presence for so long is joined again.
    public var echoLimit = TimeDelta.seconds(30)
    /// How long a clean end waits for the server.
    public var closeLimit = TimeDelta.seconds(1)

    /// The defaults.
    public init() {}
}
