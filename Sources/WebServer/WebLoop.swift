// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTP
internal import PacketIO
internal import Primitives
internal import Synchronization

/// The web thread's loop: accepts, moves bytes between sockets and ``ServerConnection``s, requests and answers between
/// those and the control loop.
///
/// A turn takes at most ``WebServerLimits/eventsPerTurn`` events and one read per connection, so that nobody starves.
/// New connections come last: whatever has arrived on an old one counts before it may have to make room.
final class WebLoop {
    private static let wakeToken: UInt64 = 0
    private static let listenerToken: UInt64 = 1

    private let listener: ListeningSocket
    private let mailbox: WebMailbox
    private let settings: ServerConnection.Settings
    private var poller: Poller
    private var connections: [UInt64: WebConnection] = [:]
    /// Connections whose request the control loop has, by request.
    private var waiting: [UInt64: WebConnection] = [:]
    private var nextToken: UInt64 = 2
    private var nextRequest: UInt64 = 1
    private var buffer = [UInt8](repeating: 0, count: WebServerLimits.readBytes)
    /// Out of descriptors until then.
    private var acceptsAgain: Timestamp?
    /// Time in which the process did not run is not on it: nobody is turned away for that.
    private var clock = LoopClock()
    private var now = Timestamp.zero

    init(
        listener: ListeningSocket, mailbox: WebMailbox, answerTime: TimeDelta, bodyTime: TimeDelta
    ) throws(SystemError) {
        self.listener = listener
        self.mailbox = mailbox
        settings = ServerConnection.Settings(
            headTime: WebServerLimits.headTime, bodyTime: bodyTime, answerTime: answerTime, writeTime: bodyTime,
            idleTime: WebServerLimits.idleTime)
        poller = try Poller()
        try poller.add(descriptor: mailbox.webWake.descriptor, token: Self.wakeToken)
        try poller.add(descriptor: listener.descriptor, token: Self.listenerToken)
    }

    /// Turns until it is stopped, then closes everything.
    func run() {
        withUnsafeTemporaryAllocation(of: PollEvent.self, capacity: WebServerLimits.eventsPerTurn) { events in
            while !mailbox.isStopping.load(ordering: .sequentiallyConsistent) { turn(events) }
        }
        connections = [:]
        waiting = [:]
    }

    private func turn(_ events: UnsafeMutableBufferPointer<PollEvent>) {
        var deadline = acceptsAgain
        for connection in connections.values { deadline = earlier(deadline, connection.core.nextTimeout) }
        now = clock.tick()
        // Without a deadline nothing can run out meanwhile, so the thread sleeps for as long as it likes.
        let end = deadline.map { clock.sleep(until: $0, from: now) }
        let count = poller.wait(until: end, now: now, into: events)
        now = clock.tick()
        mailbox.turns.add(1, ordering: .relaxed)
        var hasNewcomers = false
        for event in events[..<count] {
            switch event.token {
            case Self.wakeToken: mailbox.webWake.drain()
            case Self.listenerToken: hasNewcomers = true
            default: connections[event.token].map { take(event, on: $0) }
            }
        }
        takeAnswers()
        for connection in Array(connections.values) {
            guard let due = connection.core.nextTimeout, due <= now else { continue }
            connection.core.handleTimeout(at: now)
            settle(connection)
        }
        if let pause = acceptsAgain, pause <= now { watchListener(true) }
        if hasNewcomers { accept() }
    }

    // MARK: Connections

    private func take(_ event: PollEvent, on connection: WebConnection) {
        // Reading finds out what a hang-up means. Where reading is not wanted only a reset or an error says so.
        if event.isHangup, !connection.isWatchedForReading { return forget(connection) }
        if event.isReadable || event.isHangup {
            guard connection.read(into: &buffer, at: now) else { return forget(connection) }
        }
        settle(connection)
    }

    /// Answers what can be answered at once, writes what can be written, closes what is over.
    private func settle(_ connection: WebConnection) {
        // Ends: each round answers a request, and those are in a buffer of limited size.
        repeat {
            while let event = connection.core.pollEvent() { take(event, on: connection) }
            guard connection.write(at: now) else { return forget(connection) }
        } while connection.core.hasEvent
        if connection.core.isClosed { return forget(connection) }
        if connection.core.bodyBytes > 0, totalBodyBytes > WebServerLimits.bodiesTotal {
            connection.core.refuseRequest(.busy, at: now)
            return settle(connection)
        }
        watch(connection)
    }

    private var totalBodyBytes: Int { connections.values.reduce(0) { $0 + $1.core.bodyBytes } }
    private var totalAnswerBytes: Int { connections.values.reduce(0) { $0 + $1.core.pendingOutput.count } }

    private func watch(_ connection: WebConnection) {
        let wantsInput = connection.core.wantsInput
        let wantsOutput = !connection.core.pendingOutput.isEmpty
        guard wantsInput != connection.isWatchedForReading || wantsOutput != connection.isWatchedForWriting else {
            return
        }
        connection.isWatchedForReading = wantsInput
        connection.isWatchedForWriting = wantsOutput
        do throws(SystemError) {
            try poller.modify(
                descriptor: connection.descriptor, token: connection.token, readable: wantsInput,
                writable: wantsOutput)
        } catch {
            forget(connection)
        }
    }

    private func forget(_ connection: WebConnection) {
        poller.remove(descriptor: connection.descriptor)
        connections[connection.token] = nil
        if let id = connection.requestID { waiting[id] = nil }
    }

    private func accept() {
        for _ in 0..<WebServerLimits.acceptsPerTurn {
            let descriptor = listener.accept()
            guard descriptor >= 0 else {
                guard descriptor == -EMFILE || descriptor == -ENFILE else { return }
                // Out of descriptors the listener stays readable; a rest keeps this thread from spinning.
                if !makeRoom() { return watchListener(false) }
                continue
            }
            guard connections.count < WebServerLimits.connections || makeRoom() else {
                mailbox.refusedConnections.add(1, ordering: .relaxed)
                close(descriptor)
                continue
            }
            let connection = WebConnection(
                token: nextToken, descriptor: descriptor, core: ServerConnection(settings, at: now))
            nextToken += 1
            guard (try? poller.add(descriptor: descriptor, token: connection.token)) != nil else { continue }
            connections[connection.token] = connection
        }
    }

    /// Closes the connection that is missed least: idle ones first, then those that let us wait, the longest quiet of
    /// them. Never one whose request is being worked on.
    private func makeRoom() -> Bool {
        let candidates = connections.values.filter { connection in
            switch connection.core.standing {
            case .idle, .lingering: true
            case .readingHead, .readingBody, .writing:
                now - connection.core.lastProgress >= WebServerLimits.standstill
            case .answering: false
            }
        }
        let choice = candidates.min { a, b in
            (a.core.standing, a.core.lastProgress) < (b.core.standing, b.core.lastProgress)
        }
        guard let choice else { return false }
        mailbox.displacedConnections.add(1, ordering: .relaxed)
        forget(choice)
        return true
    }

    private func watchListener(_ isWatched: Bool) {
        acceptsAgain = isWatched ? nil : now + WebServerLimits.acceptPause
        // Fails for lack of memory alone; the next pause tries again.
        try? poller.modify(
            descriptor: listener.descriptor, token: Self.listenerToken, readable: isWatched, writable: false)
    }

    // MARK: Requests and answers

    private func take(_ event: ServerConnection.Event, on connection: WebConnection) {
        switch event {
        case .request(let request):
            connection.hasOrigin = request.field("origin") != nil
            guard let method = HTTPMethod(rawValue: request.method) else {
                var response = HTTPResponse.text(id: 0, status: 405, "unknown method")
                response.allow = HTTPResponse.allowed
                return respond(response, on: connection)
            }
            guard method != .options else { return preflight(connection) }
            let id = nextRequest
            nextRequest += 1
            guard mailbox.deliver(HTTPRequest(id: id, method: method, request)) else {
                return refuse(.busy, on: connection)
            }
            connection.requestID = id
            waiting[id] = connection
        case .refusal(let refusal): refuse(refusal, on: connection)
        }
    }

    private func takeAnswers() {
        // As many as the ring holds: whatever comes behind them wakes the next turn.
        for _ in 0..<WebServerLimits.queuedResponses {
            guard let response = mailbox.responses.pop() else { return }
            guard let connection = waiting[response.id] else {
                mailbox.droppedAnswers.add(1, ordering: .relaxed)
                continue
            }
            if totalAnswerBytes + response.body.count > WebServerLimits.answersTotal {
                refuse(.busy, on: connection)
            } else {
                respond(response, on: connection)
            }
            settle(connection)
        }
    }

    private func preflight(_ connection: WebConnection) {
        let response = HTTPResponse(id: 0, status: 200, allow: HTTPResponse.allowed)
        respond(response, on: connection, isPreflight: connection.hasOrigin)
    }

    private func refuse(_ refusal: Refusal, on connection: WebConnection) {
        mailbox.refusedRequests.add(1, ordering: .relaxed)
        respond(.refusal(refusal), on: connection)
    }

    private func respond(_ response: HTTPResponse, on connection: WebConnection, isPreflight: Bool = false) {
        if let id = connection.requestID { waiting[id] = nil }
        connection.requestID = nil
        let date = HTTPDate.text(secondsSinceEpoch: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
        connection.core.respond(
            response.answer(allowsAnyOrigin: connection.hasOrigin, isPreflight: isPreflight, date: date), at: now)
        connection.hasOrigin = false
    }
}
