// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// What the bridge channels' side has to know of conferences and endpoints, told in the order in which it came to be:
/// when the worker has done it, before the focus has its answer.
public enum ChannelChange: Hashable, Sendable {
    /// A conference exists.
    case conferenceAdded(ConferenceNumber)
    /// A conference is gone with all its endpoints.
    case conferenceRemoved(ConferenceNumber)
    /// An endpoint of a conference exists.
    case endpointAdded(ChannelEndpointDescription)
    /// An endpoint is gone; told at most once, and not when its conference went.
    case endpointRemoved(EndpointNumber)
    /// A data channel was asked for later than with the creation.
    case dataChannelAdded(EndpointNumber)
    /// The whole list of what an endpoint sends.
    case sourcesChanged(EndpointNumber, [SourceDescription])
    /// `initial-last-n`: holds until the client says something itself.
    case initialLastN(EndpointNumber, Int32)
}

/// An endpoint as the bridge channels' side sees it.
public struct ChannelEndpointDescription: Hashable, Sendable {
    /// Its number.
    public var number: EndpointNumber
    /// Its conference.
    public var conference: ConferenceNumber
    /// Its signalled id.
    public var id: String
    /// It may not send media.
    public var isVisitor: Bool
    /// A data channel was asked for.
    public var usesSCTP: Bool
    /// What its WebSocket has to bring. Never logged.
    public var password: String
}
