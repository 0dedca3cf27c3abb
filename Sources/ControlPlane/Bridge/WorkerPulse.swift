// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import MediaPlane
internal import Primitives
internal import Telemetry

/// Notices a media worker that hangs: nudged at each look, even an idle one has turned by the next.
struct WorkerPulse {
    /// Without a turn for so long it hangs.
    var limit = ControlPlaneLimits.workerStall
    /// What the last look said.
    private(set) var isAlive = true
    private var turns: UInt64?
    private var lastTurn = Timestamp.zero

    /// Looks at the worker and nudges it.
    /// - Returns: whether the answer has changed.
    mutating func look(at worker: MediaWorker, now: Timestamp) -> Bool {
        let wasAlive = isAlive
        let seen = worker.counters.value(.loopTurns)
        if seen != turns { (turns, lastTurn) = (seen, now) }
        isAlive = now - lastTurn <= limit
        worker.nudge()
        return isAlive != wasAlive
    }
}
