// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// Judges what one receiver gets of one video source as a decoder would: whether pictures are whole, in an unbroken
/// series, and decodable from the first key frame on.
///
/// Whether a picture is decodable is decided twice: by the descriptor (RFC 7741 4.2: picture id, TL0PICIDX, temporal
/// layer, Y), which a bridge rewrites and decoders go by, and by what the sender's stamp says of the frames needed. A
/// picture that only the descriptor allows is ``PictureStatistics/garbled``.
struct PictureJudge {
    /// A picture that came, whole or not.
    private struct Picture: BitwiseCopyable {
        /// Unwrapped picture id; negative: the place is empty.
        var id: Int64 = -1
        var first: Int64 = -1
        var last: Int64 = -1
        var packets: Int64 = 0
        var timestamp: UInt32 = 0
        /// The sender's number of the frame, and how many before it the newest was that it needs.
        var frame: UInt16 = 0
        var reference: UInt8 = 0
        var tl0: UInt8 = 0
        var temporal: UInt8 = 0
        var encoding: UInt8 = 0
        var isSync = false
        var isKeyframe = false
        var isWhole = false
    }

    private static let places = LoadGeneratorLimits.picturesInFlight
    private var pictures = [Picture](repeating: Picture(), count: places)
    private var highest: Int64 = -1
    /// The picture shown last; negative: none since the start, or since one was garbled.
    private var shownID: Int64 = -1
    private var shownTL0: UInt8 = 0
    private var shownFrame: UInt16 = 0
    /// Bit n: the frame n before ``shownFrame``, of the same encoding, was shown.
    private var shownFrames: UInt64 = 0
    /// No picture up to this one is shown any more.
    private var passed: Int64 = -1

    /// What was shown for how long.
    var time = ShownTime()
    private(set) var shown: UInt64 = 0
    /// The first sequence number that is not settled: those before belong to pictures shown or passed over.
    private(set) var settled: Int64 = -1
    /// Whether nothing but a key frame helps.
    var needsKeyframe: Bool { shownID < 0 }
    /// When a packet of a picture that is not shown yet came first, in nanoseconds; negative: all are shown.
    private(set) var waitingSince: Int64 = -1

    /// Judges a packet that did not come before.
    /// - Parameter now: when it came, in nanoseconds.
    mutating func take(_ packet: PicturePacket, at now: Int64, _ statistics: inout PictureStatistics) {
        let id = unwrap(packet.layers.pictureID)
        guard id > passed, id > highest - Int64(Self.places) else { return }
        if waitingSince < 0 { waitingSince = now }
        let place = Int(id % Int64(Self.places))
        if pictures[place].id != id { begin(place, id, packet) }
        guard isSame(pictures[place], packet) else {
            statistics.discontinuities += 1
            return
        }
        pictures[place].packets += 1
        if packet.layers.isStart { pictures[place].first = packet.number }
        if packet.isEnd { pictures[place].last = packet.number }
        let picture = pictures[place]
        guard picture.first >= 0, picture.last >= 0, picture.packets == picture.last - picture.first + 1 else { return }
        pictures[place].isWhole = true
        check(place, &statistics)
        show(from: id, at: now, &statistics)
    }

    private mutating func unwrap(_ id: UInt16) -> Int64 {
        guard highest >= 0 else {
            // Some room for pictures from before the first one.
            highest = Int64(id) + 0x8000
            return highest
        }
        // A difference of 15 bits, with its sign.
        let distance = Int64(Int16(bitPattern: (id &- UInt16(truncatingIfNeeded: highest & 0x7FFF)) << 1) >> 1)
        let value = highest + distance
        highest = max(highest, value)
        return value
    }

    private mutating func begin(_ place: Int, _ id: Int64, _ packet: PicturePacket) {
        pictures[place] = Picture(
            id: id, timestamp: packet.timestamp, frame: packet.stamp.frame, reference: packet.stamp.reference,
            tl0: packet.layers.tl0, temporal: packet.layers.temporal, encoding: UInt8(packet.encoding),
            isSync: packet.layers.isSync, isKeyframe: packet.stamp.flags.contains(.keyframe))
    }

    /// Whether a packet belongs to a picture by all that is said of either, and begins and ends it where it should.
    private func isSame(_ picture: Picture, _ packet: PicturePacket) -> Bool {
        picture.timestamp == packet.timestamp && picture.tl0 == packet.layers.tl0
            && picture.temporal == packet.layers.temporal && picture.temporal == packet.stamp.temporal
            && picture.frame == packet.stamp.frame && picture.encoding == UInt8(packet.encoding)
            && packet.layers.isStart == packet.stamp.flags.contains(.first)
            && packet.isEnd == packet.stamp.flags.contains(.last)
    }

    // MARK: Continuity

    /// Compares a picture that became whole with those beside it.
    private func check(_ place: Int, _ statistics: inout PictureStatistics) {
        let picture = pictures[place]
        let before = pictures[Int((picture.id - 1) % Int64(Self.places))]
        let after = pictures[Int((picture.id + 1) % Int64(Self.places))]
        if before.id == picture.id - 1 {
            if before.isWhole, !Self.follows(picture, before) { statistics.discontinuities += 1 }
        } else if pictures.contains(where: { $0.isWhole && $0.last == picture.first - 1 }) {
            // The number before belongs to another picture, so none is missing between them.
            statistics.discontinuities += 1
        }
        if after.id == picture.id + 1, after.isWhole, !Self.follows(after, picture) { statistics.discontinuities += 1 }
    }

    private static func follows(_ picture: Picture, _ before: Picture) -> Bool {
        picture.first > before.last && Int32(bitPattern: picture.timestamp &- before.timestamp) > 0
            && picture.tl0 == (picture.temporal == 0 ? before.tl0 &+ 1 : before.tl0)
    }

    // MARK: Showing

    /// Shows picture `id` if it can be, and those after it that waited for it.
    private mutating func show(from id: Int64, at now: Int64, _ statistics: inout PictureStatistics) {
        var next = id
        while next <= highest {
            let picture = pictures[Int(next % Int64(Self.places))]
            if picture.id == next, picture.isWhole, next > passed, isDecodable(picture) {
                show(picture, at: now, &statistics)
            }
            next += 1
        }
    }

    /// As the descriptor says.
    private func isDecodable(_ picture: Picture) -> Bool {
        if picture.isKeyframe { return true }
        guard shownID >= 0 else { return false }
        if picture.temporal == 0 { return picture.tl0 == shownTL0 &+ 1 }
        return picture.tl0 == shownTL0 && (picture.isSync || picture.id == shownID + 1)
    }

    /// As the sender says.
    private func hasReference(_ picture: Picture) -> Bool {
        if picture.isKeyframe { return true }
        let age = shownFrame &- (picture.frame &- UInt16(picture.reference))
        return age < 64 && shownFrames >> UInt64(age) & 1 == 1 && Int(picture.encoding) == time.current
    }

    /// Whether the picture before was cut short by this one, of another encoding: all of it came but its end, whose
    /// place is taken by one number that stays free (media-plane.md 5.4).
    private func cuts(_ picture: Picture) -> Bool {
        let before = pictures[Int((picture.id - 1) % Int64(Self.places))]
        return before.id == picture.id - 1 && before.id > passed && before.encoding != picture.encoding
            && before.first >= 0 && before.last < 0 && before.first + before.packets == picture.first - 1
    }

    private mutating func show(_ picture: Picture, at now: Int64, _ statistics: inout PictureStatistics) {
        let isCut = picture.isKeyframe && cuts(picture)
        if isCut { statistics.cutShort += 1 }
        if shownID >= 0 { statistics.skipped += UInt64(max(picture.id - passed - (isCut ? 2 : 1), 0)) }
        passed = picture.id
        settled = picture.last + 1
        waitingSince = highest > picture.id ? now : -1
        guard hasReference(picture) else {
            statistics.garbled += 1
            shownID = -1
            return
        }
        let distance = picture.frame &- shownFrame
        shownFrames = picture.isKeyframe || distance >= 64 ? 1 : shownFrames << UInt64(distance) | 1
        shownFrame = picture.frame
        shownID = picture.id
        shownTL0 = picture.tl0
        shown += 1
        statistics.shown += 1
        statistics.shownOf[Int(picture.encoding)] += 1
        switch time.show(Int(picture.encoding), at: now) {
        case .source(let waited): statistics.firstPicture.note(waited)
        case .layer(let waited): statistics.layerSwitch.note(waited)
        case nil: break
        }
    }
}
