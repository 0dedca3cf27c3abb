// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import OpenSSL
import PacketIO
import Primitives
import ShardMessages
import Synchronization
import Telemetry

/// A media worker's loop (house rule 2.9): commands → datagrams → timers → flush → events → wait.
///
/// Everything it owns is reached by `inout` from here; nobody else reads or writes it. One clock read starts a turn, a
/// second one ends it for the busy share.
struct WorkerLoop: ~Copyable {
    var port: UDPPort
    private var host: ShardHost
    private var slab: ReceiveSlab
    private var egress: EgressBatch
    private var poller: Poller
    private let mailboxes: MediaWorker.Mailboxes
    private let counters: CounterBlock
    private var portAccount = PortAccount()
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
        egress = EgressBatch(joinsSegments: port.hasGSO)
        self.port = port
        self.poller = poller
        self.host = host
        self.mailboxes = mailboxes
        self.counters = counters
        certificateRenewal = now + certificateAge
        slab = ReceiveSlab()
    }

    /// Opens the port and makes everything the loop needs.
    static func make(
        _ configuration: MediaWorker.Configuration, mailboxes: MediaWorker.Mailboxes, counters: CounterBlock
    ) throws(SystemError) -> WorkerLoop {
        let port = try UDPPort(addresses: configuration.addresses, options: configuration.port)
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
            at: now)
        return WorkerLoop(
            port: port, poller: poller, host: host, mailboxes: mailboxes, counters: counters,
            identity: settings.identity, certificateAge: configuration.certificateAge, at: now)
    }

    deinit { polled.deallocate() }

    /// Runs until it is told to stop.
    mutating func run() {
        // Ends: by `stop()`.
        while !mailboxes.isStopping.load(ordering: .acquiring) {
            let now = MonotonicClock.now()
            takeCommands(at: now)
            receive(at: now)
            host.handleTimeout(at: now, into: &egress)
            flush()
            renewCertificate(at: now)
            let isRingFull = !publishEvents()
            noteTurn(since: now)
            wait(at: now, isRingFull: isRingFull)
        }
    }

    // MARK: The steps of a turn

    private mutating func takeCommands(at now: Timestamp) {
        for _ in 0..<MediaPlaneLimits.commandsPerTurn {
            guard let command = mailboxes.commands.pop() else { return }
            if !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) { flush() }
            switch command {
            case .request(let request):
                host.answer(request, at: now, into: &egress)
            case .describe(let number):
                host.answerDescription(number, at: now)
            case .stop:
                mailboxes.isStopping.store(true, ordering: .releasing)
            }
        }
    }

    /// One receive batch per socket that has something, forwarded before the next one is read.
    private mutating func receive(at now: Timestamp) {
        for local in 0..<port.descriptors.count where readable & (1 << UInt64(local)) != 0 {
            slab.removeAll()
            if !port.receive(local: local, into: &slab) { readable &= ~(1 << UInt64(local)) }
            forwardSlab(at: now)
        }
    }

    private mutating func forwardSlab(at now: Timestamp) {
        for index in 0..<slab.count {
            if host.isBatchFull || !egress.hasRoom(datagrams: MediaPlaneLimits.sideDoorDatagrams) { pump(at: now) }
            let datagram = slab.datagrams[index]
            host.receive(slab.bytes(index), from: datagram.source, local: datagram.local, at: now, into: &egress)
        }
        pump(at: now)
    }

    private mutating func pump(at now: Timestamp) {
        // Ends: every call either finishes the batch or fills the egress batch, which the flush empties.
        while host.pump(into: &egress, at: now) { flush() }
        flush()
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
        guard host.hasEvents else { return true }
        var room = mailboxes.events.freeCount()
        while room > 0, let event = host.pollEvent() {
            _ = mailboxes.events.push(event)
            room -= 1
        }
        if mailboxes.events.needsWake() { mailboxes.eventsWake.wake() }
        return !host.hasEvents
    }

    private mutating func noteTurn(since start: Timestamp) {
        portAccount.add(port.counters, to: counters)
        counters.add(.loopTurns)
        counters.add(.busyNanoseconds, UInt64(max(0, (MonotonicClock.now() - start).nanoseconds)))
    }

    /// Sleeps until a socket, a command or a deadline; does not sleep while a socket may hold more.
    private mutating func wait(at now: Timestamp, isRingFull: Bool) {
        var deadline = min(host.nextTimeout, certificateRenewal)
        if isRingFull { deadline = min(deadline, now + MediaPlaneLimits.fullRingPause) }
        let maySleep = readable == 0 && mailboxes.commands.park()
        let count = poller.wait(until: maySleep ? deadline : now, now: now, into: polled)
        mailboxes.commands.unpark()
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
