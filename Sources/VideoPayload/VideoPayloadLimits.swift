// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Named limits of this target. Every loop over bytes from outside ends at one of them.
public enum VideoPayloadLimits {
    /// Spatial layers of a VP9 stream: SID has three bits (RFC 9628 4.2).
    public static let vp9SpatialLayers = 8
    /// Temporal layers of a VP9 stream: TID has three bits (RFC 9628 4.2).
    public static let vp9TemporalLayers = 8
    /// Pictures that a VP9 picture, or a picture of a group, may refer to (RFC 9628 4.2, 4.2.1).
    public static let vp9References = 3
    /// Pictures in a group of a VP9 scalability structure: N_G has eight bits (RFC 9628 4.2.1).
    public static let vp9GroupPictures = 255

    /// Longest dependency descriptor: an element of a header extension has no more bytes (RFC 8285 4.3).
    public static let dependencyDescriptorBytes = 255
    /// Templates of a dependency structure: template ids have six bits.
    public static let dependencyTemplates = 64
    /// Decode targets of a dependency structure: their number has five bits.
    public static let decodeTargets = 32
    /// Chains of a dependency structure: never more than decode targets.
    public static let dependencyChains = 32
    /// Spatial layers of a dependency structure: AV1 knows ids 0…3.
    public static let dependencySpatialLayers = 4
    /// Temporal layers of a dependency structure: AV1 knows ids 0…7.
    public static let dependencyTemporalLayers = 8
    /// Frames that one frame refers to. An AV1 frame has seven references.
    public static let frameDifferences = 8

    /// NAL units in one aggregation packet of H.264; one with more is refused.
    public static let aggregatedUnits = 64

    /// Streams in a video layers allocation: the field has two bits.
    public static let allocationStreams = 4
    /// Spatial layers of one stream in a video layers allocation: the mask has four bits.
    public static let allocationSpatialLayers = 4
    /// Temporal layers of one spatial layer in a video layers allocation: the field has two bits.
    public static let allocationTemporalLayers = 4
    /// Bytes of one rate in a video layers allocation: five hold any number of 32 bits.
    public static let allocationRateBytes = 5
    /// Highest believed rate in a video layers allocation, in kilobits per second.
    public static let allocationRate: UInt32 = 1_000_000
}
