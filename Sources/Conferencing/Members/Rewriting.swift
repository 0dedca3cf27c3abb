// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// Under which SSRCs a receiver gets the others' sources (media-plane.md 5.10): with SSRC rewriting those of its slots.
struct Rewriting: ~Copyable {
    let numbering: SourceNumbering
    var audio: SlotTable
    var video: SlotTable
    /// It has not been told yet what some of its slots carry.
    var isToTell = false
    /// Before this nobody looks again for a voice that has rested: all of them speak.
    var nextTakeOver = Timestamp.zero

    /// - Parameter limits: the most slots of each media type.
    init(_ numbering: SourceNumbering, limits: (audio: Int, video: Int)) {
        self.numbering = numbering
        audio = SlotTable(isAudio: true, limit: limits.audio)
        video = SlotTable(isAudio: false, limit: limits.video)
    }

    /// Whether it gets sources in slots.
    var isActive: Bool { numbering != .original }

    /// Whether an SSRC is one of its slots'.
    func has(_ ssrc: UInt32) -> Bool { audio.has(ssrc) || video.has(ssrc) }

    /// A slot; valid until the next one is made.
    func slot(_ index: Int, isAudio: Bool) -> UnsafeMutablePointer<SourceSlot> {
        isAudio ? audio.pointer(at: index) : video.pointer(at: index)
    }

    /// The slot that carries a source.
    func slot(of key: UInt64, isAudio: Bool) -> Int? { isAudio ? audio.slot(of: key) : video.slot(of: key) }

    /// The source that comes under an SSRC of a slot; `nil` when none does.
    func source(of ssrc: UInt32) -> (key: UInt64, isRetransmission: Bool)? {
        for isAudio in [false, true] {
            guard let found = isAudio ? audio.slot(ssrc: ssrc) : video.slot(ssrc: ssrc) else { continue }
            let key = slot(found.index, isAudio: isAudio).pointee.key
            return key == SourceSlot.free ? nil : (key, found.isRetransmission)
        }
        return nil
    }

    /// The receiver can be reached from now on: nothing comes in slots that it may not know before `opening`.
    func holdAudio(until opening: Timestamp) {
        for index in 0..<audio.count { audio.pointer(at: index).pointee.opensAt = opening }
    }
}
