// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// A STUN datagram: a check, an answer to one of ours, or neither.
    /// - Parameter local: index of the socket it came in on.
    public mutating func handle(
        _ datagram: RawSpan, from source: TransportAddress, local: UInt16, at now: Timestamp
    ) {
        guard state != .failed else { return counters.afterFailure &+= 1 }
        guard Int(local) < settings.localAddresses.count, source.port != 0,
            settings.localAddresses[Int(local)].family == source.family
        else { return counters.wrongSocket &+= 1 }
        let from = Destination(remote: source, local: local)
        do {
            let message = try STUNMessage(datagram)
            // RFC 8445 §7 wants FINGERPRINT in every check; some stacks leave it out, so only a wrong one is refused.
            guard message.hasValidFingerprint != false else { return counters.badFingerprint &+= 1 }
            guard message.method == STUNHeader.bindingMethod else { return counters.unsupported &+= 1 }
            switch message.messageClass {
            case .request: handleRequest(message, from: from, at: now)
            case .success, .error: handleResponse(message, from: from, at: now)
            case .indication: break  // A keep-alive of RFC 8445 §11: nothing is wrong with it, and nothing follows.
            }
        } catch {
            counters.malformed &+= 1
        }
    }

    private mutating func handleRequest(_ request: borrowing STUNMessage, from source: Destination, at now: Timestamp) {
        guard authenticate(request, from: source) else { return }
        let attributes = request.attributes
        if let code = answered.code(for: request.transactionID, from: source, at: now) {
            counters.requestsRepeated &+= 1
            return answer(request, code: code, to: source, isAuthentic: true)
        }
        var code = 0
        if !attributes.unknownRequired.isEmpty {
            counters.unknownAttribute &+= 1
            code = 420
        } else if attributes.priority == nil || attributes.username == nil {
            counters.badRequest &+= 1
            code = 400
        } else if isRoleConflict(attributes, at: now) {
            counters.roleConflicts &+= 1
            code = 487
        } else {
            counters.requestsAnswered &+= 1
        }
        answered.insert(request.transactionID, from: source, code: code, at: now)
        answer(request, code: code, to: source, isAuthentic: true)
        guard code == 0, let priority = attributes.priority else { return }
        learn(source, priority: priority, isNominated: attributes.hasUseCandidate, at: now)
    }

    /// Whether the sender knows our password. Bad credentials get no answer: whoever guesses shall learn nothing.
    private mutating func authenticate(_ request: borrowing STUNMessage, from source: Destination) -> Bool {
        // First of all: who asks for a former tenant of our slot shall not learn that there is a new one.
        if let name = request.username, !isOurs(name) {
            counters.unknownUser &+= 1
            return false
        }
        guard request.attributes.integrityOffset != nil else {
            counters.missingIntegrity &+= 1
            // RFC 8489 §9.1.3. Never longer than the request, so useless for amplification.
            answer(request, code: 400, to: source, isAuthentic: false)
            return false
        }
        guard request.hasValidIntegrity(key: localKey) else {
            counters.badIntegrity &+= 1
            return false
        }
        return true
    }

    /// Whether USERNAME starts with our user fragment and a colon. What follows is the peer's, which may not be known
    /// yet.
    private func isOurs(_ name: RawSpan) -> Bool {
        guard name.byteCount > localUser.count, name.uint8(at: localUser.count) == UInt8(ascii: ":") else {
            return false
        }
        return name.slice(0, count: localUser.count).elementsEqual(localUser.rawSpan)
    }

    /// RFC 8445 §7.3.1.1: the greater tie-breaker controls. Changes our role or says that the peer must change its.
    private mutating func isRoleConflict(_ attributes: STUNAttributes, at now: Timestamp) -> Bool {
        if isControlling, let theirs = attributes.controlling {
            if settings.tieBreaker >= theirs { return true }
            return !switchRole(at: now)
        }
        if !isControlling, let theirs = attributes.controlled {
            if settings.tieBreaker < theirs { return true }
            return !switchRole(at: now)
        }
        return false
    }

    private mutating func answer(
        _ request: borrowing STUNMessage, code: Int, to source: Destination, isAuthentic: Bool
    ) {
        var response = STUNBuilder(code == 0 ? .success : .error, transactionID: request.transactionID)
        if code == 0 {
            response.xorMappedAddress(source.remote)
            // RFC 8489 §9.1.3 leaves USERNAME out of responses, the original copies it; peers accept both.
        } else {
            response.errorCode(code)
            if code == 420 { response.unknownAttributes(request.attributes.unknownRequired) }
        }
        let bytes = response.finish(key: isAuthentic ? localKey : nil)
        guard isAuthentic || bytes.count <= request.bytes.byteCount else { return }
        transmit(bytes, to: source)
    }

    /// RFC 8445 §7.3.1.3 to 7.3.1.5: what an authentic request tells about the pair it came on. Its source address may
    /// be forged, so all that follows is a check of ours.
    private mutating func learn(_ source: Destination, priority: UInt32, isNominated: Bool, at now: Timestamp) {
        guard let index = pairIndex(source) ?? learnPair(source, remotePriority: priority, at: now) else {
            return counters.candidatesRefused &+= 1
        }
        pairs[index].lastRequest = now
        if state == .waiting, isNominated { pairs[index].isNominated = true }
        guard state != .waiting else { return }
        switch pairs[index].state {
        case .succeeded:
            if isControlling { reconsiderPair(index, at: now) }
        case .inProgress:
            hurryCheck(source, at: now)
        case .waiting, .failed:
            pairs[index].state = .waiting
            trigger(source)
        }
        if isNominated, !isControlling { followNomination(source, at: now) }
        startChecks(at: now)
        updateFailure(at: now)
    }

    /// Controlling: the peer uses a pair that works beside the selected one. When its last answer is old it is asked
    /// again, and the answer asks the question anew.
    private mutating func reconsiderPair(_ index: Int, at now: Timestamp) {
        let destination = pairs[index].destination
        guard let selected, destination != selected else { return }
        if isFresh(index, at: now) { reconsiderSelection(destination, at: now) } else { trigger(destination) }
    }

    /// Whether the pair answered lately.
    func isFresh(_ index: Int, at now: Timestamp) -> Bool {
        pairs[index].lastAnswer.map { now - $0 <= ICELimits.doubtAfter } ?? false
    }

    /// The peer's request just went through: our own unanswered check deserves another try at once (RFC 8445
    /// §7.3.1.4 replaces it by a new one, to the same effect), unless it was just sent.
    private mutating func hurryCheck(_ destination: Destination, at now: Timestamp) {
        for index in transactions.indices
        where transactions[index].destination == destination && transactions[index].purpose == .check
            && now - transactions[index].sent >= ICELimits.hurryInterval
        {
            transactions[index].interval = ICELimits.checkRetransmit
            transactions[index].due = now
        }
        handleTransactionTimeouts(at: now)
    }

    /// The controlling peer wants this pair. The latest nomination wins; a peer that nominates every pair it checks
    /// (RFC 5245 called it aggressive) settles on the one with the highest priority. A selected pair gives way when the
    /// nominated one answers a check of ours once more: the nomination may be an old one that somebody sent again.
    private mutating func followNomination(_ destination: Destination, at now: Timestamp) {
        guard let index = pairIndex(destination) else { return }
        let isFirst = !pairs[index].isNominated
        pairs[index].isNominated = true
        pairs[index].lastNomination = now
        guard pairs[index].isValid, destination != selected else { return }
        guard let current = pairIndex(selected) else { return select(destination, at: now) }
        let isBetter = pairs[index].priority(isControlling: false) > pairs[current].priority(isControlling: false)
        let isAbandoned = pairs[current].lastNomination.map { now - $0 > ICELimits.doubtAfter } ?? true
        if isFirst || isBetter || isAbandoned { trigger(destination) }
    }
}
