// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Something that an application sends to another one, or to all others; the bridge looks at the address only.
public struct EndpointMessage: Hashable, Sendable {
    /// The id of whom it is for; blank for all others.
    public let to: String
    /// All of it.
    public let text: RelayedText

    /// Whether it is for all others.
    public var isBroadcast: Bool { to.allSatisfy(\.isWhitespace) }
}
