// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
internal import XML

/// One connection to an XMPP server, from the first TCP connect to the last, without I/O (control-plane.md 1).
///
/// It logs in, binds a fixed resource, manages and resumes the stream (XEP-0198), joins the rooms, publishes statistics
/// presence, answers what a client must answer, hands colibri requests to the owner, and starts over for ever when
/// anything breaks. It does not open sockets, encrypt, or know what a conference is.
///
/// Phases: `waiting` → `connecting` → `openingStream` (plain) → `awaitingProceed` → `handshaking` → `openingStream`
/// (secured) → `authenticating` → `openingStream` (authenticated) → `resuming` or `binding` → `enabling` → `online`.
/// Every phase but `online` has one deadline; every failure leads to `waiting`. A *session* lives from binding to the
/// moment it cannot be resumed any more: it can outlive several connections, and answers belong to it.
///
/// The owner calls one input, then drains ``pollBytes()``, ``pollAction()`` and ``pollEvent()``, then reads
/// ``nextTimeout``.
public struct XMPPClient: ~Copyable {
    enum Phase: Equatable {
        case waiting(until: Timestamp)
        case connecting
        case openingStream
        case awaitingProceed
        case handshaking
        case authenticating
        case resuming
        case binding(id: String)
        case enabling
        case online
        case closing
        case closed
    }

    /// A request of our own.
    struct PendingRequest {
        let to: String?
        let deadline: Timestamp
        /// The owner asked, and is told the outcome.
        let isReported: Bool
        /// The room that the request configures.
        let configuredRoom: String?
    }

    /// What the connection was made with.
    public let settings: XMPPSettings
    /// What has been counted.
    public internal(set) var counters = XMPPCounters()
    /// What health checks are answered with: `nil` is healthy, a text is the reason why not.
    public var healthFailure: String?

    var random: Random
    var phase: Phase
    /// When the phase fails; unused in `waiting`, `online` and `closed`.
    var deadline = Timestamp.distantFuture
    var parser = XMLStreamParser()
    var nonce: [UInt8] = []
    var isEncrypted = false
    var isAuthenticated = false
    var exchange: SASLExchange?
    /// The server offers stream management on this stream.
    var offersManagement = false

    /// Number of the session; answers carry it.
    var session: UInt64 = 0
    var hasSession = false
    var boundJID = ""
    var management = StreamManagement()
    var hasBeenOnline = false
    var failuresInARow = 0
    var lastReceived = Timestamp.zero
    var pingSentAt: Timestamp?

    var rooms: [Room]
    var statistics: [(name: String, value: String)]?
    var nextPresence = Timestamp.distantFuture
    /// The wall clock's time at the core's origin, in milliseconds since 1970.
    var wallClockOrigin: Int64?
    var pending: [String: PendingRequest] = [:]
    var nextID: UInt64 = 0
    let idPrefix: String

    private var output: [UInt8] = []
    private var actions: [XMPPAction] = []
    private var events: [XMPPEvent] = []

    /// A connection that begins to connect with the first ``handleTimeout(at:)``.
    public init(_ settings: XMPPSettings, random: Random, at now: Timestamp) {
        self.settings = settings
        self.random = random
        phase = .waiting(until: now)
        rooms = settings.rooms.prefix(XMPPLimits.rooms).map { Room(jid: $0, at: now) }
        idPrefix = String(self.random.next(), radix: 36)
    }

    // MARK: Inputs

    /// The TCP connection stands.
    ///
    /// - Parameter nonce: at least 18 random bytes from a secure source, for the login.
    public mutating func handleConnected(nonce: [UInt8], at now: Timestamp) {
        guard phase == .connecting else { return }
        self.nonce = nonce
        isEncrypted = false
        isAuthenticated = false
        pingSentAt = nil
        lastReceived = now
        openStream(at: now)
    }

    /// The TCP connection could not be made, or ended; `reason` is a constant text.
    public mutating func handleDisconnected(_ reason: String, at now: Timestamp) {
        switch phase {
        case .waiting, .closed: break
        case .closing: finishClosing()
        case .connecting: fail(.connectFailed(reason), at: now)
        default: fail(.connectionLost(reason), at: now)
        }
    }

    /// TLS stands and the server's certificate was accepted.
    public mutating func handleTLSEstablished(at now: Timestamp) {
        guard phase == .handshaking else { return }
        isEncrypted = true
        openStream(at: now)
    }

    /// TLS failed; `reason` says why in words.
    public mutating func handleTLSFailed(_ reason: String, at now: Timestamp) {
        guard phase != .closed else { return }
        fail(.tlsFailed(reason), at: now)
    }

    /// Bytes came, already decrypted.
    public mutating func handle(_ bytes: RawSpan, at now: Timestamp) {
        switch phase {
        case .waiting, .connecting, .handshaking, .closed: return
        default: break
        }
        lastReceived = now
        pingSentAt = nil
        var failure: XMLError?
        do throws(XMLError) { try parser.feed(bytes) } catch { failure = error }
        // A new stream replaces the parser; what the old one still held was sent before its time and is dropped.
        // RFC 6120 §5.3.1: in particular nothing that follows <proceed/> in clear text may be believed.
        while let event = parser.pollEvent() {
            switch event {
            case .opened(let root): handleStreamOpened(root, at: now)
            case .stanza(let element): handleElement(element, at: now)
            case .refused(let head, _): handleRefused(head, at: now)
            case .closed: handleStreamClosed(at: now)
            }
        }
        guard let failure else { return }
        switch phase {
        case .waiting, .connecting, .handshaking, .closed: break
        // Every stanza was read: the session goes on in a new stream, whose parser is empty.
        default: fail(failure == .tooManyNames ? .connectionLost("a stream of too many names") : .malformedXML, at: now)
        }
    }

    /// Time has passed.
    public mutating func handleTimeout(at now: Timestamp) {
        expireRequests(at: now)
        switch phase {
        case .waiting(let until): if until <= now { connect(at: now) }
        case .online: keepAlive(at: now)
        case .closed: break
        case .closing:
            if deadline <= now {
                actions.append(.closeConnection)
                finishClosing()
            }
        default: if deadline <= now { fail(.timeout(stepName), at: now) }
        }
        guard phase == .online else { return }
        updateRooms(at: now)
        publishIfDue(at: now)
    }

    /// Ends the session cleanly: leaves the rooms, closes the stream, waits a moment for the server.
    public mutating func close(at now: Timestamp) {
        switch phase {
        case .closing, .closed: return
        case .waiting:
            finishClosing()
        case .online:
            write("<presence type='unavailable'/>")
            fallthrough
        case .openingStream, .awaitingProceed, .authenticating, .resuming, .binding, .enabling:
            write("</stream:stream>")
            phase = .closing
            deadline = now + settings.timing.closeLimit
        case .connecting, .handshaking:
            actions.append(.closeConnection)
            finishClosing()
        }
    }

    // MARK: Outputs

    /// The next bytes to write to the connection, before any action; to be thrown away when there is none.
    public mutating func pollBytes() -> [UInt8]? {
        guard !output.isEmpty else { return nil }
        defer { output = [] }
        return output
    }

    /// The next thing to do.
    public mutating func pollAction() -> XMPPAction? {
        actions.isEmpty ? nil : actions.removeFirst()
    }

    /// The next thing to know.
    public mutating func pollEvent() -> XMPPEvent? {
        events.isEmpty ? nil : events.removeFirst()
    }

    /// When ``handleTimeout(at:)`` wants to be called at the latest.
    public var nextTimeout: Timestamp? {
        var next: Timestamp?
        switch phase {
        case .waiting(let until): next = until
        case .online:
            next = keepAliveDeadline
            for room in rooms { next = earlier(next, room.nextTimeout(echoLimit: echoLimit)) }
            if isPublishing { next = earlier(next, nextPresence) }
        case .closed: return nil
        default: next = deadline
        }
        for request in pending.values { next = earlier(next, request.deadline) }
        return next
    }

    /// Whether stanzas pass at the moment.
    public var isOnline: Bool { phase == .online }

    /// Whether the end asked for is complete.
    public var isClosed: Bool { phase == .closed }

    /// How many rooms we are in; none while the connection is down.
    public var joinedRooms: Int { isOnline ? rooms.count { $0.isJoined } : 0 }

    // MARK: Steps for the extensions

    mutating func write(_ text: String) { output += Array(text.utf8) }
    mutating func perform(_ action: XMPPAction) { actions.append(action) }
    mutating func tell(_ event: XMPPEvent) { events.append(event) }

    mutating func makeID() -> String {
        nextID &+= 1
        return idPrefix + "-" + String(nextID)
    }
}
