// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives
public import XML

/// Stanzas in and out: requests, answers, own requests (control-plane.md 1.7).
extension XMPPClient {
    // MARK: The owner's side

    /// Answers a request with a result.
    ///
    /// - Returns: `false` when the session that received the request has ended; the answer is dropped.
    @discardableResult
    public mutating func reply(to token: IQToken, with result: XMLElement?, at now: Timestamp) -> Bool {
        answer(token, XMLElement("iq", Namespace.client, children: result.map { [$0] } ?? []), type: "result")
    }

    /// Refuses a request.
    ///
    /// - Returns: `false` when the session that received the request has ended; the answer is dropped.
    @discardableResult
    public mutating func reply(to token: IQToken, with error: StanzaError, at now: Timestamp) -> Bool {
        answer(token, XMLElement("iq", Namespace.client, children: [error.element]), type: "error")
    }

    /// Sends a request of our own. Its end is told by ``XMPPEvent/iqResult(id:_:)``.
    ///
    /// - Parameter to: the occupant, room or full address; `nil` for the server.
    /// - Returns: the id that the event will carry.
    @discardableResult
    public mutating func sendIQ(
        type: IQType, to: String?, payload: XMLElement, at now: Timestamp
    ) -> String {
        request(type, to: to, payload: payload, isReported: true, at: now)
    }

    @discardableResult
    mutating func request(
        _ type: IQType, to: String?, payload: XMLElement, isReported: Bool, configuring room: String? = nil,
        at now: Timestamp
    ) -> String {
        let id = makeID()
        let iq = XMLElement(
            "iq", Namespace.client, attributes: ["type": type.rawValue, "id": id, "to": to], children: [payload])
        guard pending.count < XMPPLimits.pendingRequests, send(iq) else {
            if isReported { tell(.iqResult(id: id, .disconnected)) }
            return id
        }
        pending[id] = PendingRequest(
            to: to, deadline: now + settings.timing.requestTimeout, isReported: isReported, configuredRoom: room)
        return id
    }

    mutating func expireRequests(at now: Timestamp) {
        for (id, request) in pending where request.deadline <= now {
            pending[id] = nil
            if request.isReported { tell(.iqResult(id: id, .timeout)) }
            if let room = request.configuredRoom { tell(.roomConfigured(room: room, isAccepted: false)) }
        }
    }

    // MARK: Out

    private mutating func answer(_ token: IQToken, _ template: XMLElement, type: String) -> Bool {
        guard hasSession, token.session == session else {
            counters.droppedAnswers += 1
            return false
        }
        var iq = template
        iq["type"] = type
        iq["id"] = token.id
        if !token.to.isEmpty { iq["to"] = token.to }
        if send(iq) { return true }
        // The asker is told rather than left waiting when the answer is larger than the server allows.
        let error = StanzaError(.resourceConstraint, text: "The answer is too large")
        var refusal = XMLElement("iq", Namespace.client, attributes: ["type": "error", "id": token.id])
        if !token.to.isEmpty { refusal["to"] = token.to }
        refusal.append(error.element)
        return send(refusal)
    }

    /// Sends a stanza, or keeps it for the resumption.
    ///
    /// - Returns: `false` when there is no session, or the stanza is too large for the server.
    @discardableResult
    mutating func send(_ stanza: XMLElement) -> Bool {
        guard hasSession, phase == .online || management.canResume else { return false }
        let text = stanza.serialized(inside: Namespace.client)
        guard text.utf8.count <= XMPPLimits.outgoingStanzaBytes else {
            counters.oversizedStanzas += 1
            return false
        }
        let asks = management.countSent(text)
        guard phase == .online else { return true }
        write(text)
        if asks { askForAcknowledgement() }
        return true
    }

    // MARK: In

    mutating func handleStanza(_ stanza: XMLElement, at now: Timestamp) {
        if case .binding(let id) = phase { return handleBinding(stanza, id: id, at: now) }
        guard phase == .online else { return }
        counters.stanzasReceived += 1
        management.countReceived()
        switch stanza.name {
        case "iq": handleIQ(stanza, at: now)
        case "presence": handlePresence(stanza, at: now)
        // Never answered, whatever is in them: an error would have the room throw us out.
        default: break
        }
    }

    /// A stanza that goes beyond the parser's limits. Whoever wrote it, the server has counted it as sent.
    mutating func handleRefused(_ head: XMLElement, at now: Timestamp) {
        guard phase == .online, head.namespace == Namespace.client else { return }
        counters.stanzasReceived += 1
        counters.malformedStanzas += 1
        management.countReceived()
        guard head.name == "iq", let id = head["id"], head["type"] == "get" || head["type"] == "set" else { return }
        let token = IQToken(session: session, id: id, to: head["from"] ?? "")
        reply(to: token, with: StanzaError(.badRequest, text: "The request is too complex"), at: now)
    }

    private mutating func handleIQ(_ iq: XMLElement, at now: Timestamp) {
        guard let id = iq["id"] else {
            counters.malformedStanzas += 1
            return
        }
        switch iq["type"] {
        case "get": handleRequest(iq, .get, id: id, at: now)
        case "set": handleRequest(iq, .set, id: id, at: now)
        case "result", "error": handleAnswer(iq, id: id)
        default: counters.malformedStanzas += 1
        }
    }

    private mutating func handleAnswer(_ iq: XMLElement, id: String) {
        guard let request = pending[id], isAnswer(from: iq["from"], to: request.to) else { return }
        pending[id] = nil
        let isResult = iq["type"] == "result"
        if let room = request.configuredRoom { tell(.roomConfigured(room: room, isAccepted: isResult)) }
        guard request.isReported else { return }
        tell(.iqResult(id: id, isResult ? .result(iq.elements.first) : .error(StanzaError(of: iq))))
    }

    /// Only the one we asked may answer (RFC 6120 §8.1.2.1); the server may leave its own address out.
    private func isAnswer(from: String?, to: String?) -> Bool {
        guard let to else {
            return from.map { JID.folded($0) == JID.folded(boundJID) || $0 == settings.domain } ?? true
        }
        return from == to || (from == nil && to == settings.domain)
    }

    private mutating func handleRequest(_ iq: XMLElement, _ type: IQType, id: String, at now: Timestamp) {
        let token = IQToken(session: session, id: id, to: iq["from"] ?? "")
        let elements = iq.elements
        guard elements.count == 1, let payload = elements.first else {
            counters.malformedStanzas += 1
            reply(to: token, with: StanzaError(.badRequest, text: "A request has exactly one child"), at: now)
            return
        }
        if answerLibraryRequest(payload, token, at: now) { return }
        // The only protection there is: anybody on the server can send to our full address (control-plane.md 1.7).
        guard let from = iq["from"], isOccupant(from) else {
            counters.forbiddenRequests += 1
            reply(to: token, with: StanzaError(.forbidden, text: "Sender is not a configured room"), at: now)
            return
        }
        if settings.isBridge, answerBridgeRequest(payload, token, at: now) { return }
        guard settings.handledPayloads.contains(PayloadName(payload.name, payload.namespace)) else {
            counters.unknownRequests += 1
            reply(to: token, with: StanzaError(.featureNotImplemented), at: now)
            return
        }
        tell(.request(IQRequest(token: token, id: id, from: from, to: iq["to"], type: type, payload: payload)))
    }

    private func isOccupant(_ from: String) -> Bool {
        let folded = JID.folded(from)
        return rooms.contains { $0.folded == folded }
    }

    // MARK: What the client answers by itself

    /// Answers what anybody may ask.
    private mutating func answerLibraryRequest(_ payload: XMLElement, _ token: IQToken, at now: Timestamp) -> Bool {
        switch (payload.name, payload.namespace) {
        case ("ping", Namespace.ping): reply(to: token, with: nil, at: now)
        case ("query", Namespace.version): reply(to: token, with: versionElement, at: now)
        case ("query", Namespace.disco): reply(to: token, with: discoElement(node: payload["node"]), at: now)
        case ("time", Namespace.time):
            guard let origin = wallClockOrigin else { return false }
            let text = UTCDate(milliseconds: origin + now.nanoseconds / 1_000_000).text
            let time = XMLElement(
                "time", Namespace.time,
                children: [
                    XMLElement("tzo", Namespace.time, text: "+00:00"), XMLElement("utc", Namespace.time, text: text),
                ])
            reply(to: token, with: time, at: now)
        default: return false
        }
        return true
    }

    /// Answers what only occupants may ask of a bridge, and needs no conference.
    private mutating func answerBridgeRequest(_ payload: XMLElement, _ token: IQToken, at now: Timestamp) -> Bool {
        switch (payload.name, payload.namespace) {
        case ("healthcheck", Namespace.healthCheck):
            if let reason = healthFailure {
                reply(to: token, with: StanzaError(.internalServerError, text: reason), at: now)
            } else {
                reply(to: token, with: nil, at: now)
            }
        case ("graceful-shutdown", Namespace.colibri), ("force-shutdown", Namespace.colibri):
            reply(to: token, with: StanzaError(.serviceUnavailable, text: "Not offered over XMPP"), at: now)
        default: return false
        }
        return true
    }

    private var versionElement: XMLElement {
        let software = settings.software
        return XMLElement(
            "query", Namespace.version,
            children: [
                XMLElement("name", Namespace.version, text: software.name),
                XMLElement("version", Namespace.version, text: software.version),
                XMLElement("os", Namespace.version, text: software.operatingSystem),
            ])
    }

    private func discoElement(node: String?) -> XMLElement {
        let features = [
            Namespace.healthCheck, "urn:xmpp:jingle:apps:dtls:0", "urn:xmpp:jingle:transports:ice-udp:1",
            Namespace.version, Namespace.disco, Namespace.ping, Namespace.time,
        ]
        var query = XMLElement("query", Namespace.disco, attributes: ["node": node])
        query.append(
            XMLElement(
                "identity", Namespace.disco,
                attributes: ["category": "client", "type": "pc", "name": settings.software.name]))
        for feature in features {
            query.append(XMLElement("feature", Namespace.disco, attributes: ["var": feature]))
        }
        return query
    }

    /// Tells the client the time of day, for those who ask (XEP-0202).
    ///
    /// - Parameter milliseconds: milliseconds since 1970-01-01 UTC at `now`.
    public mutating func setWallClock(milliseconds: Int64, at now: Timestamp) {
        wallClockOrigin = milliseconds - now.nanoseconds / 1_000_000
    }
}
