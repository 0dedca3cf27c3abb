// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import Primitives

/// A story to be played with many seeds.
struct Scenario: Sendable {
    let name: String
    /// What it is about, in one line.
    let summary: String
    /// It is played with each so-manieth seed; expensive ones are played less often.
    var stride: UInt64 = 1
    /// Names of drop counters that may move, besides those that always may.
    var drops: Set<String> = []
    /// What is set differently from the defaults.
    var configure: @Sendable (inout ShardSettings) -> Void = { _ in }
    /// Sets the stage. Steps come with ``World/after(_:_:)``; the run ends after the returned time.
    let play: @Sendable (World) -> TimeDelta

    /// Drops that are part of every call.
    static let usualDrops: Set<String> = [
        "droppedPaddingOnly", "droppedSilence", "droppedForceMuted", "droppedWaitingForKeyframe", "droppedBeforeStart",
        "droppedVisitorMedia", "droppedUnmatchedSTUN", "droppedUnwanted", "droppedNotForwardedEncoding",
        "droppedProbe", "droppedRepeat",
    ]

    /// Every scenario, in the order they are played.
    static let all: [Scenario] = meetings + speech + networks + layers + restarts + hostile

    /// The scenario of this name.
    static func named(_ name: String) -> Scenario? { all.first { $0.name == name } }
}
