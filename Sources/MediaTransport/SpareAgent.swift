// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import ICE
internal import Primitives

/// An ICE agent beside the one in use: the coming one of a restart, or the former one after it. Few sessions have one,
/// so it does not lie in the session.
final class SpareAgent {
    var agent: ICEAgent
    /// Number of the restart that made the coming agent.
    let generation: UInt32
    /// When it is given up.
    var end: Timestamp

    init(_ settings: ICEAgent.Settings, generation: UInt32, end: Timestamp, random: Random, at now: Timestamp) {
        agent = ICEAgent(settings, random: random, at: now)
        self.generation = generation
        self.end = end
    }
}
