// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

/// How far the bridge is on its way out (operations.md f.1). There is no way back.
public enum ShutdownState: String, Hashable, Sendable {
    case running = "RUNNING"
    /// New conferences are refused, running ones go on.
    case gracefulShutdown = "GRACEFUL_SHUTDOWN"
    /// The focus moves everybody away; the process ends after a delay.
    case shuttingDown = "SHUTTING_DOWN"
}
