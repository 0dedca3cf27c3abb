// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// A conference, as far as this worker holds it: who is in, what they send, and who wants it.
struct Conference: ~Copyable {
    /// A free place in ``places``.
    static let vacant = UInt32.max

    let number: ConferenceNumber
    let name: String
    /// The feedback sources `jvb-a0` and `jvb-v0`; everything the bridge originates carries the video one.
    let audioSSRC: UInt32
    let videoSSRC: UInt32
    let createdAt: Timestamp
    /// It was ended: nobody finds it any more, its members are removed little by little.
    var isEnding = false

    /// Endpoint slots by place; places stay the same while a member is in.
    private(set) var places = GrowableBuffer<UInt32>(capacity: 4)
    private var freePlaces = GrowableBuffer<UInt16>()
    /// How many members are in.
    var memberCount: Int { places.count - freePlaces.count }

    var sources = GrowableBuffer<Source>(capacity: 4)
    private var freeSources = GrowableBuffer<UInt16>()
    /// What each SSRC means, retransmissions included. Replaced by a larger one when full.
    private(set) var streams = FixedTable<UInt32, StreamReference>(capacity: 16)
    var interest = Interest()
    /// Endpoint slots of those whose sources were refused, to be tried again when something becomes free.
    var refused = GrowableBuffer<UInt32>()
    /// Members that take redundant audio.
    var redundantCount = 0
    /// Members that get sources in slots.
    var rewritingCount = 0
    /// Who speaks.
    var speech: SpeechActivity
    /// A key frame is to be asked of a new speaker.
    var keyframeAhead: KeyframeAhead?
    /// Members that do not simply get every picture, those that do not every voice, and those to whom the order of
    /// speakers matters.
    var choosers = MemberSet()
    var voiceChoosers = MemberSet()
    var limited = MemberSet()
    /// How many sources members have asked for by name.
    var includedCount = 0
    /// How many sources are made on the server's side.
    var syntheticCount = 0
    /// Members whose sources are to be chosen anew.
    var toSelect = MemberSet()
    /// All of them are, as soon as they may.
    var wantsRound = false
    /// When all of them were last.
    var lastRound: Timestamp?
    /// Sources that were switched on again and of which nobody has asked a key frame yet.
    var toAsk = GrowableBuffer<UInt16>()
    /// Whether it stands in the queue of conferences with such members or sources.
    var isSelecting = false
    /// Counts what changes the pictures that there are, and their order.
    var pictureVersion: UInt32 = 0
    /// When all members' layers may be chosen anew for the sake of what senders do; `nil` while nobody waits for that.
    var layerNewsDue: Timestamp?
    /// When they were last.
    var lastLayerNews: Timestamp?

    // The walk through the hall (PacketPath.swift).
    /// Encodings with packets, in order of first touch.
    var firstArriving = EncodingPlace.none
    var lastArriving = EncodingPlace.none
    /// Encodings whose packets the walk carries, as ``WalkPlan`` has put them in order; those that fill places come
    /// last.
    var firstWalking = EncodingPlace.none
    var firstTail = EncodingPlace.none
    /// Members that the present walk still has to visit.
    var toVisit = MemberSet()
    var isWalking = false
    /// Packets of this conference that wait, and how many of them are parked.
    var waitingCount = 0
    /// Whether it stands in the queue of conferences with packets.
    var isQueued = false

    /// Of whom a key frame is asked ahead of the receivers' wishes, and when (media-plane.md 6.7).
    struct KeyframeAhead: BitwiseCopyable {
        var deadline: Timestamp
        var source: UInt16
        var generation: UInt32
    }

    init(
        number: ConferenceNumber, name: String, audioSSRC: UInt32, videoSSRC: UInt32, speech: SpeechSettings,
        at now: Timestamp
    ) {
        self.speech = SpeechActivity(settings: speech)
        self.number = number
        self.name = name
        self.audioSSRC = audioSSRC
        self.videoSSRC = videoSSRC
        createdAt = now
    }

    // MARK: Members

    /// Gives an endpoint a place.
    mutating func addMember(_ endpoint: UInt32) -> UInt16 {
        let place: UInt16
        if let free = freePlaces.popLast() {
            place = free
            places[Int(free)] = endpoint
        } else {
            place = UInt16(places.count)
            places.append(endpoint)
        }
        interest.makeRoom(members: places.count, sources: sources.count)
        return place
    }

    /// Frees a member's place.
    mutating func removeMember(at place: UInt16) {
        // Of an ending conference nobody asks any more.
        if !isEnding {
            _ = interest.set(Int(place), audio: false, video: false)
            interest.forgetDenials(of: Int(place))
            if includedCount > 0 {
                for slot in 0..<sources.count where sources[slot].isIncluded {
                    include(false, Int(place), source: slot)
                }
            }
        }
        toVisit.remove(Int(place))
        toSelect.remove(Int(place))
        choosers.remove(Int(place))
        voiceChoosers.remove(Int(place))
        limited.remove(Int(place))
        places[Int(place)] = Self.vacant
        freePlaces.append(place)
    }

    /// A member asks for a source by its name, or does not any more.
    mutating func include(_ isIncluded: Bool, _ member: Int, source slot: Int) {
        let source = sources.pointer(at: slot)
        if isIncluded { source.pointee.includers.insert(member) } else { source.pointee.includers.remove(member) }
        let isAny = !source.pointee.includers.isEmpty
        guard isAny != source.pointee.isIncluded else { return }
        source.pointee.isIncluded = isAny
        includedCount += isAny ? 1 : -1
    }

    /// The endpoint slot at `place`; `nil` when nobody is there.
    @inline(__always)
    func member(at place: Int) -> Int? {
        let endpoint = places[place]
        return endpoint == Self.vacant ? nil : Int(endpoint)
    }

    /// A member at or behind `place`, for whoever goes through them little by little.
    func nextMember(from place: Int) -> (place: Int, endpoint: Int)? {
        for position in place..<max(place, places.count) where places[position] != Self.vacant {
            return (position, Int(places[position]))
        }
        return nil
    }

    // MARK: Sources

    /// Why the SSRCs of a source cannot all be taken; `nil` when they can.
    /// - Parameter own: the slot that may have some of them already.
    func refusal(of streams: [SourceStreamDescription], own: Int?) -> SourceRefusal? {
        if own == nil, freeSources.isEmpty, sources.count >= ConferencingLimits.sourcesPerConference { return .full }
        for (position, stream) in streams.enumerated() {
            for ssrc in [stream.ssrc, stream.rtxSSRC].compactMap({ $0 }) {
                if ssrc == audioSSRC || ssrc == videoSSRC { return .foreignSSRC }
                if let holder = self.streams[ssrc], Int(holder.source) != own { return .foreignSSRC }
            }
            let earlier = streams[..<position].flatMap { [$0.ssrc, $0.rtxSSRC].compactMap { $0 } }
            if earlier.contains(stream.ssrc)
                || stream.rtxSSRC.map({ earlier.contains($0) || $0 == stream.ssrc }) ?? false
            {
                return .foreignSSRC
            }
        }
        return nil
    }

    /// Makes a slot for a new source; the caller has looked at ``refusal(of:own:)``.
    /// - Parameter isSynthetic: its owner does not send it and may get it.
    mutating func addSource(_ mediaType: MediaType, owner: UInt32, place: UInt16, isSynthetic: Bool = false) -> Int {
        let slot: Int
        if let free = freeSources.popLast() {
            slot = Int(free)
        } else {
            slot = sources.count
            sources.append(Source())
            interest.makeRoom(members: places.count, sources: sources.count)
        }
        sources[slot].begin(mediaType, owner: owner)
        sources[slot].isSynthetic = isSynthetic
        if isSynthetic { syntheticCount += 1 }
        interest.addSource(slot, mediaType: mediaType, ownerPlace: isSynthetic ? nil : Int(place))
        return slot
    }

    /// Whether `streams` have other SSRCs than the encodings of a source, or in another order.
    func areOther(_ streams: [SourceStreamDescription], than slot: Int) -> Bool {
        guard sources[slot].encodings.count == streams.count else { return true }
        for position in streams.indices where sources[slot].encodings[position].ssrc != streams[position].ssrc {
            return true
        }
        return false
    }

    /// Whether every encoding of a source has its place among `streams`, too.
    func keeps(_ streams: [SourceStreamDescription], of slot: Int) -> Bool {
        for position in 0..<sources[slot].encodings.count {
            guard position < streams.count, sources[slot].encodings[position].ssrc == streams[position].ssrc else {
                return false
            }
        }
        return true
    }

    /// An encoding with packets that wait.
    @inline(__always)
    func encoding(at place: EncodingPlace) -> UnsafeMutablePointer<Encoding> {
        sources.pointer(at: place.source).pointee.encodings.pointer(at: place.encoding)
    }

    /// Makes the encodings of a source equal to `streams`; those that stay keep their state. Where they are others, or
    /// in another order, the packets that wait in it are the batch's to release first.
    mutating func setStreams(_ streams: [SourceStreamDescription], of slot: Int, clockRate: UInt32) {
        forgetStreams(of: slot)
        let source = sources.pointer(at: slot)
        var encodings = GrowableBuffer<Encoding>(capacity: streams.count)
        var nacks = NackGenerators()
        for stream in streams {
            var encoding = Encoding(stream, clockRate: clockRate)
            for position in 0..<source.pointee.encodings.count
            where source.pointee.encodings[position].ssrc == stream.ssrc {
                encoding = Encoding(stream, continuing: source.pointee.encodings[position])
                nacks.take(position, from: &source.pointee.nacks, as: encodings.count)
            }
            let index = UInt8(encodings.count)
            encodings.append(encoding)
            remember(stream.ssrc, StreamReference(source: UInt16(slot), encoding: index))
            if let rtx = stream.rtxSSRC {
                remember(rtx, StreamReference(source: UInt16(slot), encoding: index, isRetransmission: true))
            }
        }
        source.pointee.encodings = encodings
        source.pointee.nacks = nacks
    }

    /// Frees the slot of a source; the packets that wait in it are the batch's to release first.
    mutating func removeSource(_ slot: Int) {
        forgetStreams(of: slot)
        if sources[slot].isSynthetic { syntheticCount -= 1 }
        if sources[slot].isIncluded { includedCount -= 1 }
        sources[slot].end()
        interest.removeSource(slot)
        freeSources.append(UInt16(slot))
    }

    /// Gives up the memory of some slots of a conference that has ended.
    /// - Returns: whether there were any.
    mutating func forgetSources(_ limit: Int) -> Bool {
        guard !sources.isEmpty else { return false }
        for _ in 0..<limit { _ = sources.popLast() }
        return true
    }

    private mutating func forgetStreams(of slot: Int) {
        for position in 0..<sources[slot].encodings.count {
            streams.remove(sources[slot].encodings[position].ssrc)
            if let rtx = sources[slot].encodings[position].rtxSSRC { streams.remove(rtx) }
        }
    }

    private mutating func remember(_ ssrc: UInt32, _ reference: StreamReference) {
        if streams.insert(ssrc, reference) { return }
        var larger = FixedTable<UInt32, StreamReference>(capacity: streams.capacity * 2)
        streams.forEach { larger.insert($0, $1) }
        larger.insert(ssrc, reference)
        streams = larger
    }

    /// The slot of the source that receivers know under this SSRC.
    @inline(__always)
    func sourceSlot(outgoing ssrc: UInt32) -> Int? {
        guard let stream = streams[ssrc], stream.encoding == 0, !stream.isRetransmission else { return nil }
        return Int(stream.source)
    }
}
