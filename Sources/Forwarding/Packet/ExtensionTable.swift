// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import ShardMessages

/// The header extension numbers one endpoint negotiated, for both directions: as a sender number → kind, as a receiver
/// kind → number. Small enough to be passed by value.
public struct ExtensionTable: BitwiseCopyable, Hashable, Sendable {
    /// Stands for "not a kind the bridge knows" in ``kind(ofID:)``.
    public static let noKind: UInt8 = 15

    /// Numbers 0…15: four bits of kind each. Nearly all numbers in use are here.
    @usableFromInline var kinds: UInt64 = .max
    /// Kinds 0…7 and 8…15: eight bits of number each, 0 for "not negotiated".
    @usableFromInline var lowIDs: UInt64 = 0
    @usableFromInline var highIDs: UInt64 = 0
    /// The endpoint can read blocks in two-byte form (`extmap-allow-mixed`, RFC 8285 4.1.2).
    public var allowsMixed = false

    /// Nothing negotiated.
    public init() {}

    /// Maps `kind` to `id`, replacing earlier mappings of either; id 0 is ignored.
    public mutating func map(_ kind: HeaderExtensionKind, to id: UInt8) {
        guard id != 0 else { return }
        let old = self.id(of: kind.rawValue)
        if old != 0 { forget(old, kind: kind.rawValue) }
        let tenant = self.kind(ofID: id)
        if tenant != Self.noKind { forget(id, kind: tenant) }
        if id < 16 {
            kinds &= ~(15 << (UInt64(id) * 4))
            kinds |= UInt64(kind.rawValue & 15) << (UInt64(id) * 4)
        }
        setID(id, of: kind.rawValue)
    }

    /// The kind's raw value behind a number on the wire; ``noKind`` when it was not negotiated.
    @inlinable @inline(__always)
    public func kind(ofID id: UInt8) -> UInt8 {
        if id < 16 { return UInt8(truncatingIfNeeded: kinds >> (UInt64(id) &* 4)) & 15 }
        for kind in 0..<Self.noKind where self.id(of: kind) == id { return kind }
        return Self.noKind
    }

    /// The number on the wire of a kind, given by its raw value; 0 when it was not negotiated.
    @inlinable @inline(__always)
    public func id(of kind: UInt8) -> UInt8 {
        let half = kind < 8 ? lowIDs : highIDs
        return UInt8(truncatingIfNeeded: half >> (UInt64(kind & 7) &* 8))
    }

    /// Whether `kind` was negotiated.
    public func has(_ kind: HeaderExtensionKind) -> Bool { id(of: kind.rawValue) != 0 }

    private mutating func forget(_ id: UInt8, kind: UInt8) {
        if id < 16 { kinds |= 15 << (UInt64(id) * 4) }
        setID(0, of: kind)
    }

    private mutating func setID(_ id: UInt8, of kind: UInt8) {
        let shift = UInt64(kind & 7) * 8
        if kind < 8 {
            lowIDs = lowIDs & ~(255 << shift) | UInt64(id) << shift
        } else {
            highIDs = highIDs & ~(255 << shift) | UInt64(id) << shift
        }
    }
}
