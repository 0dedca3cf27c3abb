// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

extension Directory {
    /// Sets the drain flag, which is only reported: the focus avoids the bridge while another qualifies.
    public mutating func setDraining(_ isDraining: Bool) {
        guard isDraining != self.isDraining else { return }
        self.isDraining = isDraining
        note(.drainChanged(isDraining))
    }

    /// Refuses new conferences from now on and ends when the running ones have (operations.md f.1). Asked again,
    /// nothing happens.
    public mutating func beginGracefulShutdown(at now: Timestamp) {
        guard shutdownState == .running else { return }
        isGracefulShutdownRequested = true
        shutdownState = .gracefulShutdown
        shutdownDeadline = now + settings.gracefulShutdownMaximumDuration
        note(.shutdownStateChanged(.gracefulShutdown))
        checkGracefulShutdown(at: now)
    }

    /// Tells the focus to move everybody away and ends after ``Settings/shuttingDownDelay``. Asked again, nothing
    /// happens.
    public mutating func beginShutdown(at now: Timestamp) {
        guard shutdownState != .shuttingDown else { return }
        shutdownState = .shuttingDown
        shutdownDeadline = now + settings.shuttingDownDelay
        note(.shutdownStateChanged(.shuttingDown))
    }

    /// Goes on to shutting down when few enough endpoints are left. Endpoints on their way into a conference count.
    mutating func checkGracefulShutdown(at now: Timestamp) {
        guard shutdownState == .gracefulShutdown,
            endpoints.count <= settings.gracefulShutdownMinimumParticipants,
            !conferences.values.contains(where: { !($0.outstanding?.plan.created.isEmpty ?? true) })
        else { return }
        beginShutdown(at: now)
    }

    mutating func advanceShutdown(at now: Timestamp) {
        guard let deadline = shutdownDeadline, deadline <= now else { return }
        switch shutdownState {
        case .running: shutdownDeadline = nil
        case .gracefulShutdown: beginShutdown(at: now)
        case .shuttingDown:
            shutdownDeadline = nil
            note(.readyToExit)
        }
    }
}
