// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Which layer of a source is meant (media-plane.md 0.3): 64 times the encoding, plus eight times the spatial and the
/// temporal layer, or plus the decode target where there is a dependency descriptor.
public struct LayerIndex: RawRepresentable, Hashable, Sendable, BitwiseCopyable {
    /// The number; negative for no layer.
    public var rawValue: Int16

    /// Nothing is sent.
    public static let none = LayerIndex(rawValue: -1)

    /// A layer by its number.
    @inlinable
    public init(rawValue: Int16) { self.rawValue = rawValue }

    /// A layer by its parts; negative ones, which are not there, count as 0, and each keeps to its bits.
    public init(encoding: Int, spatial: Int, temporal: Int) {
        self.init(
            rawValue: Int16(min(max(encoding, 0), 255) << 6 | min(max(spatial, 0), 7) << 3 | min(max(temporal, 0), 7)))
    }

    /// A layer by its decode target.
    public init(encoding: Int, decodeTarget: Int) {
        self.init(rawValue: Int16(min(max(encoding, 0), 255) << 6 | min(max(decodeTarget, 0), 63)))
    }

    /// Whether there is a layer.
    @inlinable public var isLayer: Bool { rawValue >= 0 }
    /// The encoding; -1 for no layer.
    @inlinable public var encoding: Int { Int(rawValue >> 6) }
    /// The spatial layer.
    @inlinable public var spatial: Int { Int(rawValue >> 3 & 7) }
    /// The temporal layer.
    @inlinable public var temporal: Int { Int(rawValue & 7) }
    /// The decode target.
    @inlinable public var decodeTarget: Int { Int(rawValue & 63) }
}
