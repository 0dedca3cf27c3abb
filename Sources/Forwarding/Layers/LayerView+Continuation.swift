// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

extension LayerView {
    /// A view of a source that goes on with the stream of another: it begins with a key frame, as at a change of
    /// encoding, behind what was sent.
    init(continuing former: StreamContinuation) {
        self.init(after: former.lastSequence, random: 0)
        flags.insert(.hasSent)
        if !former.isComplete { flags.remove(.isComplete) }
        (lastTimestamp, lastTime) = (former.lastTimestamp, former.lastTime)
        (lastPictureID, lastBase) = (former.lastPictureID, former.lastBase)
    }

    /// Where its stream stands; `nil` before the first packet.
    var continuation: StreamContinuation? {
        guard flags.contains(.hasSent) else { return nil }
        return StreamContinuation(
            lastSequence: folder.newestOutgoing, isComplete: flags.contains(.isComplete), lastBase: lastBase,
            lastPictureID: lastPictureID, lastTime: lastTime, lastTimestamp: lastTimestamp, packetsSent: 0,
            octetsSent: 0)
    }
}
