// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

extension SimulcastFilter {
    /// The decode target that is wanted of the stream that is sent: the one that is sent, while another encoding is
    /// waited for.
    func wantedTarget(_ history: FrameHistory.Glance) -> UInt8 {
        target.encoding == current ? history.decodeTarget(for: target) : spatial
    }

    /// Decides on a key frame with a dependency structure (media-plane.md 5.8). One of an encoding that is not the
    /// target is sent as far as it goes.
    mutating func acceptDescribedKeyframe(
        _ frame: LayerView.Packet, history: FrameHistory.Glance, at now: Timestamp
    ) -> Bool {
        var first = frame.indications.highest.map { UInt8(truncatingIfNeeded: $0) }
        if frame.encoding == target.encoding {
            let wanted = history.decodeTarget(for: target)
            // Where the target's own frames come later in the picture, it is gone to with them.
            if frame.indications.contains(Int(wanted)) { first = wanted }
        }
        guard let first, acceptKeyframe(of: frame.encoding, at: now) else { return false }
        spatial = first
        return true
    }

    /// Decides on a frame that is no key frame, or comes behind newer ones.
    /// - Parameters:
    ///   - wanted: the decode target to go to.
    ///   - hasReferences: whether everything was accepted that it refers to.
    ///   - lacksReference: whether something of that was left out.
    ///   - isNewest: whether it is newer than all before; others change nothing of what is sent.
    ///   - hasEnded: whether the receiver was told already that its picture is over.
    mutating func acceptDescribed(
        _ frame: LayerView.Packet, wanted: UInt8, hasReferences: Bool, lacksReference: Bool, isNewest: Bool,
        hasEnded: Bool, history: FrameHistory.Glance, at now: Timestamp
    ) -> Bool {
        guard isCurrent(frame.encoding, at: now) else { return false }
        if isNewest, wanted != spatial {
            let isUp = history.spatialLayer(ofTarget: wanted) > history.spatialLayer(ofTarget: spatial)
            if hasReferences, frame.indications[Int(wanted)] == .switching, !isUp || !hasEnded {
                spatial = wanted
                if current == target.encoding { needsKeyframe = false }
            } else if !history.canSwitch(from: spatial, to: wanted) {
                needsKeyframe = true
            }
        }
        guard frame.indications.contains(Int(spatial)) else { return false }
        // As where the receiver was on the way to another encoding meanwhile.
        guard !lacksReference else {
            if isNewest, frame.temporal == 0 { needsKeyframe = true }
            return false
        }
        // On the way down only what is needed to go on; of a picture all its layers, so that it has an end.
        return current <= target.encoding || frame.temporal == 0
    }
}
