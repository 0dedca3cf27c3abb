// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import CLinuxIO
internal import Glibc
internal import PacketIO
internal import Primitives
internal import Synchronization

/// Turns SIGTERM, SIGINT and SIGHUP into calls on the control loop, and ends the process itself when that is of no use.
///
/// Signals are received by a thread of their own, which does nothing else and waits for nobody. From the first on, or
/// from ``expectEnd(status:)``, the process has ``limit`` to end in order; then this thread ends it, whatever any other
/// does: one that hangs cannot be joined, and a control loop that hangs would never hear of the signal.
/// Make it before any other thread starts.
final class SignalReader: LoopTask {
    private let watch: Watch
    private let thread: PinnedThread
    /// Called with the signal's number.
    var onSignal: (Int32, Timestamp) -> Void = { _, _ in }

    /// What the two threads share.
    private final class Watch: Sendable {
        let descriptor: Int32
        let limit: TimeDelta
        let leave: @Sendable (Int32) -> Void
        let arrived = SPSCRing<Int32>(capacity: ControlPlaneLimits.waitingSignals)
        /// For the control loop.
        let loopWake: WakeUp
        /// For the signals' thread.
        let ownWake: WakeUp
        let isStopping = Atomic<Bool>(false)
        /// The status that the end under way is to have; negative while there is none.
        let status = Atomic<Int32>(-1)

        init(descriptor: Int32, limit: TimeDelta, leave: @escaping @Sendable (Int32) -> Void) throws(SystemError) {
            self.descriptor = descriptor
            self.limit = limit
            self.leave = leave
            loopWake = try WakeUp()
            ownWake = try WakeUp()
        }

        deinit { close(descriptor) }

        /// The signals' thread.
        func run(_ poller: consuming Poller) {
            var deadline: Timestamp?
            // Who was stopped did not hang: that time is not counted.
            var clock = LoopClock()
            withUnsafeTemporaryAllocation(of: PollEvent.self, capacity: 2) { events in
                while !isStopping.load(ordering: .sequentiallyConsistent) {
                    let before = clock.tick()
                    let end = deadline.map { clock.sleep(until: $0, from: before) }
                    _ = poller.wait(until: end, now: before, into: events)
                    ownWake.drain()
                    let now = clock.tick()
                    let count = takeSignals()
                    if count > 0 || status.load(ordering: .relaxed) >= 0 {
                        // A second signal means: now.
                        let limit = deadline == nil || count == 0 ? limit : ControlPlaneLimits.impatience
                        deadline = earlier(deadline, now + limit)
                    }
                    if let deadline, deadline <= now { leave(max(0, status.load(ordering: .relaxed))) }
                }
            }
        }

        private func takeSignals() -> Int {
            var count = 0
            while count < ControlPlaneLimits.waitingSignals {
                let signal = viaduct_signals_read(descriptor)
                guard signal != 0 else { break }
                count += 1
                // The statuses a shell gives for a program that a signal ended (operations.md f.2). The first counts.
                _ = status.compareExchange(expected: -1, desired: 128 + signal, ordering: .relaxed)
                // Full means that the loop has not read the last sixteen: it hangs.
                if arrived.push(signal) { loopWake.wake() }
            }
            return count
        }
    }

    /// Carries the poller into the thread: written once before the thread starts, emptied once inside it.
    private final class Handover: @unchecked Sendable {
        // Safe: the thread is created after the write, which orders the two.
        var poller: Poller?

        init(_ poller: consuming Poller) {
            self.poller = consume poller
        }
    }

    /// - Parameters:
    ///   - limit: the time from the first signal until the process is ended by force.
    ///   - leave: ends the process with a status.
    init(limit: TimeDelta, leave: @escaping @Sendable (Int32) -> Void = SignalReader.leave) throws(SystemError) {
        let descriptor = viaduct_signals_open()
        guard descriptor >= 0 else { throw SystemError(call: "signalfd", errno: -descriptor) }
        let watch = try Watch(descriptor: descriptor, limit: limit, leave: leave)
        let poller = try Poller()
        try poller.add(descriptor: descriptor, token: 0)
        try poller.add(descriptor: watch.ownWake.descriptor, token: 1)
        let handover = Handover(poller)
        thread = try PinnedThread.start(name: "signals", stackBytes: ControlPlaneLimits.signalStackBytes) {
            guard let poller = handover.poller.take() else { return }
            watch.run(poller)
        }
        self.watch = watch
    }

    deinit {
        watch.isStopping.store(true, ordering: .sequentiallyConsistent)
        watch.ownWake.wake()
        thread.join()
    }

    func attach(to loop: ControlLoop) throws(SystemError) {
        _ = try loop.watch(descriptor: watch.loopWake.descriptor, for: self)
        loop.add(self)
    }

    /// The process is about to end without a signal; it has the same time for that.
    func expectEnd(status: Int32) {
        _ = watch.status.compareExchange(expected: -1, desired: status, ordering: .relaxed)
        watch.ownWake.wake()
    }

    func handle(_ event: PollEvent, at now: Timestamp) {
        watch.loopWake.drain()
        while let signal = watch.arrived.pop() { onSignal(signal, now) }
    }

    /// Ends the process at once, with a last line for the journal where that does not block.
    private static func leave(status: Int32) {
        let text = Array("Did not end in time: a thread hangs. Leaving without goodbye.\n".utf8)
        var output = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        if poll(&output, 1, 0) == 1, output.revents & Int16(POLLOUT) != 0 { _ = write(2, text, text.count) }
        _exit(status)
    }
}
