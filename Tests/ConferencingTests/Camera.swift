// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import VideoPayload

/// A camera as Chromium sends VP8: several encodings, three temporal layers, a key frame of all of them when asked.
struct Camera {
    /// A packet of a frame, before it is encrypted.
    struct Packet {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var payload: [UInt8]
        var marker: Bool
        var frame: Int
        var temporal: UInt8
        var encoding: Int
        var isKeyframe: Bool
        /// The newest frame that this one cannot do without; `nil` for key frames.
        var reference: Int?
    }

    let ssrcs: [UInt32]
    /// Which encodings are sent.
    var active: [Bool]
    var hasLongPictureIDs = true
    private(set) var frame = -1
    private var sequences: [UInt16]
    private var timestamps: [UInt32]
    private var pictureIDs: [UInt16]
    private var bases: [UInt8]
    private var position = 0
    private var newest: [[Int]]

    init(ssrcs: [UInt32]) {
        self.ssrcs = ssrcs
        active = ssrcs.map { _ in true }
        sequences = ssrcs.indices.map { UInt16(65_500 - $0 * 9_000) }
        timestamps = ssrcs.indices.map { UInt32.max - 90_000 + UInt32($0) * 7_777 }
        pictureIDs = ssrcs.indices.map { UInt16(0x7FF0 - $0 * 111) }
        bases = ssrcs.indices.map { UInt8(250 - $0) }
        newest = ssrcs.map { _ in [0, 0, 0] }
    }

    /// The next frame of every encoding that is sent.
    mutating func next(isKeyframe: Bool = false, packets: Int = 2) -> [Packet] {
        frame += 1
        let isKey = isKeyframe || frame == 0
        position = isKey ? 0 : position + 1
        let temporal: UInt8 = [0, 2, 1, 2][position % 4]
        var result: [Packet] = []
        for encoding in ssrcs.indices {
            timestamps[encoding] &+= 3_000
            guard active[encoding] else { continue }
            pictureIDs[encoding] = (pictureIDs[encoding] &+ 1) & 0x7FFF
            if temporal == 0 { bases[encoding] &+= 1 }
            let reference = isKey ? nil : newest[encoding][0...Int(temporal)].max()
            if isKey { newest[encoding] = [frame, frame, frame] } else { newest[encoding][Int(temporal)] = frame }
            for part in 0..<packets {
                sequences[encoding] &+= 1
                var descriptor = VP8Descriptor()
                descriptor.isPartitionStart = part == 0
                descriptor.isNonReference = temporal == 2
                descriptor.hasLongPictureID = hasLongPictureIDs
                descriptor.pictureID = Int16(pictureIDs[encoding] & (hasLongPictureIDs ? 0x7FFF : 0x7F))
                descriptor.tl0PictureIndex = Int16(bases[encoding])
                descriptor.temporalID = Int8(temporal)
                let payload = BufferWriter.array(capacity: 300) { writer in
                    descriptor.write(to: &writer)
                    if part == 0 {
                        VP8FrameHeader.write(
                            isKeyframe: isKey, width: UInt16(320 << encoding), height: UInt16(180 << encoding),
                            firstPartitionBytes: 100, to: &writer)
                    }
                    for value in [encoding, frame >> 8, frame & 255, part] { writer.uint8(UInt8(value)) }
                }
                result.append(
                    Packet(
                        ssrc: ssrcs[encoding], sequence: sequences[encoding], timestamp: timestamps[encoding],
                        payload: payload, marker: part == packets - 1, frame: frame, temporal: temporal,
                        encoding: encoding, isKeyframe: isKey, reference: reference))
            }
        }
        return result
    }
}
