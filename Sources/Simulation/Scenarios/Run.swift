// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// One scenario with one seed.
struct Run {
    /// The first breach; `nil` when all laws held.
    let violation: Violation?
    /// The trace's hash.
    let hash: UInt64
    /// Events in the trace.
    let events: Int
    /// Virtual time played, in seconds.
    let seconds: Double

    /// Plays it.
    init(_ scenario: Scenario, seed: UInt64, isTraced: Bool = false) {
        do {
            // Scenarios that share a seed shall not share their randomness.
            var mix: UInt64 = seed
            for byte in scenario.name.utf8 { mix = (mix ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            let world = try World(seed: mix, configure: scenario.configure)
            world.trace.isPrinted = isTraced
            world.allowedDrops = Scenario.usualDrops.union(scenario.drops)
            let start = world.now
            let length = scenario.play(world)
            world.run(until: start + length)
            world.finish()
            violation = world.violation
            hash = world.trace.hash
            events = world.trace.count
            seconds = (world.now - start).seconds
        } catch {
            violation = Violation(time: .zero, law: .world, detail: "no world: \(error)")
            hash = 0
            events = 0
            seconds = 0
        }
    }
}
