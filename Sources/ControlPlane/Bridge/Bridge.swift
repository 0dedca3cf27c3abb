// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeConfiguration
internal import BridgeControl
internal import Colibri
internal import MediaPlane
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import SRTP
internal import ShardMessages
internal import Telemetry
internal import WebServer
internal import XMPP

/// The running bridge: owns every part and carries what one says to the others.
///
/// All of it lives on the control loop's thread. Decisions are in `BridgeControl`; this class moves commands to the
/// media worker, events back, requests in from XMPP and HTTP, replies out (ARCHITECTURE.md, "A conference-modify's
/// way"). The parts' own files: `Bridge+XMPP.swift`, `Bridge+HTTP.swift`, `Bridge+Media.swift`,
/// `Bridge+Statistics.swift`.
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
    let worker: MediaWorker
    let web: HTTPServer?
    let router: HTTPRouter
    var directory: Directory
    var health: HealthChecker
    var load: LoadMeter
    var facts = HealthFacts()
    var pulse = ThreadPulse()
    var webPulse = ThreadPulse()
    /// Told once, when the end begins, with the status it is to have.
    var willEnd: (Int32) -> Void = { _ in }
    var connections: [XMPPConnection] = []
    /// Connections that were removed and still say goodbye.
    var leaving: [XMPPConnection] = []
    /// What connections had counted that are gone: counters only grow.
    var forgottenCounters = XMPPCounters()

    /// Who waits for the reply to a request.
    enum Asker {
        case xmpp(XMPPConnection, IQToken)
        case http(id: UInt64, isUpdate: Bool)
    }

    var askers: [RequestToken: Asker] = [:]
    var nextToken: UInt64 = 1
    /// HTTP requests that wait for the worker's account of itself.
    var describing: [UInt64: (request: UInt64, query: DebugQuery)] = [:]
    var nextDescription: UInt64 = 1
    /// A command that did not fit the worker's ring, and when it is tried again. Those behind it wait.
    private var held: (command: ShardCommand, retry: Timestamp)?

    let startedNanoseconds = WallClock.nanosecondsSinceEpoch()
    var rates = MediaRates()
    var lastTotals: (totals: MediaTotals, at: Timestamp)
    var nextTick: Timestamp
    var nextWatchdog: Timestamp?
    var nextAddressLook: Timestamp
    /// What the process ends with, once it is known.
    private(set) var exitStatus: Int32?
    /// How far the end has come; `nil` while the bridge serves.
    private(set) var closing: Closing?

    /// The steps of the end.
    enum Closing {
        /// The focus knows; streams stay open until then.
        case announced(until: Timestamp)
        /// Streams are being closed; who has not answered until then is left.
        case disconnecting(until: Timestamp)
        /// All is closed.
        case done
    }

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
            worker = try MediaWorker.start(setup.worker, sockets: sockets)
        } catch {
            throw BridgeFailure("cannot start the media worker: \(error)")
        }
        do throws(SystemError) { resolver = try Resolver(loop: loop) } catch {
            throw BridgeFailure("cannot start the name look-ups: \(error)")
        }
        if let port = settings.http.port {
            do throws(HTTPServerError) { web = try HTTPServer.start(host: settings.http.host, port: port) } catch {
                worker.stop()
                throw BridgeFailure("\(error)")
            }
        } else {
            web = nil
        }
        router = HTTPRouter(switches: settings.rest, version: version)
        var rules = Directory.Settings()
        rules.candidates = setup.candidates(on: addresses.usable)
        rules.advertisesPrivateCandidates = settings.ice.advertisesPrivateCandidates
        rules.isInitiallyDraining = settings.startsDrained
        rules.maximumConferences = settings.limits.conferences
        rules.maximumEndpoints = settings.limits.endpoints
        rules.maximumEndpointsPerConference = settings.limits.endpointsPerConference
        directory = Directory(rules, random: Random(seed: SecureRandom.uint64()))
        facts.boundAddresses = addresses.usable
        facts.mappedAddresses = setup.mappedAddresses
        health = HealthChecker(Self.healthRules(settings), startedAt: now)
        load = LoadMeter(Self.loadRules(settings))
        lastTotals = (MediaTotals([worker.counters]), now)
        nextTick = now
        nextAddressLook = now + ControlPlaneLimits.addressLookInterval
        nextWatchdog = notifier.watchdogInterval.map { now + $0 }
        do throws(SystemError) {
            _ = try loop.watch(descriptor: worker.eventsWake.descriptor, for: self)
            if let web { _ = try loop.watch(descriptor: web.requestsWake, for: self) }
        } catch {
            worker.stop()
            web?.stop()
            throw BridgeFailure("cannot watch the mailboxes: \(error)")
        }
        loop.add(self)
    }

    private static func healthRules(_ settings: BridgeSettings) -> HealthChecker.Settings {
        var rules = HealthChecker.Settings()
        rules.interval = settings.health.interval
        rules.timeout = settings.health.timeout
        rules.maximumCheckDuration = settings.health.maxCheckDuration
        rules.isSticky = settings.health.hasStickyFailures
        rules.requiresValidAddress = settings.health.requiresValidAddress
        rules.requiresSTUN = settings.health.requiresSTUN
        return rules
    }

    private static func loadRules(_ settings: BridgeSettings) -> LoadMeter.Settings {
        var rules = LoadMeter.Settings()
        rules.measure = settings.load.measurement == .cpuUsage ? .cpuUsage : .packetRate
        rules.cpuThreshold = settings.load.cpuThreshold
        rules.packetRateThreshold = Double(settings.load.packetRateThreshold)
        rules.detectsSteal = settings.load.detectsSteal
        return rules
    }

    /// Logs in everywhere and tells systemd that the bridge serves.
    func start() {
        log.notice(
            "Media port is open",
            [
                "addresses": worker.boundAddresses.map(\.description).joined(separator: ","),
                "gso": String(worker.hasGSO), "gro": String(worker.hasGRO),
                "receive_buffer": String(worker.grantedReceiveBufferBytes),
            ])
        log.notice(
            "SRTP engine is chosen",
            ["engine": srtpEngine.engine.description, "no_ipsec_mb": srtpEngine.reason])
        if let web { log.notice("HTTP server is listening", ["host": settings.http.host, "port": String(web.port)]) }
        tick(at: loop.now)
        for client in settings.xmppClients { connect(client, at: loop.now) }
        if settings.xmppClients.isEmpty {
            log.warning("No XMPP server is configured; the bridge can be used over HTTP only")
        }
        notifier.ready()
    }

    // MARK: The loop

    var nextTimeout: Timestamp? {
        var next = earlier(directory.nextTimeout, earlier(nextTick, nextWatchdog))
        next = earlier(next, earlier(health.nextTimeout, load.nextTimeout))
        next = earlier(next, earlier(held?.retry, nextAddressLook))
        switch closing {
        case .announced(let until)?, .disconnecting(let until)?: return earlier(next, until)
        case .done?, nil: return next
        }
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        // Both mailboxes are emptied in `didWait`, whatever woke the loop.
    }

    func handleTimeout(at now: Timestamp) {
        directory.handleTimeout(at: now)
        if nextTick <= now || health.nextTimeout <= now || load.nextTimeout <= now { tick(at: now) }
        if nextAddressLook <= now { lookAtAddresses(at: now) }
        if let due = nextWatchdog, due <= now, let interval = notifier.watchdogInterval {
            // A thread that hangs is a reason to be started anew.
            if pulse.isAlive, webPulse.isAlive { notifier.watchdog() }
            nextWatchdog = now + interval
        }
        settle(at: now)
        advanceEnd(at: now)
    }

    func didPause(_ pause: TimeDelta, at now: Timestamp) {
        log.warning(
            "The bridge did not run for a while; the time counts against nobody",
            ["milliseconds": String(pause.milliseconds)])
        // systemd has counted it.
        if notifier.watchdogInterval != nil { nextWatchdog = now }
    }

    func prepareToWait() -> Bool { worker.parkEvents() }

    func didWait(at now: Timestamp) {
        worker.unparkEvents()
        while let event = worker.nextEvent() { take(event, at: now) }
        noteTrainRefusals()
        if let web {
            while let request = web.nextRequest() { answer(request, at: now) }
        }
        settle(at: now)
        forgetClosedClients()
        advanceEnd(at: now)
    }

    private func take(_ event: ShardEvent, at now: Timestamp) {
        if case .description(let number, let text) = event {
            finishDescription(number, text)
        } else {
            directory.handle(event, at: now)
        }
    }

    /// Moves what the directory wants to where it belongs.
    func settle(at now: Timestamp) {
        sendCommands(at: now)
        while let (token, result) = directory.pollReply() {
            guard let asker = askers.removeValue(forKey: token) else { continue }
            switch asker {
            case .xmpp(let connection, let request):
                log.info(
                    "SENT colibri2 response",
                    ["client": connection.id, "request": String(token.value), "outcome": result.outcome])
                reply(result, to: request, on: connection, at: now)
            case .http(let id, let isUpdate): web?.respond(HTTPAnswers.modified(result, isUpdate: isUpdate, id: id))
            }
        }
        while let event = directory.pollEvent() { note(event, at: now) }
    }

    /// Sends commands in their order as far as the worker's ring has room. The rest waits for a pause, or for the
    /// worker's next event.
    private func sendCommands(at now: Timestamp) {
        while let command = held?.command ?? directory.pollCommand() {
            guard worker.send(command) else {
                held = (command, now + ControlPlaneLimits.fullRingPause)
                return
            }
            held = nil
        }
    }

    func token(for asker: Asker) -> RequestToken {
        let token = RequestToken(nextToken)
        nextToken += 1
        askers[token] = asker
        return token
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
            if exitStatus == nil { stop(status: 0, at: now) }
            disconnect(at: now)
        default: break
        }
    }

    // MARK: The end

    /// Announces the end, lets the focus move people away for `viaduct.sigterm-grace` while there are any, then closes
    /// everything in reverse order. A second call ends at once.
    func stop(status: Int32, at now: Timestamp) {
        guard exitStatus == nil else {
            // What is written now still reaches the server: no ghost of us stays in the rooms.
            disconnect(at: now)
            return finish()
        }
        exitStatus = status
        willEnd(status)
        notifier.stopping()
        log.notice("Stopping", ["conferences": String(directory.counts.conferences)])
        directory.beginShutdown(at: now)
        publish(at: now)
        closing = .announced(until: now + settings.sigtermGrace)
        settle(at: now)
        advanceEnd(at: now)
    }

    /// Goes on to the next step when it is time or nothing is left to wait for.
    private func advanceEnd(at now: Timestamp) {
        if case .announced(let until)? = closing, until <= now || directory.counts.conferences == 0 {
            disconnect(at: now)
        }
        guard case .disconnecting(let until)? = closing else { return }
        if until <= now || (connections + leaving).allSatisfy(\.isClosed) { finish() }
    }

    /// Leaves the rooms and closes the streams.
    func disconnect(at now: Timestamp) {
        if case .announced? = closing { closing = .disconnecting(until: now + ControlPlaneLimits.closeTime) }
        for connection in connections { connection.update(at: now) { $0.close(at: now) } }
    }

    private func finish() {
        if case .done? = closing { return }
        closing = .done
        web?.stop()
        worker.stop()
        log.notice("Stopped")
        loop.stop()
    }
}
