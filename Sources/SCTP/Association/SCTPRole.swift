// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Who begins an association.
public enum SCTPRole: Sendable, Hashable {
    /// Waits for the peer.
    case server
    /// Begins.
    case client
}
