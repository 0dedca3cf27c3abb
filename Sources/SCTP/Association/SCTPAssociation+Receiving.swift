// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// DATA, FORWARD-TSN and what else arrives (RFC 9260 §6.2, 3758 §3.6).
extension SCTPAssociation {
    /// Room for messages, as it is advertised.
    var receiveWindow: Int { max(0, settings.receiveBuffer - reassembly.charged) }

    mutating func receive(data value: RawSpan, flags: UInt8, _ arrival: inout PacketArrival) {
        // A chunk without user data is a protocol violation (§6.2); it gets no answer at all.
        guard value.byteCount > DataChunk.headerBytes else { return counters.malformed &+= 1 }
        switch numbers.state {
        case .established, .shutdownPending, .shutdownSent, .cookieEchoed: break
        default: return counters.unexpectedChunks &+= 1
        }
        let chunk = DataChunk(value, flags: flags, near: received.cumulative)
        arrival.hasData = true
        if chunk.flags.contains(.immediate) || numbers.state == .shutdownSent { arrival.isUrgent = true }
        if received.contains(chunk.tsn) {
            counters.duplicates &+= 1
            arrival.isUrgent = true
            if duplicates.count < SCTPLimits.duplicates { duplicates.append(TSN.wire(chunk.tsn)) }
            return
        }
        guard isAcceptable(chunk) else {
            arrival.isUrgent = true
            counters.beyondWindow &+= 1
            return
        }
        let wasInOrder = received.runs.isEmpty
        guard received.insert(chunk.tsn) == .new else { return counters.beyondWindow &+= 1 }
        if !wasInOrder || !received.runs.isEmpty { arrival.isUrgent = true }
        guard chunk.stream < numbers.inboundStreams else {
            counters.invalidStreams &+= 1
            return tellInvalidStream(chunk.stream)
        }
        reassembly.insert(
            chunk, value.slice(DataChunk.headerBytes, count: value.byteCount - DataChunk.headerBytes),
            cumulative: received.cumulative)
        collectMessages()
    }

    /// Whether there is room for a chunk. What closes the first gap is let in beyond the window, because only that can
    /// make room again; a little beyond it may be what the peer sent before it knew.
    private func isAcceptable(_ chunk: DataChunk) -> Bool {
        guard chunk.tsn - received.cumulative <= SCTPLimits.tsnSpan else { return false }
        let limit = settings.receiveBuffer + settings.receiveBuffer / 4
        if chunk.tsn == received.cumulative + 1 {
            return reassembly.charged < limit + settings.largestMessage
        }
        return reassembly.charged < limit && reassembly.hasRoom
    }

    private mutating func tellInvalidStream(_ stream: UInt16) {
        var writer = ByteWriter(capacity: 8)
        writer.uint16(ErrorCause.invalidStream.rawValue)
        writer.uint16(8)
        writer.uint16(stream)
        writer.uint16(0)
        answer(.error, writer.bytes)
    }

    mutating func collectMessages() {
        while let message = reassembly.pollMessage() {
            counters.messagesReceived &+= 1
            events.append(.message(message))
        }
    }

    mutating func receive(forward value: RawSpan, _ arrival: inout PacketArrival) {
        guard value.byteCount >= 4 else { return counters.malformed &+= 1 }
        guard isConnected else { return counters.unexpectedChunks &+= 1 }
        let tsn = TSN.widen(value.uint32(at: 0), near: received.cumulative)
        arrival.hasData = true
        guard tsn > received.cumulative else {
            // Our acknowledgement was lost.
            arrival.isUrgent = true
            return
        }
        guard tsn - received.cumulative <= SCTPLimits.tsnSpan else { return counters.beyondWindow &+= 1 }
        received.advance(to: tsn)
        reassembly.forget(upTo: tsn)
        var offset = 4
        while value.byteCount - offset >= 4 {
            let stream = value.uint16(at: offset)
            if stream < numbers.inboundStreams {
                reassembly.skip(stream: stream, through: value.uint16(at: offset + 2))
            }
            offset += 4
        }
        if !received.runs.isEmpty { arrival.isUrgent = true }
        collectMessages()
    }

    /// All chunks of a packet are dealt with: when is it acknowledged?
    mutating func finish(_ arrival: PacketArrival) {
        counters.brokenFragments &+= reassembly.brokenFragments
        counters.oversizedMessages &+= reassembly.oversizedMessages
        reassembly.brokenFragments = 0
        reassembly.oversizedMessages = 0
        guard arrival.hasData, numbers.state != .closed else { return }
        numbers.unacknowledgedPackets += 1
        // Data after our SHUTDOWN: it was lost (RFC 9260 §9.2).
        if numbers.state == .shutdownSent { sendShutdown(.shutdown) }
        let opened = numbers.advertisedWindow < settings.packetLimit && receiveWindow >= settings.packetLimit
        if arrival.isUrgent || opened || numbers.unacknowledgedPackets >= 2 {
            numbers.acknowledgement = .due
            numbers.acknowledgementTimer = nil
        } else if numbers.acknowledgement == .none {
            numbers.acknowledgement = .delayed
            numbers.acknowledgementTimer = now + SCTPLimits.acknowledgementDelay
        }
    }

    /// Writes a SACK: the cumulative TSN, as many runs and duplicates as fit.
    mutating func writeAcknowledgement(into writer: inout PacketWriter) {
        let room = writer.room - ChunkHeader.bytes - 12
        guard room >= 0 else { return }
        let base = received.cumulative
        var gaps = min(received.runs.count, room / 4)
        while gaps > 0, received.runs[gaps - 1].last - base > UInt64(UInt16.max) { gaps -= 1 }
        let repeated = min(duplicates.count, room / 4 - gaps)
        numbers.advertisedWindow = receiveWindow
        writer.chunk(.sack, count: 12 + 4 * (gaps + repeated)) { writer in
            writer.uint32(TSN.wire(base))
            writer.uint32(UInt32(clamping: numbers.advertisedWindow))
            writer.uint16(UInt16(gaps))
            writer.uint16(UInt16(repeated))
            for run in received.runs.prefix(gaps) {
                writer.uint16(UInt16(truncatingIfNeeded: run.first - base))
                writer.uint16(UInt16(truncatingIfNeeded: run.last - base))
            }
            for tsn in duplicates.prefix(repeated) { writer.uint32(tsn) }
        }
        duplicates = []
        numbers.acknowledgement = .none
        numbers.acknowledgementTimer = nil
        numbers.unacknowledgedPackets = 0
    }

    // MARK: heartbeats, errors, the unknown

    mutating func receive(heartbeat value: RawSpan) {
        guard value.byteCount <= SCTPLimits.echoedBytes else { return counters.malformed &+= 1 }
        answer(.heartbeatAck, value.toArray())
    }

    mutating func receive(heartbeatAck value: RawSpan) {
        guard value.byteCount == 12, value.uint16(at: 0) == ParameterType.heartbeatInformation,
            value.uint64(at: 4) == numbers.heartbeatNonce, let sent = numbers.heartbeatSent
        else { return counters.unexpectedChunks &+= 1 }
        numbers.heartbeatSent = nil
        numbers.timeout.measure(now - sent)
    }

    mutating func startHeartbeats() {
        numbers.heartbeatTimer = settings.heartbeatInterval.map { now + $0 + numbers.timeout.value }
    }

    mutating func receive(errors value: RawSpan) {
        var offset = 0
        // Ends: each cause has at least four bytes.
        while value.byteCount - offset >= 4 {
            let length = Int(value.uint16(at: offset + 2))
            guard length >= 4 else { return counters.malformed &+= 1 }
            counters.peerErrors &+= 1
            if ErrorCause(rawValue: value.uint16(at: offset)) == .staleCookie { cookieIsStale() }
            offset += (length + 3) & ~3
        }
    }

    /// The two upper bits of a type say what to do with what one does not know (§3.2).
    mutating func receive(unknown chunk: ChunkHeader, of packet: RawSpan) -> Bool {
        counters.unknownChunks &+= 1
        if chunk.type.wantsReport, chunk.whole.count <= SCTPLimits.echoedBytes {
            var writer = ByteWriter(capacity: chunk.whole.count + 4)
            writer.uint16(ErrorCause.unrecognizedChunk.rawValue)
            writer.uint16(UInt16(truncatingIfNeeded: chunk.whole.count + 4))
            writer.append(packet.slice(chunk.whole.lowerBound, count: chunk.whole.count).toArray())
            answer(.error, writer.bytes)
        }
        return !chunk.type.stopsPacket
    }
}
