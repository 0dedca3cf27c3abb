// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

extension ICEAgent {
    /// When consent ends unless the peer answers.
    var consentExpiryTime: Timestamp? {
        guard hasConsent, selected != nil || firstWritable != nil, let lastConsent else { return nil }
        return lastConsent + settings.consentExpiry
    }

    /// The interval until the next consent check: 0.8…1.2 of the set one (RFC 7675 §5.1) unless that is switched off.
    mutating func consentInterval() -> TimeDelta {
        guard settings.randomizesKeepAlive else { return settings.keepAliveInterval }
        return .seconds(settings.keepAliveInterval.seconds * (0.8 + 0.4 * random.fraction()))
    }

    /// The peer answered on the pair in use.
    mutating func noteConsent(at now: Timestamp) {
        lastConsent = now
        if !hasConsent {
            hasConsent = true
            emit(.consentRegained)
        }
    }

    /// Asks for consent when it is time, ends it when it was not renewed, ends a doubt.
    mutating func handleConsentTimeouts(at now: Timestamp) {
        if let expiry = consentExpiryTime, expiry <= now {
            hasConsent = false
            emit(.consentLost)
            if selected == nil, let firstWritable { failPair(firstWritable, at: now) }
        }
        if let doubtStart, doubtStart + ICELimits.doubtDelay <= now { endDoubt(at: now) }
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
