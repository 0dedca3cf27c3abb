// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// A full ICE agent for one component (everything bundled, rtcp-mux), RFC 8445, with consent, RFC 7675.
///
/// It answers checks, sends its own, finds the pairs that work, nominates one (controlling) or follows the peer's
/// nomination (controlled), keeps asking for consent, and lets the peer move to another address at any time: checks
/// from new addresses are answered for life, and the selected pair is replaced once it stops answering.
/// It does not gather, trickle or restart; a restart is a new agent beside this one (media-plane.md 1.9).
///
/// Requests make it ask, answers decide: integrity proves who sent a request, but anybody can write any source address
/// on it, or send another's request again. So a 4-tuple belongs to us, a pair is valid or selected and consent goes on
/// only by answers to checks of our own, whose numbers nobody can guess.
///
/// States: ``State/waiting`` until the peer's credentials are known, ``State/running`` until a pair is selected,
/// ``State/completed``, or ``State/failed``. Timers, all behind ``nextTimeout``: the pace of new checks,
/// retransmissions, the waits before failure and before nominating a relayed pair, consent, and the doubt about a
/// silent selected pair.
///
/// After every call that takes `now`, drain ``pollTransmit()`` and ``pollEvent()``; both are bounded.
///
/// There is one checklist and all pairs have one component, so nothing is ever frozen (RFC 8445 §6.1.2.6 freezes to
/// spare checks of other components): pairs are simply checked in order of priority.
public struct ICEAgent: ~Copyable {
    /// How far the agent is.
    public internal(set) var state = State.waiting
    /// Whether we nominate.
    public internal(set) var isControlling: Bool
    /// The pair that was nominated last.
    public internal(set) var selected: Destination?
    /// When the peer last agreed to receive (answered a check on the pair in use), by a clock that does not count
    /// pauses of the process (``resumeAfterPause(of:at:)``): silence is counted in time that we could have listened.
    public internal(set) var lastConsent: Timestamp?
    /// Refusals and actions by reason.
    public internal(set) var counters = ICECounters()

    var settings: Settings
    let localUser: [UInt8]
    let localKey: [UInt8]
    var remoteUser: [UInt8] = []
    var remoteKey: [UInt8] = []
    var random: Random
    var numbers: TransactionNumbers

    var pairs: [CandidatePair] = []
    /// Triggered checks, first in, first out (RFC 8445 §6.1.4.1).
    var triggered: [Destination] = []
    var transactions: [ClientTransaction] = []
    var answered = AnsweredRequests()
    var firstWritable: Destination?
    var hasConsent = true
    /// The same as ``lastConsent`` in real time: consent does not last longer because we slept (RFC 7675 §5.1).
    var consentGiven: Timestamp?
    /// The last pause: when it ended, and its length together with those just before it.
    var absence: (end: Timestamp, length: TimeDelta)?

    var paceTime: Timestamp
    var failureTime: Timestamp?
    var relayNominationTime: Timestamp?
    var consentTime: Timestamp?
    var terminationTime: Timestamp?
    /// Since when the selected pair is doubted, and until when it has to answer.
    var doubt: (start: Timestamp, end: Timestamp)?

    private var transmits: [(destination: Destination, bytes: [UInt8])] = []
    private var events: [Event] = []

    /// An agent that waits for the peer.
    /// - Parameter random: makes jitter, and what the settings leave to it.
    public init(_ settings: Settings, random: Random, at now: Timestamp) {
        var random = random
        var key = settings.transactionKey
        if key.isEmpty { key = random.bytes(32) }
        self.settings = settings
        self.random = random
        numbers = TransactionNumbers(owner: settings.owner, key: key)
        isControlling = settings.isControlling
        localUser = Array(settings.localUfrag.utf8)
        localKey = Array(settings.localPassword.utf8)
        paceTime = now
    }

    /// Where media goes now: the selected pair, before nomination the first that worked; `nil` while nothing may be
    /// sent.
    public var sendDestination: Destination? {
        guard state != .failed, hasConsent else { return nil }
        return selected ?? firstWritable
    }

    /// Whether the peer's side of that pair was signalled as a relay's.
    public var usesRelay: Bool { pairIndex(sendDestination).map { pairs[$0].isRelayed } ?? false }

    /// Our user fragment.
    public var localUfrag: String { settings.localUfrag }

    /// Our password.
    public var localPassword: String { settings.localPassword }

    /// Whether a datagram names this agent: a request its user fragment, an answer one of its open requests. Tells the
    /// agents of a session apart while a restart goes on.
    public func isNamed(by datagram: RawSpan) -> Bool {
        if let range = STUNPeek.localUfragRange(of: datagram) {
            return datagram.slice(range.lowerBound, count: range.count).elementsEqual(localUser.rawSpan)
        }
        guard STUNPeek.responseOwner(of: datagram) != nil else { return false }
        let id = TransactionID(high: datagram.uint32(at: 8), low: datagram.uint64(at: 12))
        return transactions.contains { $0.id == id }
    }

    /// When ``handleTimeout(at:)`` has something to do.
    public var nextTimeout: Timestamp? {
        guard state != .failed else { return nil }
        var next = earlier(failureTime, relayNominationTime)
        next = earlier(next, earlier(consentTime, terminationTime))
        next = earlier(next, consentExpiryTime)
        next = earlier(next, doubt?.end)
        for transaction in transactions { next = earlier(next, transaction.due) }
        return hasCheckToStart ? earlier(next, paceTime) : next
    }

    /// The next datagram to send.
    public mutating func pollTransmit() -> (destination: Destination, bytes: [UInt8])? {
        guard !transmits.isEmpty else { return nil }
        let first = transmits.removeFirst()
        // Gives the memory back: an established agent is silent for seconds.
        if transmits.isEmpty { transmits = [] }
        return first
    }

    /// The next event.
    public mutating func pollEvent() -> Event? {
        guard !events.isEmpty else { return nil }
        let first = events.removeFirst()
        if events.isEmpty { events = [] }
        return first
    }

    mutating func transmit(_ bytes: [UInt8], to destination: Destination) {
        guard transmits.count < ICELimits.queuedTransmits else { return counters.transmitOverflow &+= 1 }
        transmits.append((destination, bytes))
    }

    mutating func emit(_ event: Event) {
        guard events.count < ICELimits.queuedEvents else { return counters.eventOverflow &+= 1 }
        events.append(event)
    }
}
