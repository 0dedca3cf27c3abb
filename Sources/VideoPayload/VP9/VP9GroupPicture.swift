// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// One picture of the group that a VP9 scalability structure repeats (RFC 9628 4.2.1), for writing one.
public struct VP9GroupPicture: Hashable, Sendable {
    /// TID, 0…7.
    public var temporalID: UInt8
    /// U: a receiver may take higher temporal layers from here on.
    public var isSwitchingUpPoint: Bool
    /// P_DIFF: how far back the pictures lie that it refers to; at most three.
    public var differences: [UInt8]

    /// A picture of a group.
    public init(temporalID: UInt8, isSwitchingUpPoint: Bool = false, differences: [UInt8] = []) {
        self.temporalID = temporalID
        self.isSwitchingUpPoint = isSwitchingUpPoint
        self.differences = differences
    }
}
