// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import ICE
import MediaTransport
public import OpenSSL
public import Primitives
import RTP
public import ShardMessages
public import Telemetry

/// Every conference of one worker: commands and datagrams in, answers, events and datagrams out.
///
/// A core in the sense of ARCHITECTURE.md: no clock, no socket, one owner (the worker's thread). State lies in slabs by
/// index; the packet path is in `PacketPath.swift`, commands in `ShardHost+Commands.swift`, timers in
/// `ShardHost+Timers.swift`, RTCP in `ShardHost+RTCP.swift`.
///
/// The loop that drives it: commands (``apply(_:at:into:)``) → datagrams (``receive(_:from:local:at:into:)`` until
/// ``isBatchFull``) → ``pump(into:at:)`` until it says it is done, flushing in between → timers
/// (``handleTimeout(at:into:)``) → events (``pollEvent()``).
public struct ShardHost: ~Copyable {
    let settings: ShardSettings
    let counters: CounterBlock
    var identity: DTLSIdentity
    var random: Random

    var conferences = Slab<Conference>(capacity: ConferencingLimits.conferences)
    var endpoints = Slab<Endpoint>(capacity: ConferencingLimits.endpoints)
    var conferenceByNumber = FixedTable<UInt64, UInt32>(capacity: ConferencingLimits.conferences)
    var endpointByNumber = FixedTable<UInt64, UInt32>(capacity: ConferencingLimits.endpoints)
    /// Door 2.
    var sorter: PacketSorter
    var deadlines = DeadlineQueue()
    private var events: [ShardEvent] = []
    /// How many of ``events`` have been taken.
    private var takenEvents = 0
    var nextSweep: Timestamp
    var nextGauges: Timestamp

    // The present batch (PacketPath.swift).
    let batch = UnsafeMutablePointer<BatchPacket>.allocate(capacity: ConferencingLimits.batchPackets)
    /// The sender reports of the batch, at the same positions as their packets.
    let reports = UnsafeMutablePointer<SenderReport>.allocate(capacity: ConferencingLimits.batchPackets)
    var batchCount = 0
    let touched = UnsafeMutablePointer<UInt32>.allocate(capacity: ConferencingLimits.batchPackets)
    var touchedCount = 0
    var cursor = (conference: 0, member: 0)
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: EgressBatch.slotBytes, alignment: 16)

    /// An empty worker.
    public init(
        settings: ShardSettings, identity: DTLSIdentity, counters: CounterBlock, random: Random, at now: Timestamp
    ) {
        self.settings = settings
        self.identity = identity
        self.counters = counters
        self.random = random
        sorter = PacketSorter(worker: settings.worker, prefix: settings.ufragPrefix)
        nextSweep = now + settings.expiryCheckInterval
        nextGauges = now
    }

    deinit {
        batch.deallocate()
        reports.deallocate()
        touched.deallocate()
        scratch.deallocate()
    }

    /// New sessions use this certificate from now on (it is renewed daily); running ones keep theirs.
    public mutating func use(_ identity: DTLSIdentity) {
        self.identity = identity
    }

    /// The oldest event that the control plane has not taken yet.
    public mutating func pollEvent() -> ShardEvent? {
        guard takenEvents < events.count else { return nil }
        let event = events[takenEvents]
        takenEvents += 1
        if takenEvents == events.count {
            events.removeAll(keepingCapacity: events.count < 64)
            takenEvents = 0
        }
        return event
    }

    /// Whether events wait.
    public var hasEvents: Bool { takenEvents < events.count }

    mutating func emit(_ event: ShardEvent) {
        guard events.count < ConferencingLimits.pendingEvents else {
            counters.add(.droppedEventRing)
            return
        }
        events.append(event)
    }

    /// The slot of an endpoint by its number.
    func endpointIndex(_ number: EndpointNumber) -> Int? {
        endpointByNumber[number.value].map { Int($0) }
    }

    /// The slot of a conference by its number.
    func conferenceIndex(_ number: ConferenceNumber) -> Int? {
        conferenceByNumber[number.value].map { Int($0) }
    }
}
