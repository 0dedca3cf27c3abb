// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport

@testable import LoadGenerator

/// What a browser sends of one video source in simulcast, and what a perfect bridge makes of it: one series of packets
/// with continuous numbers, whichever encoding and layers are chosen.
struct SentPictures {
    private static let pattern = TemporalPattern(layers: 3)
    private var frame: UInt16 = 65_530
    private var sinceKeyframe = 0
    private var timestamp: UInt32 = 0xFFFF_0000
    /// What the bridge says next.
    var number: Int64 = 1_000
    var pictureID: UInt16 = 0x7FF0
    var tl0: UInt8 = 250

    /// The packets of the next frame. The bridge drops a layer above `highest`: the numbers close up, nothing comes.
    mutating func frame(
        packets: Int = 3, isKeyframe: Bool = false, encoding: Int = 0, highest: UInt8 = 2
    ) -> [PicturePacket] {
        sinceKeyframe = isKeyframe ? 0 : sinceKeyframe + 1
        frame &+= 1
        timestamp &+= 3_000
        let place = Self.pattern.place(sinceKeyframe)
        guard place.temporal <= highest else { return [] }
        pictureID = (pictureID + 1) & 0x7FFF
        if place.temporal == 0 { tl0 &+= 1 }
        let packets = (0..<packets).map { index in
            var flags: PayloadStamp.Flags = isKeyframe ? .keyframe : []
            if index == 0 { flags.insert(.first) }
            if index == packets - 1 { flags.insert(.last) }
            return PicturePacket(
                number: number + Int64(index), timestamp: timestamp, isEnd: index == packets - 1,
                layers: VP8Payload.Layers(
                    pictureID: pictureID, tl0: tl0, temporal: place.temporal, isSync: place.isSync,
                    isStart: index == 0),
                encoding: encoding,
                stamp: PayloadStamp(
                    sender: 1, ssrc: 0, sequence: 0, sentAt: 0, flags: flags, frame: frame, temporal: place.temporal,
                    reference: place.reference))
        }
        number += Int64(packets.count)
        return packets
    }
}

/// A judge, its figures and a clock that goes on by a thirtieth of a second with each frame.
struct JudgedPictures {
    var judge = PictureJudge()
    var statistics = PictureStatistics()
    var now: Int64 = 1_000_000_000

    init() {
        judge.time.begin(at: now)
        judge.time.want(0, at: now)
    }

    mutating func take(_ packets: [PicturePacket]) {
        for packet in packets { judge.take(packet, at: now, &statistics) }
    }

    mutating func next(_ packets: [PicturePacket]) {
        now += 33_333_333
        take(packets)
    }
}
