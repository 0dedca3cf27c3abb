// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import PacketIO
import Primitives
import ShardMessages
import Synchronization
import Telemetry

/// A media worker's loop (house rule 2.9): commands → datagrams → data channels → timers → flush → events → wait.
///
/// Everything it owns is reached by `inout` from here; nobody else reads or writes it. One clock read starts a turn and
/// serves its timers; another goes before each piece of forwarding, because a large meeting's packets leave over
/// milliseconds; the last one ends the turn for the busy share. When datagrams arrived the kernel says.
/// Time in which the process did not run is not on that clock (`CatchUp`).
struct WorkerLoop: ~Copyable {
    var port: UDPPort
    private var host: ShardHost
    private var slab: ReceiveSlab
    private var egress: EgressBatch
    private var poller: Poller
    private let mailboxes: MediaWorker.Mailboxes
    private let counters: CounterBlock
    private var portAccount = PortAccount()
    private var clock = LoopClock()
    private var catchUp = CatchUp()
    private let polled = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 64)
    /// Bit per socket: whether there may be something to receive.
    private var readable: UInt64 = 0
    private var certificateRenewal: Timestamp
    private let certificateAge: TimeDelta
    private let identitySettings: DTLSIdentity.Settings

    /// Token of the wake-up; sockets use their index.
    private static let wakeToken = UInt64.max

    private init(
        port: consuming UDPPort, poller: consuming Poller, host: consuming ShardHost,
        mailboxes: MediaWorker.Mailboxes, counters: CounterBlock, identity: DTLSIdentity.Settings,
        certificateAge: TimeDelta, at now: Timestamp
    ) {
        identitySettings = identity
        self.certificateAge = certificateAge
        egress = EgressBatch(
            bytes: MediaPlaneLimits.egressBytes, messages: MediaPlaneLimits.egressMessages, joinsSegments: port.hasGSO)
        self.port = port
        self.poller = poller
        self.host = host
        self.mailboxes = mailboxes
        self.counters = counters
        certificateRenewal = now + certificateAge
        slab = ReceiveSlab()
    }

    /// Makes everything the loop needs.
    static func make(
        _ configuration: MediaWorker.Configuration, port: consuming UDPPort, mailboxes: MediaWorker.Mailboxes,
        counters: CounterBlock
    ) throws(SystemError) -> WorkerLoop {
        let poller = try Poller()
        for (index, descriptor) in port.descriptors.enumerated() {
            try poller.add(descriptor: descriptor, token: UInt64(index))
        }
        try poller.add(descriptor: mailboxes.wake.descriptor, token: Self.wakeToken)
        guard let identity = Self.makeIdentity(configuration.shard.identity) else {
            throw SystemError(call: "make a DTLS certificate", errno: 0)
        }
        let now = MonotonicClock.now()
        var settings = configuration.shard
        settings.localAddresses = port.boundAddresses
        let host = ShardHost(
            settings: settings, identity: identity, counters: counters, random: Random(seed: SecureRandom.uint64()),
            at: now, channelRecords: mailboxes.recordsIn)
        return WorkerLoop(
            port: port, poller: poller, host: host, mailboxes: mailboxes, counters: counters,
            identity: settings.identity, certificateAge: configuration.certificateAge, at: now)
    }

    deinit { polled.deallocate() }

    /// Runs until it is told to stop.
    mutating func run() {
        // Ends: by `stop()`.
        while !mailboxes.isStopping.load(ordering: .acquiring) {
            let now = clock.tick()
            notePause()
            takeSockets()
            var budget = TurnBudget()
            takeCommands(at: now, &budget)
            receive(at: now, &budget)
            takeRecords(at: now)
            if mayRunTimers(at: now) { host.handleTimeout(at: now, into: &egress) }
            flush()
            renewCertificate(at: now)
            let isRingFull = !publishEvents()
            wait(at: noteTurn(since: now), isRingFull: isRingFull)
        }
    }

    // MARK: Pauses and addresses

    /// When the process did not run for a while, the sockets are looked at before anything is late.
    private mutating func notePause() {
        port.skippedTime = clock.skipped
        guard let pause = clock.takePause() else { return }
        catchUp.begin(after: pause)
        for local in 0..<port.descriptors.count { readable |= 1 << UInt64(local) }
    }

    /// - Returns: `false` while what came during a pause has not been read.
    private mutating func mayRunTimers(at now: Timestamp) -> Bool {
        guard catchUp.isRunning else { return true }
        guard let pause = catchUp.turn(isDrained: readable == 0) else { return false }
        host.resume(after: pause, at: now)
        return true
    }

    /// Takes sockets over that the control plane has opened, for addresses that came while the bridge runs.
    private mutating func takeSockets() {
        while let change = mailboxes.sockets.pop() {
            let local = change.local
            if port.descriptors.indices.contains(local) {
                port.replace(local: local, by: change.socket)
            } else {
                guard port.add(change.socket) == local else { continue }
            }
            host.use(localAddress: port.boundAddresses[local], at: local)
            // Level-triggered: what has come meanwhile is told as well. It fails for want of memory alone; then the
            // address stays deaf, and peers use another.
            try? poller.add(descriptor: port.descriptors[local], token: UInt64(local))
        }
    }

    // MARK: The steps of a turn

    private mutating func takeCommands(at now: Timestamp, _ budget: inout TurnBudget) {
        host.work(at: now, into: &egress, steps: &budget.operations)
        for _ in 0..<MediaPlaneLimits.commandsPerTurn {
            // A request that is not done, and a control plane that does not take its events, keep the others waiting.
            guard host.isIdle, !host.isBacklogged, let command = mailboxes.commands.pop() else { return }
            if !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) { flush() }
            switch command {
            case .request(let request):
                host.take(request)
                host.work(at: now, into: &egress, steps: &budget.operations)
            case .setPreferences(let endpoint, _, let preferences):
                host.setPreferences(of: endpoint, to: preferences)
            case .setVideoType(let endpoint, _, let source, let type):
                host.setVideoType(of: endpoint, source: source, to: type)
            case .describe(let number):
                host.describe(number)
            case .stop:
                mailboxes.isStopping.store(true, ordering: .releasing)
            }
        }
    }

    /// Encrypts and sends packets of data channels. What is left over keeps the loop awake. While media waits for its
    /// next turn they are few: a picture is late after milliseconds, a message is not.
    private mutating func takeRecords(at now: Timestamp) {
        let ring = mailboxes.recordsOut
        let limit = host.hasWaiting ? MediaPlaneLimits.recordsBesideMedia : MediaPlaneLimits.recordsPerTurn
        for _ in 0..<limit {
            if !egress.hasRoom(datagrams: 1) { flush() }
            let isTaken = ring.pop { tag, record in
                host.sendRecord(record, to: EndpointNumber(tag), at: now, into: &egress)
            }
            guard isTaken else { break }
        }
        // The others' acknowledgements and messages, put aside while media waited.
        for _ in 0..<limit {
            if !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) { flush() }
            guard host.takeHeldRecord(at: now, into: &egress) else { return }
        }
    }

    /// One receive batch per socket that has something. What the turn does not get through waits outside of the slab.
    private mutating func receive(at now: Timestamp, _ budget: inout TurnBudget) {
        for local in 0..<port.descriptors.count where readable & (1 << UInt64(local)) != 0 {
            slab.removeAll()
            if !port.receive(local: local, into: &slab) { readable &= ~(1 << UInt64(local)) }
            for index in 0..<slab.count {
                if host.isBatchFull || !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) {
                    forward(&budget)
                }
                let datagram = slab.datagrams[index]
                host.receive(
                    slab.bytes(index), from: datagram.source, local: datagram.local, at: now,
                    arrival: datagram.arrival, into: &egress)
            }
            forward(&budget)
        }
        // What an earlier turn has left over, when nothing new came.
        forward(&budget)
    }

    /// Forwards what waits as far as the turn goes, and leaves the receive slab free.
    private mutating func forward(_ budget: inout TurnBudget) {
        // Ends: every call finishes the batch, spends the budget or fills the egress batch, which the flush empties.
        pumping: while host.hasWaiting {
            switch host.pump(into: &egress, at: clock.read(), within: &budget.packets) {
            case .done: break pumping
            case .egressFull: flush()
            case .turnSpent:
                host.park()
                break pumping
            }
        }
        // The rest leaves with what timers add, in one call at the end of the turn; a side door needs its room before.
        if !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) { flush() }
    }

    private mutating func flush() {
        port.flush(&egress)
    }

    private mutating func renewCertificate(at now: Timestamp) {
        guard now >= certificateRenewal else { return }
        certificateRenewal = now + certificateAge
        if let identity = Self.makeIdentity(identitySettings) { host.use(identity) }
    }

    /// Moves events into the ring.
    /// - Returns: `false` when the ring is full and events remain.
    private mutating func publishEvents() -> Bool {
        if host.takeHasPushedRecords(), mailboxes.recordsIn.needsWake() { mailboxes.eventsWake.wake() }
        guard host.hasEvents else { return true }
        var room = mailboxes.events.freeCount()
        while room > 0, let event = host.pollEvent() {
            _ = mailboxes.events.push(event)
            room -= 1
        }
        if mailboxes.events.needsWake() { mailboxes.eventsWake.wake() }
        return !host.hasEvents
    }

    /// - Returns: when the turn ended.
    private mutating func noteTurn(since start: Timestamp) -> Timestamp {
        while let refusal = port.nextTrainRefusal() {
            if mailboxes.trainRefusals.push(refusal.remote) { mailboxes.eventsWake.wake() }
        }
        portAccount.add(port.counters, to: counters)
        counters.add(.loopTurns)
        let end = clock.tick()
        counters.add(.busyNanoseconds, UInt64(max(0, (end - start).nanoseconds)))
        return end
    }

    /// Sleeps until a socket, a command or a deadline; does not sleep while a socket may hold more.
    private mutating func wait(at now: Timestamp, isRingFull: Bool) {
        var deadline = min(host.nextTimeout, certificateRenewal)
        if isRingFull { deadline = min(deadline, now + MediaPlaneLimits.fullRingPause) }
        // Commands that wait for the control plane to take its events keep nobody awake.
        let hasNoCommands = mailboxes.commands.park() || host.isBacklogged
        let maySleep = mailboxes.recordsOut.park() && hasNoCommands && readable == 0 && !host.holdsRecords
        let end = clock.sleep(until: maySleep ? deadline : now, from: now)
        let count = poller.wait(until: end, now: now, into: polled)
        mailboxes.commands.unpark()
        mailboxes.recordsOut.unpark()
        for index in 0..<count {
            if polled[index].token == Self.wakeToken {
                mailboxes.wake.drain()
            } else {
                readable |= 1 << polled[index].token
            }
        }
    }

    private static func makeIdentity(_ settings: DTLSIdentity.Settings) -> DTLSIdentity? {
        try? DTLSIdentity(wallSeconds: WallClock.nanosecondsSinceEpoch() / 1_000_000_000, settings: settings)
    }
}
