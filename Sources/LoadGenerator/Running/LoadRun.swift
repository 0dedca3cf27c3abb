// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import Synchronization

/// A whole run: starts the media threads, lets everybody join, watches the call, counts up.
final class LoadRun {
    private let options: LoadOptions
    private let plan: Plan
    private let focus: any Focus
    private let mailboxes: [LoopMailbox]
    private var threads: [PinnedThread] = []
    private let process: BridgeProcess?
    private var joined = 0
    /// Those that exist on the bridge and have to be ended.
    private var opened: [PlannedConference] = []
    private var liveLine = LiveLine()
    /// The last WebSocket host, looked up.
    private var lookedUp: (authority: String, address: [UInt8])?

    /// Prepares a run.
    /// - Parameter focus: asks the bridge; `nil` makes the one that the options name.
    init(_ options: LoadOptions, focus given: (any Focus)? = nil) throws(LoadError) {
        self.options = options
        plan = Plan(options)
        process = options.bridgePID.map { BridgeProcess(pid: $0) }
        if let process, process.residentBytes() == nil { throw .usage("--pid: no process \(process.pid)") }
        let sockets = options.totalParticipants * (options.channel == .websocket ? 2 : 1)
        let descriptors = Int64(sockets + 4 * options.threads + 64)
        guard viaduct_raise_descriptor_limit(descriptors) >= descriptors else {
            throw .library("this user may not open \(descriptors) descriptors (ulimit -n)")
        }
        try SRTPContext.prepareLibrary()
        switch (given, options.door) {
        case (let given?, _): focus = given
        case (nil, .rest(let host, let port)):
            focus = RESTFocus(
                host: host, port: port, timeoutSeconds: options.joinTimeoutSeconds,
                asksForSCTP: options.channel == .sctp, asksForRewriting: options.isRewriting)
        case (nil, .xmpp(let door)):
            focus = try XMPPFocus(
                door, timeoutSeconds: options.joinTimeoutSeconds, asksForSCTP: options.channel == .sctp,
                asksForRewriting: options.isRewriting)
        }
        let frames = try OpusFrames(rate: options.audioRate, bitrate: options.audioBitrate)
        let identity: DTLSIdentity
        do {
            identity = try DTLSIdentity(wallSeconds: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
        } catch {
            throw .library("certificate: \(error)")
        }
        self.identity = identity
        do throws(SystemError) {
            var mailboxes: [LoopMailbox] = []
            for _ in 0..<options.threads { mailboxes.append(try LoopMailbox()) }
            self.mailboxes = mailboxes
            for (index, mailbox) in mailboxes.enumerated() {
                threads.append(try Self.start(index, mailbox, options, identity, frames))
            }
        } catch {
            throw .library("\(error)")
        }
    }

    private let identity: DTLSIdentity

    private static func start(
        _ index: Int, _ mailbox: LoopMailbox, _ options: LoadOptions, _ identity: DTLSIdentity, _ frames: OpusFrames
    ) throws(SystemError) -> PinnedThread {
        try PinnedThread.start(name: "load-\(index)", stackBytes: 1 << 20) {
            do throws(SystemError) {
                var loop = try MediaLoop(mailbox, options, identity, frames)
                loop.run()
            } catch {
                var statistics = LoopStatistics()
                statistics.failures = ["media thread: \(error)"]
                mailbox.finish(statistics)
            }
        }
    }

    /// Carries the run out.
    func run() -> LoadResult {
        let memoryBefore = process?.residentBytes() ?? 0
        var problems: [String] = []
        let started = MonotonicClock.now()
        var joinSeconds = 0.0
        do throws(LoadError) {
            try joinEverybody()
            let limit = MonotonicClock.now() + .seconds(options.joinTimeoutSeconds)
            try wait(until: limit, every: 20) { self.connected + self.failed >= self.joined }
            joinSeconds = (MonotonicClock.now() - started).seconds
            try awaitChannels()
        } catch {
            problems.append("\(error)")
            joinSeconds = (MonotonicClock.now() - started).seconds
        }
        let hasBegun = problems.isEmpty && connected > 0 && (options.channel == .none || openChannels > 0)

        // The measured call begins here.
        let begin = MonotonicClock.now()
        let end = begin + .seconds(options.durationSeconds)
        if hasBegun { for mailbox in mailboxes { mailbox.post(.begin(begin, until: end)) } }
        let packetsBefore = received()
        let processorBefore = process?.processorNanoseconds()
        let ownBefore = mailboxes.map { $0.processorNanoseconds.load(ordering: .relaxed) }
        if hasBegun {
            do throws(LoadError) { try watch(until: end) } catch {
                problems.append("\(error)")
            }
        }
        let callSeconds = (MonotonicClock.now() - begin).seconds
        let measured = received() - packetsBefore
        let load = zip(mailboxes, ownBefore).map { mailbox, before in
            Double(mailbox.processorNanoseconds.load(ordering: .relaxed) - before) / 1e9 / max(callSeconds, 0.001)
        }
        var use: LoadResult.BridgeUse?
        if let process, let before = processorBefore, let after = process.processorNanoseconds() {
            use = LoadResult.BridgeUse(
                processorNanoseconds: after - before, residentBytesBefore: memoryBefore,
                residentBytes: process.residentBytes() ?? 0)
        }
        let (connected, openChannels) = (connected, openChannels)
        let statistics = finish(&problems)
        if !hasBegun, problems.isEmpty {
            let reason = statistics.failures.first ?? "no answer within \(decimal(options.joinTimeoutSeconds, 0)) s"
            problems.append("\(connected > 0 ? "no bridge channel was opened" : "nobody was connected"): \(reason)")
        }
        return LoadResult(
            options: options, statistics: statistics, hasBegun: hasBegun, connected: connected,
            openChannels: openChannels,
            joinSeconds: joinSeconds, callSeconds: callSeconds, measuredPackets: measured, bridge: use,
            problems: problems, generatorLoad: load.max() ?? 0)
    }

    /// Waits until each channel is open or given up, and until everybody was quiet for a moment.
    private func awaitChannels() throws(LoadError) {
        if options.channel != .none, connected > 0 {
            let limit = MonotonicClock.now() + LoadGeneratorLimits.channelTimeout + .seconds(1 as Int64)
            try wait(until: limit, every: 20) { self.settledChannels >= self.joined }
        }
        guard options.turns > 0 else { return }
        try wait(until: MonotonicClock.now() + LoadGeneratorLimits.quietLead) { false }
    }

    private func joinEverybody() throws(LoadError) {
        var address: TransportAddress?
        var known: Set<String> = []
        let begin = MonotonicClock.now()
        for (index, participant) in plan.participants.enumerated() {
            if options.ramp > 0 { try wait(until: begin + .seconds(Double(index) / options.ramp)) { false } }
            try Interruption.check()
            let askedAt = MonotonicClock.now()
            let isNew = known.insert(participant.conference.meeting).inserted
            let bridge = try focus.create(participant, newConference: isNew)
            if isNew { opened.append(participant.conference) }
            if address == nil { address = try localAddress(towards: bridge) }
            let local = ParticipantTransport(
                ufrag: Self.text(SecureRandom.bytes(4)), password: Self.text(SecureRandom.bytes(24)),
                fingerprint: identity.digest, setup: options.isPassive ? "passive" : "active")
            try focus.update(participant, local)
            let webSocket = try webSocketTarget(bridge)
            guard let address else { continue }
            joined += 1
            mailboxes[participant.number % mailboxes.count].post(
                .join(
                    JoinOrder(
                        planned: participant, bridge: bridge, local: local, address: address, askedAt: askedAt,
                        webSocket: webSocket)))
        }
    }

    /// Where the WebSocket of an endpoint is, if there is to be one; without an offer of a channel there is no call.
    private func webSocketTarget(_ bridge: BridgeTransport) throws(LoadError) -> WebSocketTarget? {
        switch options.channel {
        case .none: return nil
        case .sctp:
            guard bridge.hasSCTP else { throw .badAnswer("no SCTP port, though a data channel was asked for") }
            return nil
        case .websocket:
            guard let text = bridge.webSockets.first else {
                throw .badAnswer("no web-socket address (are WebSockets switched on there?)")
            }
            guard let url = WebSocketURL(text) else { throw .badAnswer("unusable web-socket address") }
            if lookedUp?.authority != url.authority {
                lookedUp = (url.authority, try WebSocketConnection.resolve(url))
            }
            return lookedUp.map { WebSocketTarget(url: url, address: $0.address) }
        }
    }

    /// Characters of ICE credentials (RFC 8839 5.4) from random bytes, one of 64 each.
    private static func text(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        return String(bytes.map { alphabet[Int($0 & 63)] })
    }

    private func localAddress(towards bridge: BridgeTransport) throws(LoadError) -> TransportAddress {
        if let text = options.localAddress, let address = TransportAddress(ip: text, port: 0) { return address }
        var reason = "no candidate"
        for candidate in bridge.candidates {
            do { return try NetworkInterfaces.sourceAddress(towards: candidate.address) } catch { reason = "\(error)" }
        }
        throw .connection(reason)
    }

    /// Follows the call until its time is over; a call that nobody is in any more ends earlier.
    private func watch(until deadline: Timestamp) throws(LoadError) {
        try wait(until: deadline) {
            self.failed >= self.joined || self.process.map { ($0.residentBytes() ?? 0) == 0 } ?? false
        }
        if let process, (process.residentBytes() ?? 0) == 0 { throw .connection("the bridge's process is gone") }
        if failed >= joined { throw .connection("everybody was cut off") }
    }

    /// Waits, keeping the focus's connection and the live table alive.
    private func wait(
        until deadline: Timestamp, every milliseconds: Int64 = 100, isOver: () -> Bool
    ) throws(LoadError) {
        while MonotonicClock.now() < deadline, !isOver() {
            try Interruption.check()
            showLive()
            try focus.idle()
            sleep(until: min(deadline, MonotonicClock.now() + .milliseconds(milliseconds)))
        }
    }

    /// Stops the senders, waits until nothing more comes, and counts up.
    private func finish(_ problems: inout [String]) -> LoopStatistics {
        for mailbox in mailboxes { mailbox.post(.stopSending) }
        // In turns of the media threads, not by the clock: on a busy machine packets may lie in sockets for a while.
        let limit = MonotonicClock.now() + LoadGeneratorLimits.drainTimeout
        while MonotonicClock.now() < limit {
            sleep(until: MonotonicClock.now() + .milliseconds(10))
            let turns = mailboxes.map { $0.quietTurns.load(ordering: .acquiring) }.min() ?? 0
            let missing = mailboxes.reduce(0) { $0 + $1.missing.load(ordering: .relaxed) }
            let wanted = missing == 0 ? LoadGeneratorLimits.quietTurns : LoadGeneratorLimits.quietTurnsWithLoss
            if turns >= wanted { break }
        }
        for mailbox in mailboxes { mailbox.post(.finish) }
        for thread in threads { thread.join() }
        for conference in opened {
            do throws(LoadError) { try focus.expire(conference) } catch {
                problems.append("ending a conference: \(error)")
                break
            }
        }
        var result = LoopStatistics()
        for mailbox in mailboxes {
            if let statistics = mailbox.statistics { result.merge(statistics) }
        }
        liveLine.clear()
        return result
    }

    private var connected: Int { mailboxes.reduce(0) { $0 + $1.connected.load(ordering: .relaxed) } }

    private var openChannels: Int { mailboxes.reduce(0) { $0 + $1.openChannels.load(ordering: .relaxed) } }

    private var settledChannels: Int { mailboxes.reduce(0) { $0 + $1.settledChannels.load(ordering: .relaxed) } }

    private var failed: Int { mailboxes.reduce(0) { $0 + $1.failed.load(ordering: .relaxed) } }

    private func received() -> UInt64 { mailboxes.reduce(0) { $0 + $1.received.load(ordering: .relaxed) } }

    private func showLive() {
        guard !options.isQuiet else { return }
        liveLine.show(
            connected: connected, of: options.totalParticipants,
            sent: mailboxes.reduce(0) { $0 + $1.sent.load(ordering: .relaxed) }, received: received(),
            altered: mailboxes.reduce(0) { $0 + $1.altered.load(ordering: .relaxed) },
            bridgeNanoseconds: process?.processorNanoseconds(), at: MonotonicClock.now())
    }

    private func sleep(until deadline: Timestamp) {
        let rest = deadline - MonotonicClock.now()
        if rest > .zero { sleepMilliseconds(max(rest.milliseconds, 1)) }
    }
}
