// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Why the HTTP server cannot start: the cause and the cure.
public struct HTTPServerError: Error, Sendable, CustomStringConvertible {
    /// The whole text.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
