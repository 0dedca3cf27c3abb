// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Where one receiver's stream under one SSRC stands, so that another source can go on with it (media-plane.md 5.10):
/// its next packet is the next one of the same stream, and no number is used twice under one SSRC.
public struct StreamContinuation: BitwiseCopyable, Hashable, Sendable {
    /// The highest number that was sent, or could have been.
    public var lastSequence: UInt16
    /// Everything up to there was sent; otherwise a number stays free for what may be missing.
    public var isComplete: Bool
    /// TL0PICIDX.
    var lastBase: UInt8
    var lastPictureID: UInt16
    /// When something was sent last, in units of 16 ms, modulo 17 minutes.
    var lastTime: UInt16
    var lastTimestamp: UInt32
    /// For sender reports; they wrap.
    var packetsSent: UInt32
    var octetsSent: UInt32

    /// Says that packets up to this number have left in another way.
    /// - Parameter last: the highest number that was encrypted; `nil` when none was.
    public mutating func advance(to last: UInt16?) {
        guard let last, Int16(bitPattern: last &- lastSequence) > 0 else { return }
        lastSequence = last
        isComplete = false
    }
}
