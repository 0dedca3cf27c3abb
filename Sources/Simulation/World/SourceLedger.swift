// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import ShardMessages

/// One packet that a client sent, and what became of it at the bridge's door.
struct SentPacket {
    /// What the bridge has to do with it.
    enum Fate {
        /// Has not been taken in (yet).
        case away
        /// Goes to everybody who may have it.
        case forwardable
        /// Goes to nobody: padding alone, long silence, muted, a visitor's.
        case discarded
    }

    var timestamp: UInt32
    /// Number of the frame; every audio packet is one.
    var frame: Int
    /// Which of how many packets of the frame.
    var part: Int
    var parts: Int
    var isKey: Bool
    var isPadding = false
    /// 0…127, 255 without.
    var level: UInt8 = 255
    var payloadHash: UInt64
    var payloadBytes: Int
    var fate = Fate.away
    /// Its number is closed up, so that receivers do not see that it is missing.
    var isClosed = false
    /// Position in the order of arrivals of its source; −1 while away.
    var order = -1
    /// A later one had been taken in before.
    var isLate = false
    /// Its repeat was taken in, and it has not come itself.
    var isOnlyRepeated = false
    /// It was never sent: the sender's numbers jumped over it.
    var isSkipped = false
    /// When it reached the bridge's socket.
    var arrival = Timestamp.zero
}

/// One stream as its owner sent it: the truth that everything forwarded is compared with.
struct SourceLedger {
    let owner: Int
    let conference: Int
    let ssrc: UInt32
    let mediaType: MediaType
    let firstSequence: UInt16
    /// Which encoding of which source with several it is.
    var layers: (group: Int, encoding: Int)?
    /// What was encoded, by number of the frame; empty for sources without layers.
    var frames: [EncodedFrame] = []
    /// Packet `index` has sequence number `firstSequence + index`.
    var packets: [SentPacket] = []
    /// Sender reports, as sent.
    var reports: [(ntp: NTPTime, rtpTimestamp: UInt32, isTaken: Bool)] = []
    /// Whether the owner has signalled it, and is there.
    var isSignalled = true
    /// The SSRC is somebody else's too: until the bridge has a place for it, reports lead nowhere.
    var isForeign = false
    /// How often it was signalled anew, and with which packet that began.
    var epochs: [Int] = [0]
    /// Packets taken in.
    var taken = 0
    /// The highest index taken in; −1 before the first.
    var highest = -1
    /// Since the last time it was signalled: the first packet taken, and how many.
    var statistics = (base: -1, highest: -1, count: 0)
    /// The newest sender report that the bridge has.
    var newestReport: Int?

    /// The index of the packet with this number near the newest ones.
    func index(of sequence: UInt16) -> Int {
        let last = packets.count - 1
        return last + SequenceNumber.delta(sequence, firstSequence &+ UInt16(truncatingIfNeeded: last))
    }

    func sequence(of index: Int) -> UInt16 { firstSequence &+ UInt16(truncatingIfNeeded: index) }

    /// Whether the source was signalled anew between two packets.
    func hasEpoch(after lower: Int, upTo upper: Int) -> Bool {
        epochs.contains { $0 > lower && $0 <= upper }
    }

    /// The source is signalled anew: statistics begin again.
    mutating func beginEpoch() {
        epochs.append(packets.count)
        statistics = (-1, -1, 0)
        newestReport = nil
    }

    /// A packet was taken in by the bridge.
    /// - Parameter isRepeat: it came on the stream of repeats; reports tell the loss as it was.
    mutating func take(_ index: Int, fate: SentPacket.Fate, isRepeat: Bool = false, at arrival: Timestamp) {
        packets[index].order = taken
        packets[index].arrival = arrival
        packets[index].fate = fate
        packets[index].isLate = index < highest
        packets[index].isClosed = fate == .discarded && (index > highest)
        taken += 1
        highest = max(highest, index)
        packets[index].isOnlyRepeated = isRepeat
        if !isRepeat { count(index) }
    }

    /// A packet came that is thrown away. Where its repeat came first reports count it all the same: it has arrived.
    mutating func noteOriginal(_ index: Int) {
        guard packets[index].isOnlyRepeated else { return }
        packets[index].isOnlyRepeated = false
        count(index)
    }

    private mutating func count(_ index: Int) {
        if statistics.base < 0 { statistics = (index, index, 0) }
        statistics.highest = max(statistics.highest, index)
        statistics.count += 1
    }
}
