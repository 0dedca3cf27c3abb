// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives

/// The one loop of the control plane: waits for descriptors and deadlines and calls the tasks that own them.
///
/// It owns all control state through its tasks; nothing here is locked, because nothing is shared (house rule 3.11).
/// Not to be used from more than one thread.
final class ControlLoop {
    private var poller: Poller
    private var clock: LoopClock
    private var tasks: [any LoopTask] = []
    private var owners: [UInt64: any LoopTask] = [:]
    private var nextToken: UInt64 = 1
    private var isStopping = false

    init(clock: LoopClock = LoopClock()) throws(SystemError) {
        poller = try Poller()
        self.clock = clock
    }

    /// The moment, for tasks that act outside a call from the loop. Time in which the process did not run is not in it,
    /// so it runs no timer of any task down (`LoopClock`).
    var now: Timestamp { clock.read() }

    func add(_ task: any LoopTask) {
        tasks.append(task)
    }

    func remove(_ task: any LoopTask) {
        tasks.removeAll { $0 === task }
    }

    /// Watches a descriptor; its events go to `task` and carry the token that is returned.
    func watch(
        descriptor: Int32, for task: any LoopTask, readable: Bool = true, writable: Bool = false
    ) throws(SystemError) -> UInt64 {
        let token = nextToken
        try poller.add(descriptor: descriptor, token: token, readable: readable, writable: writable)
        nextToken += 1
        owners[token] = task
        return token
    }

    /// Changes what a descriptor is watched for.
    func change(descriptor: Int32, token: UInt64, readable: Bool = true, writable: Bool) {
        // The descriptor is watched, hence this cannot fail but for lack of memory; the task then times out.
        try? poller.modify(descriptor: descriptor, token: token, readable: readable, writable: writable)
    }

    /// Stops watching, before the descriptor is closed.
    func unwatch(descriptor: Int32, token: UInt64) {
        poller.remove(descriptor: descriptor)
        owners[token] = nil
    }

    /// Ends ``run()`` after the current turn.
    func stop() {
        isStopping = true
    }

    /// Turns until ``stop()``.
    func run() {
        withEvents { events in
            while !isStopping { turn(events) }
        }
        isStopping = false
    }

    /// Turns until `isDone` says so or `limit` has passed.
    /// - Returns: whether `isDone` said so.
    func run(for limit: TimeDelta, until isDone: () -> Bool) -> Bool {
        let end = now + limit
        return withEvents { events in
            while !isDone() {
                guard now < end else { return false }
                turn(events, until: end)
            }
            return true
        }
    }

    private func withEvents<Result>(_ body: (UnsafeMutableBufferPointer<PollEvent>) -> Result) -> Result {
        withUnsafeTemporaryAllocation(of: PollEvent.self, capacity: ControlPlaneLimits.eventsPerTurn) { body($0) }
    }

    private func turn(_ events: UnsafeMutableBufferPointer<PollEvent>, until end: Timestamp? = nil) {
        var now = clock.tick()
        if let pause = clock.takePause() {
            for task in tasks { task.didPause(pause, at: now) }
        }
        for task in tasks {
            if let deadline = task.nextTimeout, deadline <= now { task.handleTimeout(at: now) }
        }
        var mayWait = !isStopping
        for task in tasks where !task.prepareToWait() { mayWait = false }
        var deadline = end
        for task in tasks { deadline = earlier(deadline, task.nextTimeout) }
        now = clock.tick()
        let wake = clock.sleep(until: mayWait ? deadline : now, from: now)
        let count = poller.wait(until: wake, now: now, into: events)
        now = clock.tick()
        for task in tasks { task.didWait(at: now) }
        for index in 0..<count {
            let event = events[index]
            // Gone when an earlier event of this turn closed the descriptor.
            owners[event.token]?.handle(event, at: now)
        }
    }
}
