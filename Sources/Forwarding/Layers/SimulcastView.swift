// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One receiver's view of a source with layers: which packets it gets, and under which number, time and picture id, so
/// that it sees one stream that can be decoded, whatever happens upstream (media-plane.md 5.4, 5.5).
///
/// Plain data, two cache lines. A decision about a frame is made when its first packet is seen, and is final. Positions
/// of frames that are left out are folded away (``SequenceFolder``); of a frame whose other packets never come those
/// are folded, too, that cannot be anybody else's.
public struct SimulcastView: BitwiseCopyable, Sendable {
    /// A packet of the source.
    public struct Packet: BitwiseCopyable, Sendable {
        /// Which encoding, 0 the smallest.
        public var encoding: Int8
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Its frame's number (``FrameHistory/note(_:)``).
        public var frame: UInt32
        public var temporal: UInt8
        /// It is the first packet of its frame.
        public var isStart: Bool
        /// It is the first packet of a key frame.
        public var isKeyframe: Bool
        /// TL0PICIDX.
        public var base: UInt8

        /// - Parameter base: TL0PICIDX.
        public init(
            encoding: Int8, sequence: UInt16, timestamp: UInt32, frame: UInt32, temporal: UInt8, isStart: Bool,
            isKeyframe: Bool, base: UInt8
        ) {
            self.encoding = encoding
            self.sequence = sequence
            self.timestamp = timestamp
            self.frame = frame
            self.temporal = temporal
            self.isStart = isStart
            self.isKeyframe = isKeyframe
            self.base = base
        }
    }

    /// How a packet leaves.
    public struct Outgoing: BitwiseCopyable, Hashable, Sendable {
        public var sequence: UInt16
        public var timestamp: UInt32
        /// Not cut to 7 or 15 bits.
        public var pictureID: UInt32
        /// TL0PICIDX.
        public var base: UInt8
    }

    private var folder: SequenceFolder
    private var filter = SimulcastFilter()
    /// The newest frame of the current encoding, and for each of the last 64, newest first, whether it was accepted,
    /// and whether it was left out while it was the newest.
    private var newest: UInt32 = 0
    private var accepted: UInt64 = 0
    private var leftOut: UInt64 = 0
    private var timestampOffset: UInt32 = 0
    /// What went out last: the highest numbers, and when.
    private var lastTimestamp: UInt32
    private var lastPictureID: UInt32
    private var lastBase: UInt8
    private var lastTime: UInt32 = 0
    /// Added to a frame's number and to TL0PICIDX.
    private var pictureOffset: UInt32 = 0
    private var baseOffset: UInt8 = 0
    /// Whether the last frame that was accepted has been seen to its end.
    private var isComplete = true
    private var hasSent = false
    /// Whether a packet of the newest frame was left out already.
    private var hasBegunLeavingOut = false

    /// A view that has sent nothing.
    /// - Parameters:
    ///   - last: the highest number that left under the receiver's SSRC before.
    ///   - random: where time and picture ids begin.
    public init(after last: UInt16, random: UInt64) {
        folder = SequenceFolder(0, outgoing: last)
        lastTimestamp = UInt32(truncatingIfNeeded: random)
        lastPictureID = UInt32(truncatingIfNeeded: random >> 32) & 0x3FFF
        lastBase = UInt8(truncatingIfNeeded: random >> 48)
    }

    /// What is to be sent.
    public var target: LayerTarget { filter.target }
    /// Which encoding is sent; -1: none.
    public var currentEncoding: Int8 { filter.current }
    /// Whether a key frame of the target has to be asked for.
    public var needsKeyframe: Bool { filter.needsKeyframe }

    /// Changes what is to be sent.
    public mutating func aim(at target: LayerTarget) { filter.aim(at: target) }

    /// The receiver misses what comes now, or the sender's stream began anew: it goes on with a key frame, without a
    /// gap.
    public mutating func interrupt() { filter.interrupt() }

    /// Decides on a packet; call ``FrameHistory/note(_:)`` before.
    /// - Parameter history: of the packet's encoding.
    /// - Returns: `nil` when this receiver does not get it.
    public mutating func take(_ packet: Packet, history: borrowing FrameHistory, at now: Timestamp) -> Outgoing? {
        guard packet.encoding == filter.current else { return takeForeign(packet, history: history, at: now) }
        let distance = Int32(bitPattern: packet.frame &- newest)
        if distance > 0 {
            begin(packet, distance: distance, history: history, at: now)
        } else if distance > -64, distance < 0, !isMarked(packet.frame) {
            // It comes behind newer ones. Its positions are open; it may fill them.
            if accepts(packet, history: history, at: now) { accepted |= bit(packet.frame) }
        }
        guard isAccepted(packet.frame) else {
            leaveOut(packet, isNewest: distance >= 0)
            return nil
        }
        return send(packet, history: history, at: now)
    }

    // MARK: Frames of the current encoding

    /// Decides on a frame that is newer than all before.
    private mutating func begin(_ packet: Packet, distance: Int32, history: borrowing FrameHistory, at now: Timestamp) {
        let isWanted =
            packet.isKeyframe
            ? filter.acceptKeyframe(of: packet.encoding, at: now)
            : accepts(packet, history: history, at: now)
        foldMissing(before: packet, isWanted: isWanted, distance: distance, history: history)
        hasBegunLeavingOut = false
        accepted = distance < 64 ? accepted << UInt64(distance) : 0
        leftOut = distance < 64 ? leftOut << UInt64(distance) : 0
        newest = packet.frame
        if isWanted { accepted |= 1 } else { leftOut |= 1 }
        if !isWanted { pictureOffset &-= 1 }
    }

    private mutating func accepts(_ packet: Packet, history: borrowing FrameHistory, at now: Timestamp) -> Bool {
        // The base is sent whatever became of what is before it: with it decoders recover.
        var isDecodable = true
        if packet.temporal > 0 {
            isDecodable = self.isDecodable(packet.frame, temporal: packet.temporal, history: history)
        }
        return filter.acceptFrame(
            of: packet.encoding, temporal: packet.temporal, isDecodable: isDecodable, at: now)
    }

    /// Folds away what was missed between the last frame and this one, as far as it belongs to one that is left out.
    private mutating func foldMissing(
        before packet: Packet, isWanted: Bool, distance: Int32, history: borrowing FrameHistory
    ) {
        let missing = Int(Int16(bitPattern: packet.sequence &- folder.newestSequence)) - 1
        guard missing > 0, missing <= ForwardingLimits.foldedAtOnce, distance == 1,
            let previous = history.frame(packet.frame &- 1)
        else { return }
        let hadPrevious = isAccepted(packet.frame &- 1)
        let isTail = !hadPrevious && !previous.hasEnd
        let isHead = !isWanted && !packet.isStart
        // Between two of which neither is wanted, or where only one of them can have lost something.
        let isAll =
            !hadPrevious && !isWanted || isTail && packet.isStart || isHead && hadPrevious && previous.hasEnd
        if isAll {
            folder.leaveOutMissing(missing)
        } else if isTail || isHead {
            folder.leaveOutMissing(1)
        }
    }

    private mutating func leaveOut(_ packet: Packet, isNewest: Bool) {
        guard isNewest else { return }
        // Further on in the same frame: what is missing between is of it, too.
        let missing = Int(Int16(bitPattern: packet.sequence &- folder.newestSequence)) - 1
        if missing > 0, missing <= ForwardingLimits.foldedAtOnce, !packet.isStart, hasBegunLeavingOut {
            folder.leaveOutMissing(missing)
        }
        folder.leaveOut(packet.sequence)
        hasBegunLeavingOut = true
    }

    private func bit(_ frame: UInt32) -> UInt64 {
        let back = newest &- frame
        return back < 64 ? 1 << UInt64(back) : 0
    }

    private func isAccepted(_ frame: UInt32) -> Bool { accepted & bit(frame) != 0 }
    private func isMarked(_ frame: UInt32) -> Bool { (accepted | leftOut) & bit(frame) != 0 }

    /// Whether the nearest frame before that this one can build on was accepted. Where one is missing between them
    /// nobody knows.
    private func isDecodable(_ frame: UInt32, temporal: UInt8, history: borrowing FrameHistory) -> Bool {
        for back in 1..<UInt32(64) {
            guard let other = history.frame(frame &- back) else { return true }
            guard other.isKeyframe || other.temporal <= temporal else { continue }
            return isAccepted(frame &- back) || !isMarked(frame &- back)
        }
        return true
    }

    // MARK: Other encodings

    private mutating func takeForeign(
        _ packet: Packet, history: borrowing FrameHistory, at now: Timestamp
    ) -> Outgoing? {
        guard packet.isKeyframe, !history.isOvertaken(packet.frame) else {
            _ = filter.acceptFrame(of: packet.encoding, temporal: packet.temporal, isDecodable: false, at: now)
            return nil
        }
        guard filter.acceptKeyframe(of: packet.encoding, at: now) else { return nil }
        // A number stays free for what the last frame's end may have been.
        let number = folder.newestOutgoing &+ (isComplete ? 1 : 2)
        folder = SequenceFolder(packet.sequence, outgoing: number)
        newest = packet.frame
        (accepted, leftOut) = (1, 0)
        pictureOffset = lastPictureID &+ 1 &- packet.frame
        baseOffset = lastBase &+ 1 &- packet.base
        timestampOffset = lastTimestamp &+ step(at: now) &- packet.timestamp
        return send(packet, history: history, at: now)
    }

    /// How far the time goes on at a switch: as long as it took, in frames of 30 a second.
    private func step(at now: Timestamp) -> UInt32 {
        guard hasSent else { return ForwardingLimits.frameTicks }
        let elapsed = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000) &- lastTime
        return ForwardingLimits.frameTicks * max(1, min(elapsed, ForwardingLimits.longestStep) / 33)
    }

    // MARK: Sending

    private mutating func send(_ packet: Packet, history: borrowing FrameHistory, at now: Timestamp) -> Outgoing? {
        guard let sequence = folder.keep(packet.sequence) else { return nil }
        let back = newest &- packet.frame
        // Frames between that were left out took an id each.
        let later = back == 0 ? 0 : UInt32((leftOut & (1 << UInt64(back) - 1)).nonzeroBitCount)
        let outgoing = Outgoing(
            sequence: sequence, timestamp: packet.timestamp &+ timestampOffset,
            pictureID: packet.frame &+ pictureOffset &+ later, base: packet.base &+ baseOffset)
        if back == 0 {
            hasSent = true
            lastTimestamp = outgoing.timestamp
            lastPictureID = outgoing.pictureID
            lastBase = outgoing.base
            lastTime = UInt32(truncatingIfNeeded: now.nanoseconds / 1_000_000)
        }
        isComplete = history.frame(newest)?.hasEnd ?? false
        return outgoing
    }
}
