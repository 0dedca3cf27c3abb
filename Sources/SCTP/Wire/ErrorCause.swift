// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Error causes of ERROR and ABORT chunks (RFC 9260 §3.3.10).
public struct ErrorCause: RawRepresentable, Hashable, BitwiseCopyable, Sendable {
    /// The code on the wire; 0 where the peer gave none.
    public let rawValue: UInt16

    /// The cause with that code.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    static let none = ErrorCause(rawValue: 0)
    static let invalidStream = ErrorCause(rawValue: 1)
    static let staleCookie = ErrorCause(rawValue: 3)
    static let unrecognizedChunk = ErrorCause(rawValue: 6)
    static let cookieWhileShuttingDown = ErrorCause(rawValue: 10)
    static let userAbort = ErrorCause(rawValue: 12)
}
