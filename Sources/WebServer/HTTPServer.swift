// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
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
    private let thread: WebThread

    private init(mailbox: WebMailbox, thread: WebThread, port: UInt16) {
        self.mailbox = mailbox
        self.thread = thread
        self.port = port
        requestsWake = mailbox.wake
    }

    deinit {
        stop()
        close(requestsWake)
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
        let (listener, boundPort) = try ListeningSocket.open(host: host, port: port)
        let wake = viaduct_eventfd()
        guard wake >= 0 else {
            close(listener)
            throw HTTPServerError("HTTP server: no more file descriptors; raise the limit on open files")
        }
        let mailbox = WebMailbox(wake: wake)
        let thread = try WebThread.start(
            listener: listener, mailbox: mailbox, answerSeconds: answerSeconds, bodySeconds: bodySeconds)
        return HTTPServer(mailbox: mailbox, thread: thread, port: boundPort)
    }

    /// Takes the oldest request, or `nil` when there is none.
    public func nextRequest() -> HTTPRequest? {
        if let request = mailbox.requests.pop() { return request }
        // Empty the wake first and look again: a request pushed in between leaves it readable.
        var count: UInt64 = 0
        _ = read(requestsWake, &count, 8)
        return mailbox.requests.pop()
    }

    /// Answers a request. An answer that comes too late, or for a connection that is gone, is dropped.
    public func respond(_ response: HTTPResponse) {
        guard mailbox.responses.push(response) else { return }
        thread.wake()
    }

    /// Closes all connections and waits for the thread to end. Further calls do nothing.
    public func stop() {
        thread.stop()
    }
}

/// What web thread and control loop share.
final class WebMailbox: Sendable {
    let requests = SPSCRing<HTTPRequest>(capacity: WebServerLimits.queuedRequests)
    let responses = SPSCRing<HTTPResponse>(capacity: WebServerLimits.queuedResponses)
    let wake: Int32

    init(wake: Int32) {
        self.wake = wake
    }

    /// Hands a request to the control loop. Web thread only.
    func deliver(_ request: HTTPRequest) -> Bool {
        guard requests.push(request) else { return false }
        var one: UInt64 = 1
        _ = write(wake, &one, 8)
        return true
    }
}
