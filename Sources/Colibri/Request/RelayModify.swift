// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a request says of another bridge: read only as far as it takes to refuse or drop it (control-plane.md 5.3).
public struct RelayModify: Hashable, Sendable {
    /// The relay's id.
    public var id: String
    /// It must not exist and is made.
    public var isCreate = false
    /// It is removed.
    public var isExpire = false

    /// A relay of which nothing is said.
    public init(id: String) { self.id = id }
}
