// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives
internal import XML

/// Connecting, failing, waiting, keeping alive (control-plane.md 1.4).
extension XMPPClient {
    mutating func connect(at now: Timestamp) {
        phase = .connecting
        deadline = now + settings.timing.connectTimeout
        perform(.openConnection(host: settings.host, port: settings.port))
    }

    /// Ends the connection and plans the next one.
    mutating func fail(_ reason: XMPPDisconnect, at now: Timestamp) {
        if phase == .closing { return finishClosing(closesConnection: true) }
        if phase == .online { counters.disconnects += 1 }
        exchange = nil
        parser = XMLStreamParser()
        switch reason {
        case .streamError, .closedByServer, .bindRefused, .loginRefused, .malformedXML, .protocolViolation:
            // A stream that is closed on purpose cannot be resumed (XEP-0198 §5); and to resume one whose content we
            // could not read would have the server send it again for ever.
            write("</stream:stream>")
            endSession(at: now)
        case .noMechanism, .tlsNotOffered:
            write("</stream:stream>")
        default:
            break
        }
        if !management.canResume { endSession(at: now) }
        perform(.closeConnection)
        management.suspend()
        let pause = retryPause(after: reason)
        phase = .waiting(until: now + pause)
        tell(.disconnected(reason, retryMilliseconds: pause.milliseconds))
    }

    private mutating func retryPause(after reason: XMPPDisconnect) -> TimeDelta {
        let timing = settings.timing
        failuresInARow += 1
        switch reason {
        case .streamError("conflict"):
            // Whoever ended our session would be ended by our next one; a longer pause keeps the two from a fight.
            counters.resourceConflicts += 1
            return withJitter(timing.conflictDelay)
        case .bindRefused("conflict"): counters.resourceConflicts += 1
        default: break
        }
        guard hasBeenOnline else { return withJitter(timing.firstConnectDelay) }
        var pause = timing.reconnectDelay
        for _ in 1..<max(2, min(failuresInARow, 16)) where failuresInARow > 1 && pause < timing.reconnectDelayLimit {
            pause = min(pause * 2, timing.reconnectDelayLimit)
        }
        return withJitter(pause)
    }

    /// The pause and up to a tenth more, so that many bridges do not come back in one moment.
    mutating func withJitter(_ pause: TimeDelta) -> TimeDelta {
        pause + TimeDelta(nanoseconds: Int64(Double(pause.nanoseconds) * 0.1 * random.fraction()))
    }

    /// Nothing of the session is left: answers to its requests are dropped, its rooms have to be joined again.
    mutating func endSession(at now: Timestamp) {
        guard hasSession else { return }
        hasSession = false
        management = StreamManagement()
        nextPresence = .distantFuture
        for index in rooms.indices {
            if rooms[index].isJoined { tell(.left(room: rooms[index].jid, .sessionEnded)) }
            rooms[index].state = .outside(retryAt: now)
            rooms[index].failures = 0
            rooms[index].unechoedSince = nil
            rooms[index].isNicknameShared = false
        }
        failRequests()
    }

    mutating func finishClosing(closesConnection: Bool = false) {
        if closesConnection { perform(.closeConnection) }
        hasSession = false
        management = StreamManagement()
        failRequests()
        phase = .closed
        tell(.closed)
    }

    private mutating func failRequests() {
        for (id, request) in pending where request.isReported { tell(.iqResult(id: id, .disconnected)) }
        pending = [:]
    }

    // MARK: Silence

    var keepAliveDeadline: Timestamp {
        let timing = settings.timing
        return pingSentAt.map { $0 + timing.pingAnswerLimit } ?? (lastReceived + timing.pingAfter)
    }

    /// Any byte counts as a sign of life: `handle` clears the ping.
    mutating func keepAlive(at now: Timestamp) {
        guard keepAliveDeadline <= now else { return }
        guard pingSentAt == nil else { return fail(.pingTimeout, at: now) }
        pingSentAt = now
        let ping = XMLElement("ping", Namespace.ping)
        request(.get, to: settings.domain, payload: ping, isReported: false, at: now)
    }

    /// The current step of the login, for a log line.
    var stepName: String {
        switch phase {
        case .connecting: "name look-up and TCP connect"
        case .openingStream: "stream features"
        case .awaitingProceed: "STARTTLS"
        case .handshaking: "TLS handshake"
        case .authenticating: "login"
        case .resuming: "resumption"
        case .binding: "resource binding"
        case .enabling: "stream management"
        case .waiting, .online, .closing, .closed: "none"
        }
    }
}
