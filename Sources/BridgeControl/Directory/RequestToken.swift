// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What the caller of ``Directory`` uses to find the connection and stanza (or HTTP request) that a reply belongs to.
/// Opaque to the directory.
public struct RequestToken: Hashable, Sendable {
    /// The caller's number.
    public var value: UInt64

    /// Wraps a number.
    public init(_ value: UInt64) { self.value = value }
}
