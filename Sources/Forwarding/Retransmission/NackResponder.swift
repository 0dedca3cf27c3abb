// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import RTP

/// Answers one receiver's NACKs (RFC 4585 6.2.1; media-plane.md 6.3): decides which packets go out again.
///
/// Plain data that lives with the receiver. It only appends to the receiver's list of repeats; the hall sends them when
/// the receiver's media of the turn have left, so that runs of equal packets stay whole. Whatever a client asks for,
/// the work is bounded by ``RepairSettings/numbersPerSecond`` and what is sent by ``RepairSettings/bytesPerSecond``; no
/// number goes out again within a round trip, and none more than ``ForwardingLimits/repeatsPerNumber`` times.
public struct NackResponder: BitwiseCopyable, Sendable {
    /// What waits to be sent; see ``RepairMemory/nextRepeat(in:at:)``.
    public var waiting = RepeatList()
    private var bytes = RateBucket()
    private var numbers = RateBucket()

    /// Has answered nothing.
    public init() {}

    /// Takes one entry of a NACK: the packets that it names and that can be repeated are appended to ``waiting``.
    /// - Parameters:
    ///   - source: slot of the source that the NACK's media SSRC means to this receiver.
    ///   - ring: what the receiver was sent of that source.
    ///   - roundTrip: to the receiver; `nil` when unknown.
    /// - Returns: how many packets are repeated for the first time: so many has the receiver lost that it was sent.
    @discardableResult
    public mutating func answer(
        _ nack: GenericNACK, of source: UInt16, _ ring: SentRing, from memory: inout RepairMemory,
        roundTrip: TimeDelta?, at now: Timestamp
    ) -> Int {
        let spacing = Self.spacing(roundTrip)
        var lost = 0
        answer(nack.packetID, source, ring, &memory, spacing, now, &lost)
        var mask = nack.mask
        // Ends: every turn clears a bit.
        while mask != 0 {
            let bit = UInt16(mask.trailingZeroBitCount)
            mask &= mask - 1
            answer(nack.packetID &+ bit &+ 1, source, ring, &memory, spacing, now, &lost)
        }
        return lost
    }

    /// The least time between two repeats of a number: the receiver cannot have seen the first before
    /// (media-plane.md 6.3).
    static func spacing(_ roundTrip: TimeDelta?) -> TimeDelta {
        guard let roundTrip else { return ForwardingLimits.repeatSpacing }
        let most = min(roundTrip * 9 / 10, roundTrip - .milliseconds(5))
        // Below that the same number in the same NACK, or in copies of it, would be answered again and again.
        return max(most, ForwardingLimits.minRepeatSpacing)
    }

    private mutating func answer(
        _ sequence: UInt16, _ source: UInt16, _ ring: SentRing, _ memory: inout RepairMemory, _ spacing: TimeDelta,
        _ now: Timestamp, _ lost: inout Int
    ) {
        let settings = memory.settings
        memory.counters.requested += 1
        guard numbers.take(1, perSecond: settings.numbersPerSecond, burst: settings.burstNumbers, at: now) else {
            return memory.counters.ignored += 1
        }
        let entry: UnsafeMutablePointer<SentRing.Entry>
        switch memory.rings.entry(sequence, in: ring) {
        case .success(let found): entry = found
        case .failure(.neverSent): return memory.counters.neverSent += 1
        case .failure(.tooOld): return memory.counters.forgotten += 1
        }
        if entry.pointee.repeats > 0 {
            guard entry.pointee.timeSinceRepeat(at: now) >= spacing else { return memory.counters.tooSoon += 1 }
            guard entry.pointee.repeats < ForwardingLimits.repeatsPerNumber else {
                return memory.counters.exhausted += 1
            }
        }
        guard let packet = memory.store.find(entry.pointee.reference, at: now) else {
            return memory.counters.missed += 1
        }
        let value = Repeat(
            source: source, sequence: sequence, reference: entry.pointee.reference, patch: entry.pointee.patch)
        guard waiting.count < ForwardingLimits.queuedRepeatsPerReceiver else { return memory.counters.queueFull += 1 }
        guard
            bytes.take(
                packet.info.byteCount, perSecond: settings.bytesPerSecond, burst: settings.burstBytes, at: now)
        else { return memory.counters.overBudget += 1 }
        guard memory.repeats.append(value, to: &waiting) else { return memory.counters.queueFull += 1 }
        if entry.pointee.repeats == 0 { lost += 1 }
        entry.pointee.noteRepeat(at: now)
        memory.counters.queued += 1
    }
}
