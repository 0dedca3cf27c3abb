// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import PacketIO
internal import Primitives
internal import Synchronization

/// What the web thread's WebSockets and the control loop share.
final class WebSocketMailbox: Sendable {
    let events = SPSCRing<WebSocketEvent>(capacity: WebServerLimits.queuedEvents)
    let commands = SPSCRing<WebSocketCommand>(capacity: WebServerLimits.queuedCommands)
    /// Wakes the control loop.
    let eventsWake: WakeUp
    let counters = WebSocketCounters()
    /// Whether the web thread waits for room among the events.
    private let isBlocked = Atomic<Bool>(false)

    init() throws(SystemError) { eventsWake = try WakeUp() }

    // MARK: Web thread

    /// Hands an event to the control loop.
    /// - Returns: `false` when there is no room; the web thread is woken when there is again.
    func deliver(_ event: WebSocketEvent) -> Bool {
        if !events.push(event) {
            isBlocked.store(true, ordering: .sequentiallyConsistent)
            // The control loop may have emptied the ring before it could see that.
            guard events.push(event) else { return false }
            isBlocked.store(false, ordering: .sequentiallyConsistent)
        }
        eventsWake.wake()
        return true
    }

    // MARK: Control loop

    /// Takes the oldest event.
    /// - Parameter webWake: wakes the web thread when it waits for room.
    func nextEvent(webWake: WakeUp) -> WebSocketEvent? {
        if let event = events.pop() { return event }
        // Empty the wake first and look again: an event pushed in between leaves it readable.
        eventsWake.drain()
        if isBlocked.exchange(false, ordering: .sequentiallyConsistent) { webWake.wake() }
        return events.pop()
    }

    /// Hands a command to the web thread.
    /// - Returns: `false` when there is no room, which for a message is so before the last places are taken.
    func order(_ command: WebSocketCommand, webWake: WakeUp) -> Bool {
        var hasRoom = true
        if case .send = command { hasRoom = commands.freeCount() > WebServerLimits.commandReserve }
        guard hasRoom, commands.push(command) else {
            counters.refusedCommands.add(1, ordering: .relaxed)
            return false
        }
        if commands.needsWake() { webWake.wake() }
        return true
    }
}
