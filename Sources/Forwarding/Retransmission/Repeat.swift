// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A packet that one receiver is to get again.
public struct Repeat: BitwiseCopyable, Hashable, Sendable {
    /// Slot of the source whose packet it is.
    public var source: UInt16
    /// The number under which the receiver was sent it.
    public var sequence: UInt16
    /// Where it is stored.
    public var reference: PacketReference
    /// What was changed for this receiver.
    public var patch: PacketPatch
}
