// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// Which frames of a source's encodings one receiver gets (media-plane.md 5.5).
///
/// A switch, up or down, needs a key frame of the new encoding. Senders make key frames of all encodings at once: who
/// has nothing takes the first of such a group although it may be a smaller picture, and one that is nearer to what is
/// to be sent replaces it. Who has what is to be sent stays with it.
struct SimulcastFilter: BitwiseCopyable {
    /// When the present group of key frames began, in units of 4 ms.
    private var groupTime: UInt16 = 0
    private var hasGroup = false
    /// A key frame of another encoding is waited for.
    var needsKeyframe = false
    /// What is to be sent.
    private(set) var target = LayerTarget.suspended
    /// Which encoding is sent; -1: none.
    private(set) var current: Int8 = -1
    /// The highest spatial layer that is sent, or the decode target; and of which spatial layers the last frame of
    /// temporal layer 0 was sent, a bit each.
    var spatial: UInt8 = 0
    var forwarded: UInt8 = 0

    /// Changes what is to be sent.
    mutating func aim(at target: LayerTarget) {
        if target.encoding != self.target.encoding {
            if target.encoding < 0 { current = -1 }
            needsKeyframe = target.encoding >= 0 && target.encoding != current
        }
        self.target = target
    }

    /// Something is missing that cannot come again: nothing goes on without a key frame.
    mutating func interrupt() {
        current = -1
        needsKeyframe = target.encoding >= 0
    }

    /// A frame of an encoding cannot be placed, and what builds on it cannot be shown.
    mutating func miss(_ encoding: Int8, at now: Timestamp) {
        if isCurrent(encoding, at: now) { needsKeyframe = true }
    }

    /// Decides on a key frame. One of the encoding that is sent is always taken: what follows builds on it.
    mutating func acceptKeyframe(of encoding: Int8, at now: Timestamp) -> Bool {
        guard target.encoding >= 0 else { return false }
        needsKeyframe = false
        if !isInGroup(now) {
            hasGroup = true
            groupTime = Self.time(now)
        }
        guard encoding == current || isNearer(encoding) else { return false }
        current = encoding
        (spatial, forwarded) = (0, 1)
        return true
    }

    /// Whether an encoding is nearer to what is to be sent than the one that is, and not beyond it. The original takes
    /// the first key frame of a group whatever it is, and so shows a small picture at each of them.
    private func isNearer(_ encoding: Int8) -> Bool {
        guard encoding <= target.encoding else { return false }
        return current < 0 || target.encoding - encoding < abs(target.encoding - current)
    }

    /// Decides on another frame.
    /// - Parameter isDecodable: whether what it builds on was accepted, of an enhancement layer.
    mutating func acceptFrame(of encoding: Int8, temporal: UInt8, isDecodable: Bool, at now: Timestamp) -> Bool {
        guard isCurrent(encoding, at: now) else { return false }
        // On the way down only what is needed to go on; on the way up the best there is meanwhile.
        if target.encoding < current { return temporal == 0 }
        if target.encoding == current, temporal > target.temporal { return false }
        return isDecodable
    }

    /// Whether a frame other than a key frame is of the encoding that is sent. One of a better encoding says that there
    /// is something to be asked for.
    mutating func isCurrent(_ encoding: Int8, at now: Timestamp) -> Bool {
        guard target.encoding >= 0 else { return false }
        // Also where nothing is sent: the key frame of this encoding may have been lost when those of others came.
        if !isInGroup(now) { noteOther(encoding) }
        return encoding == current
    }

    /// Decides whether a stream of which no frames are known is to begin, or to be switched to.
    mutating func acceptPlain(of encoding: Int8, canStart: Bool) -> Bool {
        guard target.encoding >= 0 else { return false }
        guard canStart else {
            noteOther(encoding)
            return false
        }
        guard isNearer(encoding) else { return false }
        current = encoding
        needsKeyframe = false
        return true
    }

    /// A frame of another encoding came, so what is better than the present one is there to be asked for.
    private mutating func noteOther(_ encoding: Int8) {
        let isUp = current < encoding && current < target.encoding
        if isUp || encoding < current && target.encoding < current { needsKeyframe = true }
    }

    /// Ends the group when it is over: a while later the clock comes around to it.
    private mutating func isInGroup(_ now: Timestamp) -> Bool {
        if hasGroup, Self.time(now) &- groupTime > ForwardingLimits.keyframeGroup / 4 { hasGroup = false }
        return hasGroup
    }

    private static func time(_ now: Timestamp) -> UInt16 { UInt16(truncatingIfNeeded: now.nanoseconds / 4_000_000) }
}
