// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A receiver's decoder, as far as it can be told without pictures: a frame is shown when it is whole and the one
/// before it was shown, or when it is a key frame.
struct PictureAssembly {
    private struct Frame {
        var number: Int
        var parts: Int
        var got: Int
        var isKey: Bool
        var first: Timestamp
    }

    private var waiting: [Frame] = []
    private var lastShown: Int?
    /// When a frame was last shown.
    private(set) var shownAt: Timestamp?
    /// Frames shown.
    private(set) var shown = 0
    /// Since when nothing can be shown without a key frame.
    private(set) var brokenSince: Timestamp?

    /// A packet of a frame arrived (each only once).
    mutating func receive(_ packet: SentPacket, at now: Timestamp) {
        if let lastShown, packet.frame <= lastShown { return }
        if let position = waiting.firstIndex(where: { $0.number == packet.frame }) {
            waiting[position].got += 1
        } else {
            if waiting.count == SimulationLimits.waitingFrames { waiting.removeFirst() }
            waiting.append(
                Frame(number: packet.frame, parts: packet.parts, got: 1, isKey: packet.isKey, first: now))
        }
        show(at: now)
    }

    /// Gives up on frames that something is missing from.
    mutating func look(at now: Timestamp) {
        show(at: now)
        guard brokenSince == nil, let oldest = waiting.first, now - oldest.first > SimulationLimits.frameWait else {
            return
        }
        brokenSince = now
    }

    private mutating func show(at now: Timestamp) {
        // Ends: every turn shows a frame, of which there is a bounded number.
        while let position = waiting.firstIndex(where: { frame in
            frame.got == frame.parts && (frame.isKey || lastShown.map { frame.number == $0 + 1 } ?? false)
        }) {
            let number = waiting[position].number
            lastShown = number
            shown += 1
            shownAt = now
            brokenSince = nil
            waiting.removeAll { $0.number <= number }
        }
    }
}
