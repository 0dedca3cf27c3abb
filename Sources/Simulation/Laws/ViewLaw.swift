// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Primitives

/// One receiver's stream of a source with several encodings as it leaves the bridge, held against what was encoded and
/// what of it had arrived (media-plane.md 5.4, 5.5, 6.4).
///
/// Numbers are missing only where a packet is that may still come. Frames are whole, as far as they have arrived, and
/// none is sent whose reference was withheld. Media time, picture ids and TL0PICIDX go on across whatever happens. A
/// switch begins with a key frame. What is repeated is what was sent, and was asked for.
struct ViewLaw {
    private struct Entry {
        var out: Int64 = .min
        var ledger = 0
        var index = 0
        var timestamp: UInt32 = 0
        var pictureID: UInt16 = 0
        var base: UInt8 = 0
        var requests = 0
        var repeats = 0
    }

    /// What a packet looked like.
    struct Sight {
        var ledger: Int
        var index: Int
        var out: Int64
        var timestamp: UInt32
        var pictureID: UInt16
        var base: UInt8
    }

    private var entries = [Entry](repeating: Entry(), count: SimulationLimits.viewWindow)
    /// Requests for numbers that had not been sent when the receiver saw their gap: what the bridge itself was missing
    /// may come between the request's departure and its arrival.
    private var earlyRequests: [Int64: Int] = [:]
    /// The packet with the highest number, and when it was sent.
    private var highest: (sight: Sight, time: Timestamp)?
    /// Frames that were sent of the present encoding since it began, the latest ones.
    private var frames: [(number: Int, sight: Sight)] = []
    /// The order of arrival of the packet that it began with.
    private var startOrder = 0
    private(set) var sent = (packets: 0, bytes: 0)
    private(set) var switches = 0
    private(set) var repeats = 0
    /// The number of the last repeat on its own stream.
    var lastRepeat: UInt16?
    /// The encoding's ledger that is sent, and what is added to its media time.
    private(set) var current: (ledger: Int, timestampOffset: UInt32)?
    var lastReport: (time: Timestamp, ledger: Int, ntp: UInt64)?
    var reportBefore: Timestamp?

    /// The receiver asks for a number.
    mutating func noteRequest(_ out: Int64) {
        let place = Int(out & Int64(entries.count - 1))
        if entries[place].out == out {
            entries[place].requests += 1
        } else if out > entries[place].out {
            earlyRequests[out, default: 0] += 1
        }
    }

    /// Takes the next packet that is sent.
    mutating func admit(
        _ sight: Sight, _ world: World, mask: UInt16, at time: Timestamp
    ) throws(Breach) {
        let ledger = world.ledgers[sight.ledger]
        let packet = ledger.packets[sight.index]
        let place = Int(sight.out & Int64(entries.count - 1))
        let what = "ssrc \(ledger.ssrc) packet \(sight.index) as \(sight.out)"
        if entries[place].out == sight.out { throw Breach(.amplification, "\(what): that number was used before") }
        if let highest {
            if sight.out > highest.sight.out {
                try advance(sight, packet, ledger, world, mask, at: time)
            } else {
                try placeLate(sight, packet, ledger, world)
            }
        } else {
            guard packet.isKey, packet.part == 0 else {
                throw Breach(.continuity, "\(what) is the first, and begins no key frame")
            }
            begin(sight, packet)
        }
        if sight.out > highest?.sight.out ?? .min { highest = (sight, time) }
        entries[place] = Entry(
            out: sight.out, ledger: sight.ledger, index: sight.index, timestamp: sight.timestamp,
            pictureID: sight.pictureID, base: sight.base,
            requests: earlyRequests.removeValue(forKey: sight.out) ?? 0)
        sent = (sent.packets + 1, sent.bytes + packet.payloadBytes)
    }

    /// A repeat is sent: of what, and under which number on its own stream.
    mutating func admitRepeat(_ sight: Sight, sequence: UInt16) throws(Breach) {
        let what = "repeat of \(sight.out)"
        if let lastRepeat, sequence != lastRepeat &+ 1 {
            throw Breach(.continuity, "\(what): number \(sequence) follows \(lastRepeat) on the stream of repeats")
        }
        lastRepeat = sequence
        let place = Int(sight.out & Int64(entries.count - 1))
        let entry = entries[place]
        guard entry.out == sight.out else { throw Breach(.integrity, "\(what), which was never sent") }
        guard entry.ledger == sight.ledger, entry.index == sight.index, entry.timestamp == sight.timestamp,
            entry.pictureID == sight.pictureID, entry.base == sight.base
        else { throw Breach(.integrity, "\(what) is not what was sent: \(sight), not \(entry)") }
        guard entry.repeats < entry.requests else {
            throw Breach(
                .amplification, "\(what) for the \(entry.repeats + 1). time, asked for \(entry.requests) times")
        }
        entries[place].repeats += 1
        repeats += 1
    }

    // MARK: Steps

    private mutating func begin(_ sight: Sight, _ packet: SentPacket) {
        frames = [(packet.frame, sight)]
        startOrder = packet.order
        current = (sight.ledger, sight.timestamp &- packet.timestamp)
    }

    private mutating func advance(
        _ sight: Sight, _ packet: SentPacket, _ ledger: SourceLedger, _ world: World, _ mask: UInt16,
        at time: Timestamp
    ) throws(Breach) {
        guard let (before, sentAt) = highest else { return }
        let what = "ssrc \(ledger.ssrc) packet \(sight.index) as \(sight.out) behind \(before.index) as \(before.out)"
        let canBegin = packet.isKey && packet.part == 0
        if before.ledger == sight.ledger, let current {
            do throws(Breach) {
                try goOn(sight, packet, ledger, before, current.timestampOffset, mask, what)
                return
            } catch {
                guard canBegin else { throw error }
            }
        }
        guard canBegin else { throw Breach(.continuity, "\(what): another encoding, and no key frame") }
        try checkSwitch(sight, before, world, mask, time - sentAt, what)
        if before.ledger != sight.ledger { switches += 1 }
        begin(sight, packet)
    }

    /// The same encoding goes on.
    private mutating func goOn(
        _ sight: Sight, _ packet: SentPacket, _ ledger: SourceLedger, _ before: Sight, _ offset: UInt32,
        _ mask: UInt16, _ what: String
    ) throws(Breach) {
        guard sight.index > before.index else { throw Breach(.continuity, "\(what): an earlier packet") }
        let previous = ledger.packets[before.index]
        let step = sight.out - before.out
        guard sight.timestamp == packet.timestamp &+ offset else {
            throw Breach(.continuity, "\(what): the time stamp leaps")
        }
        if previous.frame == packet.frame {
            guard step == Int64(sight.index - before.index) else {
                throw Breach(.continuity, "\(what): both of frame \(packet.frame)")
            }
            guard sight.pictureID == before.pictureID, sight.base == before.base else {
                throw Breach(.continuity, "\(what): other picture ids in one frame")
            }
            return
        }
        let open = Self.open(
            in: ledger, after: before.index, before: sight.index, order: packet.order, start: startOrder)
        guard step - 1 <= open else {
            throw Breach(.continuity, "\(what): \(step - 1) numbers are missing, and \(open) packets")
        }
        let least = previous.parts - 1 - previous.part + packet.part
        guard step > least else {
            throw Breach(.continuity, "\(what): no room for \(least) packets of their frames")
        }
        guard let last = frames.last, last.number < packet.frame else {
            throw Breach(.continuity, "\(what): frame \(packet.frame) is older")
        }
        let unknown = Self.unknownFrames(
            in: ledger, after: last.number, before: packet.frame, order: packet.order, start: startOrder)
        let pictures = Int((sight.pictureID &- last.sight.pictureID) & mask)
        guard pictures >= 1, pictures <= 1 + unknown || unknown > Int(mask) / 2 else {
            throw Breach(.continuity, "\(what): picture ids \(pictures) on, \(unknown) frames unknown between")
        }
        let bases = ledger.frames[packet.frame].base &- ledger.frames[last.number].base
        guard sight.base &- last.sight.base == bases else {
            throw Breach(.continuity, "\(what): TL0PICIDX \(sight.base &- last.sight.base) on, not \(bases)")
        }
        try checkReference(packet, ledger, what)
        try checkWholeness(before: packet, ledger, what)
        frames.append((packet.frame, sight))
        if frames.count > 64 { frames.removeFirst(32) }
    }

    /// What a frame builds on was sent, as far as it had come.
    private func checkReference(_ packet: SentPacket, _ ledger: SourceLedger, _ what: String) throws(Breach) {
        let frame = ledger.frames[packet.frame]
        guard !frame.isKey, !frames.contains(where: { $0.number == frame.reference }),
            frames.first.map({ $0.number < frame.reference }) ?? false
        else { return }
        let reference = ledger.frames[frame.reference]
        guard reference.first >= 0 else { return }
        for index in reference.first..<reference.first + reference.parts where index < ledger.packets.count {
            let other = ledger.packets[index]
            guard other.order >= 0, other.order < packet.order, other.fate == .forwardable else { continue }
            throw Breach(
                .continuity, "\(what): its frame \(packet.frame) builds on \(frame.reference), which was withheld")
        }
    }

    /// Of the frames before this one everything was sent that had come.
    private func checkWholeness(before packet: SentPacket, _ ledger: SourceLedger, _ what: String) throws(Breach) {
        for frame in frames.suffix(4) {
            let encoded = ledger.frames[frame.number]
            for index in encoded.first..<encoded.first + encoded.parts where index < ledger.packets.count {
                let other = ledger.packets[index]
                guard other.order >= startOrder, other.order < packet.order, other.fate == .forwardable else {
                    continue
                }
                let out = frame.sight.out + Int64(index - frame.sight.index)
                let entry = entries[Int(out & Int64(entries.count - 1))]
                guard entry.out == out, entry.index == index else {
                    throw Breach(
                        .continuity, "\(what): packet \(index) of frame \(frame.number) before it was withheld")
                }
            }
        }
    }

    private func checkSwitch(
        _ sight: Sight, _ before: Sight, _ world: World, _ mask: UInt16, _ elapsed: TimeDelta, _ what: String
    ) throws(Breach) {
        let old = world.ledgers[before.ledger]
        let order = sight.ledger == before.ledger ? old.packets[sight.index].order : .max
        let end = sight.ledger == before.ledger ? sight.index : old.highest + 1
        let open = Self.open(in: old, after: before.index, before: end, order: order, start: startOrder)
        let step = sight.out - before.out
        guard step <= Int64(2 + open + (BridgeTraits.hasViews ? 0 : ForwardingLimits.restartHole)) else {
            throw Breach(.continuity, "\(what): a switch \(step) numbers on, \(open) packets open")
        }
        let ticks = Int32(bitPattern: sight.timestamp &- before.timestamp)
        guard ticks > 0, Int64(ticks) <= (elapsed + .seconds(1 as Int64)).microseconds * 90 / 1_000 else {
            throw Breach(.continuity, "\(what): a switch \(ticks) ticks on, after \(elapsed.microseconds) µs")
        }
        guard BridgeTraits.hasViews else { return }
        let pictures = (sight.pictureID &- before.pictureID) & mask
        guard pictures == 1 else { throw Breach(.continuity, "\(what): a switch \(pictures) picture ids on") }
        guard sight.base == before.base &+ 1 else {
            throw Breach(.continuity, "\(what): a switch \(sight.base &- before.base) TL0PICIDX on")
        }
    }

    /// A packet behind later ones fills its place.
    private mutating func placeLate(
        _ sight: Sight, _ packet: SentPacket, _ ledger: SourceLedger, _ world: World
    ) throws(Breach) {
        let what = "ssrc \(ledger.ssrc) late packet \(sight.index) as \(sight.out)"
        var lower: Entry?
        var upper: Entry?
        for distance in 1...Int64(512) {
            let down = entries[Int((sight.out - distance) & Int64(entries.count - 1))]
            if lower == nil, down.out == sight.out - distance { lower = down }
            let up = entries[Int((sight.out + distance) & Int64(entries.count - 1))]
            if upper == nil, up.out == sight.out + distance { upper = up }
            if lower != nil, upper != nil { break }
        }
        guard let upper, upper.ledger == sight.ledger, upper.index > sight.index,
            lower.map({ $0.ledger != sight.ledger || $0.index < sight.index }) ?? true
        else { throw Breach(.continuity, "\(what): not between its neighbours") }
        for neighbour in [lower, upper].compactMap({ $0 }) where neighbour.ledger == sight.ledger {
            let other = ledger.packets[neighbour.index]
            if other.frame == packet.frame {
                guard neighbour.out - sight.out == Int64(neighbour.index - sight.index) else {
                    throw Breach(.continuity, "\(what): not in its place in frame \(packet.frame)")
                }
                guard neighbour.pictureID == sight.pictureID, neighbour.base == sight.base else {
                    throw Breach(.continuity, "\(what): other picture ids in one frame")
                }
            }
            let span = ledger.packets[neighbour.index].timestamp &- packet.timestamp
            guard neighbour.timestamp &- sight.timestamp == span || neighbour.out < sight.out else {
                throw Breach(.continuity, "\(what): the time stamp leaps")
            }
        }
        // A frame that a repeat has brought is one to build on.
        guard let place = frames.firstIndex(where: { $0.number >= packet.frame }), place > 0,
            frames[place].number != packet.frame
        else { return }
        frames.insert((packet.frame, sight), at: place)
    }

    /// Packets between two that may still come, or whose place could not be closed any more: they came late, or before
    /// the one that the encoding began with.
    private static func open(
        in ledger: SourceLedger, after lower: Int, before upper: Int, order: Int, start: Int
    ) -> Int {
        guard lower + 1 < upper else { return 0 }
        var count = 0
        for index in lower + 1..<upper {
            let packet = ledger.packets[index]
            if packet.order < 0 || packet.order >= order || packet.isLate || packet.order < start { count += 1 }
        }
        return count > Int(ForwardingLimits.restartHole) ? count + ForwardingLimits.restartHole : count
    }

    /// Frames between two of which nothing had come, or only what came before the encoding began, as packets that are
    /// ``open(in:after:before:order:start:)``.
    private static func unknownFrames(
        in ledger: SourceLedger, after lower: Int, before upper: Int, order: Int, start: Int
    ) -> Int {
        guard lower + 1 < upper else { return 0 }
        var count = 0
        for number in lower + 1..<upper {
            let frame = ledger.frames[number]
            let isKnown =
                frame.first >= 0
                && (frame.first..<min(frame.first + frame.parts, ledger.packets.count)).contains {
                    let packet = ledger.packets[$0]
                    return packet.order >= max(start, 0) && packet.order < order && !packet.isLate
                }
            if !isKnown { count += 1 }
        }
        return count
    }
}
