// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// The process did not run for `pause` (it was stopped, or its machine was) and goes on at `now`; the clock that
    /// gives `now` does not count the pause, so no timer has moved towards its end.
    ///
    /// Consent is the exception, because it protects the other side: it ends in real time (RFC 7675 §5.1), so the peer
    /// is asked anew at once, and when consent has run out meanwhile ``sendDestination`` is `nil` until the answer.
    ///
    /// What waits in the sockets may come before, timers come after.
    public mutating func resumeAfterPause(of pause: TimeDelta, at now: Timestamp) {
        guard state != .failed, pause > .zero else { return }
        let recent = absence.map { now - $0.end < settings.consentExpiry ? $0.length : .zero } ?? .zero
        absence = (now, pause + recent)
        consentGiven = consentGiven.map { $0 - pause }
        if let destination = selected ?? firstWritable { askAnew(destination, at: now) }
    }

    /// Consent is in doubt: asks for it at once, and sends nothing meanwhile if it has run out.
    mutating func askAnew(_ destination: Destination, at now: Timestamp) {
        if let expiry = consentExpiryTime, expiry <= now { suspendConsent() }
        // An answer to what was asked before the pause says nothing about now.
        transactions.removeAll { $0.purpose == .consent }
        if let former = doubt { doubt = (now, now + (former.end - former.start)) }
        consentTime = now + consentInterval()
        send(.consent, to: destination, at: now)
    }

    /// A moment of the clock in terms of real time as it is now: what was before a pause is longer ago than it seems.
    func realTime(of moment: Timestamp) -> Timestamp {
        guard let absence, moment < absence.end else { return moment }
        return moment - absence.length
    }
}
