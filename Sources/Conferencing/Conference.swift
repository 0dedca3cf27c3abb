// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// One forwarded stream of a conference, found by its slot from the packet and from every receiver's subscription.
struct Source: BitwiseCopyable {
    /// Whether the slot is in use.
    var isLive = true
    /// The SSRC on the wire, both ways (plain mode).
    var ssrc: UInt32
    var mediaType: MediaType
    /// Slot of the sending endpoint.
    var owner: UInt32
    /// Closes the gaps of packets that are not forwarded to anybody.
    var gaps = SequenceGapCloser()
    /// A receiver that waits for a key frame and may still ask; it does when the batch is done, so that runs are not
    /// broken up.
    var wantsKeyframeFor: UInt32?
}

/// A conference, as far as this worker holds it: who is in and what they send.
struct Conference: ~Copyable {
    let number: ConferenceNumber
    let name: String
    /// The feedback sources `jvb-a0` and `jvb-v0`; everything the bridge originates carries the video one.
    let audioSSRC: UInt32
    let videoSSRC: UInt32
    let createdAt: Timestamp
    /// Endpoint slots.
    var members = GrowableBuffer<UInt32>(capacity: 4)
    var sources = GrowableBuffer<Source>(capacity: 4)
    /// Slots of ``sources`` that are free.
    var freeSources = GrowableBuffer<Int32>()
    /// SSRC to source slot, for feedback from receivers. Replaced by a larger one when full.
    var sourceBySSRC = FixedTable<UInt32, Int32>(capacity: 16)
    /// The last sequence number that left under each SSRC that is gone.
    private var lastNumbers = FixedTable<UInt32, UInt16>(capacity: ConferencingLimits.rememberedSources)
    var throttle: KeyframeThrottle

    /// The packets of the present batch, a list through ``BatchPacket/next``; −1 when there is none.
    var batchHead: Int32 = -1
    var batchTail: Int32 = -1
    var batchCount = 0

    init(
        number: ConferenceNumber, name: String, audioSSRC: UInt32, videoSSRC: UInt32,
        keyframes: KeyframeThrottle.Limits, at now: Timestamp
    ) {
        self.number = number
        self.name = name
        self.audioSSRC = audioSSRC
        self.videoSSRC = videoSSRC
        createdAt = now
        throttle = KeyframeThrottle(keyframes)
    }

    /// Makes a slot for a new source and returns it; `nil` when the conference is full of them, or when the SSRC is
    /// somebody else's already: nobody can take over or disturb another's stream.
    ///
    /// An SSRC that comes back goes on behind the number it ended with. Receivers know the stream, and its packets
    /// could not be encrypted under numbers that were used before.
    mutating func addSource(ssrc: UInt32, mediaType: MediaType, owner: UInt32) -> Int32? {
        guard sourceBySSRC[ssrc] == nil, ssrc != audioSSRC, ssrc != videoSSRC else { return nil }
        var source = Source(ssrc: ssrc, mediaType: mediaType, owner: owner)
        if let last = lastNumbers[ssrc] { source.gaps = SequenceGapCloser(after: last) }
        let slot: Int32
        if let free = freeSources.popLast() {
            slot = free
            sources[Int(free)] = source
        } else {
            guard sources.count < ConferencingLimits.sourcesPerConference else { return nil }
            slot = Int32(sources.count)
            sources.append(source)
        }
        remember(ssrc, slot)
        return slot
    }

    /// Frees the slot of a source.
    mutating func removeSource(_ slot: Int32) {
        sources[Int(slot)].isLive = false
        let ssrc = sources[Int(slot)].ssrc
        sourceBySSRC.remove(ssrc)
        if let last = sources[Int(slot)].gaps.lastNumber {
            if lastNumbers.count == lastNumbers.capacity { lastNumbers.removeAll() }
            lastNumbers.insert(ssrc, last)
        }
        freeSources.append(slot)
    }

    private mutating func remember(_ ssrc: UInt32, _ slot: Int32) {
        if sourceBySSRC.insert(ssrc, slot) { return }
        var larger = FixedTable<UInt32, Int32>(capacity: sourceBySSRC.capacity * 2)
        for index in 0..<sources.count where sources[index].isLive {
            larger.insert(sources[index].ssrc, Int32(index))
        }
        larger.insert(ssrc, slot)
        sourceBySSRC = larger
    }
}
