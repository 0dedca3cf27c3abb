// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// The answer to a ``ConferenceModify`` (control-plane.md 3.3).
public struct ConferenceModified: Hashable, Sendable {
    /// One entry per requested endpoint, in the request's order.
    public var endpoints: [EndpointModified] = []
    /// The bridge's feedback sources, when the request created something.
    public var sources: [MediaSourceDescription]?

    /// An empty answer.
    public init() {}
}

/// What an answer says of one endpoint.
public struct EndpointModified: Hashable, Sendable {
    /// The endpoint's id.
    public var id: String
    /// It was removed, or was not there.
    public var isExpired = false
    /// The bridge's half of the transport, after a create.
    public var transport: TransportDescription?

    /// An endpoint of which nothing is said.
    public init(id: String) { self.id = id }
}
