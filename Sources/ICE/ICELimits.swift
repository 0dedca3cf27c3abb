// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// Named limits and protocol constants of this target.
public enum ICELimits {
    /// Longest STUN message looked at, in bytes; real ones stay below 200.
    public static let messageBytes = 1_500
    /// Unknown comprehension-required attributes listed in a 420 answer.
    public static let listedUnknownAttributes = 8
    /// Longest user fragment and password accepted from signalling (RFC 8839 §5.4).
    public static let credentialBytes = 256
    /// Longest operator-chosen prefix of user fragments.
    public static let userFragmentPrefixBytes = 64
    /// Candidate pairs of an agent (RFC 8445 §6.1.2.5).
    public static let pairs = 100
    /// Remote addresses of an agent that datagrams are routed by, unless its settings say otherwise.
    public static let remoteAddresses = 16
    /// Remote addresses that requests came from and that have not answered a check of ours yet.
    public static let unprovenAddresses = 16
    /// How long an unproven address cannot be displaced by a newer one: its check needs a turn and a round trip.
    public static let unprovenTime = TimeDelta.milliseconds(750)
    /// Datagrams waiting to be polled.
    public static let queuedTransmits = 64
    /// Events waiting to be polled.
    public static let queuedEvents = 64
    /// Answered requests remembered for retransmissions.
    public static let answeredRequests = 32
    /// Role changes of one agent; a peer that forces more is refused.
    public static let roleSwitches = 16
    /// The greatest age that is written down.
    public static let recordAge = TimeDelta.seconds(86_400)
    /// How long an answered request is remembered.
    public static let answerLifetime = TimeDelta.seconds(16)
    /// Ta: the time between two new checks (RFC 8445 §14.2).
    public static let pace = TimeDelta.milliseconds(20)
    /// First retransmission of a check.
    public static let checkRetransmit = TimeDelta.milliseconds(100)
    /// Longest time between two retransmissions of a check.
    public static let checkRetransmitMaximum = TimeDelta.milliseconds(1_600)
    /// A check is repeated at once when the peer checks the pair, but not more often than this.
    public static let hurryInterval = TimeDelta.milliseconds(250)
    /// Retransmissions of a check before the pair fails.
    public static let checkRetransmissions = 6
    /// How long late checks are waited for when every pair failed.
    public static let failureDelay = TimeDelta.seconds(5)
    /// How long a better pair is waited for when only a relayed one works.
    public static let relayNominationDelay = TimeDelta.milliseconds(800)
    /// How long after nomination pairs that nobody uses are kept.
    public static let terminationDelay = TimeDelta.seconds(3)
    /// A selected pair that did not answer for so long is doubted when the peer checks another one; an answer older
    /// than this proves an address no more.
    public static let doubtAfter = TimeDelta.seconds(2)
    /// How long a doubted pair has to answer before another is nominated, at least and at most.
    public static let doubtDelay = TimeDelta.milliseconds(400)...TimeDelta.milliseconds(1_000)
    /// A 4-tuple that another session proved its own is not asked for more often than this.
    public static let contestDelay = TimeDelta.seconds(1)
}
