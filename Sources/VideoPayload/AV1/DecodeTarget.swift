// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// A set of frames that can be decoded together (AV1 RTP specification, A.8.2): what a receiver chooses.
public struct DecodeTarget: BitwiseCopyable, Hashable, Sendable {
    /// The highest spatial layer of the templates that belong to it.
    public var spatialID: UInt8 = 0
    /// The highest temporal layer of the templates that belong to it.
    public var temporalID: UInt8 = 0
    /// The chain that protects it, where there are chains.
    public var chain: UInt8 = 0

    /// A target of the lowest layer.
    public init() {}
}
