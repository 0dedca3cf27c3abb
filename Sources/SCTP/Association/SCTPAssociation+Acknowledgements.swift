// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// What the peer acknowledges, and what is lost (RFC 9260 §6.2.1, §6.3, §7.2).
extension SCTPAssociation {
    /// A SACK; `hasGaps`: it tells of all that was received, not only how far nothing is missing.
    mutating func receive(acknowledgement value: RawSpan, hasGaps: Bool = true) {
        guard value.byteCount >= 12 else { return counters.malformed &+= 1 }
        switch numbers.state {
        case .established, .shutdownPending, .shutdownReceived, .shutdownSent: break
        default: return counters.unexpectedChunks &+= 1
        }
        let cumulative = TSN.widen(value.uint32(at: 0), near: numbers.acknowledged)
        let gaps = Int(value.uint16(at: 8))
        guard value.byteCount >= 12 + 4 * (gaps + Int(value.uint16(at: 10))) else { return counters.malformed &+= 1 }
        guard cumulative >= numbers.acknowledged else { return counters.staleAcknowledgements &+= 1 }
        guard cumulative < numbers.nextTSN, areGapsSound(value, gaps, room: numbers.nextTSN - 1 - cumulative) else {
            return counters.forgedAcknowledgements &+= 1
        }
        let advanced = cumulative > numbers.acknowledged
        let flight = numbers.flight
        var progress = Progress()
        takeAcknowledged(upTo: cumulative, &progress)
        if hasGaps, gaps > 0 || numbers.receivedChunks > 0 { takeGaps(value, gaps, &progress) }
        if let sent = progress.measuredFrom { numbers.timeout.measure(now - sent) }
        if advanced {
            numbers.window.acknowledged(progress.bytes, flight: flight, cumulative: cumulative)
            if outstanding.isEmpty { numbers.window.drained() }
        }
        if let highest = progress.highestNew ?? (advanced && numbers.window.recoveryEnd != nil ? lastTold : nil) {
            countMissing(below: highest)
        }
        numbers.peerWindow = max(0, Int(value.uint32(at: 4)) - numbers.flight)
        if outstanding.isEmpty {
            numbers.retransmissionTimer = nil
        } else if advanced {
            numbers.retransmissionTimer = now + numbers.timeout.value
        }
        if numbers.advancedAcknowledgement < numbers.acknowledged {
            numbers.advancedAcknowledgement = numbers.acknowledged
        }
        advanceForward()
        proceed()
    }

    /// What one SACK brought.
    private struct Progress {
        var bytes = 0
        /// When the newest chunk that it acknowledged was sent, if it was sent once.
        var measuredFrom: Timestamp?
        /// The last index that a gap block acknowledged for the first time.
        var highestNew: Int?
    }

    /// Whether the blocks are in order and within what was sent.
    private func areGapsSound(_ value: RawSpan, _ gaps: Int, room: UInt64) -> Bool {
        var previous = 0
        for index in 0..<gaps {
            let start = Int(value.uint16(at: 12 + 4 * index))
            let end = Int(value.uint16(at: 14 + 4 * index))
            guard start > previous, end >= start, UInt64(end) <= room else { return false }
            previous = end
        }
        return true
    }

    private mutating func takeAcknowledged(upTo cumulative: UInt64, _ progress: inout Progress) {
        while numbers.acknowledged < cumulative, let chunk = outstanding.popFirst() {
            numbers.acknowledged += 1
            switch chunk.state {
            case .inFlight:
                numbers.flight -= chunk.count
                progress.bytes += chunk.count
                if chunk.transmissions == 1 { progress.measuredFrom = chunk.sent }
            case .lost:
                numbers.lostChunks -= 1
                progress.bytes += chunk.count
            case .received: numbers.receivedChunks -= 1
            case .abandoned: break
            }
            release(chunk.count, stream: chunk.stream)
        }
    }

    private mutating func takeGaps(_ value: RawSpan, _ gaps: Int, _ progress: inout Progress) {
        var index = 0
        for gap in 0..<gaps {
            let start = Int(value.uint16(at: 12 + 4 * gap)) - 1
            let end = Int(value.uint16(at: 14 + 4 * gap))
            while index < start {
                renege(index)
                index += 1
            }
            while index < end {
                takeReceived(index, &progress)
                index += 1
            }
        }
        while numbers.receivedChunks > 0, index < outstanding.count {
            renege(index)
            index += 1
        }
    }

    private mutating func takeReceived(_ index: Int, _ progress: inout Progress) {
        guard let chunk = outstanding[index] else { return }
        switch chunk.state {
        case .inFlight:
            numbers.flight -= chunk.count
            if chunk.transmissions == 1 { progress.measuredFrom = chunk.sent }
        case .lost: numbers.lostChunks -= 1
        case .received, .abandoned: return
        }
        outstanding[index]?.state = .received
        numbers.receivedChunks += 1
        progress.bytes += chunk.count
        progress.highestNew = index
    }

    /// The peer took back what it had told: it is to be sent again.
    private mutating func renege(_ index: Int) {
        guard let chunk = outstanding[index], chunk.state == .received else { return }
        numbers.receivedChunks -= 1
        outstanding[index]?.state = .lost
        numbers.lostChunks += 1
    }

    /// The last index that gap blocks told of.
    private var lastTold: Int? {
        guard numbers.receivedChunks > 0 else { return nil }
        var index = outstanding.count - 1
        while index >= 0, let chunk = outstanding[index], chunk.state != .received { index -= 1 }
        return index >= 0 ? index : nil
    }

    /// Counts one more report for what is missing before `highest`; what has enough of them is sent again (§7.2.4).
    private mutating func countMissing(below highest: Int) {
        var spent: [Int] = []
        var isLost = false
        for index in 0..<highest {
            guard let chunk = outstanding[index], chunk.state == .inFlight, !chunk.isFast else { continue }
            guard chunk.missingReports + 1 >= SCTPLimits.missingReports else {
                outstanding[index]?.missingReports += 1
                continue
            }
            isLost = true
            outstanding[index]?.isFast = true
            lose(index, &spent)
        }
        abandon(spent)
        guard isLost else { return }
        if numbers.window.lost(highest: numbers.nextTSN - 1) { numbers.ignoresWindow = true }
    }

    /// Takes a chunk on its way as lost; one that may not be sent again is noted in `spent`.
    private mutating func lose(_ index: Int, _ spent: inout [Int]) {
        guard let chunk = outstanding[index], chunk.state == .inFlight else { return }
        outstanding[index]?.state = .lost
        numbers.flight -= chunk.count
        numbers.lostChunks += 1
        if isSpent(chunk) { spent.append(index) }
    }

    /// Takes everything on its way as lost.
    mutating func loseAll(countsAsTimeout: Bool) {
        if countsAsTimeout {
            counters.timeouts &+= 1
            numbers.window.timedOut()
            numbers.timeout.backOff()
        }
        var spent: [Int] = []
        for index in 0..<outstanding.count {
            outstanding[index]?.missingReports = 0
            outstanding[index]?.isFast = false
            lose(index, &spent)
        }
        abandon(spent)
    }

    /// T3 fired (§6.3.3).
    mutating func retransmissionIsDue() {
        numbers.retransmissionTimer = nil
        guard !outstanding.isEmpty else { return }
        loseAll(countsAsTimeout: true)
        // What was said of given-up messages may be lost, too.
        advanceForward()
        numbers.retransmissionTimer = now + numbers.timeout.value
    }
}
