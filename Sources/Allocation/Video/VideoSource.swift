// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A video source of a conference, as every receiver sees it.
public struct VideoSource: Hashable, Sendable, BitwiseCopyable {
    /// What it shows.
    public enum Kind: UInt8, Sendable, BitwiseCopyable {
        /// A person: motion counts.
        case camera
        /// A screen: sharpness counts.
        case desktop
    }

    /// Who it is, in all runs; ties are decided by it.
    public var key: UInt64
    /// The endpoint, or relay, that sends it.
    public var owner: UInt32
    /// What it shows.
    public var kind: Kind
    /// There is something to see: it is neither muted nor without a track.
    public var isEnabled: Bool
    /// Its owner's place in the order of speakers, who spoke last first (media-plane.md 10.2).
    public var speakerPlace: UInt32
    /// Its place among its owner's sources.
    public var position: UInt32
    /// Where its layers begin among those of the conference.
    public var firstLayer: UInt32
    /// How many layers it has, 0 if nothing is known of it.
    public var layerCount: UInt32

    /// A source.
    public init(
        key: UInt64, owner: UInt32, kind: Kind = .camera, isEnabled: Bool = true, speakerPlace: UInt32 = .max,
        position: UInt32 = 0, firstLayer: UInt32, layerCount: UInt32
    ) {
        self.key = key
        self.owner = owner
        self.kind = kind
        self.isEnabled = isEnabled
        self.speakerPlace = speakerPlace
        self.position = position
        self.firstLayer = firstLayer
        self.layerCount = layerCount
    }
}
