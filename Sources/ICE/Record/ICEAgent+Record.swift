// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// What another process needs to go on with the session; `nil` before a pair is selected and after failure.
    public func record(at now: Timestamp) -> ICESessionRecord? {
        guard state == .completed, let current = pairIndex(selected),
            let localUfrag = ICESessionRecord.Credential(localUser),
            let localPassword = ICESessionRecord.Credential(localKey),
            let remoteUfrag = ICESessionRecord.Credential(remoteUser),
            let remotePassword = ICESessionRecord.Credential(remoteKey)
        else { return nil }
        var record = ICESessionRecord(
            owner: settings.owner, localUfrag: localUfrag, localPassword: localPassword, remoteUfrag: remoteUfrag,
            remotePassword: remotePassword, isControlling: isControlling,
            roleSwitches: UInt8(clamping: counters.roleSwitches), tieBreaker: settings.tieBreaker,
            hasConsent: hasConsent, consentAge: age(of: consentGiven ?? now, at: now),
            silence: age(of: lastConsent ?? now, at: now))
        record.append(path(current, at: now))
        for index in pairs.indices where pairs[index].isBound && index != current {
            record.append(path(index, at: now))
        }
        return record
    }

    /// An agent that goes on where another one was written down. Consent is asked for at once; the 4-tuples that are
    /// the session's come as ``Event/bound(_:)``, the pair in use as ``Event/selected(_:)``.
    /// - Parameters:
    ///   - settings: timers, limits, bound addresses and keys; what the record knows comes from the record.
    ///   - outage: how long nobody listened since the record was written.
    /// - Returns: `nil` when the selected pair's local address is not bound any more, or the credentials are no text.
    public static func resuming(
        _ record: ICESessionRecord, _ settings: Settings, after outage: TimeDelta = .zero, random: Random,
        at now: Timestamp
    ) -> ICEAgent? {
        var settings = settings
        guard let ufrag = String(validating: record.localUfrag.bytes, as: UTF8.self),
            let password = String(validating: record.localPassword.bytes, as: UTF8.self)
        else { return nil }
        settings.localUfrag = ufrag
        settings.localPassword = password
        settings.isControlling = record.isControlling
        settings.tieBreaker = record.tieBreaker
        settings.owner = record.owner
        var agent = ICEAgent(settings, random: random, at: now)
        for (index, path) in record.paths.enumerated() {
            // Of the others only those that still can be used come back.
            if !agent.restore(path, at: now), index == 0 { return nil }
        }
        guard let first = agent.pairs.first?.destination else { return nil }
        agent.remoteUser = record.remoteUfrag.bytes
        agent.remoteKey = record.remotePassword.bytes
        agent.counters.roleSwitches = UInt32(record.roleSwitches)
        agent.state = .completed
        agent.selected = first
        agent.firstWritable = first
        agent.hasConsent = record.hasConsent
        agent.lastConsent = now - record.silence
        agent.consentGiven = now - record.consentAge - min(max(outage, .zero), ICELimits.recordAge)
        agent.emit(.selected(first))
        agent.askAnew(first, at: now)
        return agent
    }

    private func path(_ index: Int, at now: Timestamp) -> ICESessionRecord.Path {
        let pair = pairs[index]
        return ICESessionRecord.Path(
            remote: pair.destination.remote, local: settings.localAddresses[Int(pair.destination.local)],
            remotePriority: pair.remotePriority,
            answerAge: pair.lastAnswer.map { age(of: $0, at: now) } ?? ICESessionRecord.Path.noAnswer,
            isRelayed: pair.isRelayed, isBound: pair.isBound, isValid: pair.isValid, isNominated: pair.isNominated)
    }

    private func age(of moment: Timestamp, at now: Timestamp) -> TimeDelta {
        min(max(now - moment, .zero), ICELimits.recordAge)
    }

    /// Takes a path of a record in.
    /// - Returns: `false` when its local address is not bound any more, or it was in the record before.
    private mutating func restore(_ path: ICESessionRecord.Path, at now: Timestamp) -> Bool {
        guard let local = settings.localAddresses.firstIndex(of: path.local), path.remote.family == path.local.family
        else { return false }
        let destination = Destination(remote: path.remote, local: UInt16(truncatingIfNeeded: local))
        guard pairIndex(destination) == nil, let index = addPair(destination, remotePriority: path.remotePriority)
        else { return false }
        pairs[index].isRelayed = path.isRelayed
        pairs[index].isNominated = path.isNominated
        pairs[index].isValid = path.isValid
        pairs[index].state = path.isValid ? .succeeded : .failed
        if path.answerAge != ICESessionRecord.Path.noAnswer { pairs[index].lastAnswer = now - path.answerAge }
        if path.isBound {
            pairs[index].isBound = true
            emit(.bound(destination))
        }
        return true
    }
}
