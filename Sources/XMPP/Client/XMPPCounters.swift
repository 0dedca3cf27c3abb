// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What has been counted on one connection since the start of the program.
public struct XMPPCounters: Hashable, Sendable {
    /// Connections that ended after they had been online.
    public var disconnects: UInt64 = 0
    /// Sessions continued by stream management.
    public var resumptions: UInt64 = 0
    /// Stanzas received.
    public var stanzasReceived: UInt64 = 0
    /// Requests from senders that are no occupants of our rooms.
    public var forbiddenRequests: UInt64 = 0
    /// Requests with a payload nobody handles.
    public var unknownRequests: UInt64 = 0
    /// Requests that could not be answered or not be read.
    public var malformedStanzas: UInt64 = 0
    /// Answers that came too late: their session had ended.
    public var droppedAnswers: UInt64 = 0
    /// Stanzas that were too large to send.
    public var oversizedStanzas: UInt64 = 0
    /// Times another session was seen under our nickname.
    public var nicknamesShared: UInt64 = 0
    /// Times somebody else took our resource.
    public var resourceConflicts: UInt64 = 0
    /// Times a room was left or not entered.
    public var roomDepartures: UInt64 = 0

    /// All zero.
    public init() {}

    /// Adds another connection's.
    public static func += (sum: inout XMPPCounters, other: XMPPCounters) {
        sum.disconnects &+= other.disconnects
        sum.resumptions &+= other.resumptions
        sum.stanzasReceived &+= other.stanzasReceived
        sum.forbiddenRequests &+= other.forbiddenRequests
        sum.unknownRequests &+= other.unknownRequests
        sum.malformedStanzas &+= other.malformedStanzas
        sum.droppedAnswers &+= other.droppedAnswers
        sum.oversizedStanzas &+= other.oversizedStanzas
        sum.nicknamesShared &+= other.nicknamesShared
        sum.resourceConflicts &+= other.resourceConflicts
        sum.roomDepartures &+= other.roomDepartures
    }
}
