// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives
import ShardMessages

/// A law that does not hold, before anybody asked when.
struct Breach: Error {
    var law: Violation.Law
    var detail: String

    init(_ law: Violation.Law, _ detail: String) {
        self.law = law
        self.detail = detail
    }
}

/// One receiver's stream of one source as the bridge sends it, held against the ledger.
///
/// Between two packets that follow each other exactly those numbers are missing that did not reach the bridge in time;
/// what was discarded leaves no hole. A hole for another reason is allowed only where a picture begins anew, and where
/// video was muted it must.
struct StreamLaw {
    private(set) var hasStarted = false
    /// Packets and payload bytes sent, over all and since the source was signalled last.
    private(set) var sent = (packets: 0, bytes: 0)
    private(set) var sentInEpoch = (packets: 0, bytes: 0)
    /// What is added to the sender's media time.
    private(set) var timeOffset: UInt32 = 0
    private var highest = (index: 0, out: Int64(0), timestamp: UInt32(0))
    /// Position, in the order of arrivals, of the packet that the stream began with last. What arrived before that one
    /// was dropped, also where its number is higher.
    private var startOrder = 0
    /// The latest packets: index in the ledger and number on the way out, in order of sending.
    private var recent: [(index: Int, out: Int64)] = []
    private var next = 0
    /// When a sender report went out last, and which.
    var lastReport: (time: Timestamp, number: Int)?
    /// When the one before it did.
    var reportBefore: Timestamp?

    /// Takes the next packet that is sent.
    mutating func admit(_ index: Int, out: Int64, timestamp: UInt32, of ledger: SourceLedger) throws(Breach) {
        let packet = ledger.packets[index]
        if !hasStarted {
            guard ledger.mediaType == .audio || (packet.isKey && packet.part == 0) else {
                throw Breach(.continuity, "ssrc \(ledger.ssrc) begins with packet \(index), which is no key frame")
            }
            hasStarted = true
            startOrder = packet.order
            highest = (index, out, timestamp)
        } else if index > highest.index {
            try advance(to: index, out: out, timestamp: timestamp, packet, ledger)
        } else {
            try place(index, out: out, ledger)
        }
        if index == highest.index { timeOffset = timestamp &- packet.timestamp }
        remember(index, out)
        sent = (sent.packets + 1, sent.bytes + packet.payloadBytes)
        sentInEpoch = (sentInEpoch.packets + 1, sentInEpoch.bytes + packet.payloadBytes)
    }

    private mutating func advance(
        to index: Int, out: Int64, timestamp: UInt32, _ packet: SentPacket, _ ledger: SourceLedger
    ) throws(Breach) {
        var closed = 0
        var withheld: Int?
        // A picture that was muted is missing although no number is: only a key frame may follow.
        var hidden: Int?
        for between in highest.index + 1..<index {
            let other = ledger.packets[between]
            guard other.order >= 0, other.order < packet.order else { continue }
            if other.isClosed {
                closed += 1
                if ledger.mediaType == .video, !other.isPadding { hidden = between }
            } else if other.fate == .forwardable, other.order > startOrder {
                withheld = between
            }
        }
        let step = out - highest.out
        let expected = Int64(index - highest.index - closed)
        let isNew = ledger.hasEpoch(after: highest.index, upTo: index)
        if isNew { sentInEpoch = (0, 0) }
        if isNew || withheld != nil || hidden != nil {
            let canStart = ledger.mediaType == .audio ? isNew : packet.isKey && packet.part == 0
            guard canStart else {
                let what = withheld.map { "packet \($0) was withheld" } ?? hidden.map { "packet \($0) was muted" }
                throw Breach(.continuity, "ssrc \(ledger.ssrc): \(what ?? "nothing came") before \(index)")
            }
            guard step > 0, step <= expected + Int64(closed + ForwardingLimits.restartHole) + 1 else {
                throw Breach(.continuity, "ssrc \(ledger.ssrc): begins anew \(step) numbers on, \(expected) at most")
            }
            startOrder = packet.order
        } else if step != expected {
            throw Breach(
                .continuity,
                "ssrc \(ledger.ssrc): \(highest.index) to \(index) are \(step) numbers on the way out, not \(expected)")
        }
        let span = timestamp &- highest.timestamp
        guard Int32(bitPattern: span) >= 0 else {
            throw Breach(.continuity, "ssrc \(ledger.ssrc): the time stamp runs back at packet \(index)")
        }
        guard isNew || span == packet.timestamp &- ledger.packets[highest.index].timestamp else {
            throw Breach(.continuity, "ssrc \(ledger.ssrc): the time stamp leaps at packet \(index)")
        }
        highest = (index, out, timestamp)
    }

    /// A late packet: its number lies between those of its neighbours.
    private func place(_ index: Int, out: Int64, _ ledger: SourceLedger) throws(Breach) {
        var lower: (index: Int, out: Int64)?
        var upper: (index: Int, out: Int64)?
        for entry in recent {
            if entry.index == index {
                throw Breach(.amplification, "ssrc \(ledger.ssrc): packet \(index) was sent twice")
            }
            if entry.index < index, entry.index > lower?.index ?? -1 { lower = entry }
            if entry.index > index, entry.index < upper?.index ?? .max { upper = entry }
        }
        guard let upper, out < upper.out, out > lower?.out ?? .min else {
            throw Breach(.continuity, "ssrc \(ledger.ssrc): late packet \(index) has a wrong number")
        }
    }

    private mutating func remember(_ index: Int, _ out: Int64) {
        if recent.count < SimulationLimits.rememberedPackets {
            recent.append((index, out))
        } else {
            recent[next] = (index, out)
            next = (next + 1) % SimulationLimits.rememberedPackets
        }
    }
}
