// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension ICEAgent {
    /// What an agent is told at birth. The defaults are the original bridge's (media-plane.md 1.6 to 1.8).
    public struct Settings: Sendable {
        /// Our user fragment: what peers put first in USERNAME.
        public var localUfrag: String
        /// Our password: the key of requests to us.
        public var localPassword: String
        /// Whether we nominate (RFC 8445 §6.1.1); a role conflict may change it later.
        public var isControlling: Bool
        /// Decides role conflicts (RFC 8445 §7.3.1.1); random.
        public var tieBreaker: UInt64
        /// Bound addresses; the position is the socket index.
        public var localAddresses: [TransportAddress]
        /// SOFTWARE of our requests; none when empty.
        public var software = ""
        /// Time between consent checks.
        public var keepAliveInterval = TimeDelta.seconds(5)
        /// Whether ``keepAliveInterval`` is multiplied by 0.8…1.2 each time (RFC 7675 §5.1).
        public var randomizesKeepAlive = true
        /// Time before the first retransmission of a consent check; doubled each time up to
        /// ``consentRetransmitMaximum``.
        public var consentRetransmit = TimeDelta.milliseconds(500)
        /// Longest time between two retransmissions of a consent check.
        public var consentRetransmitMaximum = TimeDelta.milliseconds(500)
        /// Retransmissions of a consent check.
        public var consentRetransmissions = 5
        /// After so long without an answer nothing but checks may be sent (RFC 7675 §5.1).
        public var consentExpiry = TimeDelta.seconds(30)
        /// When a validated pair is nominated.
        public var nominationStrategy = NominationStrategy.firstHostOrReflexiveValid
        /// Who we are: stands in the transaction numbers of our checks.
        public var owner = TransactionOwner(worker: 0, slot: 0)
        /// The key that those numbers are made with, from a secure source: 16 bytes or more. When empty, one is drawn
        /// from the agent's own generator, which is as good as its seed.
        public var transactionKey: [UInt8] = []
        /// Remote addresses that datagrams are routed by; the one longest silent makes room for a new one.
        public var maxRemoteAddresses = ICELimits.remoteAddresses

        /// Settings with default timers and limits.
        public init(
            localUfrag: String, localPassword: String, isControlling: Bool, tieBreaker: UInt64,
            localAddresses: [TransportAddress]
        ) {
            self.localUfrag = localUfrag
            self.localPassword = localPassword
            self.isControlling = isControlling
            self.tieBreaker = tieBreaker
            self.localAddresses = localAddresses
        }
    }

    /// When the controlling agent nominates which valid pair (media-plane.md 1.7).
    public enum NominationStrategy: Sendable, BitwiseCopyable {
        /// The first valid pair whose remote candidate is not relayed at once; a relayed one after 800 ms.
        case firstHostOrReflexiveValid
        /// The first valid pair at once.
        case firstValid
        /// The valid pair of highest priority: at once when no pair of higher priority may still succeed, otherwise
        /// after 800 ms.
        case highestPriority
        /// The valid pair that answered fastest: at once when no pair may still succeed, otherwise after 800 ms.
        case bestRoundTrip
        /// None: media stays on the first pair that works.
        case none
    }

    /// How far the agent is.
    public enum State: Sendable, BitwiseCopyable {
        /// The peer's credentials are not known yet; requests are answered and remembered.
        case waiting
        /// Checks are running.
        case running
        /// A pair is selected.
        case completed
        /// No pair works; final.
        case failed
    }

    /// What the owner has to know.
    public enum Event: Hashable, Sendable, BitwiseCopyable {
        /// The peer answered a check of ours from here: datagrams of this 4-tuple belong to the session.
        case bound(Destination)
        /// The 4-tuple is forgotten, because there were too many.
        case unbound(Destination)
        /// The first pair was validated: DTLS and media may be sent on it. Comes again when that pair died before
        /// nomination and another one works later.
        case writable(Destination)
        /// The pair was nominated, at first or later.
        case selected(Destination)
        /// No pair works.
        case failed
        /// No answer for the consent time: sending must stop.
        case consentLost
        /// An answer came after all: sending may go on.
        case consentRegained
    }
}
