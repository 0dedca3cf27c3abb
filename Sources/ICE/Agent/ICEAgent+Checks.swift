// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// Time has come: retransmits, gives up, starts checks, nominates, asks for consent. Harmless when called early.
    public mutating func handleTimeout(at now: Timestamp) {
        guard state != .failed else { return }
        handleTransactionTimeouts(at: now)
        if let time = relayNominationTime, time <= now {
            relayNominationTime = nil
            nominateBest(at: now)
        }
        handleConsentTimeouts(at: now)
        if let time = terminationTime, time <= now {
            terminationTime = nil
            forgetUnusedPairs()
        }
        startChecks(at: now)
        updateFailure(at: now)
        if let time = failureTime, time <= now { fail() }
    }

    /// Puts a pair in the queue of triggered checks, once.
    mutating func trigger(_ destination: Destination) {
        if !triggered.contains(destination) { triggered.append(destination) }
    }

    /// Whether a check waits for its turn.
    var hasCheckToStart: Bool {
        guard state == .running || state == .completed else { return false }
        return !triggered.isEmpty || (selected == nil && pairs.contains { $0.state == .waiting })
    }

    /// Starts a check if the pace allows: triggered ones first, then the waiting pair of highest priority
    /// (RFC 8445 §6.1.4.2). Once a pair is selected only triggered checks are left (§8.1.1).
    mutating func startChecks(at now: Timestamp) {
        guard paceTime <= now, hasCheckToStart else { return }
        while !triggered.isEmpty {
            let destination = triggered.removeFirst()
            // A pair that works is triggered when it has to prove itself once more.
            if let index = pairIndex(destination), [.waiting, .succeeded].contains(pairs[index].state) {
                return startCheck(index, at: now)
            }
        }
        guard selected == nil else { return }
        var best: (priority: UInt64, index: Int)?
        for (index, pair) in pairs.enumerated() where pair.state == .waiting {
            let priority = pair.priority(isControlling: isControlling)
            if best.map({ priority > $0.priority }) ?? true { best = (priority, index) }
        }
        if let best { startCheck(best.index, at: now) }
    }

    private mutating func startCheck(_ index: Int, at now: Timestamp) {
        pairs[index].state = .inProgress
        paceTime = now + ICELimits.pace
        let destination = pairs[index].destination
        transactions.removeAll { $0.destination == destination && $0.purpose == .check }
        send(.check, to: destination, at: now)
    }

    /// Sends a request and waits for the answer.
    mutating func send(_ purpose: ClientTransaction.Purpose, to destination: Destination, at now: Timestamp) {
        counters.checksSent &+= 1
        let id = numbers.next()
        var request = STUNBuilder(.request, transactionID: id)
        request.username(remoteUser, localUser)
        request.priority(peerReflexivePriority(destination.local))
        request.role(isControlling: isControlling, tieBreaker: settings.tieBreaker)
        if isControlling, purpose == .nomination || (purpose == .consent && destination == selected) {
            request.useCandidate()
        }
        if !settings.software.isEmpty {
            request.attribute(STUNAttribute.software, Array(settings.software.utf8.prefix(128)))
        }
        let bytes = request.finish(key: remoteKey)
        let isConsent = purpose == .consent
        let interval = isConsent ? settings.consentRetransmit : ICELimits.checkRetransmit
        let longest = isConsent ? settings.consentRetransmitMaximum : ICELimits.checkRetransmitMaximum
        transactions.append(
            ClientTransaction(
                id: id, destination: destination, purpose: purpose, isControlling: isControlling, bytes: bytes,
                sendsLeft: max(0, isConsent ? settings.consentRetransmissions : ICELimits.checkRetransmissions),
                interval: min(interval * 2, max(interval, longest)), sent: now, due: now + interval))
        transmit(bytes, to: destination)
    }

    /// Retransmits what is due and gives up what was sent often enough (RFC 8489 §6.2.1, media-plane.md 1.6).
    mutating func handleTransactionTimeouts(at now: Timestamp) {
        var expired: [ClientTransaction] = []
        var index = 0
        while index < transactions.count {
            guard transactions[index].due <= now else {
                index += 1
                continue
            }
            guard transactions[index].sendsLeft > 0 else {
                expired.append(transactions.remove(at: index))
                continue
            }
            transactions[index].sendsLeft -= 1
            transactions[index].due = now + transactions[index].interval
            let longest =
                transactions[index].purpose == .consent
                ? settings.consentRetransmitMaximum : ICELimits.checkRetransmitMaximum
            let interval = transactions[index].interval
            transactions[index].interval = min(interval * 2, max(interval, longest))
            transactions[index].sent = now
            transmit(transactions[index].bytes, to: transactions[index].destination)
            index += 1
        }
        if transactions.isEmpty { transactions = [] }
        for transaction in expired {
            if transaction.purpose == .consent { counters.consentTimeouts &+= 1 }
            // Before nomination the pair is all there is; it may be quiet until consent expires.
            if transaction.purpose == .consent, selected == nil, !isSilenceOver(at: now) { continue }
            if transaction.purpose == .nomination, renominate(transaction.destination, at: now) { continue }
            failPair(transaction.destination, at: now)
        }
    }

    /// The pair that was to be the first selected one did not answer its nomination: on a lossy path that says little,
    /// so it is asked again for as long as consent would last since it last answered.
    private mutating func renominate(_ destination: Destination, at now: Timestamp) -> Bool {
        guard isControlling, selected == nil, let index = pairIndex(destination), pairs[index].isValid,
            bestAlternative(to: destination) == nil, let answer = pairs[index].lastAnswer,
            now - answer < settings.consentExpiry
        else { return false }
        send(.nomination, to: destination, at: now)
        return true
    }

    /// A check on the pair had no good end.
    mutating func failPair(_ destination: Destination, at now: Timestamp) {
        guard let index = pairIndex(destination) else { return }
        pairs[index].state = .failed
        pairs[index].isValid = false
        transactions.removeAll { $0.destination == destination }
        if let selected {
            // The selected pair stays selected until another takes over: the path may come back.
            if isControlling { replaceIfFailed(selected, at: now) }
            return
        }
        if firstWritable == destination { firstWritable = bestAlternative(to: destination)?.destination }
        if isControlling { considerNomination(at: now) }
    }

    /// RFC 8445 §8.1.2: failed when every pair is; late checks get a chance first. An agent without any pair waits:
    /// the peer's first check may take its time.
    mutating func updateFailure(at now: Timestamp) {
        let isHopeless =
            state == .running && !pairs.isEmpty && triggered.isEmpty && pairs.allSatisfy { $0.state == .failed }
        failureTime = isHopeless ? failureTime ?? now + ICELimits.failureDelay : nil
    }

    private mutating func fail() {
        state = .failed
        failureTime = nil
        transactions = []
        emit(.failed)
    }
}
