// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// All that a worker remembers to repair losses on the way to its receivers.
public struct RepairMemory: ~Copyable {
    /// The packets, one copy for all receivers.
    public var store: PacketStore
    /// Who was sent which of them under which number.
    public var rings: SentRings
    /// What came of the NACKs.
    public internal(set) var counters = RepairCounters()
    /// How much may be spent on a receiver.
    public let settings: RepairSettings
    var repeats: RepeatQueue

    /// Nothing remembered.
    public init(_ settings: RepairSettings = RepairSettings()) {
        self.settings = settings
        store = PacketStore(byteCapacity: settings.storeBytes)
        rings = SentRings()
        repeats = RepeatQueue()
    }

    /// Takes the next repeat that waits in a receiver's list; passes over packets that are gone meanwhile.
    /// - Returns: it and its packet, which stays until the store takes another one in.
    public mutating func nextRepeat(
        in list: inout RepeatList, at now: Timestamp
    ) -> (value: Repeat, packet: StoredPacket)? {
        // Ends: every turn takes one out of the list.
        while let value = repeats.popFirst(from: &list) {
            if let packet = store.find(value.reference, at: now) { return (value, packet) }
            counters.dropped += 1
        }
        return nil
    }

    /// Forgets the repeats that wait in a list: the receiver goes away, or cannot be reached.
    public mutating func dropRepeats(in list: inout RepeatList) {
        // Ends: as above.
        while repeats.popFirst(from: &list) != nil { counters.dropped += 1 }
    }
}
