// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import PacketIO
internal import Primitives
internal import Synchronization
internal import WebSocket
internal import Zlib

/// All WebSockets of the web thread: moves bytes between sockets and sessions, messages between those and the control
/// loop.
///
/// A message for many is framed and compressed once. Nothing here waits for a client: what one does not take stays with
/// it, up to a limit. Nothing is dropped of what clients say: where the control loop, or the pace a client may have,
/// does not allow for more, the client is not read, and TCP tells it so.
final class WebSocketHall {
    private let mailbox: WebSocketMailbox
    private let settings: WebSocketSession.Settings
    private var inflater: Inflater
    private var deflater = OutgoingText.makeDeflater()
    private var peers: [UInt64: WebSocketPeer] = [:]
    /// Those with frames that wait to be gathered.
    private var gathering: [WebSocketPeer] = []
    /// Those that are to be read although nothing arrives: they have unread input, or pause.
    private var listed: [WebSocketPeer] = []
    /// What the control loop could not be told yet.
    private var untold: [WebSocketEvent] = []
    private var sweepsAt = Timestamp.zero
    private let sweepInterval: TimeDelta

    init(_ settings: WebServerSettings.WebSockets, mailbox: WebSocketMailbox) throws(SystemError) {
        do throws(ZlibError) { inflater = try Inflater() } catch {
            throw SystemError(call: "inflateInit", errno: ENOMEM)
        }
        self.mailbox = mailbox
        self.settings = WebSocketSession.Settings(
            pingInterval: settings.pingInterval, idleTime: settings.idleTime)
        // Often enough that no deadline is missed by much.
        let shortest = min(settings.idleTime, settings.pingInterval ?? settings.idleTime)
        sweepInterval = max(.milliseconds(10), min(WebServerLimits.sweepInterval, shortest / 8))
    }

    /// Open connections, and those that end.
    var count: Int { peers.count }

    /// When ``turn(_:buffer:at:)`` has something to do although nothing arrived.
    func nextTimeout(at now: Timestamp) -> Timestamp? {
        var deadline = gathering.isEmpty ? (peers.isEmpty ? nil : sweepsAt) : now
        if untold.isEmpty {
            for peer in listed { deadline = earlier(deadline, peer.pace.pause(at: now) ?? now) }
        }
        return deadline
    }

    // MARK: Turn

    /// Whether the token of a poller's event is one of ours.
    func owns(_ token: UInt64) -> Bool { peers[token] != nil }

    /// Takes an event of a socket.
    func take(_ event: PollEvent, poller: inout Poller, buffer: inout [UInt8], at now: Timestamp) {
        guard let peer = peers[event.token] else { return }
        if event.isHangup, !peer.isWatchedForReading { return forget(peer, &poller) }
        if peer.isWatchedForReading, event.isReadable || event.isHangup {
            guard peer.read(into: &buffer, at: now) else { return forget(peer, &poller) }
        }
        settle(peer, &poller, at: now)
    }

    /// What is due: events that found no room, unread input, frames of this turn, deadlines.
    func turn(poller: inout Poller, at now: Timestamp) {
        tellUntold()
        if untold.isEmpty, !listed.isEmpty {
            let due = listed
            listed = []
            for peer in due {
                guard peer.pace.pause(at: now) == nil else {
                    listed.append(peer)
                    continue
                }
                peer.isListed = false
                settle(peer, &poller, at: now)
            }
        }
        let waiting = gathering
        gathering = []
        for peer in waiting { settle(peer, &poller, at: now) }
        if sweepsAt <= now, !peers.isEmpty { sweep(&poller, at: now) }
    }

    private func sweep(_ poller: inout Poller, at now: Timestamp) {
        sweepsAt = now + sweepInterval
        for peer in Array(peers.values) {
            guard let due = peer.session.nextTimeout, due <= now else { continue }
            let wasOpen = peer.session.isOpen
            peer.session.handleTimeout(at: now)
            if wasOpen, !peer.session.isOpen { mailbox.counters.idleTimeouts.add(1, ordering: .relaxed) }
            settle(peer, &poller, at: now)
        }
    }

    // MARK: Connections

    /// Takes over a connection whose handshake is answered by `opening`.
    /// - Parameter input: what the client sent behind its request.
    func add(
        _ number: UInt64, link: Link, isDeflated: Bool, opening: [UInt8], input: [UInt8], poller: inout Poller,
        at now: Timestamp
    ) {
        let session = WebSocketSession(settings, isDeflated: isDeflated, opening: opening, at: now)
        let peer = WebSocketPeer(number: number, link: link, session: session)
        if peers.isEmpty { sweepsAt = now + sweepInterval }
        peers[number] = peer
        mailbox.counters.accepted.add(1, ordering: .relaxed)
        mailbox.counters.open.store(UInt64(peers.count), ordering: .relaxed)
        do throws(SystemError) {
            try poller.modify(descriptor: link.descriptor, token: number, readable: true, writable: false)
        } catch {
            return forget(peer, &poller)
        }
        if !input.isEmpty {
            peer.pace.note(bytes: input.count, at: now)
            peer.session.handle(input, at: now)
        }
        settle(peer, &poller, at: now)
    }

    /// The control loop let in one that is gone.
    func noteMissing(_ number: UInt64) { tell(.closed(connection: number)) }

    /// Hands a message to connections; those that are gone, or about to be, are passed over.
    func send(_ text: [UInt8], to numbers: [UInt64], poller: inout Poller, at now: Timestamp) {
        var message = OutgoingText(text)
        for number in numbers {
            guard let peer = peers[number], peer.session.isOpen else { continue }
            let frame = message.frame(isDeflated: peer.session.isDeflated, &deflater)
            guard peer.session.send(frame) else {
                mailbox.counters.overflows.add(1, ordering: .relaxed)
                forget(peer, &poller)
                continue
            }
            mailbox.counters.messagesSent.add(1, ordering: .relaxed)
            // What waits for the turn to end is no backlog; what waits behind bytes that the client does not take is.
            if !peer.session.pendingOutput.isEmpty { tellBacklog(of: peer) }
            noteGathering(peer)
        }
    }

    /// Says goodbye to a connection.
    func close(_ number: UInt64, _ reason: CloseReason, poller: inout Poller, at now: Timestamp) {
        guard let peer = peers[number] else { return }
        peer.session.close(reason, at: now)
        settle(peer, &poller, at: now)
    }

    private func noteGathering(_ peer: WebSocketPeer) {
        guard !peer.isGathering, peer.session.wantsGathering else { return }
        peer.isGathering = true
        gathering.append(peer)
    }

    /// Reads what can be read, writes what can be written, closes what is over.
    private func settle(_ peer: WebSocketPeer, _ poller: inout Poller, at now: Timestamp) {
        peer.isGathering = false
        guard peers[peer.number] === peer else { return }
        readMessages(peer, at: now)
        if peer.hasEnded, peer.session.wantsInput { peer.session.handleEndOfInput() }
        guard peer.write(at: now), !peer.session.isClosed else {
            peer.link.finish()
            _ = peer.link.flush()
            return forget(peer, &poller)
        }
        if !peer.session.isOpen { tellEnd(of: peer) }
        tellBacklog(of: peer)
        noteGathering(peer)
        watch(peer, &poller, at: now)
    }

    private func readMessages(_ peer: WebSocketPeer, at now: Timestamp) {
        for _ in 0..<WebServerLimits.messagesPerTurn {
            guard untold.isEmpty, peer.pace.pause(at: now) == nil else { break }
            let wasViolated = peer.session.isViolated
            let event = peer.session.pollEvent(&inflater, at: now)
            if !wasViolated, peer.session.isViolated {
                mailbox.counters.violations.add(1, ordering: .relaxed)
            }
            guard let event else { break }
            peer.pace.note(messages: 1, at: now)
            switch event {
            case .text(let text):
                mailbox.counters.messagesReceived.add(1, ordering: .relaxed)
                tell(.text(connection: peer.number, text))
            case .binary: mailbox.counters.ignoredMessages.add(1, ordering: .relaxed)
            case .control: break
            }
        }
        let isPausing = peer.pace.pause(at: now) != nil
        if isPausing, !peer.isThrottled { mailbox.counters.throttled.add(1, ordering: .relaxed) }
        peer.isThrottled = isPausing
        guard !peer.session.isClosed, isPausing || !peer.session.wantsInput, !peer.isListed else { return }
        peer.isListed = true
        listed.append(peer)
    }

    private func watch(_ peer: WebSocketPeer, _ poller: inout Poller, at now: Timestamp) {
        let wantsInput = peer.session.wantsInput && !peer.isListed && !peer.hasEnded
        let wantsOutput = !peer.session.pendingOutput.isEmpty || peer.link.hasUnsent
        guard wantsInput != peer.isWatchedForReading || wantsOutput != peer.isWatchedForWriting else { return }
        peer.isWatchedForReading = wantsInput
        peer.isWatchedForWriting = wantsOutput
        do throws(SystemError) {
            try poller.modify(
                descriptor: peer.link.descriptor, token: peer.number, readable: wantsInput, writable: wantsOutput)
        } catch {
            forget(peer, &poller)
        }
    }

    private func forget(_ peer: WebSocketPeer, _ poller: inout Poller) {
        guard peers[peer.number] === peer else { return }
        poller.remove(descriptor: peer.link.descriptor)
        peers[peer.number] = nil
        mailbox.counters.open.store(UInt64(peers.count), ordering: .relaxed)
        tellEnd(of: peer)
    }

    // MARK: The control loop

    private func tellBacklog(of peer: WebSocketPeer) {
        guard peer.session.isOpen, let bytes = peer.takeBacklogNews() else { return }
        tell(.backlog(connection: peer.number, bytes: bytes))
    }

    private func tellEnd(of peer: WebSocketPeer) {
        guard !peer.hasToldEnd else { return }
        peer.hasToldEnd = true
        tell(.closed(connection: peer.number))
    }

    /// Events keep their order: behind one that found no room all others wait. How many that can be is limited, as
    /// no connection is read meanwhile: what one connection had said, its backlog and its end.
    private func tell(_ event: WebSocketEvent) {
        guard untold.isEmpty, mailbox.deliver(event) else {
            untold.append(event)
            return
        }
    }

    private func tellUntold() {
        var told = 0
        while told < untold.count, mailbox.deliver(untold[told]) { told += 1 }
        guard told > 0 else { return }
        untold.removeFirst(told)
    }

    /// Asks the control loop whether a connection may come in.
    /// - Returns: `false` when there is no room to ask.
    func ask(_ request: WebSocketRequest) -> Bool { untold.isEmpty && mailbox.deliver(.request(request)) }
}
