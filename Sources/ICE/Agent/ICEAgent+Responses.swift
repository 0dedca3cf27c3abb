// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension ICEAgent {
    /// An answer to one of our requests (RFC 8445 §7.2.5).
    mutating func handleResponse(_ response: borrowing STUNMessage, from source: Destination, at now: Timestamp) {
        let id = response.transactionID
        guard let index = transactions.firstIndex(where: { $0.id == id }) else {
            return counters.unmatchedResponse &+= 1
        }
        // Unauthentic answers, errors included, prove nothing: the transaction goes on.
        guard response.attributes.integrityOffset != nil else { return counters.missingIntegrity &+= 1 }
        guard response.hasValidIntegrity(key: remoteKey) else { return counters.badIntegrity &+= 1 }
        let isSymmetric = source == transactions[index].destination
        if !isSymmetric {
            counters.asymmetricResponse &+= 1
            // A pair that works does not fail over a copy of its answer that somebody sends from elsewhere: the
            // transaction goes on.
            if pairIndex(transactions[index].destination).map({ pairs[$0].isValid }) ?? false { return }
        }
        let transaction = transactions.remove(at: index)
        defer {
            startChecks(at: now)
            updateFailure(at: now)
        }
        // RFC 8445 §7.2.5.2.1: the path is not symmetric.
        guard isSymmetric else { return failPair(transaction.destination, at: now) }
        if let code = response.attributes.errorCode, response.messageClass == .error {
            counters.errorResponse &+= 1
            return handleError(code, of: transaction, at: now)
        }
        guard response.messageClass == .success, response.attributes.xorMappedAddress != nil else {
            return failPair(transaction.destination, at: now)
        }
        counters.responsesAccepted &+= 1
        handleSuccess(of: transaction, at: now)
    }

    private mutating func handleError(_ code: Int, of transaction: ClientTransaction, at now: Timestamp) {
        guard code == 487 else { return failPair(transaction.destination, at: now) }
        // RFC 8445 §7.2.5.1. When our role changed meanwhile, the refusal is about the old one.
        if transaction.isControlling == isControlling {
            guard switchRole(at: now) else { return failPair(transaction.destination, at: now) }
            settings.tieBreaker = random.next()
        }
        guard let index = pairIndex(transaction.destination) else { return }
        if transaction.purpose == .consent { return }
        pairs[index].state = .waiting
        trigger(transaction.destination)
    }

    private mutating func handleSuccess(of transaction: ClientTransaction, at now: Timestamp) {
        let destination = transaction.destination
        guard let index = pairIndex(destination) else { return }
        // A path that comes back counts as a new one.
        let isNew = !pairs[index].isValid || !isFresh(index, at: now)
        pairs[index].state = .succeeded
        pairs[index].isValid = true
        pairs[index].lastAnswer = now
        let roundTrip = now - transaction.sent
        pairs[index].roundTrip = min(pairs[index].roundTrip ?? roundTrip, roundTrip)
        triggered.removeAll { $0 == destination }
        // One answer is as good as another.
        transactions.removeAll { $0.destination == destination && $0.purpose == .consent }
        bind(index)
        if firstWritable == nil {
            firstWritable = destination
            emit(.writable(destination))
            if consentTime == nil { consentTime = now + consentInterval() }
        }
        if destination == selected ?? firstWritable { noteConsent(answer: now, at: now) }
        if transaction.purpose == .nomination, isControlling { return select(destination, at: now) }
        if isControlling {
            if selected == nil {
                considerNomination(at: now)
            } else {
                reconsiderSelection(destination, at: now, isNew: isNew)
            }
        } else if let index = pairIndex(destination), pairs[index].isNominated, destination != selected {
            let isUsable = pairIndex(selected).map { current in
                (pairs[current].lastNomination ?? .zero) <= (pairs[index].lastNomination ?? .zero)
            }
            if isUsable ?? true { select(destination, at: now) }
        }
    }

    /// Changes our role, at most ``ICELimits/roleSwitches`` times.
    /// - Returns: `false` at the limit.
    mutating func switchRole(at now: Timestamp) -> Bool {
        guard counters.roleSwitches < ICELimits.roleSwitches else { return false }
        counters.roleSwitches &+= 1
        isControlling.toggle()
        relayNominationTime = nil
        doubt = nil
        // Requests that claim the old role would only be refused.
        for transaction in transactions where transaction.purpose != .consent {
            guard let index = pairIndex(transaction.destination) else { continue }
            pairs[index].state = .waiting
            trigger(transaction.destination)
        }
        transactions.removeAll { $0.purpose != .consent }
        return true
    }
}
