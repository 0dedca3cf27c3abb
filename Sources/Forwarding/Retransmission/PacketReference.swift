// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Names a packet in a ``PacketStore``: its number among all that were ever stored there. An outdated one finds
/// nothing.
public struct PacketReference: BitwiseCopyable, Hashable, Sendable {
    /// The number; 0 names nothing.
    public let rawValue: UInt32

    /// The reference with these bits.
    @inlinable
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Names no packet: what was not stored.
    @inlinable public static var none: PacketReference { PacketReference(rawValue: 0) }

    /// The one behind it; numbers wrap and leave ``none`` out.
    var next: PacketReference { PacketReference(rawValue: rawValue == .max ? 1 : rawValue + 1) }
}
