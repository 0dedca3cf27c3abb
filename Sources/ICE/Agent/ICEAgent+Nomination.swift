// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension ICEAgent {
    private var isNominating: Bool { transactions.contains { $0.purpose == .nomination } }

    /// Controlling, nothing selected: is it time to nominate (media-plane.md 1.7)?
    mutating func considerNomination(at now: Timestamp) {
        guard isControlling, selected == nil, !isNominating, settings.nominationStrategy != .none else { return }
        let valid = pairs.filter { $0.isValid }
        guard !valid.isEmpty else { return }
        if mayNominate(valid) {
            relayNominationTime = nil
            nominateBest(at: now)
        } else if relayNominationTime == nil {
            relayNominationTime = now + ICELimits.relayNominationDelay
        }
    }

    /// Whether nothing is worth waiting for.
    private func mayNominate(_ valid: [CandidatePair]) -> Bool {
        let open = pairs.filter { $0.state == .waiting || $0.state == .inProgress }
        switch settings.nominationStrategy {
        case .firstHostOrReflexiveValid: return valid.contains { !$0.isRelayed }
        case .firstValid: return true
        case .bestRoundTrip: return open.isEmpty
        case .highestPriority:
            let best = valid.map { $0.priority(isControlling: true) }.max() ?? 0
            return open.allSatisfy { $0.priority(isControlling: true) <= best }
        case .none: return false
        }
    }

    /// Nominates the best valid pair; relayed ones come last.
    mutating func nominateBest(at now: Timestamp) {
        guard isControlling, selected == nil, !isNominating, settings.nominationStrategy != .none else { return }
        let isByRoundTrip = settings.nominationStrategy == .bestRoundTrip
        let best = pairs.filter { $0.isValid }.max { a, b in
            if isByRoundTrip, a.roundTrip != b.roundTrip, let first = a.roundTrip, let second = b.roundTrip {
                return first > second
            }
            if a.isRelayed != b.isRelayed { return a.isRelayed }
            return a.priority(isControlling: true) < b.priority(isControlling: true)
        }
        if let best { send(.nomination, to: best.destination, at: now) }
    }

    /// The pair is nominated and works: media goes there from now on (RFC 8445 §8.1.1).
    mutating func select(_ destination: Destination, at now: Timestamp) {
        guard let index = pairIndex(destination), selected != destination else { return }
        pairs[index].isNominated = true
        pairs[index].lastNomination = now
        let isFirst = selected == nil
        selected = destination
        doubt = nil
        relayNominationTime = nil
        if isFirst {
            state = .completed
            terminationTime = now + ICELimits.terminationDelay
        }
        // Checks on other pairs that nobody asked for are pointless now.
        transactions.removeAll { transaction in
            transaction.destination != destination
                && (transaction.purpose != .check
                    || !pairs.contains { $0.destination == transaction.destination && $0.lastRequest != nil })
        }
        for index in pairs.indices where pairs[index].state == .inProgress {
            let destination = pairs[index].destination
            if !transactions.contains(where: { $0.destination == destination }) { pairs[index].state = .waiting }
        }
        emit(.selected(destination))
        if let answer = pairs[index].lastAnswer { noteConsent(answer: answer, at: now) }
        consentTime = now
        handleConsentTimeouts(at: now)
    }

    /// Controlling, with a selected pair: the peer uses another pair that works. Has the selected one died?
    ///
    /// A client that changes its network keeps checking from the new address only. So when a pair was validated, or
    /// a valid pair is checked while the selected one gave no answer for ``ICELimits/doubtAfter``, the selected pair is
    /// asked for consent at once, and again and again; without an answer within four of its round trips
    /// (``ICELimits/doubtDelay``) the other pair is nominated. The peer's requests do not count as a sign of life of
    /// the selected pair: whoever repeats them could hold it.
    mutating func reconsiderSelection(_ destination: Destination, at now: Timestamp, isNew: Bool = false) {
        guard let selected, destination != selected, !isNominating else { return }
        guard let current = pairIndex(selected), pairs[current].state != .failed, hasConsent else {
            return send(.nomination, to: destination, at: now)
        }
        guard doubt == nil || isNew else { return }
        guard isNew || !isFresh(current, at: now) else { return }
        let patience = (pairs[current].roundTrip ?? ICELimits.doubtDelay.upperBound) * 4
        doubt = (now, now + min(max(patience, ICELimits.doubtDelay.lowerBound), ICELimits.doubtDelay.upperBound))
        consentTime = now + consentInterval()
        transactions.removeAll { $0.purpose == .consent }
        send(.consent, to: selected, at: now)
        // One lost question shall not cost a path that works.
        guard let question = transactions.indices.last else { return }
        transactions[question].due = now + ICELimits.checkRetransmit
        transactions[question].interval = ICELimits.checkRetransmit * 2
    }

    /// The doubted pair's time is over.
    mutating func endDoubt(at now: Timestamp) {
        guard let start = doubt?.start else { return }
        doubt = nil
        guard isControlling, let selected, !isNominating else { return }
        if let answer = pairIndex(selected).flatMap({ pairs[$0].lastAnswer }), answer >= start { return }
        if let other = bestAlternative(to: selected) { send(.nomination, to: other.destination, at: now) }
    }

    /// The selected pair failed: nominates another that works, if there is one.
    mutating func replaceIfFailed(_ selected: Destination, at now: Timestamp) {
        guard let current = pairIndex(selected), pairs[current].state == .failed, !isNominating,
            let other = bestAlternative(to: selected)
        else { return }
        send(.nomination, to: other.destination, at: now)
    }

    /// The valid pair, other than `destination`, that answered last.
    func bestAlternative(to destination: Destination) -> CandidatePair? {
        pairs.filter { $0.isValid && $0.destination != destination }
            .max { ($0.lastAnswer ?? .zero) < ($1.lastAnswer ?? .zero) }
    }

    /// Some time after nomination: pairs that never worked and that the peer never used are of no use any more.
    mutating func forgetUnusedPairs() {
        let used = pairs.filter { pair in
            let isAsked = pair.lastRequest != nil && pair.state != .failed
            return pair.isBound || pair.isValid || isAsked || pair.destination == selected
        }
        // `map` makes an array without spare room.
        pairs = used.map { $0 }
        transactions.removeAll { transaction in !used.contains { $0.destination == transaction.destination } }
        triggered = triggered.filter { destination in used.contains { $0.destination == destination } }
    }
}
