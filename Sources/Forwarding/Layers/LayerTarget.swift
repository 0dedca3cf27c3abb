// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What a receiver is to get of a source.
public struct LayerTarget: BitwiseCopyable, Hashable, Sendable {
    /// Which encoding, 0 the smallest; -1: nothing.
    public var encoding: Int8
    /// The highest spatial layer, of encodings that have several.
    public var spatial: UInt8
    /// The highest temporal layer.
    public var temporal: UInt8

    /// Nothing.
    public static let suspended = LayerTarget(encoding: -1, spatial: 0, temporal: 0)

    /// - Parameters:
    ///   - encoding: 0 the smallest.
    ///   - spatial: the highest spatial layer; all when not said.
    ///   - temporal: the highest temporal layer.
    public init(encoding: Int8, spatial: UInt8 = 7, temporal: UInt8) {
        self.encoding = encoding
        self.spatial = spatial
        self.temporal = temporal
    }
}
