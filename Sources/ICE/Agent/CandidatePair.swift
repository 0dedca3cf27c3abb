// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// A local and a remote address that may reach each other (RFC 8445 §6.1.2).
struct CandidatePair: BitwiseCopyable {
    enum State: UInt8, BitwiseCopyable {
        case waiting, inProgress, succeeded, failed
    }

    /// Remote address and socket index.
    var destination: Destination
    var localPriority: UInt32
    var remotePriority: UInt32
    var state = State.waiting
    /// The remote candidate was signalled as relayed.
    var isRelayed = false
    /// The peer answered a check of ours from there: the owner routes datagrams of this 4-tuple to us.
    var isBound = false
    /// A check succeeded, and none failed for good since.
    var isValid = false
    /// The controlling side nominated the pair.
    var isNominated = false
    /// When a request revealed the pair; `nil` for pairs that were signalled.
    var learned: Timestamp?
    /// When the last authentic request came. A request proves who sent it, not from where: it makes us ask, and never
    /// decides.
    var lastRequest: Timestamp?
    /// When the last authentic answer came.
    var lastAnswer: Timestamp?
    /// The shortest time an answer took; too short when an earlier sending was answered, which is harmless for a
    /// choice.
    var roundTrip: TimeDelta?
    /// When the peer last nominated the pair.
    var lastNomination: Timestamp?

    /// Nothing but requests speaks for the pair, and nobody answered there yet.
    var isUnproven: Bool { learned != nil && !isBound && !isValid }

    func priority(isControlling: Bool) -> UInt64 {
        isControlling
            ? CandidatePriority.pair(controlling: localPriority, controlled: remotePriority)
            : CandidatePriority.pair(controlling: remotePriority, controlled: localPriority)
    }
}
