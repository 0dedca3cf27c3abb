// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives

/// A part of the control plane that the control loop drives. All calls come from the loop's thread.
protocol LoopTask: AnyObject {
    /// One of the task's descriptors is ready.
    func handle(_ event: PollEvent, at now: Timestamp)
    /// The deadline of ``nextTimeout`` has come.
    func handleTimeout(at now: Timestamp)
    /// When the task wants to be called at the latest.
    var nextTimeout: Timestamp? { get }
    /// The loop is about to sleep.
    /// - Returns: `false` when there is work already, so that the loop only looks.
    func prepareToWait() -> Bool
    /// The loop has slept.
    func didWait(at now: Timestamp)
    /// The process did not run for `pause`, which `now` does not count.
    func didPause(_ pause: TimeDelta, at now: Timestamp)
}

extension LoopTask {
    func handle(_ event: PollEvent, at now: Timestamp) {}
    func handleTimeout(at now: Timestamp) {}
    var nextTimeout: Timestamp? { nil }
    func prepareToWait() -> Bool { true }
    func didWait(at now: Timestamp) {}
    func didPause(_ pause: TimeDelta, at now: Timestamp) {}
}
