// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import XML

/// `get` or `set`.
public enum IQType: String, Hashable, Sendable {
    case get, set
}

/// Names the request that an answer belongs to. Answers to requests of a session that has ended are dropped.
public struct IQToken: Hashable, Sendable {
    /// Number of the bound session that received the request.
    var session: UInt64
    /// The request's id, opaque.
    var id: String
    /// Who asked.
    var to: String
}

/// A request for the owner, whose sender has been checked.
public struct IQRequest: Hashable, Sendable {
    /// What the answer is addressed with.
    public var token: IQToken
    /// The request's id, opaque; may be hundreds of characters long.
    public var id: String
    /// The occupant who asks.
    public var from: String
    /// The address that was asked.
    public var to: String?
    /// `get` or `set`.
    public var type: IQType
    /// The only child of the IQ.
    public var payload: XMLElement
}

/// How an own request ended.
public enum IQOutcome: Hashable, Sendable {
    /// The result's payload, if it has one.
    case result(XMLElement?)
    /// The peer refused.
    case error(StanzaError)
    /// No answer in time.
    case timeout
    /// The session ended first, or the request could not be sent.
    case disconnected
}
