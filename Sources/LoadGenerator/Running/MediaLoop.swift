// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import Glibc
internal import OpenSSL
internal import PacketIO
internal import Primitives
internal import Synchronization

/// One media thread: its participants, their sockets and their deadlines.
///
/// A turn: commands, what is due, wait, what came. Work per socket and turn is bounded, so that nobody starves.
///
/// Once everybody is connected, sockets are looked at once per millisecond instead of waited for. Otherwise the bridge,
/// on the same machine, would pay for waking this thread with nearly every message it sends, which it never does on a
/// network; and transit does not suffer, because the kernel notes when a packet arrived.
struct MediaLoop: ~Copyable {
    private let mailbox: LoopMailbox
    private var context: LoopContext
    /// Watches the sockets.
    private var poller: Poller
    /// Watches for commands alone: what the thread sleeps on between two looks at the sockets.
    private var sleeper: Poller
    private var lookDue = Timestamp.zero
    private var isSettled = false
    private var participants: [Participant] = []
    private var deadlines = DeadlineHeap(capacity: LoadGeneratorLimits.participants)
    private var slab = ReceiveSlab(notesArrival: true)
    /// The wall clock less the monotonic one: what turns the kernel's times of arrival into ours.
    private var wallOffset: Int64 = 0
    private let events: UnsafeMutableBufferPointer<PollEvent>
    private var failed = 0
    /// Publications in a row, after sending has stopped, between which nothing came.
    private var quietTurns = 0
    private var receivedBefore: UInt64 = 0
    private var publishDue = Timestamp.zero
    private var isFinished = false
    /// When the last turn began.
    private var lastTurn = Timestamp.zero
    /// When the senders were stopped.
    private var stoppedAt: Timestamp?
    private static let wakeToken = UInt64.max
    /// Marks the token of a participant's WebSocket.
    private static let webSocketBit = UInt64(1) << 32

    init(
        _ mailbox: LoopMailbox, _ options: LoadOptions, _ identity: DTLSIdentity, _ frames: OpusFrames
    ) throws(SystemError) {
        let poller = try Poller()
        let sleeper = try Poller()
        try poller.add(descriptor: mailbox.wakeUp.descriptor, token: Self.wakeToken)
        try sleeper.add(descriptor: mailbox.wakeUp.descriptor, token: Self.wakeToken)
        self.poller = poller
        self.sleeper = sleeper
        self.mailbox = mailbox
        context = LoopContext(options: options, identity: identity, frames: frames)
        context.batch.batch.joinsSegments = options.usesGSO
        events = .allocate(capacity: LoadGeneratorLimits.pollEvents)
    }

    deinit {
        events.deallocate()
    }

    /// Runs until told to finish.
    mutating func run() {
        while !isFinished {
            var now = MonotonicClock.now()
            // Turns follow one another within a few milliseconds; otherwise the machine was busy with others.
            if isSettled, now - lastTurn > LoadGeneratorLimits.stall { context.stalled += (now - lastTurn).nanoseconds }
            lastTurn = now
            // Ends after a while even when more falls due than can be done: receiving must go on.
            let limit = now + LoadGeneratorLimits.lookInterval
            while now < limit, let first = deadlines.first, first.deadline <= now {
                let participant = participants[first.owner]
                participant.handleTimeout(at: now, &context)
                settle(first.owner, participant)
                now = MonotonicClock.now()
            }
            if now >= publishDue { publish(at: now) }
            let deadline = min(deadlines.first?.deadline ?? publishDue, publishDue)
            guard isSettled else {
                _ = handle(poller.wait(until: deadline, now: now, into: events))
                continue
            }
            if now >= lookDue {
                lookDue = now + LoadGeneratorLimits.lookInterval
                // Ends: a look that does not fill the list has seen everything.
                while handle(poller.wait(until: now, now: now, into: events)) == events.count {}
            } else {
                _ = handle(sleeper.wait(until: min(deadline, lookDue), now: now, into: events))
            }
        }
        for participant in participants { participant.webSocket?.leave() }
        mailbox.finish(finalStatistics())
    }

    /// Deals with the first `count` events.
    private mutating func handle(_ count: Int) -> Int {
        for index in 0..<count {
            if events[index].token == Self.wakeToken {
                mailbox.wakeUp.drain()
                for command in mailbox.take() { apply(command) }
            } else if events[index].token & Self.webSocketBit != 0 {
                let owner = Int(events[index].token & ~Self.webSocketBit)
                participants[owner].handleWebSocket(at: MonotonicClock.now(), &context)
                settle(owner, participants[owner])
            } else {
                receive(Int(events[index].token))
            }
        }
        return count
    }

    private mutating func receive(_ owner: Int) {
        let participant = participants[owner]
        for _ in 0..<LoadGeneratorLimits.batchesPerSocket {
            slab.removeAll()
            let isMore = participant.port.receive(local: 0, into: &slab)
            let now = MonotonicClock.now()
            for index in 0..<slab.count {
                // Transit ends where the receiver's kernel has the packet: our own delay is not the bridge's.
                let noted = slab.arrivals?[index] ?? 0
                context.arrivedAt = noted > 0 ? min(noted - wallOffset, now.nanoseconds) : now.nanoseconds
                participant.handle(slab.bytes(index), from: slab.datagrams[index].source, at: now, &context)
            }
            guard isMore else { break }
        }
        settle(owner, participant)
    }

    /// After anything happened to a participant.
    private mutating func settle(_ owner: Int, _ participant: Participant) {
        deadlines.set(owner, participant.nextTimeout)
        guard let socket = participant.webSocket else { return }
        let token = UInt64(owner) | Self.webSocketBit
        let wanted: SocketWatch = socket.isAlive ? (socket.wantsWriting ? .both : .reading) : .nothing
        guard wanted != participant.socketWatch else { return }
        do throws(SystemError) {
            switch (participant.socketWatch, wanted) {
            case (_, .nothing): poller.remove(descriptor: socket.descriptor)
            case (.nothing, _):
                try poller.add(descriptor: socket.descriptor, token: token, writable: wanted == .both)
            default: try poller.modify(descriptor: socket.descriptor, token: token, writable: wanted == .both)
            }
            participant.socketWatch = wanted
        } catch {
            participant.note(failure: "\(error)", &context)
        }
    }

    private mutating func apply(_ command: LoopCommand) {
        switch command {
        case .join(let order):
            let now = MonotonicClock.now()
            do throws(SystemError) {
                let participant = try Participant(order, context, at: now)
                let owner = participants.count
                try poller.add(descriptor: participant.descriptor, token: UInt64(owner))
                participants.append(participant)
                participant.start(webSocket: order.webSocket, at: now, &context)
                settle(owner, participant)
            } catch {
                failed += 1
                context.statistics.failures.append("participant \(order.planned.number): \(error)")
            }
        case .begin(let begin, let end):
            context.script.begin = begin
            let now = MonotonicClock.now()
            for (owner, participant) in participants.enumerated() {
                participant.beginCall(until: end, at: now, &context)
                settle(owner, participant)
            }
        case .stopSending:
            context.isSending = false
            stoppedAt = MonotonicClock.now()
            for (owner, participant) in participants.enumerated() {
                participant.channel?.stop()
                settle(owner, participant)
            }
        case .finish:
            isFinished = true
        }
    }

    private mutating func publish(at now: Timestamp) {
        publishDue = now + .milliseconds(20)
        wallOffset = WallClock.nanosecondsSinceEpoch() - MonotonicClock.now().nanoseconds
        let connected = participants.count { $0.isConnected && !$0.hasFailed }
        let lost = participants.count { $0.hasFailed }
        let settledChannels = participants.count { $0.channelState != .waiting || $0.hasFailed }
        isSettled = connected > 0 && connected + lost == participants.count && settledChannels == participants.count
        mailbox.connected.store(connected, ordering: .relaxed)
        mailbox.failed.store(failed + lost, ordering: .relaxed)
        mailbox.openChannels.store(participants.count { $0.channelState == .ready }, ordering: .relaxed)
        mailbox.settledChannels.store(failed + settledChannels, ordering: .relaxed)
        mailbox.received.store(context.statistics.received, ordering: .relaxed)
        mailbox.sent.store(context.statistics.sent, ordering: .relaxed)
        mailbox.altered.store(context.statistics.altered, ordering: .relaxed)
        mailbox.processorNanoseconds.store(Self.processorNanoseconds(), ordering: .relaxed)
        guard !context.isSending else { return }
        let received =
            context.statistics.received + context.statistics.channel.received + context.statistics.retransmissions
        quietTurns = received == receivedBefore ? quietTurns + 1 : 0
        receivedBefore = received
        // Counting takes a while in large calls, and there is nothing to count while packets still come.
        if quietTurns == 1 {
            let statistics = finalStatistics()
            let missing =
                statistics.lost + statistics.channel.messagesLost + statistics.channel.statsWrong
                + statistics.repair.outstanding
            mailbox.missing.store(missing, ordering: .relaxed)
        }
        mailbox.quietTurns.store(quietTurns, ordering: .releasing)
    }

    private static func processorNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private func finalStatistics() -> LoopStatistics {
        var result = context.statistics
        result.processorNanoseconds = Self.processorNanoseconds()
        for participant in participants {
            result.keyframesSent += participant.videos.reduce(0) { $0 + $1.keyframes }
            result.kernelDrops += participant.port.counters.kernelDrops
            result.sendDrops += participant.port.counters.droppedOnSend
            guard participant.isConnected else { continue }
            if participant.channelState == .ready {
                participant.channel?.count(
                    until: stoppedAt ?? MonotonicClock.now(),
                    isUnfiltered: context.options.participants <= LoadGeneratorLimits.unfilteredStats,
                    into: &result.channel)
            }
            let end = (stoppedAt ?? MonotonicClock.now()).nanoseconds
            participant.countPictures(until: end, into: &result)
            result.repair.lostAudio += participant.lostAudio
            for (index, stream) in participant.conference.streams.enumerated()
            where stream.sender != participant.planned.number && (!stream.isVideo || participant.judges.isEmpty) {
                let sent = Int64(stream.sent.load(ordering: .acquiring))
                guard sent > 0 else { continue }
                let tracker = participant.trackers[index]
                result.streams += 1
                if !stream.isVideo { result.repair.lostAudio += UInt64(stream.dropped.load(ordering: .relaxed)) }
                result.expected += tracker.expected(last: sent - 1)
                result.lost += tracker.missing(last: sent - 1)
                result.duplicates += tracker.duplicates
                result.reordered += tracker.reordered
                result.renumbered += tracker.renumbered
                if stream.isVideo ? !tracker.hasKeyframe : tracker.received == 0 { result.silentStreams += 1 }
            }
        }
        return result
    }
}
