// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What a receiver makes of a source with several encodings: it asks for what is missing, and shows frames whose
/// reference it has shown, as a decoder does.
struct ViewReception {
    /// A number that is missing.
    struct Missing {
        var out: Int64
        var attempts = 0
        var due: Timestamp
    }

    private struct Frame {
        var ledger: Int
        var number: Int
        var got: UInt64
        var first: Timestamp
        var out: Int64
    }

    /// Numbers of the stream, for reports.
    private(set) var firstOut: Int64
    private(set) var highestOut: Int64
    private(set) var count: Int64 = 0
    var lastReport: (compact: UInt32, time: Timestamp)?
    private var seen: [Int64]
    private(set) var missing: [Missing] = []
    private var waiting: [Frame] = []
    /// The encoding (ledger) that is shown, and its last frames that were.
    private(set) var ledger = -1
    private var shownFrames: [Int] = []
    /// The newest number of a frame that was shown.
    private var shownOut: Int64 = .min
    private(set) var shownAt: Timestamp?
    private(set) var shown = 0
    /// The longest time without a new frame, since it was asked about.
    var longestFreeze = TimeDelta.zero
    /// When it last asked for a key frame.
    var askedAt: Timestamp?
    /// Packets that came by repeats alone.
    private(set) var repaired = 0

    init(first out: Int64) {
        firstOut = out
        highestOut = out - 1
        seen = [Int64](repeating: .min, count: SimulationLimits.viewWindow)
    }

    /// A packet came, by whatever way.
    mutating func receive(
        _ packet: ViewPacket, _ sent: SentPacket, in ledgers: [SourceLedger], repeatsAfter pause: TimeDelta,
        asks: Bool, at now: Timestamp
    ) {
        let place = Int(packet.out & Int64(seen.count - 1))
        guard seen[place] != packet.out, packet.out > highestOut - Int64(seen.count) else { return }
        seen[place] = packet.out
        count += 1
        if packet.isRepeat { repaired += 1 }
        if packet.out > highestOut {
            if asks, packet.out - highestOut < 100 {
                for out in highestOut + 1..<packet.out where out >= firstOut {
                    missing.append(Missing(out: out, due: now + SimulationLimits.receiverNackDelay))
                }
            }
            highestOut = packet.out
        } else {
            missing.removeAll { $0.out == packet.out }
        }
        firstOut = min(firstOut, packet.out)
        collect(packet, sent, at: now)
        show(ledgers, at: now)
    }

    private mutating func collect(_ packet: ViewPacket, _ sent: SentPacket, at now: Timestamp) {
        let bit = UInt64(1) << UInt64(sent.part)
        if let position = waiting.firstIndex(where: { $0.ledger == packet.ledger && $0.number == sent.frame }) {
            waiting[position].got |= bit
            waiting[position].out = min(waiting[position].out, packet.out)
            return
        }
        guard packet.ledger != ledger || !shownFrames.contains(sent.frame) else { return }
        if waiting.count == SimulationLimits.waitingFrames { waiting.removeFirst() }
        waiting.append(
            Frame(ledger: packet.ledger, number: sent.frame, got: bit, first: now, out: packet.out))
    }

    private mutating func show(_ ledgers: [SourceLedger], at now: Timestamp) {
        // Ends: every turn shows a frame, of which there is a bounded number.
        while let position = waiting.firstIndex(where: { frame in
            let encoded = ledgers[frame.ledger].frames[frame.number]
            guard frame.got.nonzeroBitCount == encoded.parts else { return false }
            if encoded.isKey { return frame.out > shownOut }
            return frame.ledger == ledger && shownFrames.contains(encoded.reference)
        }) {
            let frame = waiting.remove(at: position)
            if ledgers[frame.ledger].frames[frame.number].isKey {
                ledger = frame.ledger
                shownFrames = []
                waiting.removeAll { $0.out < frame.out }
                missing.removeAll { $0.out < frame.out }
            }
            shownFrames.append(frame.number)
            if shownFrames.count > 64 { shownFrames.removeFirst(32) }
            shownOut = max(shownOut, frame.out)
            if let shownAt { longestFreeze = max(longestFreeze, now - shownAt) }
            shownAt = now
            shown += 1
        }
    }

    /// Numbers to ask for now; each is asked for again after `pause`.
    mutating func takeDue(pause: TimeDelta, at now: Timestamp) -> [Int64] {
        var due: [Int64] = []
        missing.removeAll { $0.due <= now && $0.attempts >= SimulationLimits.receiverNackAttempts }
        for position in missing.indices where missing[position].due <= now {
            missing[position].attempts += 1
            missing[position].due = now + pause
            due.append(missing[position].out)
        }
        return due
    }

    /// When the next number is to be asked for.
    var nextNack: Timestamp {
        var next = Timestamp.distantFuture
        for entry in missing { next = min(next, entry.due) }
        return next
    }

    /// Whether frames wait in vain.
    func isStuck(at now: Timestamp) -> Bool {
        guard let oldest = waiting.first else { return false }
        return now - oldest.first > SimulationLimits.stuckAfter
            && (shownAt.map { now - $0 > SimulationLimits.stuckAfter } ?? true)
    }
}
