// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A sender of VP8 in several encodings and temporal layers, as browsers make them: every encoding has an SSRC, time,
/// picture ids of its own; key frames of all come together when one is asked for (media-plane.md 5.1, 5.3).
struct VideoEncoder {
    /// One encoding.
    struct Encoding {
        let ledger: Int
        let ssrc: UInt32
        let rtxSSRC: UInt32?
        /// Added to the common media time.
        var timestampOffset: UInt32
        var pictureID: UInt16
        var base: UInt8
        var keyIndex: UInt8 = 0
        var isActive = true
        var wantsKey = true
        /// Place in the pattern of temporal layers.
        var pattern = 0
        /// The last frame of each temporal layer; -1 before the first.
        var last = [-1, -1, -1]
        var packets: UInt32 = 0
        var octets: UInt32 = 0
        var rtxSequence: UInt16
        /// Packets of the present frame that wait for their turn.
        var queue: [PlannedPacket] = []
        /// The last packets, to repeat them.
        var sent: [SentPayload] = []
    }

    /// A packet that waits to be sent.
    struct PlannedPacket {
        var due: Timestamp
        /// -1 for padding alone.
        var frame: Int
        var part: Int
        var payloadBytes: Int
        var timestamp: UInt32
    }

    /// What was sent, in plaintext.
    struct SentPayload {
        var index: Int
        var marker: Bool
        var timestamp: UInt32
        var payload: [UInt8]
        var repeatedAt: Timestamp?
    }

    let group: Int
    let settings: LayerSettings
    var encodings: [Encoding]
    /// When the next frame is due.
    var next: Timestamp
    /// Common media time.
    var ticks: UInt32 = 0
    /// When it last obeyed a request for a key frame.
    var obeyedAt: Timestamp?
    /// Whether its camera is on.
    var isActive = true

    /// When a packet or a frame is due.
    var nextTimeout: Timestamp {
        guard isActive else { return .distantFuture }
        var time = next
        for encoding in encodings { time = min(time, encoding.queue.first?.due ?? .distantFuture) }
        return time
    }

    /// Somebody asks for a key frame: all encodings make one, but not for requests that come too fast, which are
    /// forgotten, as browsers do.
    mutating func askForKeyframe(at now: Timestamp) {
        if let obeyedAt, now - obeyedAt < SimulationLimits.encoderKeyframeSpacing { return }
        obeyedAt = now
        for position in encodings.indices { encodings[position].wantsKey = true }
    }

    /// Begins or ends one encoding; it begins with a key frame.
    mutating func setActive(_ position: Int, _ isActive: Bool) {
        guard encodings.indices.contains(position), encodings[position].isActive != isActive else { return }
        encodings[position].isActive = isActive
        encodings[position].wantsKey = true
    }

    /// What the next frame of an encoding is, apart from its packets; goes on to the one after.
    mutating func nextFrame(of position: Int, number: Int, isLong: Bool) -> EncodedFrame {
        let isKey = encodings[position].wantsKey
        encodings[position].wantsKey = false
        if isKey {
            encodings[position].pattern = 0
            encodings[position].last = [-1, -1, -1]
            encodings[position].keyIndex = (encodings[position].keyIndex + 1) & 31
        }
        let temporal = [[0], [0, 1], [0, 2, 1, 2]][settings.temporal - 1][
            encodings[position].pattern % [1, 2, 4][settings.temporal - 1]]
        encodings[position].pattern += 1
        let last = encodings[position].last
        // A middle frame builds on the base, a top one on whatever of the lower ones came last.
        let reference = temporal == 2 ? max(last[0], last[1]) : last[0]
        encodings[position].last[temporal] = number
        encodings[position].pictureID = (encodings[position].pictureID &+ 1) & (isLong ? 0x7FFF : 0x7F)
        if temporal == 0 { encodings[position].base &+= 1 }
        return EncodedFrame(
            first: 0, parts: 0, isKey: isKey, temporal: temporal, pictureID: encodings[position].pictureID,
            base: encodings[position].base, keyIndex: encodings[position].keyIndex, reference: isKey ? -1 : reference,
            isSync: temporal > 0 && reference == last[0])
    }
}
