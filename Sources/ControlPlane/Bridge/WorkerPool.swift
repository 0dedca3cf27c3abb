// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import BridgeControl
internal import MediaPlane
internal import PacketIO
internal import Primitives
internal import ShardMessages
internal import Telemetry

/// The media workers as the control loop sees them: commands go in in their order, events come out, one that hangs is
/// noticed.
///
/// There is one worker today, and all conferences live on it; what concerns every worker already asks every one.
final class WorkerPool {
    private struct Member {
        let worker: MediaWorker
        var pulse = ThreadPulse()
    }

    /// The worker that owns the media port and the conferences.
    let first: MediaWorker
    private var members: [Member]
    private var commands = Outbox<ShardCommand>()
    /// Packets of data channels.
    private var records = Outbox<(EndpointNumber, [UInt8])>()

    /// Starts the workers.
    /// - Throws: what the kernel said, with the call that it said it to.
    init(_ configuration: MediaWorker.Configuration, sockets: [UDPSocket]) throws(SystemError) {
        first = try MediaWorker.start(configuration, sockets: sockets)
        members = [Member(worker: first)]
    }

    /// Ends all and waits for their threads. A second call does nothing.
    func stop() {
        for member in members { member.worker.stop() }
    }

    // MARK: Commands

    /// When a command or a packet that waits is tried again.
    var nextTimeout: Timestamp? { earlier(commands.nextTimeout, records.nextTimeout) }

    /// Sends commands in their order as far as there is room. The rest waits for a pause, or for the next event.
    /// - Parameter next: takes the next command off its queue.
    func sendCommands(at now: Timestamp, next: () -> ShardCommand?) {
        commands.pass(at: now, next: next) { first.send($0) }
    }

    /// Sends packets of data channels in their order as far as there is room; the rest waits where it is.
    /// - Parameter next: makes the next packet.
    func sendRecords(at now: Timestamp, next: () -> (EndpointNumber, [UInt8])?) {
        records.pass(at: now, next: next) { first.send(record: $0.1.rawSpan, to: $0.0) }
    }

    /// Hands out packets of data channels, read in place: a turn's share.
    /// - Returns: when to come back for more, if not for the first one that wakes; see ``park(records:)``.
    func takeRecords(at now: Timestamp, _ take: (EndpointNumber, RawSpan) -> Void) -> Timestamp? {
        var due: Timestamp?
        for member in members {
            var taken = 0
            while taken < ControlPlaneLimits.recordsPerTurn, member.worker.takeRecord(take) { taken += 1 }
            guard taken > 0 else { continue }
            let isMore = taken == ControlPlaneLimits.recordsPerTurn
            due = earlier(due, isMore ? now : now + ControlPlaneLimits.recordsPause)
        }
        return due
    }

    /// Asks all for their account of themselves; it comes as an event with the same number.
    /// - Returns: how many will answer.
    func describe(number: UInt64) -> Int {
        members.count { $0.worker.send(.describe(number: number)) }
    }

    /// Whether all sockets that were given were taken: there is room for as many as a port holds.
    var haveTakenSockets: Bool { first.hasTakenSockets }

    /// Gives the media port one more socket.
    func listen(on socket: UDPSocket, as local: Int) {
        _ = first.listen(on: socket, as: local)
    }

    // MARK: Events

    /// Descriptors that become readable when there are events.
    var wakes: [Int32] { members.map(\.worker.eventsWake.descriptor) }

    /// Call before waiting for them.
    /// - Parameter records: whether packets of data channels wake, too.
    /// - Returns: `false` when some of what wakes arrived meanwhile: take it first.
    func park(records: Bool) -> Bool {
        var canWait = true
        for member in members where !member.worker.parkEvents(records: records) { canWait = false }
        return canWait
    }

    /// Call after waiting.
    func unpark() {
        for member in members { member.worker.unparkEvents() }
    }

    /// Hands out what the workers said: what fits their rings. ``park(records:)`` tells of more.
    func takeEvents(_ take: (ShardEvent) -> Void) {
        for member in members {
            for _ in 0..<ShardMessagesLimits.eventRing {
                guard let event = member.worker.nextEvent() else { break }
                take(event)
            }
        }
    }

    /// A peer towards which the kernel cuts no trains; each is told once, as far as there is room.
    func nextTrainRefusal() -> TransportAddress? {
        for member in members {
            if let peer = member.worker.nextTrainRefusal() { return peer }
        }
        return nil
    }

    // MARK: Counters and pulse

    /// The sums of what they have counted.
    var totals: MediaTotals { MediaTotals(members.map(\.worker.counters)) }

    /// Whether none hung at the last look.
    var areAlive: Bool { members.allSatisfy(\.pulse.isAlive) }

    /// Looks whether all have turned since the last look, and makes them turn before the next.
    /// - Returns: whether ``areAlive`` has changed.
    func look(at now: Timestamp) -> Bool {
        let wereAlive = areAlive
        for index in members.indices {
            _ = members[index].pulse.look(turns: members[index].worker.counters.value(.loopTurns), at: now)
        }
        for member in members { member.worker.nudge() }
        return areAlive != wereAlive
    }

    /// Sets how long one may go without a turn.
    func setStallLimit(_ limit: TimeDelta) {
        for index in members.indices { members[index].pulse.limit = limit }
    }
}
