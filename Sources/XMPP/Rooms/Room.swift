// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// One room of a connection: whether we are in it, and when to try again when not.
struct Room {
    enum State: Equatable {
        /// Not in the room; to be joined at the moment (if the session is online).
        case outside(retryAt: Timestamp)
        /// The join was sent.
        case joining(until: Timestamp)
        /// Our own presence came back.
        case joined(since: Timestamp)
    }

    /// The bare address as configured.
    let jid: String
    /// The bare address in lower case.
    let folded: String
    var state: State
    /// Attempts in a row that failed or did not last.
    var failures = 0
    /// When the oldest presence was sent that the room has not echoed.
    var unechoedSince: Timestamp?
    /// More than one session was seen under our nickname.
    var isNicknameShared = false

    init(jid: String, at now: Timestamp) {
        self.jid = jid
        folded = JID.folded(jid)
        state = .outside(retryAt: now)
    }

    var isJoined: Bool {
        if case .joined = state { true } else { false }
    }

    /// When something has to be done although nothing comes.
    func nextTimeout(echoLimit: TimeDelta) -> Timestamp {
        switch state {
        case .outside(let retryAt): retryAt
        case .joining(let until): until
        case .joined: unechoedSince.map { $0 + echoLimit } ?? .distantFuture
        }
    }
}
