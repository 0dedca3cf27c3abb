// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import Forwarding

/// Encodings of a source with spatial and temporal layers, frame by frame: who builds on whom is written down, so that
/// a judge can say what a decoder would make of what came of them.
struct LayerSender {
    /// How spatial layers build on each other.
    enum Mode {
        /// L3T3: in each picture.
        case full
        /// L3T3_KEY: in key pictures alone.
        case key
        /// S3T3: they do not.
        case none
    }

    /// A layer frame.
    struct Frame {
        var encoding: Int8
        /// The moment of its picture, for all encodings.
        var moment: Int
        var spatial: Int
        var temporal: Int
        var isKeyPicture: Bool
        /// What it refers to: places in ``LayerSender/frames``.
        var references: [Int]
        /// No higher layer frame of its picture refers to it.
        var isUnreferenced: Bool
        var isLastOfPicture: Bool
        var packetCount: Int
    }

    /// A packet.
    struct Sent {
        /// Its frame, a place in ``LayerSender/frames``.
        var frame: Int
        var encoding: Int8
        var sequence: UInt16
        var timestamp: UInt32
        var isStart: Bool
        var isEnd: Bool
        /// The marker bit.
        var isLast: Bool
    }

    struct Encoding {
        var sequence: UInt16
        var clock: UInt32
        /// How many pictures it made, and layer frames.
        var pictures: Int
        var layerFrames: Int
        var bases: Int
        /// Places of the last frames: of each spatial layer, one for each of the last four moments.
        var last: [[Int]] = []
    }

    let mode: Mode
    /// How many spatial layers are sent.
    var layers: Int
    var encodings: [Encoding]
    var frames: [Frame] = []
    /// For each frame its numbers in its encoding: picture, layer frame, base.
    var numbers: [(picture: Int, layerFrame: Int, base: Int)] = []
    var moment = 0
    var wantsKeyframe = true
    private var sinceKeyframe = 0

    init(_ mode: Mode, layers: Int, encodings: Int, _ random: inout Random) {
        self.mode = mode
        self.layers = layers
        self.encodings = (0..<encodings).map { _ in
            Encoding(
                sequence: UInt16(truncatingIfNeeded: random.next()), clock: UInt32(truncatingIfNeeded: random.next()),
                pictures: Int(random.next() & 0x7FFF), layerFrames: Int(random.next() & 0xFFFF),
                bases: Int(random.next() & 0xFF))
        }
    }

    /// The next moment's packets of all encodings.
    mutating func next(_ random: inout Random) -> [Sent] {
        let isKey = wantsKeyframe
        wantsKeyframe = false
        sinceKeyframe = isKey ? 0 : sinceKeyframe + 1
        let temporal = [0, 2, 1, 2][sinceKeyframe % 4]
        // TL0 on the TL0 before, TL1 on that, TL2 on what is before it.
        let back = [4, 1, 2, 1][sinceKeyframe % 4]
        var result: [Sent] = []
        for index in encodings.indices {
            encodings[index].pictures += 1
            if temporal == 0 { encodings[index].bases += 1 }
            var places: [Int] = []
            for spatial in 0..<layers {
                var frame = Frame(
                    encoding: Int8(index), moment: moment, spatial: spatial, temporal: temporal, isKeyPicture: isKey,
                    references: [],
                    isUnreferenced: spatial == layers - 1 || mode == .none || mode == .key && !isKey,
                    isLastOfPicture: spatial == layers - 1,
                    packetCount: 1 + Int(random.next() % UInt64(spatial + (isKey ? 4 : 2))))
                let last = encodings[index].last
                if !isKey, last.count >= back, spatial < last[last.count - back].count {
                    frame.references.append(last[last.count - back][spatial])
                }
                if spatial > 0, isKey && mode != .none || mode == .full { frame.references.append(places[spatial - 1]) }
                places.append(frames.count)
                append(frame, to: index, &result)
            }
            encodings[index].last = (isKey ? [] : encodings[index].last.suffix(4)) + [places]
            encodings[index].clock &+= 3_000
        }
        moment += 1
        return result
    }

    private mutating func append(_ frame: Frame, to index: Int, _ result: inout [Sent]) {
        let encoding = encodings[index]
        for packet in 0..<frame.packetCount {
            let isEnd = packet == frame.packetCount - 1
            result.append(
                Sent(
                    frame: frames.count, encoding: Int8(index), sequence: encoding.sequence &+ UInt16(packet),
                    timestamp: encoding.clock, isStart: packet == 0, isEnd: isEnd,
                    isLast: isEnd && frame.isLastOfPicture))
        }
        frames.append(frame)
        numbers.append((encoding.pictures, encoding.layerFrames, encoding.bases))
        encodings[index].sequence &+= UInt16(frame.packetCount)
        encodings[index].layerFrames += 1
    }
}
