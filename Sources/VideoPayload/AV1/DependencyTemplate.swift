// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// What frames that name this template have in common, unless they say otherwise (AV1 RTP specification, A.8.2).
public struct DependencyTemplate: BitwiseCopyable, Sendable {
    /// What its frames are to each decode target.
    public var indications = DecodeTargetIndications()
    /// Spatial layer, 0…3.
    public var spatialID: UInt8
    /// Temporal layer, 0…7.
    public var temporalID: UInt8
    /// Which frames its frames refer to; each at most 16 back.
    public var differences = FrameDifferences()
    /// For each chain how far back, 0…15, the frame before lies in it.
    public var chainDifferences = InlineArray<32, UInt8>(repeating: 0)

    /// A template of one layer that refers to nothing and belongs to nothing.
    public init(spatialID: UInt8 = 0, temporalID: UInt8 = 0) {
        self.spatialID = spatialID
        self.temporalID = temporalID
    }

    /// Whether its frames refer to an earlier picture, not just to lower layers of their own.
    public var hasInterPictureDependency: Bool { differences.greatest > UInt16(spatialID) }

    /// Whether both say the same of `chainCount` chains and all else.
    func isSame(as other: Self, chainCount: Int) -> Bool {
        guard spatialID == other.spatialID, temporalID == other.temporalID, indications == other.indications,
            differences == other.differences
        else { return false }
        for chain in 0..<chainCount where chainDifferences[chain] != other.chainDifferences[chain] { return false }
        return true
    }
}
