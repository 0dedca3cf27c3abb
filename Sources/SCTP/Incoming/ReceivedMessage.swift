// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A whole message as it arrived.
public struct ReceivedMessage: Sendable, Equatable {
    /// The stream it came on.
    public var stream: UInt16
    /// What the sender said that it is: the payload protocol identifier.
    public var protocolIdentifier: UInt32
    /// Its bytes, at least one.
    public var bytes: [UInt8]
}
