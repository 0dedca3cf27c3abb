// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

extension SimulcastFilter {
    /// The highest spatial layer that is wanted and that there is.
    /// - Parameter layers: how many there are; 0 when nobody said.
    func highestSpatial(of layers: UInt8) -> UInt8 { layers > 0 ? min(target.spatial, layers - 1) : target.spatial }

    /// Decides on a layer frame of VP9 that is no key frame, or comes behind newer ones (media-plane.md 5.6).
    ///
    /// A spatial layer is gone to, up or down, where what its frame refers to was sent: with full scalability downward
    /// at once, otherwise with a key picture.
    ///
    /// - Parameters:
    ///   - highest: the spatial layer that was wanted when the picture began.
    ///   - layers: how many spatial layers the stream says it has; 0 when it did not.
    ///   - hasLower: whether the next lower layer frame was accepted, if it refers to that.
    ///   - isDecodable: whether what it builds on in its own spatial layer was accepted, of a temporal enhancement.
    ///   - isNewest: whether it is newer than all before; others change nothing of what is sent.
    ///   - hasEnded: whether the receiver was told already that its picture is over.
    mutating func acceptLayerFrame(
        _ frame: LayerView.Packet, highest: UInt8, layers: UInt8, hasLower: Bool, isDecodable: Bool, isNewest: Bool,
        hasEnded: Bool, at now: Timestamp
    ) -> Bool {
        guard isCurrent(frame.encoding, at: now) else { return false }
        let layer = frame.spatial
        let bit: UInt8 = 1 << layer
        let hasReferences = hasLower && (!frame.isPredicted || forwarded & bit != 0)
        let isUp = spatial < layer && layer <= highest
        let isDown = highest <= layer && layer < spatial
        if isNewest, isUp || isDown || layers > 0 && layers <= spatial {
            if hasReferences, !isUp || !hasEnded { spatial = layer } else { needsKeyframe = true }
        }
        let isPart = layer == spatial || layer < spatial && !frame.isUnreferenced
        let isWanted = hasReferences && isPart
        if frame.temporal == 0, isWanted { forwarded |= bit }
        if frame.temporal == 0, !isWanted, isNewest { forwarded &= ~bit }
        guard isWanted else { return false }
        // On the way down only what is needed to go on; on the way up the best there is meanwhile.
        if target.encoding < current || highest < spatial { return frame.temporal == 0 }
        let isOnTarget = target.encoding == current && highest == spatial
        return isDecodable && (!isOnTarget || frame.temporal <= target.temporal)
    }
}
