// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import MediaTransport
import OpenSSL
import Primitives
import ShardMessages

/// Whole meetings in virtual time: one worker of the bridge, its clients, the paths between them, and a clock that
/// jumps from one event to the next.
///
/// Everything random comes from the seed, except what OpenSSL draws for itself; nothing that is watched depends on
/// that. The laws are asked at every packet; the first breach ends the run.
final class World {
    /// A meeting.
    struct Meeting {
        let number: ConferenceNumber
        var isOpen = true
    }

    /// A step of the scenario.
    typealias Step = (World) -> Void

    private(set) var now = Timestamp(nanoseconds: 1_000_000_000)
    var random: Random
    var queue = EventQueue()
    var trace = Trace()
    var worker: SimulatedWorker
    var conferences: [Meeting] = []
    var clients: [VirtualClient] = []
    var ledgers: [SourceLedger] = []
    /// Video sources of several encodings, whose ledgers are among the others.
    var groups: [SourceGroup] = []
    /// Whoever has, or had, an address.
    var owners: [TransportAddress: Int] = [:]
    private(set) var violation: Violation?
    /// Sources talk without pause, so that everybody can be heard.
    var isCalm = false
    /// Names of drop counters that may move.
    var allowedDrops: Set<String> = []
    /// How long forwarded packets were inside the bridge, by conference that asked for it.
    var transits: [Int: [TimeDelta]] = [:]
    /// What was told about speakers, by conference.
    private(set) var speakers: [Int: [SpeakerState]] = [:]

    private var steps: [Step] = []
    private var turnAt = Timestamp.distantFuture
    private var idleTurns = (since: Timestamp.zero, count: 0)
    private var scratch = EgressBatch(bytes: 1 << 16, messages: 32, joinsSegments: false)
    private var requests: UInt64 = 0
    let identity: DTLSIdentity

    /// An empty world.
    /// - Throws: when OpenSSL makes no certificates.
    init(
        seed: UInt64, configure: (inout ShardSettings) -> Void = { _ in }
    ) throws(OpenSSLError) {
        random = Random(seed: seed)
        identity = try DTLSIdentity(wallSeconds: 1_790_000_000)
        let bridge = try DTLSIdentity(wallSeconds: 1_790_000_000)
        var settings = ShardSettings(localAddresses: [SimulatedWorker.address])
        settings.dtls.profiles = [.aeadAES128GCM, .aes128CMHMACSHA1_80, .aeadAES256GCM]
        configure(&settings)
        worker = SimulatedWorker(settings, identity: bridge, random: Random(seed: random.next()), at: now)
    }

    // MARK: The clock

    /// Lets the world run to a moment, or to the first breach.
    func run(until end: Timestamp) {
        wakeWorker()
        while violation == nil, let time = queue.earliest, time <= end {
            guard queue.total < SimulationLimits.events else { return fail(.world, "the run does not end") }
            now = max(now, time)
            guard let event = queue.pop() else { break }
            handle(event)
        }
        now = max(now, end)
    }

    /// Calls a step of the scenario after some time.
    func after(_ delay: TimeDelta, _ step: @escaping Step) {
        steps.append(step)
        queue.insert(.script(steps.count - 1), at: now + delay)
    }

    /// Notes a breach; the first one counts.
    func fail(_ law: Violation.Law, _ detail: String, at time: Timestamp? = nil) {
        guard violation == nil else { return }
        violation = Violation(time: time ?? now, law: law, detail: detail)
    }

    private func handle(_ event: Event) {
        switch event {
        case .arrival(let datagram): arrive(datagram)
        case .delivery(let index, let address, let datagram): deliver(datagram, to: clients[index], at: address)
        case .client(let index):
            guard clients[index].wakeAt <= now else { return }
            clients[index].wakeAt = .distantFuture
            clients[index].wake(in: self)
            schedule(clients[index])
        case .script(let index):
            steps[index](self)
            wakeWorker()
        case .turn:
            guard turnAt <= now else { return }
            turnAt = .distantFuture
            noteTurn()
            worker.turn(at: now)
            absorb()
            wakeWorker()
        }
    }

    /// Queues the client's next wake-up.
    func schedule(_ client: VirtualClient) {
        let due = max(now, client.nextTimeout)
        guard due < client.wakeAt, due < .distantFuture else { return }
        client.wakeAt = due
        queue.insert(.client(client.index), at: due)
    }

    private func wakeWorker() {
        let due = max(now, worker.nextTurn)
        guard due < turnAt else { return }
        turnAt = due
        queue.insert(.turn, at: due)
    }

    /// A loop that turns and turns without anything to do has a timer that does not let go.
    private func noteTurn() {
        if now - idleTurns.since > .seconds(1 as Int64) { idleTurns = (now, 0) }
        if !worker.hasWork { idleTurns.count += 1 }
        if idleTurns.count > SimulationLimits.turnsWithoutTime { fail(.pools, "the worker's timers never rest") }
    }

    // MARK: The network

    /// A client sends a datagram from the address that it has now.
    func send(
        _ bytes: [UInt8], from client: VirtualClient, packet: (ledger: Int, index: Int)? = nil,
        isRepeat: Bool = false, transportNumber: Int? = nil, reports: [(ledger: Int, index: Int)] = []
    ) {
        var datagram = UplinkDatagram(
            source: client.address, bytes: bytes, packet: packet, isRepeat: isRepeat,
            transportNumber: transportNumber, reports: reports)
        let (first, copy) = client.uplink.pass(
            at: now, bytes: bytes.count, isHandshake: DatagramClass(bytes.rawSpan) == .dtls)
        if let first { queue.insert(.arrival(datagram), at: first) }
        guard let copy else { return }
        datagram.isCopy = true
        queue.insert(.arrival(datagram), at: copy)
    }

    /// A datagram from anywhere, with any source address.
    func inject(_ bytes: [UInt8], from source: TransportAddress, after delay: TimeDelta = .zero) {
        queue.insert(.arrival(UplinkDatagram(source: source, bytes: bytes)), at: now + delay)
    }

    private func arrive(_ datagram: UplinkDatagram) {
        if let packet = datagram.packet {
            trace.note(
                "arrival", at: now, client: ledgers[packet.ledger].owner, UInt64(packet.ledger), UInt64(packet.index))
        } else {
            let kind = DatagramClass(datagram.bytes.rawSpan)
            trace.note("arrival", at: now, client: owners[datagram.source] ?? -1, UInt64(kind.rawValue))
        }
        worker.enqueue(datagram, at: now)
        wakeWorker()
    }

    private func deliver(_ datagram: DownlinkDatagram, to client: VirtualClient, at address: TransportAddress) {
        guard client.isPresent, client.address == address else { return }
        switch datagram {
        case .transport(let bytes): client.handle(bytes, in: self)
        case .media(let ledger, let index, let out):
            client.receive(
                ledgers[ledger].packets[index], ledger: ledger, index: index, out: out,
                of: ledgers[ledger].mediaType, at: now)
        case .view(let packet): client.receive(packet, in: self)
        case .control(let bytes): client.receiveControl(bytes, in: self)
        case .unreadable: break
        }
        schedule(client)
    }

    /// Sends what a client's transport has to send.
    func drainTransport(of client: VirtualClient) {
        _ = client.transport.drain(into: &scratch)
        var datagrams: [[UInt8]] = []
        for index in 0..<scratch.messageCount {
            let message = scratch.messages[index]
            datagrams.append([UInt8](scratch.buffer[message.offset..<message.offset + message.byteCount]))
        }
        scratch.removeAll()
        for bytes in datagrams { send(bytes, from: client) }
    }

    // MARK: The bridge

    /// Asks the bridge for something.
    func request(_ operations: [ShardOperation], in conference: Int) -> [(EndpointNumber, LocalTransport)]? {
        requests += 1
        let request = ShardRequest(number: requests, conference: conferences[conference].number, operations: operations)
        let answer = worker.apply(request, at: now)
        absorb()
        guard case .success(let transports) = answer.result else {
            fail(.world, "the bridge refused a request: \(answer.result)")
            return nil
        }
        return transports
    }

    /// Takes in what the worker has done: what it took, what happened, what it sends.
    func absorb() {
        for outcome in worker.takeOutcomes() { note(outcome) }
        while let event = worker.pollEvent() { note(event) }
        for departure in worker.takeDepartures() { depart(departure) }
    }

    /// Both ends can reach each other: after a while they have keys.
    func beginKeys(of client: VirtualClient) {
        guard client.isConnected == (true, true), !client.hasBegunKeys, !client.settings.usesDTLS else { return }
        client.hasBegunKeys = true
        after(client.settings.uplink.delay * 2) { world in world.agree(client) }
    }

    private func agree(_ client: VirtualClient) {
        guard client.isPresent else { return }
        let profile = client.settings.profile
        let keys = SRTPKeys(
            profile: profile, localKey: client.random.bytes(profile.keyBytes),
            localSalt: client.random.bytes(profile.saltBytes), remoteKey: client.random.bytes(profile.keyBytes),
            remoteSalt: client.random.bytes(profile.saltBytes))
        client.transport.adopt(
            SRTPKeys(
                profile: profile, localKey: keys.remoteKey, localSalt: keys.remoteSalt, remoteKey: keys.localKey,
                remoteSalt: keys.localSalt))
        worker.adopt(keys, for: client.number, at: now)
        absorb()
        client.settle(in: self)
        client.wake(in: self)
        schedule(client)
    }

    private func note(_ event: ShardEvent) {
        switch event {
        case .iceConnected(let number, _):
            let client = clients[Int(number.value) - 1]
            client.isConnected.there = true
            beginKeys(of: client)
        case .iceFailed(let number), .dtlsFailed(let number, _), .endpointExpired(let number, _, _):
            let client = clients[Int(number.value) - 1]
            if client.isPresent { fail(.world, "the bridge gave client \(client.index) up: \(event)") }
        case .answer, .dtlsConnected, .description, .conferenceExpired, .sourceRefused: break
        case .speakerChanged(let number, let state): speakers[Int(number.value) - 1, default: []].append(state)
        case .connectivityChanged, .estimateChanged, .forwardedSourcesChanged, .slotsChanged, .iceRestartEnded:
            break
        }
    }

    /// The account behind `/debug`.
    func describe() -> String { worker.describe(at: now) }
}
