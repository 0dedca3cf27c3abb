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
}
