// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// The peer's credentials from signalling: checks begin, and requests that came earlier become triggered checks.
    ///
    /// Only the first call counts: new credentials belong to a new agent (RFC 8445 §9).
    /// - Returns: whether the credentials were taken in.
    @discardableResult
    public mutating func setRemoteCredentials(ufrag: String, password: String, at now: Timestamp) -> Bool {
        let lengths = 1...ICELimits.credentialBytes
        guard state == .waiting, lengths.contains(ufrag.utf8.count), lengths.contains(password.utf8.count) else {
            counters.credentialsRefused &+= 1
            return false
        }
        remoteUser = Array(ufrag.utf8)
        remoteKey = Array(password.utf8)
        state = .running
        paceTime = now
        for pair in pairs where pair.lastRequest != nil { trigger(pair.destination) }
        startChecks(at: now)
        return true
    }

    /// A candidate of the peer from signalling; it is paired with every socket of its family (RFC 8445 §6.1.2.2).
    public mutating func addRemoteCandidate(
        _ address: TransportAddress, priority: UInt32, isRelayed: Bool, at now: Timestamp
    ) {
        guard state == .waiting || state == .running, !address.isUnspecified, address.port != 0 else {
            return counters.candidatesRefused &+= 1
        }
        for (index, local) in settings.localAddresses.enumerated() {
            // Link-local addresses reach link-local addresses only.
            guard local.family == address.family, local.isLinkLocal == address.isLinkLocal else { continue }
            let destination = Destination(remote: address, local: UInt16(truncatingIfNeeded: index))
            if let known = pairIndex(destination) {
                // Learned from a check before it was signalled: signalling knows better what it is.
                pairs[known].remotePriority = priority
                pairs[known].isRelayed = isRelayed
                pairs[known].learned = nil
            } else if let new = addPair(destination, remotePriority: priority) {
                pairs[new].isRelayed = isRelayed
            } else {
                counters.candidatesRefused &+= 1
            }
        }
        failureTime = nil
        startChecks(at: now)
        updateFailure(at: now)
    }

    /// Whether media goes there, or did until consent was lost.
    func isInUse(_ destination: Destination) -> Bool { destination == selected ?? firstWritable }

    func pairIndex(_ destination: Destination?) -> Int? {
        guard let destination else { return nil }
        return pairs.firstIndex { $0.destination == destination }
    }

    /// Adds the pair that a request reveals. At the limit the unproven one that has waited longest gives way, once it
    /// has had the time to answer: neither can a flood of forged addresses push out one that is being checked, nor can
    /// they hold their places until their checks fail.
    /// - Returns: its index, or `nil` when no pair can give way.
    mutating func learnPair(_ destination: Destination, remotePriority: UInt32, at now: Timestamp) -> Int? {
        let unproven = pairs.filter { $0.isUnproven && !isInUse($0.destination) }
        if unproven.count >= ICELimits.unprovenAddresses {
            let oldest = unproven.min { ($0.learned ?? now) < ($1.learned ?? now) }
            guard let oldest, let since = oldest.learned, now - since >= ICELimits.unprovenTime else { return nil }
            removePair(oldest.destination)
        }
        guard let index = addPair(destination, remotePriority: remotePriority) else { return nil }
        pairs[index].learned = now
        return index
    }

    /// Adds a pair; when there are too many, the one of lowest priority that never answered gives way.
    /// - Returns: its index, or `nil` when no pair can give way.
    mutating func addPair(_ destination: Destination, remotePriority: UInt32) -> Int? {
        let pair = CandidatePair(
            destination: destination, localPriority: localPriority(destination.local), remotePriority: remotePriority)
        if pairs.count >= ICELimits.pairs {
            var lowest: (priority: UInt64, destination: Destination)?
            for candidate in pairs
            where !candidate.isBound && !candidate.isValid && !isInUse(candidate.destination) {
                let priority = candidate.priority(isControlling: isControlling)
                if lowest.map({ priority < $0.priority }) ?? true { lowest = (priority, candidate.destination) }
            }
            guard let lowest else { return nil }
            removePair(lowest.destination)
        }
        pairs.append(pair)
        return pairs.count - 1
    }

    mutating func removePair(_ destination: Destination) {
        pairs.removeAll { $0.destination == destination }
        triggered.removeAll { $0 == destination }
        transactions.removeAll { $0.destination == destination }
        if firstWritable == destination { firstWritable = bestAlternative(to: destination)?.destination }
    }

    /// The peer answered: tells the owner to route the pair's 4-tuple to us. At the limit the address that has not
    /// answered for longest gives way.
    mutating func bind(_ index: Int) {
        guard !pairs[index].isBound else { return }
        pairs[index].isBound = true
        let destination = pairs[index].destination
        let bound = pairs.filter { $0.isBound }
        if bound.count > settings.maxRemoteAddresses {
            let oldest = bound.filter { $0.destination != destination && !isInUse($0.destination) }
                .min { ($0.lastAnswer ?? .zero) < ($1.lastAnswer ?? .zero) }
            if let oldest {
                removePair(oldest.destination)
                counters.remoteAddressesForgotten &+= 1
                emit(.unbound(oldest.destination))
            }
        }
        emit(.bound(destination))
    }

    /// The 4-tuples that belong to us: what ``Event/bound(_:)`` named and ``Event/unbound(_:)`` did not.
    public var boundDestinations: [Destination] { pairs.filter { $0.isBound }.map(\.destination) }

    /// Another session has proven that the 4-tuple is its own now: a client that joined again from the same port, or
    /// two clients behind a NAT that swapped theirs. The pair has to prove itself anew; while it is the selected one
    /// nothing is sent until then.
    public mutating func release(_ destination: Destination, at now: Timestamp) {
        guard state != .failed, let index = pairIndex(destination), pairs[index].isBound else { return }
        pairs[index].isBound = false
        failPair(destination, at: now)
        if destination == selected {
            suspendConsent()
            // At once, unless it took the 4-tuple back just now: somebody who answers for both sessions at the same
            // address shall not drive them in a circle.
            consentTime = max(now, (lastConsent ?? now) + ICELimits.contestDelay)
        }
        updateFailure(at: now)
    }

    /// The priority our own candidate has, as host candidate (for pair priorities).
    private func localPriority(_ local: UInt16) -> UInt32 {
        CandidatePriority.local(
            .host, base: settings.localAddresses[Int(local)], hostCount: settings.localAddresses.count)
    }

    /// The priority the peer shall give a peer-reflexive candidate that our check reveals (RFC 8445 §7.1.1).
    func peerReflexivePriority(_ local: UInt16) -> UInt32 {
        CandidatePriority.local(
            .peerReflexive, base: settings.localAddresses[Int(local)], hostCount: settings.localAddresses.count)
    }
}
