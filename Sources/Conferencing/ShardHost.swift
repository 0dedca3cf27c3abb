// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Allocation
import Forwarding
import ICE
import MediaTransport
public import OpenSSL
public import Primitives
import RTP
import SRTP
public import ShardMessages
public import Telemetry

/// Every conference of one worker: commands and datagrams in, answers, events and datagrams out.
///
/// A core in the sense of ARCHITECTURE.md: no clock, no socket, one owner (the worker's thread). State lies in slabs by
/// index. `Hall/PacketPath.swift` is the packet's way, `Commands` what the control plane asks for, `Timers` what time
/// alone causes.
///
/// The loop that drives it, every turn: commands (``take(_:)`` and ``work(at:into:steps:)``) → datagrams
/// (``receive(_:from:local:at:arrival:into:)`` until ``isBatchFull``) → ``pump(into:at:within:)`` until it is done or
/// the turn is spent, flushing in between → ``park()`` before the receive slab is used again → timers
/// (``handleTimeout(at:into:)``) → events (``pollEvent()``).
public struct ShardHost: ~Copyable {
    var settings: ShardSettings
    let counters: CounterBlock
    var identity: DTLSIdentity
    var random: Random

    var conferences = Slab<Conference>(capacity: ConferencingLimits.conferenceSlots)
    var endpoints = Slab<Endpoint>(capacity: ConferencingLimits.endpointSlots)
    var conferenceByNumber = FixedTable<UInt64, UInt32>(capacity: ConferencingLimits.conferences)
    var endpointByNumber = FixedTable<UInt64, UInt32>(capacity: ConferencingLimits.endpointSlots)
    /// Door 2.
    var sorter: PacketSorter
    var deadlines = DeadlineQueue()
    /// When conferences decide who speaks.
    var decisions = DeadlineQueue()
    /// When receivers' layers are chosen by time.
    var allocations = DeadlineQueue()
    /// When those of conferences are whose senders send others than before.
    var layerNews = DeadlineQueue()
    /// Receivers that are sent other pictures than the control plane knows.
    var telling = GrowableQueue<SlabKey>()
    /// The pictures of the conference whose receivers are being served.
    var board = PictureBoard()
    var allocator: Allocator
    /// Conferences with members whose sources are to be chosen anew.
    var selecting = GrowableQueue<UInt32>()
    private var events: [ShardEvent] = []
    /// How many of ``events`` have been taken.
    private var takenEvents = 0
    var nextSweep: Timestamp
    var nextGauges: Timestamp
    /// When the next round of ``connectivity`` begins; never while there is nobody.
    var nextConnectivity = Timestamp.distantFuture
    var connectivity = ConnectivityRound()
    var sweep = Sweep()
    var gauges = GaugeRound()

    /// The request that is being carried out (Commands).
    var request: RequestProgress?
    /// Conferences that were ended and still have members, oldest first.
    var ending = GrowableQueue<UInt32>()
    /// How many endpoints those hold, and from which place on the oldest one still has some.
    var endingCount = 0
    var nextPlace = 0
    var description: DescriptionProgress?
    /// Endpoints whose session has failed, to be removed little by little.
    var doomed = GrowableQueue<SlabKey>()
    /// Sessions were taken apart in this turn.
    var hasFreedMemory = false

    /// Packets of data channels for the control plane, tagged with their endpoint's number. The owner of the host takes
    /// them; this is the producer's side.
    public let channelRecords: RecordRing
    var hasPushedRecords = false
    /// DTLS datagrams that came while media waited, and how many.
    let heldRecords = RecordRing(capacity: ConferencingLimits.heldRecordsBytes)
    var heldCount = 0

    /// What is remembered to repair losses on the way to receivers (Hall/ShardHost+Repeats.swift).
    var repair: RepairMemory
    /// How much of its counters stands in ``counters``.
    var toldRepairs = RepairCounters()
    var toldOverwritten: UInt64 = 0
    /// Endpoints with repeats that wait, each once.
    var repeating = GrowableQueue<SlabKey>()

    // The packets that wait (Hall/PacketPath.swift).
    var batch = PacketBatch()
    /// Conferences with packets, in the order in which they are served.
    var queue = GrowableQueue<UInt32>(capacity: 64)
    var walkPlan = WalkPlan()
    var sealQueue: SealQueue
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: EgressBatch.slotBytes, alignment: 16)

    /// An empty worker.
    /// - Parameter channelRecords: where packets of data channels go.
    public init(
        settings: ShardSettings, identity: DTLSIdentity, counters: CounterBlock, random: Random, at now: Timestamp,
        channelRecords: RecordRing = RecordRing(capacity: ConferencingLimits.channelRingBytes)
    ) {
        self.settings = settings
        self.identity = identity
        self.counters = counters
        self.random = random
        self.channelRecords = channelRecords
        repair = RepairMemory(settings.repair)
        sealQueue = SealQueue(settings.srtp.engine)
        allocator = Allocator(settings: settings.allocation)
        sorter = PacketSorter(worker: settings.worker, prefix: settings.ufragPrefix)
        nextSweep = now + settings.expiryCheckInterval
        nextGauges = now
    }

    deinit { scratch.deallocate() }

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

    /// So many events wait that no command should be taken before the control plane has read some.
    public var isBacklogged: Bool { events.count - takenEvents >= ConferencingLimits.pendingEvents / 2 }

    mutating func emit(_ event: ShardEvent) {
        // Answers are as many as requests, and those stop when the shard is backlogged: an answer is never lost.
        if case .answer = event {
        } else {
            guard events.count < ConferencingLimits.pendingEvents else {
                counters.add(.droppedEventRing)
                return
            }
        }
        events.append(event)
    }

    /// The slot of an endpoint by its number; `nil` when its conference is ending.
    func endpointIndex(_ number: EndpointNumber) -> Int? {
        guard let index = endpointByNumber[number.value].map({ Int($0) }), !isGone(index) else { return nil }
        return index
    }

    /// The slot of a conference by its number.
    func conferenceIndex(_ number: ConferenceNumber) -> Int? {
        conferenceByNumber[number.value].map { Int($0) }
    }

    /// Whether the endpoint in a slot has ended and only waits for being removed: nothing reaches it any more.
    @inline(__always)
    func isGone(_ index: Int) -> Bool {
        conferences.pointer(at: endpoints.pointer(at: index).pointee.conference).pointee.isEnding
    }
}
