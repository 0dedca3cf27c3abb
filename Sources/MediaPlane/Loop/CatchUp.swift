// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

/// What follows a time in which the process did not run (SIGSTOP, a stalled host, a suspended machine): first what
/// waits in the sockets is read, then every session asks for consent anew, and only then timers run again.
struct CatchUp {
    private var pause = TimeDelta.zero
    private var turnsLeft = 0

    /// Whether timers have to wait.
    var isRunning: Bool { turnsLeft > 0 }

    /// The process was away for so long; a pause while the last one is still being made up for adds to it, but not to
    /// the turns: on a host that gives us too little time, again and again, timers run nevertheless.
    mutating func begin(after pause: TimeDelta) {
        self.pause = self.pause + pause
        if !isRunning { turnsLeft = MediaPlaneLimits.catchUpTurns }
    }

    /// Notes one turn of the loop.
    /// - Parameter isDrained: whether the sockets are empty.
    /// - Returns: how long the process was away, when everything is read or has been waited for long enough.
    mutating func turn(isDrained: Bool) -> TimeDelta? {
        turnsLeft -= 1
        guard isDrained || turnsLeft == 0 else { return nil }
        turnsLeft = 0
        defer { pause = .zero }
        return pause
    }
}
