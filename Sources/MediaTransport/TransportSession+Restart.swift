// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import DTLS
public import ICE
public import Primitives

// ICE restart in place (media-plane.md 1.9, control-plane.md 4.5): a second agent with credentials of its own is made
// before the first one is broken. Media stays on the first until the second has a pair that it may use; DTLS and SRTP
// notice nothing. The first one then answers checks for a while, so that what is under way to it arrives.

extension TransportSession {
    /// What a wish for a restart comes to.
    public enum RestartAnswer: Equatable, Sendable {
        /// The first connection is still to come: its credentials are the answer, and nothing else happens.
        case notEstablished
        /// A new agent waits for the peer's credentials.
        case started
        /// The same, in place of one whose checks had begun.
        case superseded
        /// The agent of the last wish still waits.
        case repeated
    }

    /// How long what a restart needs is kept.
    public struct RestartTimes: Sendable {
        /// After so long without success the new agent is given up.
        public var timeout: TimeDelta
        /// So long the former agent stays after the change.
        public var transitionWindow: TimeDelta

        /// Both times.
        public init(timeout: TimeDelta, transitionWindow: TimeDelta) {
            self.timeout = timeout
            self.transitionWindow = transitionWindow
        }
    }

    /// Where the restart that goes on is described: its number and its credentials; `nil` when none goes on.
    public var coming: (generation: UInt32, ufrag: String, password: String)? {
        restart.map { ($0.generation, $0.agent.localUfrag, $0.agent.localPassword) }
    }

    /// The session has ended for good: its ICE or its handshake failed, or the peer said goodbye.
    public var isStopped: Bool { ice.state == .failed || dtls.isEnded }

    /// Restarts ICE in place, if there is something to restart.
    /// - Parameter makeSettings: the new agent's settings; its role is that of the present one, whatever they say.
    public mutating func restartICE(
        _ makeSettings: @autoclosure () -> ICEAgent.Settings, times: RestartTimes, random: Random, at now: Timestamp
    ) -> RestartAnswer {
        guard isEstablished else { return .notEstablished }
        if restart?.agent.state == .waiting { return .repeated }
        let isFirst = restart == nil
        if let superseded = restart { discard(superseded) }
        var settings = makeSettings()
        settings.isControlling = ice.isControlling
        restartCount &+= 1
        transitionWindow = times.transitionWindow
        restart = SpareAgent(
            settings, generation: restartCount, end: now + times.timeout, random: random, at: now)
        return isFirst ? .started : .superseded
    }

    /// Tells the peer's credentials and candidates for a restart. What names another restart than the one that goes on,
    /// or comes after its checks have begun, is passed over.
    /// - Returns: whether the restart's checks begin.
    @discardableResult
    public mutating func continueRestart(
        generation: UInt32, ufrag: String, password: String,
        candidates: [(address: TransportAddress, priority: UInt32, isRelayed: Bool)], at now: Timestamp
    ) -> Bool {
        guard let restart, restart.generation == generation, restart.agent.state == .waiting else { return false }
        guard restart.agent.setRemoteCredentials(ufrag: ufrag, password: password, at: now) else { return false }
        for candidate in candidates {
            restart.agent.addRemoteCandidate(
                candidate.address, priority: candidate.priority, isRelayed: candidate.isRelayed, at: now)
        }
        settle(at: now)
        return true
    }

    /// When the peer last agreed to receive, to whichever of the agents that ask it.
    public var lastConsent: Timestamp? {
        guard let coming = restart?.agent.lastConsent else { return ice.lastConsent }
        return max(ice.lastConsent ?? coming, coming)
    }

    /// Restarts begun so far.
    public var restarts: UInt32 { restartCount }

    /// The 4-tuples that belong to the session, whichever agent has proven them.
    public var boundDestinations: [Destination] {
        guard restart != nil || former != nil else { return ice.boundDestinations }
        return ice.boundDestinations + (restart?.agent.boundDestinations ?? [])
            + (former?.agent.boundDestinations ?? [])
    }

    // MARK: Inside

    /// Gives a STUN datagram to the agent that it names.
    /// - Returns: what that agent had counted before and after.
    mutating func routeSTUN(
        _ datagram: RawSpan, from source: TransportAddress, local: UInt16, at now: Timestamp
    ) -> (before: ICECounters, after: ICECounters) {
        for spare in [restart, former] {
            guard let spare, spare.agent.isNamed(by: datagram) else { continue }
            let before = spare.agent.counters
            spare.agent.handle(datagram, from: source, local: local, at: now)
            return (before, spare.agent.counters)
        }
        let before = ice.counters
        ice.handle(datagram, from: source, local: local, at: now)
        return (before, ice.counters)
    }

    /// When a spare agent wants to be looked at.
    var spareTimeout: Timestamp? {
        guard restart != nil || former != nil else { return nil }
        return earlier(earlier(restart?.agent.nextTimeout, restart?.end), former?.end)
    }

    /// Lets the timers of a restart run. The former agent has none of its own any more: it answers and nothing else.
    mutating func handleSpareTimeouts(at now: Timestamp) {
        if let former, former.end <= now {
            self.former = nil
            discard(former)
        }
        guard let restart else { return }
        if let deadline = restart.agent.nextTimeout, deadline <= now { restart.agent.handleTimeout(at: now) }
        settleRestart(at: now)
        if self.restart === restart, restart.end <= now { giveUp(restart) }
    }

    /// Turns the events of spare agents into the session's, and changes over when the coming one is ready.
    mutating func settleSpares(at now: Timestamp) {
        if restart != nil { settleRestart(at: now) }
        guard let former else { return }
        while let event = former.agent.pollEvent() { noteBinding(event) }
    }

    private mutating func settleRestart(at now: Timestamp) {
        guard let restart else { return }
        var hasFailed = false
        while let event = restart.agent.pollEvent() {
            noteBinding(event)
            if event == .failed { hasFailed = true }
        }
        if hasFailed { return giveUp(restart) }
        // Both sides agree on a nominated pair. Where the present agent has no way out any more, or nobody nominates, a
        // pair that works is enough.
        let worksAtLeast = restart.agent.sendDestination != nil
        let needsNothingMore = ice.sendDestination == nil || ice.selected == nil
        guard restart.agent.selected != nil || worksAtLeast && needsNothingMore else { return }
        changeOver(to: restart, at: now)
    }

    /// Media goes the coming agent's way from now on.
    private mutating func changeOver(to spare: SpareAgent, at now: Timestamp) {
        restart = nil
        if let former { discard(former) }
        swap(&ice, &spare.agent)
        spare.end = now + transitionWindow
        former = spare
        pending.append(.iceRestarted(generation: spare.generation))
    }

    /// The coming agent found no way: everything stays as it is.
    private mutating func giveUp(_ spare: SpareAgent) {
        restart = nil
        discard(spare)
        pending.append(.iceRestartFailed(generation: spare.generation))
    }

    /// Gives up the 4-tuples that were this agent's alone.
    private mutating func discard(_ spare: SpareAgent) {
        if restart === spare { restart = nil }
        if former === spare { former = nil }
        for destination in spare.agent.boundDestinations where !holds(destination) {
            pending.append(.unbound(destination))
        }
    }

    private mutating func noteBinding(_ event: ICEAgent.Event) {
        switch event {
        case .bound(let from): pending.append(.bound(from))
        case .unbound(let from): if !holds(from) { pending.append(.unbound(from)) }
        case .writable, .selected, .failed, .consentLost, .consentRegained: break
        }
    }

    /// Whether one of the session's agents has proven the 4-tuple.
    func holds(_ destination: Destination) -> Bool { boundDestinations.contains(destination) }
}
