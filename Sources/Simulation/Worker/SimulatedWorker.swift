// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import Primitives
import ShardMessages
import Telemetry

/// One worker of the bridge: its conferences are the real ones, its socket, clock and processor are the world's.
///
/// A turn does what `MediaPlane`'s loop does, in the same order. Work costs virtual time, so that what arrives during
/// a long turn waits for the next one. This is the only file that touches `Conferencing`.
struct SimulatedWorker: ~Copyable {
    /// What work costs in virtual time.
    struct Costs {
        /// A turn of the loop.
        var turn = TimeDelta.microseconds(5)
        /// Taking in one datagram.
        var receive = TimeDelta.nanoseconds(500)
        /// Encrypting and sending one datagram.
        var send = TimeDelta.nanoseconds(1_000)
    }

    /// A datagram that left.
    struct Departure {
        var time: Timestamp
        var remote: TransportAddress
        var bytes: [UInt8]
    }

    /// What became of a datagram that carried a packet of a ledger.
    struct Outcome {
        var datagram: UplinkDatagram
        var arrival: Timestamp
        /// It passed SRTP.
        var isAuthentic: Bool
        /// No drop counter of the doors moved.
        var isTaken: Bool
        /// It was taken in and is not among the loudest.
        var isNotLoud: Bool
        /// It is of a stream that nothing is forwarded from, as repeats are that nobody asked for.
        var isUseless: Bool
    }

    /// Where the bridge is.
    static let address = TransportAddress(ipv4: 0xC633_6401, port: 10_000)

    let counters = CounterBlock()
    var costs = Costs()
    private var host: ShardHost
    private var egress = EgressBatch()
    private var socket: [(datagram: UplinkDatagram, arrival: Timestamp)] = []
    private var socketHead = 0
    private let slab = UnsafeMutableRawBufferPointer.allocate(
        byteCount: SimulationLimits.receiveBatch * SimulationLimits.slabBytes, alignment: 64)
    private var elapsed = TimeDelta.zero
    private var turnStart = Timestamp.zero
    private let refusals: (strange: [MediaCounter], authentic: [MediaCounter])
    /// Until when the present turn takes.
    private(set) var busyUntil = Timestamp.zero
    /// Kernel messages sent.
    private(set) var messages = 0
    /// What left since ``takeDepartures()``.
    private var departures: [Departure] = []
    private var outcomes: [Outcome] = []
    private(set) var lostAtSocket = 0

    /// Drop reasons of packets that were taken in and whose number is closed up, or that nobody was to get.
    private static let discards: Set<String> = [
        "droppedForceMuted", "droppedVisitorMedia", "droppedPaddingOnly", "droppedSilence",
        "droppedNotForwardedEncoding", "droppedSendBuffer", "droppedUnwanted", "droppedNotLoudest",
        "droppedProbe", "droppedRepeat",
    ]

    /// Drop reasons of packets that are refused although they are the sender's own.
    private static let refusedAuthentic: Set<String> = [
        "droppedUnknownSSRC", "droppedUnknownPayloadType", "droppedDuplicate", "droppedTooLate",
    ]

    init(_ settings: ShardSettings, identity: DTLSIdentity, random: Random, at now: Timestamp) {
        host = ShardHost(settings: settings, identity: identity, counters: counters, random: random, at: now)
        let reasons = MediaCounter.allCases.filter {
            let name = String(describing: $0)
            return name.hasPrefix("dropped") && !Self.discards.contains(name)
        }
        refusals = (
            reasons.filter { !Self.refusedAuthentic.contains(String(describing: $0)) },
            reasons.filter { Self.refusedAuthentic.contains(String(describing: $0)) }
        )
    }

    deinit { slab.deallocate() }

    // MARK: What the world asks

    /// Carries a request out, between two turns.
    mutating func apply(_ request: ShardRequest, at now: Timestamp) -> ShardAnswer {
        begin(at: now)
        let answer = host.apply(request, at: now, into: &egress)
        flush()
        end()
        return answer
    }

    /// The stand-in for a handshake: the endpoint goes on with these keys.
    mutating func adopt(_ keys: SRTPKeys, for endpoint: EndpointNumber, at now: Timestamp) {
        begin(at: now)
        host.adopt(keys, for: endpoint, at: now, into: &egress)
        flush()
        end()
    }

    /// What a client said over its bridge channel.
    mutating func prefer(_ preferences: ReceiverPreferences, of endpoint: EndpointNumber) {
        host.setPreferences(of: endpoint, to: preferences)
    }

    /// The account behind `/debug`.
    mutating func describe(at now: Timestamp) -> String {
        host.describe(0)
        // Ends: the account is written in a bounded number of turns.
        while host.isDescribing { host.handleTimeout(at: now, into: &egress) }
        flush()
        // Ends: takes one event out of a bounded queue.
        while let event = host.pollEvent() {
            if case .description(_, let text) = event { return text }
        }
        return ""
    }

    /// A datagram reaches the socket.
    mutating func enqueue(_ datagram: UplinkDatagram, at now: Timestamp) {
        guard socket.count - socketHead < SimulationLimits.socketDatagrams else { return lostAtSocket += 1 }
        socket.append((datagram, now))
    }

    /// When the loop turns next: at once while there is something to do, and never before the last turn is over.
    var nextTurn: Timestamp {
        hasWork ? busyUntil : max(busyUntil, host.nextTimeout)
    }

    /// Whether datagrams wait in the socket, or packets in the hall.
    var hasWork: Bool { socketHead < socket.count || host.hasWaiting || host.holdsRecords }

    /// One turn of the loop.
    mutating func turn(at now: Timestamp) {
        begin(at: now)
        elapsed = elapsed + costs.turn
        var operations = ConferencingLimits.operationsPerTurn
        host.work(at: now, into: &egress, steps: &operations)
        receive(at: now)
        // Ends: each turn takes one out of a bounded ring.
        while !host.hasWaiting, egress.hasRoom(datagrams: 48), host.takeHeldRecord(at: now, into: &egress) {}
        host.handleTimeout(at: now, into: &egress)
        flush()
        end()
    }

    mutating func takeDepartures() -> [Departure] {
        let taken = departures
        departures.removeAll(keepingCapacity: true)
        return taken
    }

    mutating func takeOutcomes() -> [Outcome] {
        let taken = outcomes
        outcomes.removeAll(keepingCapacity: true)
        return taken
    }

    mutating func pollEvent() -> ShardEvent? { host.pollEvent() }

    // MARK: The steps of a turn

    private mutating func begin(at now: Timestamp) {
        turnStart = max(now, busyUntil)
        elapsed = .zero
    }

    private mutating func end() { busyUntil = turnStart + elapsed }

    /// One receive batch, and what an earlier turn has left over. What this turn does not get through waits outside of
    /// the slab.
    private mutating func receive(at now: Timestamp) {
        var budget = SimulationLimits.packetsPerTurn
        for index in 0..<SimulationLimits.receiveBatch where socketHead < socket.count {
            let (datagram, arrival) = socket[socketHead]
            socketHead += 1
            guard datagram.bytes.count <= SimulationLimits.slabBytes else { continue }
            if host.isBatchFull || !egress.hasRoom(datagrams: 48) { pump(&budget) }
            let start = index * SimulationLimits.slabBytes
            let place = UnsafeMutableRawBufferPointer(rebasing: slab[start..<start + datagram.bytes.count])
            place.copyBytes(from: datagram.bytes)
            elapsed = elapsed + costs.receive
            let before = (sum(refusals.strange), sum(refusals.authentic))
            let quiet = counters.value(.droppedNotLoudest)
            let useless = uselessCount
            host.receive(place, from: datagram.source, local: 0, at: now, arrival: arrival, into: &egress)
            if datagram.packet != nil || !datagram.reports.isEmpty {
                let isAuthentic = sum(refusals.strange) == before.0
                let isTaken = isAuthentic && sum(refusals.authentic) == before.1
                outcomes.append(
                    Outcome(
                        datagram: datagram, arrival: arrival, isAuthentic: isAuthentic, isTaken: isTaken,
                        isNotLoud: counters.value(.droppedNotLoudest) != quiet,
                        isUseless: uselessCount != useless))
            }
        }
        if socketHead == socket.count {
            socket.removeAll(keepingCapacity: true)
            socketHead = 0
        } else if socketHead > 4_096 {
            socket.removeFirst(socketHead)
            socketHead = 0
        }
        pump(&budget)
    }

    private var uselessCount: UInt64 { sum([.droppedNotForwardedEncoding, .droppedRepeat, .droppedProbe]) }

    private func sum(_ list: [MediaCounter]) -> UInt64 {
        var sum: UInt64 = 0
        for counter in list { sum &+= counters.value(counter) }
        return sum
    }

    private mutating func pump(_ budget: inout Int) {
        // Ends: every call finishes the batch, spends the budget or fills the egress batch, which the flush empties.
        while host.hasWaiting {
            // As in the loop, the clock is read anew before each piece.
            switch host.pump(into: &egress, at: turnStart + elapsed, within: &budget) {
            case .done: return flush()
            case .egressFull: flush()
            case .turnSpent:
                host.park()
                return flush()
            }
        }
        flush()
    }

    private mutating func flush() {
        for index in 0..<egress.messageCount {
            let message = egress.messages[index]
            var offset = message.offset
            let end = message.offset + message.byteCount
            while offset < end {
                let next = min(offset + message.segmentBytes, end)
                elapsed = elapsed + costs.send
                departures.append(
                    Departure(
                        time: turnStart + elapsed, remote: message.destination.remote,
                        bytes: [UInt8](egress.buffer[offset..<next])))
                offset = next
            }
        }
        messages += egress.messageCount
        egress.removeAll()
    }
}
