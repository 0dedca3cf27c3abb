// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import HTTP
internal import PacketIO
internal import Primitives
internal import Synchronization

/// The web thread's loop: accepts, moves bytes between sockets and ``ServerConnection``s, requests and answers between
/// those and the control loop. WebSockets are ``WebSocketHall``'s; how they come in is in `WebLoop+WebSockets.swift`.
///
/// A turn takes at most ``WebServerLimits/eventsPerTurn`` events and one read per connection, so that nobody starves.
/// New connections come last: whatever has arrived on an old one counts before it may have to make room.
final class WebLoop {
    private static let wakeToken: UInt64 = 0
    /// Those of the doors are below; connections count up from here, and so do requests, since a WebSocket's number is
    /// its request's and its token too.
    private static let firstToken: UInt64 = 16

    private let doors: [Door]
    let mailbox: WebMailbox
    let webSockets: WebServerSettings.WebSockets?
    let hall: WebSocketHall?
    private let settings: ServerConnection.Settings
    var poller: Poller
    private var connections: [UInt64: WebConnection] = [:]
    /// Connections whose request the control loop has, by request.
    var waiting: [UInt64: WebConnection] = [:]
    private var nextToken = WebLoop.firstToken
    private var buffer = [UInt8](repeating: 0, count: WebServerLimits.readBytes)
    /// Time in which the process did not run is not on it: nobody is turned away for that.
    private var clock = LoopClock()
    var now = Timestamp.zero

    init(_ settings: WebServerSettings, doors: [Door], mailbox: WebMailbox) throws(SystemError) {
        self.doors = doors
        self.mailbox = mailbox
        webSockets = settings.webSockets
        hall = try settings.webSockets.map { (settings) throws(SystemError) in
            try WebSocketHall(settings, mailbox: mailbox.webSockets)
        }
        self.settings = ServerConnection.Settings(
            headTime: WebServerLimits.headTime, bodyTime: .seconds(settings.bodySeconds),
            answerTime: .seconds(settings.answerSeconds), writeTime: .seconds(settings.bodySeconds),
            idleTime: WebServerLimits.idleTime)
        poller = try Poller()
        try poller.add(descriptor: mailbox.webWake.descriptor, token: Self.wakeToken)
        for door in doors { try poller.add(descriptor: door.listener.descriptor, token: door.token) }
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
        var deadline = hall?.nextTimeout(at: now)
        for door in doors { deadline = earlier(deadline, door.acceptsAgain) }
        for connection in connections.values { deadline = earlier(deadline, connection.core.nextTimeout) }
        now = clock.tick()
        // Without a deadline nothing can run out meanwhile, so the thread sleeps for as long as it likes.
        var end = deadline.map { clock.sleep(until: $0, from: now) }
        if !mailbox.webSockets.commands.park() { end = clock.sleep(until: now, from: now) }
        let count = poller.wait(until: end, now: now, into: events)
        mailbox.webSockets.commands.unpark()
        now = clock.tick()
        mailbox.turns.add(1, ordering: .relaxed)
        var newcomers: [Door] = []
        for event in events[..<count] {
            if event.token == Self.wakeToken {
                mailbox.webWake.drain()
            } else if let door = doors.first(where: { $0.token == event.token }) {
                newcomers.append(door)
            } else if let connection = connections[event.token] {
                take(event, on: connection)
            } else {
                hall?.take(event, poller: &poller, buffer: &buffer, at: now)
            }
        }
        takeAnswers()
        takeCommands()
        for connection in Array(connections.values) {
            guard let due = connection.core.nextTimeout, due <= now else { continue }
            connection.core.handleTimeout(at: now)
            settle(connection)
        }
        hall?.turn(poller: &poller, at: now)
        for door in doors {
            if let pause = door.acceptsAgain, pause <= now { watch(door, true) }
        }
        for door in newcomers { accept(at: door) }
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
    func settle(_ connection: WebConnection) {
        // Ends: each round answers a request, and those are in a buffer of limited size.
        repeat {
            while let event = connection.core.pollEvent() { take(event, on: connection) }
            guard connection.write(at: now) else { return forget(connection) }
        } while connection.core.hasEvent
        if connection.core.isClosed { return forget(connection) }
        if connection.core.bodyBytes > 0, let refusal = refusalOfBody(connection) {
            connection.core.refuseRequest(refusal, at: now)
            return settle(connection)
        }
        watch(connection)
    }

    private func refusalOfBody(_ connection: WebConnection) -> Refusal? {
        if connection.door.isPublic { return .bodyTooLarge }
        return totalBodyBytes > WebServerLimits.bodiesTotal ? .busy : nil
    }

    private var totalBodyBytes: Int { connections.values.reduce(0) { $0 + $1.core.bodyBytes } }
    private var totalAnswerBytes: Int { connections.values.reduce(0) { $0 + $1.core.pendingOutput.count } }

    private func watch(_ connection: WebConnection) {
        let wantsInput = connection.core.wantsInput
        let wantsOutput = !connection.core.pendingOutput.isEmpty || connection.link.hasUnsent
        guard wantsInput != connection.isWatchedForReading || wantsOutput != connection.isWatchedForWriting else {
            return
        }
        connection.isWatchedForReading = wantsInput
        connection.isWatchedForWriting = wantsOutput
        do throws(SystemError) {
            try poller.modify(
                descriptor: connection.link.descriptor, token: connection.token, readable: wantsInput,
                writable: wantsOutput)
        } catch {
            forget(connection)
        }
    }

    private func forget(_ connection: WebConnection) {
        guard connections[connection.token] === connection else { return }
        poller.remove(descriptor: connection.link.descriptor)
        release(connection)
    }

    /// Lets go of a connection whose socket lives on elsewhere, or is closed with it.
    func release(_ connection: WebConnection) {
        if connections.removeValue(forKey: connection.token) != nil { connection.door.connections -= 1 }
        if let id = connection.requestID { waiting[id] = nil }
    }

    private func accept(at door: Door) {
        for _ in 0..<WebServerLimits.acceptsPerTurn {
            let link: Link
            switch door.accept() {
            case .success(let accepted): link = accepted
            case .failure(let failure):
                guard failure.errno == EMFILE || failure.errno == ENFILE else { return }
                // Out of descriptors the listener stays readable; a rest keeps this thread from spinning.
                if !makeRoom(at: door) { return watch(door, false) }
                continue
            }
            guard door.connections < WebServerLimits.connections || makeRoom(at: door) else {
                mailbox.refusedConnections.add(1, ordering: .relaxed)
                continue
            }
            let connection = WebConnection(
                token: nextNumber(), door: door, link: link, core: ServerConnection(settings, at: now))
            guard (try? poller.add(descriptor: link.descriptor, token: connection.token)) != nil else { continue }
            connections[connection.token] = connection
            door.connections += 1
        }
    }

    /// Tokens, requests and WebSockets are numbered in one row.
    func nextNumber() -> UInt64 {
        defer { nextToken += 1 }
        return nextToken
    }

    /// Closes the connection that is missed least: idle ones first, then those that let us wait, the longest quiet of
    /// them. Never one whose request is being worked on, and never one that came by another door.
    private func makeRoom(at door: Door) -> Bool {
        let candidates = connections.values.filter { connection in
            guard connection.door === door else { return false }
            return switch connection.core.standing {
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

    private func watch(_ door: Door, _ isWatched: Bool) {
        door.acceptsAgain = isWatched ? nil : now + WebServerLimits.acceptPause
        // Fails for lack of memory alone; the next pause tries again.
        try? poller.modify(
            descriptor: door.listener.descriptor, token: door.token, readable: isWatched, writable: false)
    }

    // MARK: Requests and answers

    private func take(_ event: ServerConnection.Event, on connection: WebConnection) {
        switch event {
        case .request(let request):
            connection.hasOrigin = !connection.door.isPublic && request.field("origin") != nil
            guard let method = HTTPMethod(rawValue: request.method) else {
                var response = HTTPResponse.text(id: 0, status: 405, "unknown method")
                response.allow = HTTPResponse.allowed
                return respond(response, on: connection)
            }
            if connection.door.isPublic { return takePublic(request, method, on: connection) }
            guard method != .options else { return preflight(connection) }
            let id = nextNumber()
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

    func refuse(_ refusal: Refusal, on connection: WebConnection) {
        mailbox.refusedRequests.add(1, ordering: .relaxed)
        respond(.refusal(refusal), on: connection)
    }

    func respond(_ response: HTTPResponse, on connection: WebConnection, isPreflight: Bool = false) {
        if let id = connection.requestID { waiting[id] = nil }
        connection.requestID = nil
        connection.acceptance = nil
        let date = HTTPDate.text(secondsSinceEpoch: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
        connection.core.respond(
            response.answer(allowsAnyOrigin: connection.hasOrigin, isPreflight: isPreflight, date: date), at: now)
        connection.hasOrigin = false
    }
}
