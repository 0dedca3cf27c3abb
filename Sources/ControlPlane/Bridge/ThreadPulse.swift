// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Notices a thread that hangs: nudged after each look, even an idle one has turned by the next.
struct ThreadPulse {
    /// Without a turn for so long it hangs.
    var limit = ControlPlaneLimits.threadStall
    /// What the last look said.
    private(set) var isAlive = true
    private var turns: UInt64?
    private var lastTurn = Timestamp.zero

    /// Looks at how often the thread has turned. The caller nudges it afterwards.
    /// - Returns: whether the answer has changed.
    mutating func look(turns seen: UInt64, at now: Timestamp) -> Bool {
        let wasAlive = isAlive
        if seen != turns { (turns, lastTurn) = (seen, now) }
        isAlive = now - lastTurn <= limit
        return isAlive != wasAlive
    }
}
