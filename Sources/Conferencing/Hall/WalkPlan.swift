// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// In which order a walk takes the encodings of a conference, so that a receiver's packets are few kernel messages.
///
/// The kernel takes packets of one length for one receiver as one message, and a shorter one as its last (UDP GSO). So
/// sources of one length stand together, longest first: the speech of a whole stage may be one message. Each such group
/// leaves the place of a shorter last packet, and the shortest sources are there to fill it, a packet in each place:
/// twenty cameras with two packets each are fourteen messages instead of twenty.
struct WalkPlan: ~Copyable {
    /// An encoding with packets.
    struct Entry: BitwiseCopyable {
        var place: EncodingPlace
        /// Length of its first packet.
        var length: UInt16
        /// How many packets it has.
        var packets: UInt16
        /// They are of one length: a shorter one may follow.
        var isEven: Bool
        /// One packet of those that fill places goes behind it.
        var takesTail = false
        /// Its packets fill places behind others.
        var isTail = false
        /// Position in the order of first touch.
        fileprivate var arrival: UInt16 = 0

        init(_ place: EncodingPlace, length: UInt16, packets: UInt16, isEven: Bool) {
            self.place = place
            self.length = length
            self.packets = packets
            self.isEven = isEven
        }

        fileprivate func comes(before other: Entry) -> Bool {
            length == other.length ? arrival < other.arrival : length > other.length
        }
    }

    private let entries: UnsafeMutablePointer<Entry>
    private(set) var count = 0

    init() { entries = .allocate(capacity: ConferencingLimits.waitingPackets) }

    deinit { entries.deallocate() }

    subscript(_ index: Int) -> Entry {
        precondition(index >= 0 && index < count, "no such source")
        return entries[index]
    }

    mutating func removeAll() { count = 0 }

    /// Adds an encoding. Each has a packet at least, so no more come than packets may wait.
    mutating func add(_ entry: Entry) {
        precondition(count < ConferencingLimits.waitingPackets, "more sources than packets")
        entries[count] = entry
        entries[count].arrival = UInt16(count)
        count += 1
    }

    /// Sorts the encodings and says which of them fill places.
    mutating func make() {
        guard count > 1 else { return }
        sort()
        // Groups of one length: the longest open places, the shortest fill them as soon as there are enough.
        var (first, end) = (0, count)
        var places = 0
        // Ends: each turn takes a group from either side.
        while first < end {
            var last = end - 1
            var packets = Int(entries[last].packets)
            while last > first, entries[last - 1].length == entries[end - 1].length {
                last -= 1
                packets += Int(entries[last].packets)
            }
            if packets <= places {
                for index in last..<end { entries[index].isTail = true }
                places -= packets
                end = last
            } else if packets > ConferencingLimits.tailPackets {
                // One message as it stands, and too many places to fill.
                end = last
            } else {
                let length = entries[first].length
                while first < end, entries[first].length == length { first += 1 }
                guard entries[first - 1].isEven else { continue }
                entries[first - 1].takesTail = true
                places += 1
            }
        }
    }

    /// Longest first. Shell's method: short, in place, and quick for some dozens.
    private func sort() {
        var gap = count / 2
        // Ends: the gap is halved until it is nothing; each entry moves forward until it is in its place.
        while gap > 0 {
            for index in gap..<count {
                let entry = entries[index]
                var place = index
                while place >= gap, entry.comes(before: entries[place - gap]) {
                    entries[place] = entries[place - gap]
                    place -= gap
                }
                entries[place] = entry
            }
            gap /= 2
        }
    }
}
