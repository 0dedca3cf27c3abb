// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// A law that did not hold.
struct Violation: Error, Equatable {
    /// When, in virtual time since the start.
    var time: Timestamp
    /// Which law.
    var law: Law
    /// What was seen.
    var detail: String

    /// What is watched (docs/simulation.md).
    enum Law: String, CaseIterable {
        /// Sequence numbers without unexplained gap, time stamps that do not run back.
        case continuity
        /// What the bridge sends is authentic, and no index is used twice.
        case secrecy
        /// Nobody gets what they may not.
        case privacy
        /// What is forwarded is what was sent.
        case integrity
        /// Nothing a member sends makes more than one packet per receiver and media packet.
        case amplification
        /// Reports say what happened.
        case reports
        /// Key frame requests keep their limits and go to owners.
        case keyframes
        /// What is missing is asked for, and nothing else.
        case repair
        /// Who speaks is who is told to speak.
        case speech
        /// Everything thrown away is thrown away for a reason that the scenario knows.
        case drops
        /// Limits hold, and pools are full again at the end.
        case pools
        /// Everybody is heard and seen within a bounded time after the faults.
        case liveness
        /// A meeting is not held up by another one.
        case fairness
        /// Runs stay runs.
        case messages
        /// The world itself: a scenario that could not be set up, a clock that stands still.
        case world
    }
}
