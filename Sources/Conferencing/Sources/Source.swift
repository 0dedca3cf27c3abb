// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import RTP
import ShardMessages

/// One source of a conference, an audio or a video signal: its encodings, what they told, and its packets that wait.
struct Source: ~Copyable {
    /// Counts the tenants of the slot, so that receivers tell a new source from the one before. Odd while in use.
    private(set) var generation: UInt32 = 0
    private(set) var mediaType = MediaType.audio
    /// Slot of the sending endpoint.
    private(set) var owner: UInt32 = 0
    /// As signalled.
    var name = ""
    /// Its place in the list of what its owner sends.
    var position: UInt16 = 0
    /// It is made on the server's side: its owner does not send it and may get it.
    var isSynthetic = false
    /// It shows a screen, not a camera.
    var isDesktop = false
    /// Its owner said that there is nothing to see.
    var isOff = false
    /// Members that have asked for it by its name.
    var includers = MemberSet()
    /// Whether anybody has.
    var isIncluded = false
    /// Which of its last packets went out, also those that were recovered; only for voices with redundancy.
    var recentNumbers = RecentNumbers()
    /// Its last payloads; only for voices that the bridge protects.
    var history: AudioHistory?
    /// From low to high. The first one's SSRC is the one that receivers see, whichever they get.
    var encodings = GrowableBuffer<Encoding>(capacity: 1)
    /// What is known of their last frames, where their format tells them apart.
    var frames = FrameHistories()
    /// What reads their dependency descriptors, where they have any.
    var descriptors = DescriptorReaders()
    /// What comes of each of ``encodings``; only of pictures.
    var layers = GrowableBuffer<EncodingLayers>()
    /// What is missing of them; only for video.
    var nacks = NackGenerators()
    /// What its latest packet carries (`Codec` raw value); ``Uplink/none`` before the first.
    private(set) var codec = Uplink.none
    /// How often every receiver had to begin again with a key frame.
    private(set) var restarts: UInt16 = 0
    /// When requests for a key frame were passed on, whoever asked.
    var keyframeRequests = RequestHistory()
    /// Bit n: encoding n is sent to somebody, or somebody waits for it. What nobody uses ends at door 5.
    var used: UInt8 = 1
    /// Place of a receiver that waits for a key frame and may still ask; it does when the batch is done, so that runs
    /// are not broken up.
    var wantsKeyframeFor: UInt16?

    init() {}

    /// Whether the slot is in use.
    var isLive: Bool { generation & 1 == 1 }

    /// The SSRC that receivers see.
    var outgoingSSRC: UInt32 { encodings[0].ssrc }

    /// Whether packets of `codec` (raw value) may come in one of its streams: the media type must be its own, and
    /// retransmissions have streams for themselves.
    @inline(__always)
    func carries(_ codec: UInt8, isRetransmission: Bool) -> Bool {
        if codec == Codec.rtx.rawValue { return isRetransmission }
        return codec != Uplink.none && (codec <= Codec.otherAudio.rawValue) == (mediaType == .audio)
    }

    /// A new tenant moves in; nothing of the old one stays.
    mutating func begin(_ mediaType: MediaType, owner: UInt32) {
        generation &+= 1
        self.mediaType = mediaType
        self.owner = owner
        (isSynthetic, isDesktop, isOff) = (false, false, false)
        includers = MemberSet()
        isIncluded = false
        recentNumbers = RecentNumbers()
        history = nil
        keyframeRequests = RequestHistory()
        wantsKeyframeFor = nil
        used = 1
        codec = Uplink.none
    }

    /// The tenant moves out.
    mutating func end() {
        generation &+= 1
        name = ""
        (isSynthetic, isIncluded) = (false, false)
        history = nil
        encodings.removeAll()
        frames = FrameHistories()
        descriptors = DescriptorReaders()
        layers.removeAll()
        nacks = NackGenerators()
    }

    /// Who it is, in all runs of the allocation: the slot, and which of its tenants.
    func allocationKey(slot: Int) -> UInt64 { UInt64(generation) << 16 | UInt64(slot) }

    /// Makes ``layers`` those of ``encodings``; what was measured of those that stay counts on.
    /// - Returns: whether there are others.
    mutating func fitLayers() -> Bool {
        guard mediaType == .video else { return false }
        var isSame = layers.count == encodings.count
        if isSame {
            for index in 0..<layers.count where layers[index].ssrc != encodings[index].ssrc { isSame = false }
        }
        guard !isSame else { return false }
        var fitted = GrowableBuffer<EncodingLayers>(capacity: encodings.count)
        for index in 0..<encodings.count {
            var entry = EncodingLayers(ssrc: encodings[index].ssrc)
            for former in 0..<layers.count where layers[former].ssrc == entry.ssrc { entry = layers[former] }
            fitted.append(entry)
        }
        layers = fitted
        return true
    }

    /// Notes what a packet carries.
    /// - Returns: whether that is another format than before, which others may want.
    @inline(__always)
    mutating func changes(to codec: UInt8) -> Bool {
        guard codec != self.codec else { return false }
        self.codec = codec
        return true
    }

    /// What was missing in every receiver's picture makes each begin again with a key frame.
    mutating func restart() { restarts &+= 1 }
}
