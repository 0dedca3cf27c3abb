// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension ICEAgent {
    /// When consent ends unless the peer answers.
    var consentExpiryTime: Timestamp? {
        guard hasConsent, selected != nil || firstWritable != nil, let consentGiven else { return nil }
        return consentGiven + settings.consentExpiry
    }

    /// Whether the peer could have answered for as long as consent lasts and did not.
    func isSilenceOver(at now: Timestamp) -> Bool {
        lastConsent.map { $0 + settings.consentExpiry <= now } ?? false
    }

    /// The interval until the next consent check: 0.8…1.2 of the set one (RFC 7675 §5.1) unless that is switched off.
    mutating func consentInterval() -> TimeDelta {
        guard settings.randomizesKeepAlive else { return settings.keepAliveInterval }
        return .seconds(settings.keepAliveInterval.seconds * (0.8 + 0.4 * random.fraction()))
    }

    /// The peer answered on the pair in use, or did at `answer` on the pair that is in use from now on.
    mutating func noteConsent(answer: Timestamp, at now: Timestamp) {
        lastConsent = max(lastConsent ?? answer, answer)
        let given = realTime(of: answer)
        consentGiven = max(consentGiven ?? given, given)
        if !hasConsent, given + settings.consentExpiry > now {
            hasConsent = true
            emit(.consentRegained)
        }
    }

    /// Nothing may be sent until the peer answers.
    mutating func suspendConsent() {
        guard hasConsent else { return }
        hasConsent = false
        emit(.consentLost)
    }

    /// Asks for consent when it is time, ends it when it was not renewed, ends a doubt.
    mutating func handleConsentTimeouts(at now: Timestamp) {
        if let expiry = consentExpiryTime, expiry <= now {
            suspendConsent()
            if selected == nil, let firstWritable, isSilenceOver(at: now) { failPair(firstWritable, at: now) }
        }
        if let doubt, doubt.end <= now { endDoubt(at: now) }
        guard let time = consentTime, time <= now else { return }
        guard let destination = selected ?? firstWritable else {
            consentTime = nil
            return
        }
        consentTime = now + consentInterval()
        guard !transactions.contains(where: { $0.purpose == .consent && $0.destination == destination }) else {
            return
        }
        send(.consent, to: destination, at: now)
    }
}
