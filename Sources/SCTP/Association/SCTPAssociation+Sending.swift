// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

// What the owner gives us to send.
extension SCTPAssociation {
    /// Queues a message; it may be given before the association stands.
    /// - Parameters:
    ///   - bytes: the message, at least one byte.
    ///   - isEssential: a word of the protocol above, let in although the buffer is full; the caller bounds them.
    public mutating func send(
        _ bytes: [UInt8], stream: UInt16, protocolIdentifier: UInt32, isUnordered: Bool = false,
        reliability: Reliability = .reliable, isEssential: Bool = false, at now: Timestamp
    ) -> SendResult {
        advance(to: now)
        switch numbers.state {
        case .closed, .cookieWait, .cookieEchoed, .established: break
        default: return .refused
        }
        guard !bytes.isEmpty, bytes.count <= settings.sendBuffer, stream < numbers.outboundStreams,
            !streamsToReset.contains(stream), !streamsInReset.contains(stream)
        else { return .refused }
        let isCrowded = waiting.count + outstanding.count >= SCTPLimits.queuedMessages
        guard isEssential || numbers.buffered + bytes.count <= settings.sendBuffer && !isCrowded else {
            numbers.isFull = true
            counters.refusedMessages &+= 1
            return .full
        }
        var message = OutgoingMessage(
            bytes: bytes, stream: stream, protocolIdentifier: protocolIdentifier, isUnordered: isUnordered,
            expiry: nil, retransmissions: nil, number: numbers.messages)
        switch reliability {
        case .reliable: break
        case .lifetime(let time): message.expiry = self.now + time
        case .retransmissions(let count): message.retransmissions = count
        }
        numbers.messages &+= 1
        numbers.buffered += bytes.count
        let index = streamIndex(stream)
        streams[index].buffered += bytes.count
        streams[index].unsent += 1
        waiting.append(message)
        counters.messagesSent &+= 1
        return .accepted
    }

    /// Bytes on one stream that are queued or not acknowledged.
    public func bufferedBytes(on stream: UInt16) -> Int {
        streams.first { $0.number == stream }?.buffered ?? 0
    }

    mutating func streamIndex(_ number: UInt16) -> Int {
        let index = streams.firstIndex(notBefore: { $0.number < number })
        if index == streams.count || streams[index].number != number {
            streams.insert(OutgoingStream(number: number), at: index)
        }
        return index
    }

    /// Bytes of a stream's messages are acknowledged or given up.
    mutating func release(_ count: Int, stream: UInt16) {
        numbers.buffered -= count
        streams[streamIndex(stream)].buffered -= count
        if numbers.isFull, numbers.buffered <= settings.writableMark,
            waiting.count + outstanding.count < SCTPLimits.queuedMessages / 2
        {
            numbers.isFull = false
            events.append(.writable)
        }
    }

    /// Nothing of what was under way in either direction is of use any more.
    mutating func dropEverything() {
        waiting.removeAll()
        outstanding.removeAll()
        streams = []
        streamsToReset = []
        streamsInReset = []
        controls.removeAll()
        duplicates = []
        peerCookie = []
        received = ReceivedTSNs(next: 1 << 32)
        reassembly = Reassembly(largestMessage: settings.largestMessage)
        numbers.buffered = 0
        if numbers.isFull {
            numbers.isFull = false
            events.append(.writable)
        }
    }

    // MARK: giving up (RFC 3758 §3.5)

    /// Whether a chunk may not be sent again.
    func isSpent(_ chunk: OutgoingChunk) -> Bool {
        guard numbers.features.contains(.partialReliability) else { return false }
        if let expiry = chunk.expiry, expiry <= now { return true }
        if let limit = chunk.retransmissions { return chunk.transmissions > limit }
        return false
    }

    /// Gives up the messages to which these chunks belong.
    mutating func abandon(_ indexes: [Int]) {
        for index in indexes where outstanding[index]?.state != .abandoned { abandon(at: index) }
        if !indexes.isEmpty { advanceForward() }
    }

    /// Gives up the message of a chunk: all its chunks, which lie side by side, and what of it was not yet cut.
    private mutating func abandon(at index: Int) {
        guard let message = outstanding[index]?.message else { return }
        counters.abandonedMessages &+= 1
        var first = index
        while let before = outstanding[first - 1], before.message == message { first -= 1 }
        while let chunk = outstanding[first], chunk.message == message {
            switch chunk.state {
            case .inFlight: numbers.flight -= chunk.count
            case .lost: numbers.lostChunks -= 1
            case .received: numbers.receivedChunks -= 1
            case .abandoned: break
            }
            outstanding[first]?.state = .abandoned
            outstanding[first]?.bytes = []
            first += 1
        }
        if let next = waiting[0], next.number == message { discardFirstWaiting() }
    }

    /// Gives up the first waiting message, whose time is over.
    mutating func abandonFirstWaiting() {
        guard let message = waiting[0] else { return }
        if let last = outstanding[outstanding.count - 1], last.message == message.number {
            return abandon([outstanding.count - 1])
        }
        counters.abandonedMessages &+= 1
        discardFirstWaiting()
        advanceForward()
    }

    /// Gives the rest of the first waiting message up. If some of it was sent, a chunk stands for its end, so that the
    /// peer can be told to go on.
    private mutating func discardFirstWaiting() {
        guard let message = waiting.popFirst() else { return }
        streams[streamIndex(message.stream)].unsent -= 1
        if message.offset > 0 {
            outstanding.append(
                OutgoingChunk(
                    bytes: [], offset: 0, count: 0, stream: message.stream, ssn: message.ssn,
                    protocolIdentifier: 0, flags: message.isUnordered ? [.unordered, .ending] : .ending,
                    message: message.number, expiry: nil, retransmissions: nil, state: .abandoned, sent: now))
            numbers.nextTSN += 1
        }
        release(message.bytes.count - message.offset, stream: message.stream)
    }

    /// Moves the point up to which the peer may go on.
    mutating func advanceForward() {
        guard numbers.features.contains(.partialReliability) else { return }
        var point = max(numbers.acknowledged, numbers.advancedAcknowledgement)
        while let chunk = outstanding[Int(point - numbers.acknowledged)], chunk.state == .abandoned { point += 1 }
        guard point > numbers.acknowledged else { return }
        numbers.advancedAcknowledgement = point
        numbers.pending.insert(.forwardTSN)
        if numbers.retransmissionTimer == nil { numbers.retransmissionTimer = now + numbers.timeout.value }
    }

    /// Writes a FORWARD-TSN with the streams whose ordered messages are given up.
    mutating func writeForward(into writer: inout PacketWriter) {
        numbers.pending.remove(.forwardTSN)
        let room = writer.room - ChunkHeader.bytes - 4
        guard numbers.advancedAcknowledgement > numbers.acknowledged, room >= 4 else { return }
        var skipped: [(stream: UInt16, ssn: UInt16)] = []
        var point = numbers.acknowledged
        while point < numbers.advancedAcknowledgement, let chunk = outstanding[Int(point - numbers.acknowledged)] {
            if !chunk.flags.contains(.unordered) {
                if let index = skipped.firstIndex(where: { $0.stream == chunk.stream }) {
                    skipped[index].ssn = chunk.ssn
                } else if skipped.count < room / 4 {
                    skipped.append((chunk.stream, chunk.ssn))
                } else {
                    break
                }
            }
            point += 1
        }
        writer.chunk(.forwardTSN, count: 4 + 4 * skipped.count) { writer in
            writer.uint32(TSN.wire(point))
            for entry in skipped {
                writer.uint16(entry.stream)
                writer.uint16(entry.ssn)
            }
        }
        if numbers.retransmissionTimer == nil { numbers.retransmissionTimer = now + numbers.timeout.value }
    }
}
