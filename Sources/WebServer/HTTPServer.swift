// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

/// The private HTTP server (operations.md c.1): HTTP/1.1 on its own thread, requests and answers through two rings.
///
/// One thread, the control loop, calls everything here but ``start(host:port:answerSeconds:bodySeconds:)``. It waits
/// for ``requestsWake`` to become readable, takes requests until there are none, and answers each in its own time; a
/// request that stays unanswered gets a 503 from the web thread.
public final class HTTPServer: Sendable {
    /// An eventfd that is readable after requests arrived; reading it is ``nextRequest()``'s business.
    public let requestsWake: Int32
    /// The port in use, which matters when it was asked for as zero.
    public let port: UInt16
    private let mailbox: WebMailbox
    private let thread: PinnedThread

    private init(mailbox: WebMailbox, thread: PinnedThread, port: UInt16) {
        self.mailbox = mailbox
        self.thread = thread
        self.port = port
        requestsWake = mailbox.requestsWake.descriptor
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

    /// Opens the port and starts the web thread.
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
        let listener = try ListeningSocket(host: host, port: port)
        let boundPort = listener.port
        do throws(SystemError) {
            let mailbox = try WebMailbox()
            let loop = try WebLoop(
                listener: listener, mailbox: mailbox, answerTime: .seconds(answerSeconds),
                bodyTime: .seconds(bodySeconds))
            let handover = Handover(loop)
            let thread = try PinnedThread.start(name: "web", stackBytes: WebServerLimits.stackSize) {
                handover.loop.take()?.run()
            }
            return HTTPServer(mailbox: mailbox, thread: thread, port: boundPort)
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
