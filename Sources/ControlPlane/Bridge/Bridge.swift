// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeChannel
internal import BridgeConfiguration
internal import BridgeControl
internal import Colibri
internal import MediaPlane
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import SRTP
internal import ShardMessages
internal import WebServer
internal import XMPP

/// The running bridge: owns every part and carries what one says to the others.
///
/// All of it lives on the control loop's thread. Decisions are in `BridgeControl`; this class moves commands to the
/// media workers (`WorkerPool`), events back, requests in from XMPP and HTTP, replies out (`ReplyRouter`; see
/// ARCHITECTURE.md, "A conference-modify's way"), looks at itself when it is time (`StatisticsClock`) and ends step by
/// step (`ShutdownSequence`). How they are wired: `Bridge+XMPP.swift`, `Bridge+HTTP.swift`, `Bridge+Media.swift`,
/// `Bridge+Channels.swift`, `Bridge+Statistics.swift`.
final class Bridge: LoopTask {
    let settings: BridgeSettings
    let version: String
    /// What encrypts and decrypts media, and why.
    let srtpEngine: SRTPEngineSelection
    let loop: ControlLoop
    let resolver: Resolver
    let log: Logger
    let notifier: ServiceNotifier
    let setup: MediaSetup
    var addresses: MediaAddresses
    let workers: WorkerPool
    let web: HTTPServer?
    let router: HTTPRouter
    let replies: ReplyRouter
    var directory: Directory
    var hub: ChannelHub
    var webSocketActions = Outbox<WebSocketAction>()
    /// When packets of data channels are looked for although none has woken the loop.
    var recordsDue: Timestamp?
    var clock: StatisticsClock
    var facts = HealthFacts()
    var webPulse = ThreadPulse()
    /// Told once, when the end begins, with the status it is to have.
    var willEnd: (Int32) -> Void = { _ in }
    var connections: [XMPPConnection] = []
    /// Connections that were removed and still say goodbye.
    var leaving: [XMPPConnection] = []
    /// What connections had counted that are gone: counters only grow.
    var forgottenCounters = XMPPCounters()

    let startedNanoseconds = WallClock.nanosecondsSinceEpoch()
    var nextAddressLook: Timestamp
    /// Whether HTTP requests may be waiting that the last turn did not get to.
    var hasMoreRequests = false
    /// The same of what WebSockets have to tell.
    var hasMoreWebSocketEvents = false
    private(set) var shutdown = ShutdownSequence()

    /// Opens every door: media port first, then HTTP. XMPP follows with ``start()``.
    /// - Throws: a sentence that names the cause and the cure.
    init(
        _ settings: BridgeSettings, version: String, loop: ControlLoop, log: Logger, environment: [String: String]
    ) throws(BridgeFailure) {
        self.settings = settings
        self.version = version
        self.loop = loop
        self.log = log
        notifier = ServiceNotifier(environment: environment)
        let now = loop.now
        setup = try MediaSetup(settings)
        srtpEngine = setup.srtpEngine
        let (sockets, addresses, changes) = try setup.open(at: now)
        self.addresses = addresses
        for change in changes { if case .bound = change { continue } else { Self.log(change, to: log) } }
        do throws(SystemError) {
            workers = try WorkerPool(setup.worker, sockets: sockets)
        } catch {
            throw BridgeFailure("cannot start the media worker: \(error)")
        }
        do throws(SystemError) { resolver = try Resolver(loop: loop) } catch {
            throw BridgeFailure("cannot start the name look-ups: \(error)")
        }
        do throws(BridgeFailure) { web = try Self.startWeb(settings) } catch {
            workers.stop()
            throw error
        }
        router = HTTPRouter(switches: settings.rest, version: version)
        replies = ReplyRouter(web: web, log: log)
        var rules = Directory.Settings()
        rules.candidates = setup.candidates(on: addresses.usable)
        rules.webSocketPrefixes = Self.webSocketPrefixes(settings)
        rules.initialPreferences = Self.initialPreferences(settings)
        rules.isSCTPEnabled = settings.channel.hasSCTP
        rules.advertisesPrivateCandidates = settings.ice.advertisesPrivateCandidates
        rules.isInitiallyDraining = settings.startsDrained
        rules.maximumConferences = settings.limits.conferences
        rules.maximumEndpoints = settings.limits.endpoints
        rules.maximumEndpointsPerConference = settings.limits.endpointsPerConference
        directory = Directory(
            rules, random: Random(seed: SecureRandom.uint64()), secureBytes: { SecureRandom.bytes($0) })
        hub = ChannelHub(
            Self.channelSettings(settings, version: version), random: Random(seed: SecureRandom.uint64()))
        facts.boundAddresses = addresses.usable
        facts.mappedAddresses = setup.mappedAddresses
        clock = StatisticsClock(
            settings, totals: workers.totals, watchdogInterval: notifier.watchdogInterval, at: now)
        nextAddressLook = now + ControlPlaneLimits.addressLookInterval
        do throws(SystemError) {
            for wake in workers.wakes { _ = try loop.watch(descriptor: wake, for: self) }
            if let web {
                _ = try loop.watch(descriptor: web.requestsWake, for: self)
                _ = try loop.watch(descriptor: web.webSocketsWake, for: self)
            }
        } catch {
            workers.stop()
            web?.stop()
            throw BridgeFailure("cannot watch the mailboxes: \(error)")
        }
        loop.add(self)
    }

    /// Opens the HTTP ports; `nil` when both are off.
    private static func startWeb(_ settings: BridgeSettings) throws(BridgeFailure) -> HTTPServer? {
        guard let web = try WebSetup.settings(settings) else { return nil }
        do throws(HTTPServerError) { return try HTTPServer.start(web) } catch { throw BridgeFailure("\(error)") }
    }

    /// Logs in everywhere and tells systemd that the bridge serves.
    func start() {
        log.notice(
            "Media port is open",
            [
                "addresses": workers.first.boundAddresses.map(\.description).joined(separator: ","),
                "gso": String(workers.first.hasGSO), "gro": String(workers.first.hasGRO),
                "receive_buffer": String(workers.first.grantedReceiveBufferBytes),
            ])
        log.notice(
            "SRTP engine is chosen",
            ["engine": srtpEngine.engine.description, "no_ipsec_mb": srtpEngine.reason])
        if let web, settings.http.port != nil {
            log.notice("HTTP server is listening", ["host": settings.http.host, "port": String(web.port)])
        }
        if let port = web?.publicPort {
            log.notice(
                "Public HTTP server is listening",
                [
                    "host": settings.publicHTTP.host, "port": String(port),
                    "tls": String(settings.publicHTTP.tls != nil), "websockets": String(settings.webSockets != nil),
                ])
        }
        tick(at: loop.now)
        for client in settings.xmppClients { connect(client, at: loop.now) }
        if settings.xmppClients.isEmpty {
            log.warning("No XMPP server is configured; the bridge can be used over HTTP only")
        }
        notifier.ready()
    }

    // MARK: The loop

    var nextTimeout: Timestamp? {
        let inside = earlier(earlier(directory.nextTimeout, clock.nextTimeout), shutdown.nextTimeout)
        let channels = earlier(hub.nextTimeout, webSocketActions.nextTimeout)
        let outside = earlier(earlier(workers.nextTimeout, recordsDue), nextAddressLook)
        return earlier(earlier(inside, channels), outside)
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        // All mailboxes are emptied in `didWait`, whatever woke the loop.
    }

    func handleTimeout(at now: Timestamp) {
        directory.handleTimeout(at: now)
        tellHub(at: now)
        if let due = hub.nextTimeout, due <= now { hub.handleTimeout(at: now) }
        tick(at: now)
        if nextAddressLook <= now { lookAtAddresses(at: now) }
        if clock.feedsWatchdog(isAlive: workers.areAlive && webPulse.isAlive, at: now) { notifier.watchdog() }
        settle(at: now)
        advanceEnd(at: now)
    }

    func didPause(_ pause: TimeDelta, at now: Timestamp) {
        log.warning(
            "The bridge did not run for a while; the time counts against nobody",
            ["milliseconds": String(pause.milliseconds)])
        clock.didPause(at: now)
    }

    func prepareToWait() -> Bool {
        workers.park(records: recordsDue == nil) && !hasMoreRequests && !hasMoreWebSocketEvents
    }

    func didWait(at now: Timestamp) {
        workers.unpark()
        workers.takeEvents { take($0, at: now) }
        takeRecords(at: now)
        takeWebSocketEvents(at: now)
        noteTrainRefusals()
        answerRequests(at: now)
        settle(at: now)
        forgetClosedClients()
        advanceEnd(at: now)
    }

    private func take(_ event: ShardEvent, at now: Timestamp) {
        if case .description(let number, let text) = event {
            takeDescription(number, text)
        } else {
            directory.handle(event, at: now)
            tellHub(at: now)
            hub.handle(event, at: now)
        }
    }

    /// Moves what the directory wants to where it belongs.
    func settle(at now: Timestamp) {
        workers.sendCommands(at: now) { directory.pollCommand() }
        tellHub(at: now)
        settleHub(at: now)
        while let (token, result) = directory.pollReply() { replies.deliver(result, for: token, at: now) }
        while let event = directory.pollEvent() { note(event, at: now) }
    }

    private func note(_ event: DirectoryEvent, at now: Timestamp) {
        let level: LogLevel =
            switch event.severity {
            case .error: .error
            case .warning: .warning
            case .notice: .notice
            case .info: .info
            case .debug: .debug
            }
        var logger = log
        logger.context += event.metadata(redacts: settings.redactsRemoteAddresses)
        logger.log(level, constant: event.message)
        switch event.kind {
        case .shutdownStateChanged, .drainChanged: publish(at: now)
        case .readyToExit:
            // The focus had its time already.
            if shutdown.exitStatus == nil { stop(status: 0, at: now) }
            if let task = shutdown.skipGrace(at: now) { carryOut(task, at: now) }
        default: break
        }
    }

    // MARK: The end

    /// Announces the end, lets the focus move people away for `viaduct.sigterm-grace` while there are any, then closes
    /// everything in reverse order. A second call ends at once.
    func stop(status: Int32, at now: Timestamp) {
        for task in shutdown.begin(status: status, grace: settings.sigtermGrace, at: now) { carryOut(task, at: now) }
    }

    private func advanceEnd(at now: Timestamp) {
        while let task = shutdown.advance(
            conferences: directory.counts.conferences,
            areConnectionsClosed: (connections + leaving).allSatisfy(\.isClosed), at: now)
        {
            carryOut(task, at: now)
        }
    }

    private func carryOut(_ task: ShutdownSequence.Task, at now: Timestamp) {
        switch task {
        case .announce: announceEnd(at: now)
        case .disconnect: disconnect(at: now)
        case .finish: finish()
        }
    }

    private func announceEnd(at now: Timestamp) {
        willEnd(shutdown.exitStatus ?? 0)
        notifier.stopping()
        log.notice("Stopping", ["conferences": String(directory.counts.conferences)])
        directory.beginShutdown(at: now)
        publish(at: now)
        settle(at: now)
        advanceEnd(at: now)
    }

    /// Leaves the rooms and closes the streams.
    func disconnect(at now: Timestamp) {
        for connection in connections { connection.update(at: now) { $0.close(at: now) } }
    }

    private func finish() {
        web?.stop()
        workers.stop()
        log.notice("Stopped")
        loop.stop()
    }
}
