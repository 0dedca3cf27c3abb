// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
import RTP

/// Asks a sender for the packets of one video encoding that are missing (media-plane.md 6.1).
///
/// Feed it every packet of the encoding, those of padding alone and those restored from RTX included, by the numbers
/// they came with; it tells new ones from those that had come already. Nobody watches the encoding: ``stop()``, and
/// nothing is asked for until packets are fed again. When ``nextTimeout`` has come, call
/// ``write(senderSSRC:mediaSSRC:roundTrip:now:to:)``.
///
/// A gap is asked for at once, which means when the turn's packets have all been seen, so that those which changed
/// places in it are not. Where packets were seen to change places over a longer time, the first request waits as long,
/// at most ``ForwardingLimits/nackTolerance``. Further requests come no faster than answers can, each somewhat later
/// than the one before, so that a few bursts of loss do not use up all attempts.
///
/// Plain data of some 1.8 kB.
public struct NackGenerator: BitwiseCopyable, Sendable {
    /// What a packet was to its stream.
    public enum Arrival: UInt8, Sendable {
        /// The highest number so far.
        case newest
        /// A number that was missing.
        case late
        /// It had come already: drop it. Senders repeat what has arrived, to probe (media-plane.md 6.5).
        case duplicate
        /// From before all that is remembered, or a repeat before the first packet: drop it.
        case tooOld
    }

    private struct Missing: BitwiseCopyable {
        var sequence: UInt16 = 0
        var attempts: UInt8 = 0
        /// Microseconds modulo 2^32: since when, and when it is to be asked for next.
        var since: UInt32 = 0
        var due: UInt32 = 0
    }

    /// Bytes of a request in the worst case.
    public static let requestBytes = FeedbackHeader.byteCount + 4 * ForwardingLimits.missingNumbers

    /// What was asked for and what came of it.
    public private(set) var counters = NackCounters()
    /// When a request is to be written; `nil` when nothing is missing.
    public private(set) var nextTimeout: Timestamp?
    /// Numbers that are missing and not given up.
    public private(set) var missingCount = 0

    /// In serial order.
    private var missing = InlineArray<128, Missing>(repeating: Missing())
    /// Bit n & 2,047: number n, one of the last 2,048, has come.
    private var arrived = InlineArray<32, UInt64>(repeating: 0)
    private var newest: UInt16 = 0
    private var hasStarted = false
    /// How long the first request waits, in microseconds.
    private var tolerance: UInt32 = 0

    /// A stream that has not begun.
    public init() {}

    /// Takes note of a packet.
    /// - Parameters:
    ///   - isRepeat: it came on the RTX stream.
    ///   - roundTrip: to the sender; `nil` when unknown.
    public mutating func note(
        _ sequence: UInt16, isRepeat: Bool, roundTrip: TimeDelta?, now: Timestamp
    ) -> Arrival {
        guard hasStarted else {
            // What is repeated is from before; the stream begins with a packet of its own.
            guard !isRepeat else { return .tooOld }
            start(at: sequence)
            return .newest
        }
        let distance = SequenceNumber.delta(sequence, newest)
        if distance == 1 {
            newest = sequence
            mark(sequence)
            return .newest
        }
        if distance > 0 {
            advance(to: sequence, distance, now)
            return .newest
        }
        guard -distance < Self.window else { return .tooOld }
        guard arrived[(Int(sequence) & (Self.window - 1)) >> 6] & (1 << UInt64(sequence & 63)) == 0 else {
            return .duplicate
        }
        mark(sequence)
        if missingCount > 0 { settle(sequence, isRepeat: isRepeat, roundTrip: roundTrip, now: now) }
        return .late
    }

    /// The sender began a new sequence, or what comes from here on has nothing to do with what is missing.
    public mutating func restart(at sequence: UInt16) {
        removeAll()
        start(at: sequence)
    }

    /// Nothing is asked for any more until packets are fed again.
    public mutating func stop() {
        removeAll()
        hasStarted = false
    }

    /// A key frame begins with `sequence`: nobody needs what is missing before it.
    public mutating func noteKeyframe(at sequence: UInt16) {
        var kept = 0
        for index in 0..<missingCount {
            if SequenceNumber.delta(missing[index].sequence, sequence) < 0 {
                counters.superseded &+= 1
            } else {
                missing[kept] = missing[index]
                kept += 1
            }
        }
        missingCount = kept
        if kept == 0 { nextTimeout = nil }
    }

    /// Writes a NACK for all that is due, as an RTCP packet of its own.
    /// - Parameters:
    ///   - roundTrip: to the sender; `nil` when unknown.
    ///   - writer: needs room for ``requestBytes``; otherwise nothing happens.
    /// - Returns: how many numbers are in it; 0 for no packet.
    public mutating func write(
        senderSSRC: UInt32, mediaSSRC: UInt32, roundTrip: TimeDelta?, now: Timestamp, to writer: inout BufferWriter
    ) -> Int {
        guard let nextTimeout, now >= nextTimeout, writer.remaining >= Self.requestBytes else { return 0 }
        let present = Self.microseconds(now)
        var lost = InlineArray<128, UInt16>(repeating: 0)
        var count = 0
        var kept = 0
        var soonest = Int32.max
        for index in 0..<missingCount {
            var entry = missing[index]
            // What could not be told from a duplicate any more is of no use either.
            guard present &- entry.since <= Self.lifetime,
                SequenceNumber.delta(newest, entry.sequence) < Self.window
            else {
                counters.outlived &+= 1
                continue
            }
            if Int32(bitPattern: entry.due &- present) <= 0 {
                guard Int(entry.attempts) < ForwardingLimits.nackAttempts else {
                    counters.exhausted &+= 1
                    continue
                }
                if entry.attempts == 0 { counters.asked &+= 1 } else { counters.askedAgain &+= 1 }
                entry.attempts += 1
                entry.due = present &+ Self.pause(behind: Int(entry.attempts), roundTrip)
                lost[count] = entry.sequence
                count += 1
            }
            soonest = min(soonest, Int32(bitPattern: entry.due &- present))
            missing[kept] = entry
            kept += 1
        }
        missingCount = kept
        self.nextTimeout = kept > 0 ? now + .microseconds(Int64(max(soonest, 0))) : nil
        if count > 0 {
            GenericNACK.write(
                senderSSRC: senderSSRC, mediaSSRC: mediaSSRC, lost: lost.span.extracting(0..<count), to: &writer)
        }
        return count
    }

    // MARK: Steps

    private static var window: Int { ForwardingLimits.arrivalWindow }
    private static var lifetime: UInt32 { UInt32(clamping: ForwardingLimits.nackLifetime.microseconds) }

    private static func microseconds(_ now: Timestamp) -> UInt32 {
        UInt32(truncatingIfNeeded: now.nanoseconds / 1_000)
    }

    /// How long an answer to request number `attempts` may take, in microseconds: a quarter more than a round trip,
    /// and half of that more with each request.
    private static func pause(behind attempts: Int, _ roundTrip: TimeDelta?) -> UInt32 {
        let first: TimeDelta
        if let roundTrip {
            first = max(roundTrip * 5 / 4, ForwardingLimits.minNackInterval)
        } else {
            first = ForwardingLimits.nackInterval
        }
        return UInt32(clamping: (first * Int64(attempts + 1) / 2).microseconds)
    }

    private mutating func start(at sequence: UInt16) {
        hasStarted = true
        newest = sequence
        arrived = InlineArray(repeating: 0)
        mark(sequence)
    }

    private mutating func removeAll() {
        missingCount = 0
        nextTimeout = nil
    }

    @inline(__always)
    private mutating func mark(_ sequence: UInt16) {
        arrived[(Int(sequence) & (Self.window - 1)) >> 6] |= 1 << UInt64(sequence & 63)
    }

    /// Goes on to a number behind a gap.
    @inline(never)
    private mutating func advance(to sequence: UInt16, _ distance: Int, _ now: Timestamp) {
        if distance >= Self.window {
            arrived = InlineArray(repeating: 0)
        } else {
            // Ends: below the window.
            for step in 1..<distance {
                let number = Int(newest &+ UInt16(step)) & (Self.window - 1)
                arrived[number >> 6] &= ~(1 << UInt64(number & 63))
            }
        }
        if distance > ForwardingLimits.nackGap {
            counters.jumps &+= 1
            removeAll()
        } else {
            addMissing(after: newest, count: distance - 1, now)
        }
        newest = sequence
        mark(sequence)
    }

    private mutating func addMissing(after sequence: UInt16, count: Int, _ now: Timestamp) {
        let excess = missingCount + count - ForwardingLimits.missingNumbers
        if excess > 0 {
            // The oldest ones go: they are the least likely to be of use.
            for index in excess..<max(missingCount, excess) { missing[index - excess] = missing[index] }
            missingCount -= excess
            counters.overflowed &+= UInt32(excess)
        }
        let present = Self.microseconds(now)
        for step in 1...count {
            missing[missingCount] = Missing(
                sequence: sequence &+ UInt16(step), since: present, due: present &+ tolerance)
            missingCount += 1
        }
        let due = now + .microseconds(Int64(tolerance))
        nextTimeout = earlier(nextTimeout, due)
    }

    /// A number came that may have been missing.
    private mutating func settle(_ sequence: UInt16, isRepeat: Bool, roundTrip: TimeDelta?, now: Timestamp) {
        var place = 0
        while place < missingCount, missing[place].sequence != sequence { place += 1 }
        guard place < missingCount else { return }
        let entry = missing[place]
        missingCount -= 1
        for index in place..<missingCount { missing[index] = missing[index + 1] }
        if missingCount == 0 { nextTimeout = nil }
        if entry.attempts > 0 { counters.repaired &+= 1 } else { counters.reordered &+= 1 }
        learn(from: entry, isRepeat: isRepeat, roundTrip: roundTrip, now: now)
    }

    /// Adapts the tolerance: a packet that came by itself was late, one that was repeated was lost.
    private mutating func learn(from entry: Missing, isRepeat: Bool, roundTrip: TimeDelta?, now: Timestamp) {
        if isRepeat {
            tolerance -= tolerance / 8
            return
        }
        let lateness = Self.microseconds(now) &- entry.since
        // Senders without RTX repeat packets as they were: what comes when an answer can come says nothing.
        if entry.attempts > 0 {
            guard let roundTrip, Int64(lateness) < roundTrip.microseconds * 3 / 4 else { return }
        }
        let wanted = UInt64(lateness) + UInt64(lateness) / 4
        let most = UInt64(ForwardingLimits.nackTolerance.microseconds)
        tolerance = UInt32(min(max(UInt64(tolerance), wanted), most))
    }
}
