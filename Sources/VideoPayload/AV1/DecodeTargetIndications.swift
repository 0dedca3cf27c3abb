// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A frame's indications for all decode targets, two bits each.
public struct DecodeTargetIndications: BitwiseCopyable, Hashable, Sendable {
    /// Two bits for each of 32 decode targets, the first at the top: the order of the wire.
    public private(set) var rawValue: UInt64

    /// Not present in any decode target.
    public init() { rawValue = 0 }

    /// Reads what the top `2 * count` bits of `rawValue` say of `count` decode targets.
    init(rawValue: UInt64) { self.rawValue = rawValue }

    /// What the frame is to decode target `target`; not present for targets that there are not.
    @inlinable
    public subscript(target: Int) -> DecodeTargetIndication {
        guard target >= 0, target < VideoPayloadLimits.decodeTargets else { return .notPresent }
        let bits = UInt8(truncatingIfNeeded: rawValue >> UInt64(62 - 2 * target) & 3)
        return DecodeTargetIndication(rawValue: bits) ?? .notPresent
    }

    /// Says what the frame is to decode target `target`.
    public mutating func set(_ indication: DecodeTargetIndication, for target: Int) {
        guard target >= 0, target < VideoPayloadLimits.decodeTargets else { return }
        let shift = UInt64(62 - 2 * target)
        rawValue = rawValue & ~(3 << shift) | UInt64(indication.rawValue) << shift
    }

    /// Whether the frame belongs to decode target `target`.
    @inlinable public func contains(_ target: Int) -> Bool { self[target] != .notPresent }

    /// The highest decode target that the frame belongs to; `nil` when there is none.
    public var highest: Int? {
        rawValue == 0 ? nil : 31 - rawValue.trailingZeroBitCount / 2
    }
}
