// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

/// The private and the public HTTP server (operations.md c.1): HTTP/1.1 on one thread of their own, requests and
/// answers through two rings, and two more for the WebSockets of the public one.
///
/// One thread, the control loop, calls everything here but ``start(_:)``. It waits for ``requestsWake`` to become
/// readable, takes requests until there are none, and answers each in its own time; a request that stays unanswered
/// gets a 503 from the web thread. WebSockets: see ``nextWebSocketEvent()``.
public final class HTTPServer: Sendable {
    /// An eventfd that is readable after requests arrived; reading it is ``nextRequest()``'s business.
    public let requestsWake: Int32
    /// An eventfd that is readable after WebSockets had something to tell; reading it is ``nextWebSocketEvent()``'s
    /// business.
    public let webSocketsWake: Int32
    /// The private port in use, which matters when it was asked for as zero; zero when there is none.
    public let port: UInt16
    /// The public port in use; `nil` when there is none.
    public let publicPort: UInt16?
    private let mailbox: WebMailbox
    private let thread: PinnedThread

    private init(mailbox: WebMailbox, thread: PinnedThread, port: UInt16, publicPort: UInt16?) {
        self.mailbox = mailbox
        self.thread = thread
        self.port = port
        self.publicPort = publicPort
        requestsWake = mailbox.requestsWake.descriptor
        webSocketsWake = mailbox.webSockets.eventsWake.descriptor
    }

    deinit { stop() }

    /// Carries the loop into its thread: written once before the thread starts, emptied once inside it.
    private final class Handover: @unchecked Sendable {
        // Safe: the thread is created after the write, which orders the two.
        var loop: WebLoop?

        init(_ loop: WebLoop) {
            self.loop = loop
        }
    }

    /// Opens the private port alone and starts the web thread.
    ///
    /// - Parameters:
    ///   - host: an IP address, or `localhost`.
    ///   - port: the port, zero for any free one.
    ///   - answerSeconds: how long a request may stay unanswered.
    ///   - bodySeconds: how long a body may take to arrive, and an answer to leave.
    /// - Throws: the cause, and what an administrator can do about it.
    public static func start(
        host: String, port: UInt16, answerSeconds: Double = WebServerLimits.answerSeconds,
        bodySeconds: Double = WebServerLimits.bodySeconds
    ) throws(HTTPServerError) -> HTTPServer {
        var settings = WebServerSettings(privateDoor: .init(host: host, port: port))
        settings.answerSeconds = answerSeconds
        settings.bodySeconds = bodySeconds
        return try start(settings)
    }

    /// Opens the ports and starts the web thread.
    /// - Throws: the cause, and what an administrator can do about it.
    public static func start(_ settings: WebServerSettings) throws(HTTPServerError) -> HTTPServer {
        var doors: [Door] = []
        if let door = settings.privateDoor { doors.append(try Door(door, token: 1, isPublic: false)) }
        if let door = settings.publicDoor { doors.append(try Door(door, token: 2, isPublic: true)) }
        let port = doors.first { !$0.isPublic }?.listener.port ?? 0
        let publicPort = doors.first { $0.isPublic }?.listener.port
        do throws(SystemError) {
            let mailbox = try WebMailbox()
            let handover = Handover(try WebLoop(settings, doors: doors, mailbox: mailbox))
            let thread = try PinnedThread.start(name: "web", stackBytes: WebServerLimits.stackSize) {
                handover.loop.take()?.run()
            }
            return HTTPServer(mailbox: mailbox, thread: thread, port: port, publicPort: publicPort)
        } catch {
            throw HTTPServerError(
                "HTTP server: \(error); raise the limit on open files (LimitNOFILE) or on processes (TasksMax)")
        }
    }

    /// Takes the oldest request, or `nil` when there is none.
    public func nextRequest() -> HTTPRequest? {
        if let request = mailbox.requests.pop() { return request }
        // Empty the wake first and look again: a request pushed in between leaves it readable.
        mailbox.requestsWake.drain()
        return mailbox.requests.pop()
    }

    /// Answers a request. An answer that comes too late, for a connection that is gone, or while too many wait for the
    /// web thread, is dropped and counted.
    public func respond(_ response: HTTPResponse) {
        guard mailbox.responses.push(response) else {
            mailbox.droppedAnswers.add(1, ordering: .relaxed)
            return
        }
        mailbox.webWake.wake()
    }

    // MARK: WebSockets

    /// Takes the oldest thing that WebSockets have to tell, or `nil` when there is none. A request is answered by
    /// ``acceptWebSocket(_:)`` or ``refuseWebSocket(_:status:)``.
    public func nextWebSocketEvent() -> WebSocketEvent? {
        mailbox.webSockets.nextEvent(webWake: mailbox.webWake)
    }

    /// Lets a WebSocket in, which from now on has its request's number. Its end is told in any case, even if its
    /// client did not wait for the answer.
    /// - Returns: `false` when the web thread takes no more orders: it is not let in.
    public func acceptWebSocket(_ id: UInt64) -> Bool {
        mailbox.webSockets.order(.accept(id: id), webWake: mailbox.webWake)
    }

    /// Turns a WebSocket away. A 403 is the same whatever was wrong.
    public func refuseWebSocket(_ id: UInt64, status: Int = 403) {
        // Without room its request runs out by itself.
        _ = mailbox.webSockets.order(.refuse(id: id, status: status), webWake: mailbox.webWake)
    }

    /// Sends a message to any number of WebSockets, framed and compressed once. What waits together leaves together.
    /// - Parameter text: UTF-8.
    /// - Returns: `false` when the web thread takes no more orders now: the message is not taken.
    public func sendWebSocketText(_ text: [UInt8], to connections: [UInt64]) -> Bool {
        mailbox.webSockets.order(.send(connections: connections, text: text), webWake: mailbox.webWake)
    }

    /// Says goodbye to a WebSocket; unknown numbers mean nothing.
    /// - Returns: `false` when the web thread takes no more orders.
    public func closeWebSocket(_ connection: UInt64, code: UInt16, reason: String) -> Bool {
        let order = WebSocketCommand.close(connection: connection, code: code, reason: reason)
        return mailbox.webSockets.order(order, webWake: mailbox.webWake)
    }

    /// What WebSockets did.
    public var webSocketCounts: WebSocketCounts { mailbox.webSockets.counters.counts }

    /// How often the web thread has turned; grows soon after ``nudge()`` unless it hangs.
    public var turns: UInt64 { mailbox.turns.load(ordering: .relaxed) }

    /// Makes the web thread turn once although there is nothing to do.
    public func nudge() { mailbox.webWake.wake() }

    /// What was turned away.
    public var counts: HTTPServerCounts {
        HTTPServerCounts(
            refusedConnections: mailbox.refusedConnections.load(ordering: .relaxed),
            displacedConnections: mailbox.displacedConnections.load(ordering: .relaxed),
            refusedRequests: mailbox.refusedRequests.load(ordering: .relaxed),
            droppedAnswers: mailbox.droppedAnswers.load(ordering: .relaxed))
    }

    /// Closes all connections and waits for the thread to end. Further calls do nothing.
    public func stop() {
        mailbox.isStopping.store(true, ordering: .sequentiallyConsistent)
        mailbox.webWake.wake()
        thread.join()
    }
}
