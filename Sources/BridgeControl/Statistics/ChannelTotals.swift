// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the bridge channels have counted, at one moment: plain values gathered by the shell.
public struct ChannelTotals: Sendable {
    /// Messages of clients over data channels.
    public var dataChannelMessagesReceived: UInt64 = 0
    /// Messages to clients over data channels.
    public var dataChannelMessagesSent: UInt64 = 0
    /// Data channels that were refused.
    public var dataChannelsRejected: UInt64 = 0
    /// Messages of clients over WebSockets.
    public var webSocketMessagesReceived: UInt64 = 0
    /// Messages to clients over WebSockets.
    public var webSocketMessagesSent: UInt64 = 0
    /// WebSockets that ended in order.
    public var webSocketsClosed: UInt64 = 0
    /// WebSockets that ended otherwise.
    public var webSocketsBroken: UInt64 = 0
    /// WebSockets that broke the rules of the protocol or its limits.
    public var webSocketErrors: UInt64 = 0
    /// Endpoints that had no channel although there was time enough.
    public var endpointsWithoutChannel: UInt64 = 0
    /// Counters that the original does not have: name, help, value. Names are without the prefix.
    public var own: [(name: String, help: String, value: UInt64)] = []

    /// Zeros.
    public init() {}
}
