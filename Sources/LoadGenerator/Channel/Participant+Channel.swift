// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

internal import DTLS
internal import PacketIO
internal import Primitives
internal import Synchronization

/// Where a participant's bridge channel stands.
enum ChannelState: Equatable {
    /// There is to be none.
    case absent
    /// Not open yet, or not greeted.
    case waiting
    /// Open, and the bridge has greeted us.
    case ready
    /// It could not be opened, or ended.
    case failed
}

/// Carries the bridge channel: data channel or WebSocket on one side, ``ChannelClient`` on the other.
extension Participant {
    /// Dials the WebSocket, where there is to be one: as clients do, when they are offered the session.
    func dialWebSocket(_ target: WebSocketTarget?, at now: Timestamp, _ context: inout LoopContext) {
        guard let target else { return }
        do throws(LoadError) {
            webSocket = try WebSocketConnection(
                target.url, address: target.address, random: Random(seed: random.next()))
            channelDeadline = now + context.channelTimeout
        } catch {
            failChannel("\(error)", &context)
        }
    }

    /// Begins the SCTP association and the channel on it, once DTLS stands.
    func openDataChannel(at now: Timestamp, _ context: inout LoopContext) {
        guard context.options.channel == .sctp else { return }
        channelDeadline = now + context.channelTimeout
        dataChannel = DataChannelCarrier(random: Random(seed: random.next()), at: now)
        drainChannel(at: now, &context)
    }

    /// SCTP packets came.
    func handle(records: [[UInt8]], at now: Timestamp, _ context: inout LoopContext) {
        for record in records { dataChannel?.handle(record, at: now) }
        drainChannel(at: now, &context)
    }

    /// The WebSocket can be read or written.
    func handleWebSocket(at now: Timestamp, _ context: inout LoopContext) {
        webSocket?.handleReady()
        drainChannel(at: now, &context)
    }

    /// The call begins, for the channel.
    func beginCall(until end: Timestamp, at now: Timestamp, _ context: inout LoopContext) {
        channel?.begin(context.script, until: end, at: now)
        beginJudging(at: now)
        guard slots.isActive else { return }
        for (index, stream) in conference.streams.enumerated()
        where !stream.isVideo && stream.sender != planned.number && trackers[index].expectedFrom < 0 {
            // A bridge holds a new voice back until we must know of it.
            let sent = Int64(stream.sent.load(ordering: .acquiring))
            trackers[index].expect(from: sent + Int64(context.options.audioRate) / 2)
        }
    }

    /// Does what is due on the channel.
    func handleChannelTimeout(at now: Timestamp, _ context: inout LoopContext) {
        if let due = dataChannel?.nextTimeout, due <= now { dataChannel?.handleTimeout(at: now) }
        if channelState == .ready { channel?.handleTimeout(at: now, &context.statistics.channel) }
        if let due = channelDeadline, due <= now {
            failChannel("\(lateness) within \(decimal(context.channelTimeout.seconds, 0)) s", &context)
        }
        drainChannel(at: now, &context)
    }

    /// When ``handleChannelTimeout(at:_:)`` has something to do.
    var nextChannelTimeout: Timestamp? {
        guard channelState == .waiting || channelState == .ready else { return nil }
        let carrier = earlier(dataChannel?.nextTimeout, channelDeadline)
        return channelState == .ready ? earlier(carrier, channel?.nextTimeout) : carrier
    }

    /// What has not happened yet.
    private var lateness: String {
        if let webSocket {
            return isChannelOpen
                ? "no ServerHello on the WebSocket" : "no answer to the WebSocket handshake at \(webSocket.name)"
        }
        guard dataChannel?.isConnected == true else { return "no answer to SCTP" }
        return isChannelOpen ? "no answer to ClientHello" : "the data channel was not acknowledged"
    }

    /// Takes what came, answers, and sends.
    private func drainChannel(at now: Timestamp, _ context: inout LoopContext) {
        while let event = dataChannel?.pollEvent() { handle(event, at: now, &context) }
        while let event = webSocket?.pollEvent() { handle(event, at: now, &context) }
        if channelState == .waiting, isChannelOpen, channel?.hasHello == true {
            channelState = .ready
            channelDeadline = nil
        }
        if let height = channel?.takeHeightLimit(), context.options.isSimulcast { videos.limit(height: height) }
        for entry in channel?.takeSlots() ?? [] where !slots.take(entry) { context.statistics.channel.malformed += 1 }
        if channel?.wishes.takeChange() == true { noteWishes(at: now) }
        while let message = channel?.pollMessage() {
            webSocket?.send(text: message)
            dataChannel?.send(text: message, at: now)
        }
        while let packet = dataChannel?.pollTransmit() { _ = dtls.send(application: packet.rawSpan, at: now) }
        flushDTLS(&context)
    }

    private func handle(_ event: CarrierEvent, at now: Timestamp, _ context: inout LoopContext) {
        switch event {
        case .opened: noteOpen(at: now, &context)
        case .text(let text): channel?.receive(text, at: now, &context.statistics.channel)
        // At the end the bridge may say good-bye.
        case .ended(let reason): if context.isSending { failChannel(reason, &context) }
        }
    }

    private func noteOpen(at now: Timestamp, _ context: inout LoopContext) {
        guard !isChannelOpen else { return }
        isChannelOpen = true
        context.statistics.channel.opened += 1
        context.statistics.channel.open.note((now - askedAt).nanoseconds)
        channel?.open()
    }

    /// The channel is of no use; the media goes on.
    private func failChannel(_ reason: String, _ context: inout LoopContext) {
        guard channelState == .waiting || channelState == .ready else { return }
        channelState = .failed
        channelDeadline = nil
        note(failure: "bridge channel: \(reason)", &context)
    }
}
