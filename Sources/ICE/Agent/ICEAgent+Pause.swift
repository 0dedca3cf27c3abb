// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// The process did not run for `pause` (it was stopped, or its machine was) and goes on at `now`.
    ///
    /// Time in which we could not listen counts against nobody: every timer that gives something up is set back by the
    /// pause. Consent is the exception, because it protects the other side: it ends in real time (RFC 7675 §5.1), so
    /// the peer is asked anew at once, and when consent has run out meanwhile ``sendDestination`` is `nil` until the
    /// answer.
    ///
    /// Call it before anything else that takes `now`. What waits in the sockets may come next, timers last.
    public mutating func resumeAfterPause(of pause: TimeDelta, at now: Timestamp) {
        guard state != .failed, pause > .zero else { return }
        shiftTimers(by: pause, at: now)
        if let destination = selected ?? firstWritable { askAnew(destination, at: now) }
    }

    /// Consent is in doubt: asks for it at once, and sends nothing meanwhile if it has run out.
    mutating func askAnew(_ destination: Destination, at now: Timestamp) {
        if let expiry = consentExpiryTime, expiry <= now { suspendConsent() }
        // An answer to what was asked before the pause says nothing about now.
        transactions.removeAll { $0.purpose == .consent }
        if doubtStart != nil { doubtStart = now }
        consentTime = now + consentInterval()
        send(.consent, to: destination, at: now)
    }

    private mutating func shiftTimers(by pause: TimeDelta, at now: Timestamp) {
        paceTime = min(paceTime + pause, now + ICELimits.pace)
        failureTime = failureTime.map { $0 + pause }
        relayNominationTime = relayNominationTime.map { $0 + pause }
        terminationTime = terminationTime.map { $0 + pause }
        doubtStart = doubtStart.map { min($0 + pause, now) }
        lastConsent = lastConsent.map { min($0 + pause, now) }
        for index in transactions.indices {
            transactions[index].sent = min(transactions[index].sent + pause, now)
            transactions[index].due = transactions[index].due + pause
        }
        for index in pairs.indices {
            pairs[index].learned = pairs[index].learned.map { min($0 + pause, now) }
            pairs[index].lastRequest = pairs[index].lastRequest.map { min($0 + pause, now) }
            pairs[index].lastAnswer = pairs[index].lastAnswer.map { min($0 + pause, now) }
            pairs[index].lastNomination = pairs[index].lastNomination.map { min($0 + pause, now) }
        }
        answered.shift(by: pause, at: now)
    }
}
