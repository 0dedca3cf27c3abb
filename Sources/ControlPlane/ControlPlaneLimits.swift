// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Primitives

/// Named limits of this target.
public enum ControlPlaneLimits {
    /// How long the end waits for the XMPP servers to close their side.
    static let closeTime = TimeDelta.milliseconds(1_500)
    /// How long a command that did not fit the worker's ring waits for the next attempt.
    static let fullRingPause = TimeDelta.milliseconds(2)
    /// Packets of data channels taken from one worker per turn of the control loop.
    static let recordsPerTurn = 256
    /// While packets of data channels come, the control loop looks for more so often without being woken. A fifth of
    /// the time for which messages are collected.
    static let recordsPause = TimeDelta.milliseconds(1)
    /// Endpoints whose channels one answer of `/debug` shows.
    static let describedChannels = 256
    /// HTTP requests that wait for the worker's account of itself.
    static let pendingDescriptions = 64
    /// Kernel events taken per turn of the control loop.
    static let eventsPerTurn = 64
    /// HTTP requests answered per turn of the control loop; the rest waits for the next, so that nobody starves.
    static let requestsPerTurn = 16
    /// What WebSockets have to tell, likewise.
    static let webSocketEventsPerTurn = 128
    /// Bytes read from one connection per turn; the rest waits for the next, so that nobody starves.
    static let readBytesPerTurn = 256 << 10
    /// Bytes of one read call.
    static let readBytes = 16 << 10
    /// Bytes waiting to be written to one connection. A server that does not read loses it.
    static let writeBufferBytes = 8 << 20
    /// Name look-ups at once, each on its thread.
    static let pendingLookUps = 64
    /// Bytes of the stack of such a thread.
    static let lookUpStackBytes = 512 << 10
    /// A thread (media worker, web) that has not turned for so long hangs.
    static let threadStall = TimeDelta.seconds(5)
    /// What the end may take beyond `viaduct.sigterm-grace`; then the process is ended by force.
    static let endMargin = TimeDelta.seconds(5)
    /// What it may take after a second signal.
    static let impatience = TimeDelta.seconds(2)
    /// Signals that wait for the control loop.
    static let waitingSignals = 16
    /// Bytes of the stack of the thread that receives them.
    static let signalStackBytes = 256 << 10
    /// How often the machine's interfaces are looked at.
    static let addressLookInterval = TimeDelta.seconds(5)
    /// Bytes of log lines that wait for the log's reader; further lines are dropped and counted.
    static let logBufferBytes = 1 << 20
    /// Bytes of the stack of the thread that writes them.
    static let logStackBytes = 128 << 10
    /// How long the end waits for the log's reader.
    static let logEndTime = TimeDelta.seconds(1)
    /// Addresses of one name that are tried.
    static let addressesPerName = 16
    /// Bytes of one log line; longer ones are cut.
    static let logLineBytes = 4_096
    /// Bytes of one metadata value in a log line.
    static let logValueBytes = 256
}
