// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One receiver's view of a source: which packets it gets, and under which number, time and picture id, so that it sees
/// one stream that can be decoded, whatever happens upstream (media-plane.md 5.4 to 5.7).
///
/// Plain data, less than two cache lines. A decision about a frame is made when its first packet is seen, and is final.
/// Positions of frames that are left out are folded away (``SequenceFolder``); of a frame whose other packets never
/// come those are folded, too, that cannot be anybody else's.
public struct LayerView: BitwiseCopyable, Sendable {
    // What every packet reads stands first, in the cache line that pairs begin with; sets of bits come last.
    var folder: SequenceFolder
    /// How the stream that is sent is understood.
    var kind = Kind.plain
    var flags: Flags = [.isComplete]
    /// The spatial layer that was wanted when the newest picture began: it ends with that.
    var pictureSpatial: UInt8 = 0
    var timestampOffset: UInt32 = 0
    /// What went out last: the highest numbers, when, and of which encoding.
    var lastTimestamp: UInt32 = 0
    var lastTime: UInt16 = 0
    var lastPictureID: UInt16
    var lastBase: UInt8
    var lastEncoding: Int8 = -1
    /// Added to a picture's number, and to TL0PICIDX or to template ids.
    var pictureOffset: UInt16 = 0
    var baseOffset: UInt8 = 0
    /// The first template id that is free for another structure, as the receiver knows them.
    var nextTemplate: UInt8 = 0
    var filter = SimulcastFilter()
    /// The newest frame of the current encoding, and for each of the last 64, newest first, whether it was accepted,
    /// and whether it was left out while it was the newest.
    var newest: UInt32 = 0
    var accepted: UInt64 = 0
    var leftOut: UInt64 = 0
    var folded = FoldedPositions()

    struct Flags: OptionSet, BitwiseCopyable {
        let rawValue: UInt8
        /// The last frame that was accepted has been seen to its end.
        static let isComplete = Self(rawValue: 1)
        static let hasSent = Self(rawValue: 2)
        /// A packet of the newest frame was left out already.
        static let hasBegunLeavingOut = Self(rawValue: 4)
        /// The receiver was told that the newest picture is over.
        static let hasEnded = Self(rawValue: 8)
        /// The receiver is to be told with the newest frame which decode targets it gets.
        static let tellsTargets = Self(rawValue: 16)
    }

    /// A view that has sent nothing.
    /// - Parameters:
    ///   - last: the highest number that left under the receiver's SSRC before.
    ///   - random: where picture ids begin. Time begins where the sender's is.
    public init(after last: UInt16, random: UInt64) {
        folder = SequenceFolder(0, outgoing: last)
        lastPictureID = UInt16(truncatingIfNeeded: random >> 32) & 0x3FFF
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

    /// Decides on a packet whose frame is known; call ``FrameHistory/note(_:)`` before.
    /// - Parameter history: of the packet's encoding.
    /// - Returns: `nil` when this receiver does not get it.
    public mutating func take(_ packet: Packet, history: UnsafePointer<FrameHistory>, at now: Timestamp) -> Outgoing? {
        take(packet, history: FrameHistory.Glance(history), at: now)
    }

    private mutating func take(_ packet: Packet, history: FrameHistory.Glance, at now: Timestamp) -> Outgoing? {
        guard packet.encoding == filter.current, packet.kind == kind else {
            return takeForeign(packet, history: history, at: now)
        }
        let distance = Int32(bitPattern: packet.frame &- newest)
        if distance > 0 {
            begin(packet, distance: distance, history: history, at: now)
        } else if distance > -64, distance < 0, !isMarked(packet.frame) {
            // It comes behind newer ones. Its positions are open; it may fill them.
            if accepts(packet, isNewest: false, history: history, at: now) { accepted |= bit(packet.frame) }
        }
        guard isAccepted(packet.frame) else {
            leaveOut(packet, isNewest: distance >= 0)
            return nil
        }
        return send(packet, history: history, at: now)
    }

    // MARK: Frames of the current encoding

    /// Decides on a frame that is newer than all before.
    private mutating func begin(_ packet: Packet, distance: Int32, history: FrameHistory.Glance, at now: Timestamp) {
        if !isOfNewestPicture(packet, history: history) { beginPicture(packet, history: history) }
        let former = filter.spatial
        flags.remove(.tellsTargets)
        let isWanted =
            packet.isKeyframe
            ? acceptsKeyframe(packet, history: history, at: now)
            : accepts(packet, isNewest: true, history: history, at: now)
        foldMissing(before: packet, isWanted: isWanted, history: history)
        flags.remove(.hasBegunLeavingOut)
        accepted = distance < 64 ? accepted << UInt64(distance) : 0
        leftOut = distance < 64 ? leftOut << UInt64(distance) : 0
        newest = packet.frame
        if isWanted { accepted |= 1 } else { leftOut |= 1 }
        if packet.kind == .described, packet.isKeyframe, isWanted {
            nextTemplate = (history.targets.pointee.endOfTemplates &+ baseOffset) & 63
        }
        if isWanted, packet.kind != .temporal {
            // Of the pictures before, layers that were not wanted then could be taken for what is wanted now.
            if packet.isKeyframe || isHigher(than: former, packet.kind, history: history) {
                leftOut |= ~accepted & (.max << UInt64(packet.spatial + 1))
            }
            if packet.isKeyframe || former != filter.spatial { flags.insert(.tellsTargets) }
        }
        // Of spatial layers ids stay as far apart as they are: descriptors refer by them.
        if !isWanted, packet.kind == .temporal { pictureOffset &-= 1 }
    }

    private mutating func beginPicture(_ packet: Packet, history: FrameHistory.Glance) {
        flags.remove(.hasEnded)
        switch packet.kind {
        case .spatial: pictureSpatial = filter.highestSpatial(of: history.spatialLayers)
        case .described: pictureSpatial = history.spatialLayer(ofTarget: filter.wantedTarget(history))
        case .plain, .h264, .bareVP8, .bareVP9, .bareAV1, .temporal: break
        }
    }

    private func isOfNewestPicture(_ packet: Packet, history: FrameHistory.Glance) -> Bool {
        if packet.kind == .described { return packet.timestamp &+ timestampOffset == lastTimestamp }
        let mask = ~(history.pictureStep - 1)
        return newest & mask == packet.frame & mask
    }

    /// Whether a higher spatial layer is sent now.
    private func isHigher(than former: UInt8, _ kind: Kind, history: FrameHistory.Glance) -> Bool {
        guard kind == .described else { return filter.spatial > former }
        return history.spatialLayer(ofTarget: filter.spatial) > history.spatialLayer(ofTarget: former)
    }

    private mutating func acceptsKeyframe(
        _ packet: Packet, history: FrameHistory.Glance, at now: Timestamp
    ) -> Bool {
        guard packet.kind == .described else { return filter.acceptKeyframe(of: packet.encoding, at: now) }
        guard filter.acceptDescribedKeyframe(packet, history: history, at: now) else { return false }
        // Of an encoding that is not the target the frame itself says how far it goes.
        beginPicture(packet, history: history)
        return true
    }

    private mutating func accepts(
        _ packet: Packet, isNewest: Bool, history: FrameHistory.Glance, at now: Timestamp
    ) -> Bool {
        if packet.kind == .described {
            let back = newest &- packet.frame
            // Where the frame is the newest, its place is ahead of all marks.
            let ahead = UInt64(0 &- back)
            let marks = isNewest ? accepted << ahead : accepted >> UInt64(back)
            let missed = isNewest ? leftOut << ahead : leftOut >> UInt64(back)
            return filter.acceptDescribed(
                packet, wanted: filter.wantedTarget(history), hasReferences: packet.references & ~marks == 0,
                lacksReference: packet.references & missed & ~1 != 0, isNewest: isNewest,
                hasEnded: flags.contains(.hasEnded), history: history, at: now)
        }
        // The base is sent whatever became of what is before it: with it decoders recover.
        var isDecodable = true
        if packet.temporal > 0 {
            isDecodable = self.isDecodable(packet.frame, temporal: packet.temporal, history: history)
        }
        if packet.kind == .spatial {
            return filter.acceptLayerFrame(
                packet, highest: pictureSpatial, layers: history.spatialLayers, hasLower: hasLower(packet),
                isDecodable: isDecodable, isNewest: isNewest, hasEnded: flags.contains(.hasEnded), at: now)
        }
        return filter.acceptFrame(
            of: packet.encoding, temporal: packet.temporal, isDecodable: isDecodable, at: now)
    }

    /// Whether the next lower layer frame was accepted, if the packet's refers to that. Where it is missing, the one of
    /// the picture before stands for it.
    private func hasLower(_ packet: Packet) -> Bool {
        guard packet.usesLowerLayer, packet.spatial > 0 else { return true }
        let lower = packet.frame &- 1
        return isMarked(lower) ? isAccepted(lower) : filter.forwarded & 1 << (packet.spatial - 1) != 0
    }

    /// Folds away what was missed between the last frame and this one, as far as it belongs to one that is left out.
    private mutating func foldMissing(before packet: Packet, isWanted: Bool, history: FrameHistory.Glance) {
        let missing = folder.distance(to: packet.sequence) - 1
        guard missing > 0, missing <= ForwardingLimits.foldedAtOnce,
            history.number(before: packet.frame) == newest, let previous = history.frame(newest)
        else { return }
        let hadPrevious = isAccepted(newest)
        let isTail = !hadPrevious && !previous.hasEnd
        let isHead = !isWanted && !packet.isStart
        // Between two of which neither is wanted, or where only one of them can have lost something.
        let isAll =
            !hadPrevious && !isWanted || isTail && packet.isStart || isHead && hadPrevious && previous.hasEnd
        if isAll {
            folder.leaveOutMissing(missing, &folded)
        } else if isTail || isHead {
            folder.leaveOutMissing(1, &folded)
        }
    }

    private mutating func leaveOut(_ packet: Packet, isNewest: Bool) {
        guard isNewest else { return }
        // Further on in the same frame: what is missing between is of it, too.
        let missing = folder.distance(to: packet.sequence) - 1
        if missing > 0, missing <= ForwardingLimits.foldedAtOnce, !packet.isStart, flags.contains(.hasBegunLeavingOut) {
            folder.leaveOutMissing(missing, &folded)
        }
        folder.leaveOut(packet.sequence, &folded)
        flags.insert(.hasBegunLeavingOut)
    }

    private func bit(_ frame: UInt32) -> UInt64 {
        let back = newest &- frame
        return back < 64 ? 1 << UInt64(back) : 0
    }

    private func isAccepted(_ frame: UInt32) -> Bool { accepted & bit(frame) != 0 }
    private func isMarked(_ frame: UInt32) -> Bool { (accepted | leftOut) & bit(frame) != 0 }

    /// Whether the nearest frame before, of its layer, that this one can build on was accepted. Where one is missing
    /// between them nobody knows.
    private func isDecodable(_ frame: UInt32, temporal: UInt8, history: FrameHistory.Glance) -> Bool {
        var back = history.pictureStep
        while back < 64 {
            guard let other = history.frame(frame &- back) else { return true }
            if other.isKeyframe || other.temporal <= temporal {
                return isAccepted(frame &- back) || !isMarked(frame &- back)
            }
            back += history.pictureStep
        }
        return true
    }

    // MARK: Other encodings

    private mutating func takeForeign(
        _ packet: Packet, history: FrameHistory.Glance, at now: Timestamp
    ) -> Outgoing? {
        guard noteKind(packet.kind, encoding: packet.encoding, sequence: packet.sequence) else { return nil }
        // A key frame whose other packets have passed already would never be whole: another one is asked for at once.
        guard packet.isKeyframe, !history.isOvertaken(packet.frame),
            !(history.frame(packet.frame)?.isStartLate ?? false)
        else {
            _ = filter.acceptFrame(of: packet.encoding, temporal: packet.temporal, isDecodable: false, at: now)
            return nil
        }
        guard acceptsKeyframe(packet, history: history, at: now) else { return nil }
        begin(packet.kind, encoding: packet.encoding, sequence: packet.sequence, timestamp: packet.timestamp, at: now)
        newest = packet.frame
        (accepted, leftOut) = (1, 0)
        pictureOffset = lastPictureID &+ 1 &- picture(of: packet)
        beginPicture(packet, history: history)
        if packet.kind == .described {
            baseOffset = (nextTemplate &- history.targets.pointee.firstTemplate) & 63
            nextTemplate = (history.targets.pointee.endOfTemplates &+ baseOffset) & 63
            flags.insert(.tellsTargets)
        } else {
            baseOffset = lastBase &+ 1 &- packet.base
        }
        return send(packet, history: history, at: now)
    }

    /// Notices that the codec of the encoding that is sent changed: what comes from now on is another stream.
    /// - Returns: `false` for a packet from before the change.
    mutating func noteKind(_ kind: Kind, encoding: Int8, sequence: UInt16) -> Bool {
        guard encoding == filter.current, kind != self.kind else { return true }
        guard folder.distance(to: sequence) > 0 else { return false }
        filter.interrupt()
        return true
    }

    /// Goes on with another stream, behind what was sent.
    mutating func begin(_ kind: Kind, encoding: Int8, sequence: UInt16, timestamp: UInt32, at now: Timestamp) {
        // A number stays free for what the last frame's end may have been.
        let number = folder.newestOutgoing &+ (flags.contains(.isComplete) ? 1 : 2)
        folder = SequenceFolder(sequence, outgoing: number)
        folded = FoldedPositions()
        let isSame = encoding == lastEncoding && kind == self.kind && goesOn(timestamp, at: now)
        if !flags.contains(.hasSent) {
            // The sender's own time: where its source was here before, under the same SSRC, time does not run back.
            timestampOffset = 0
        } else if !isSame {
            timestampOffset = lastTimestamp &+ step(at: now) &- timestamp
        }
        self.kind = kind
        lastEncoding = encoding
    }

    /// Whether the time of the encoding that was sent last can go on as it did: forward, and not much faster than the
    /// clock.
    private func goesOn(_ timestamp: UInt32, at now: Timestamp) -> Bool {
        let ahead = Int32(bitPattern: timestamp &+ timestampOffset &- lastTimestamp)
        let elapsed = Int32(elapsed(at: now) + ForwardingLimits.clockTolerance)
        return ahead > 0 && ahead <= elapsed * 90
    }

    /// How far the time goes on at a switch: as long as it took, in frames of 30 a second.
    private func step(at now: Timestamp) -> UInt32 {
        ForwardingLimits.frameTicks * max(1, min(elapsed(at: now), ForwardingLimits.longestStep) / 33)
    }

    // MARK: Sending

    /// Milliseconds since something was sent, modulo 17 minutes.
    func elapsed(at now: Timestamp) -> UInt32 { UInt32(Self.time(now) &- lastTime) * 16 }

    /// In units of 16 ms.
    static func time(_ now: Timestamp) -> UInt16 { UInt16(truncatingIfNeeded: now.nanoseconds / 16_000_000) }

    private mutating func send(_ packet: Packet, history: FrameHistory.Glance, at now: Timestamp) -> Outgoing? {
        guard folder.distance(to: packet.sequence) >= -ForwardingLimits.lateReach,
            let sequence = folder.keep(packet.sequence, &folded)
        else { return nil }
        let back = newest &- packet.frame
        var pictureID = picture(of: packet) &+ pictureOffset
        if packet.kind == .temporal, back > 0 {
            // Frames between that were left out took an id each.
            pictureID &+= UInt16(truncatingIfNeeded: (leftOut & (1 << UInt64(back) - 1)).nonzeroBitCount)
        }
        var outgoing = Outgoing(
            sequence: sequence, timestamp: packet.timestamp &+ timestampOffset, pictureID: pictureID,
            base: packet.base &+ baseOffset)
        if packet.kind == .described {
            outgoing.base = lastBase
            outgoing.templateDelta = baseOffset
            if back == 0 && flags.contains(.tellsTargets) || packet.namesTargets {
                outgoing.activeTargets = history.targets(within: filter.spatial)
            }
        }
        // What comes behind one that was left out is the highest all the same.
        if back == 0 || Int32(bitPattern: outgoing.timestamp &- lastTimestamp) > 0 {
            flags.insert(.hasSent)
            lastTimestamp = outgoing.timestamp
            lastPictureID = outgoing.pictureID
            lastBase = outgoing.base
            lastTime = Self.time(now)
        }
        if packet.isEnd, packet.kind != .temporal, isHighest(packet, history: history) {
            outgoing.setsMarker = true
            if isOfNewestPicture(packet, history: history) { flags.insert(.hasEnded) }
        }
        if history.frame(newest)?.hasEnd ?? false { flags.insert(.isComplete) } else { flags.remove(.isComplete) }
        return outgoing
    }

    /// Whether no higher layer of the packet's picture is sent. Of a key picture those that are wanted come yet.
    private func isHighest(_ packet: Packet, history: FrameHistory.Glance) -> Bool {
        for above in 1..<ForwardingLimits.spatialLayers {
            guard let other = history.frame(packet.frame &+ UInt32(above)) else { continue }
            // Of the next picture.
            if other.spatial <= packet.spatial { break }
            if isAccepted(packet.frame &+ UInt32(above)) { return false }
        }
        let highest = packet.kind == .described ? history.spatialLayer(ofTarget: filter.spatial) : filter.spatial
        if packet.isPredicted { return packet.spatial == highest }
        // What was wanted of an earlier picture nobody knows any more.
        return packet.spatial >= pictureSpatial
            && (packet.spatial >= highest
                || packet.kind == .spatial && isOfNewestPicture(packet, history: history))
    }

    /// The number of a packet's picture, as many bits of it as are ever written.
    private func picture(of packet: Packet) -> UInt16 {
        UInt16(truncatingIfNeeded: packet.kind == .spatial ? packet.frame >> 2 : packet.frame)
    }
}
