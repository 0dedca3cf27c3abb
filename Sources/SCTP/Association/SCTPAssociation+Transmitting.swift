// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

// Puts packets together when they are polled.
extension SCTPAssociation {
    /// The next packet to send: one DTLS record.
    public mutating func pollTransmit() -> [UInt8]? {
        if let packet = replies.popFirst() {
            counters.packetsSent &+= 1
            return packet
        }
        if numbers.state == .closed { return nil }
        if numbers.pending.contains(.initiation) {
            numbers.pending.remove(.initiation)
            return initiationPacket()
        }
        if numbers.state == .cookieWait { return nil }
        return bundle()
    }

    private mutating func initiationPacket() -> [UInt8] {
        var writer = PacketWriter(port: settings.port, tag: 0, limit: settings.packetLimit)
        let initiation = localInitiation(tag: numbers.localTag, initialTSN: numbers.localInitialTSN)
        writer.chunk(.initiation, initiation.encoded(offersZeroChecksum: settings.offersZeroChecksum))
        counters.packetsSent &+= 1
        return writer.finished(checksum: true)
    }

    private mutating func bundle() -> [UInt8]? {
        let mayCarryData = maySendData
        if mayCarryData, numbers.features.contains(.partialReliability) { expire() }
        let wantsData = mayCarryData && hasDataToSend
        let hasControl = !numbers.pending.isEmpty || !controls.isEmpty
        guard wantsData || hasControl || numbers.acknowledgement == .due else { return nil }
        var writer = PacketWriter(port: settings.port, tag: numbers.peerTag, limit: settings.packetLimit)
        let echoesCookie = numbers.pending.contains(.cookieEcho)
        if echoesCookie {
            numbers.pending.remove(.cookieEcho)
            writer.chunk(.cookieEcho, peerCookie)
        }
        if numbers.pending.contains(.cookieAck) {
            numbers.pending.remove(.cookieAck)
            writer.chunk(.cookieAck)
        }
        if numbers.acknowledgement != .none { writeAcknowledgement(into: &writer) }
        writeControls(into: &writer)
        if wantsData { writeChunks(into: &writer) }
        guard !writer.isEmpty else { return nil }
        counters.packetsSent &+= 1
        let omitsChecksum =
            settings.offersZeroChecksum && numbers.features.contains(.zeroChecksum) && !echoesCookie
        return writer.finished(checksum: !omitsChecksum)
    }

    private mutating func writeControls(into writer: inout PacketWriter) {
        while let control = controls[0], control.value.count + 7 <= writer.room {
            writer.chunk(control.type, flags: control.flags, control.value)
            controls.popFirst()
        }
        if numbers.pending.contains(.heartbeat), writer.room >= 16 {
            numbers.pending.remove(.heartbeat)
            writer.chunk(.heartbeat, count: 12) {
                $0.uint16(ParameterType.heartbeatInformation)
                $0.uint16(12)
                $0.uint32(UInt32(truncatingIfNeeded: numbers.heartbeatNonce >> 32))
                $0.uint32(UInt32(truncatingIfNeeded: numbers.heartbeatNonce))
            }
        }
        if numbers.pending.contains(.forwardTSN), writer.room >= 12 { writeForward(into: &writer) }
        if numbers.pending.contains(.resetRequest) { writeResetRequest(into: &writer) }
        if !numbers.pending.isDisjoint(with: [.shutdown, .shutdownAck]) {
            numbers.pending.subtract(writeShutdown(into: &writer))
        }
    }

    // MARK: data

    /// Whether the state lets DATA out; with a cookie only in its own packet (RFC 9260 §5.1).
    private var maySendData: Bool {
        switch numbers.state {
        case .established, .shutdownPending, .shutdownReceived: true
        case .cookieEchoed: numbers.pending.contains(.cookieEcho)
        case .closed, .cookieWait, .shutdownSent, .shutdownAckSent: false
        }
    }

    private var burstEnd: Int { numbers.burstEnd ?? (numbers.flight + SCTPLimits.burst * settings.fragmentBytes) }

    /// Whether a lost chunk may be sent now.
    private var mayRetransmit: Bool {
        numbers.lostChunks > 0
            && (numbers.ignoresWindow || numbers.flight < min(numbers.window.size, burstEnd))
    }

    /// Whether a new chunk may be sent now, of so many bytes.
    private func maySendNew(_ count: Int) -> Bool {
        guard numbers.lostChunks == 0, outstanding.count < SCTPLimits.outstandingChunks,
            numbers.flight < min(numbers.window.size, burstEnd)
        else { return false }
        // A closed window is probed with one chunk (§6.1 A).
        return count <= numbers.peerWindow || numbers.flight == 0
    }

    private var hasDataToSend: Bool {
        if mayRetransmit { return true }
        guard let message = waiting[0] else { return false }
        return maySendNew(min(message.bytes.count - message.offset, settings.fragmentBytes))
    }

    private mutating func writeChunks(into writer: inout PacketWriter) {
        numbers.burstEnd = burstEnd
        idle()
        writeLost(into: &writer)
        writeNew(into: &writer)
        numbers.ignoresWindow = false
    }

    /// A window that was not used for a time-out shrinks (§7.2.1).
    private mutating func idle() {
        guard let last = numbers.lastSent, outstanding.isEmpty, now - last > numbers.timeout.value else { return }
        for _ in 0..<min(16, (now - last).nanoseconds / numbers.timeout.value.nanoseconds) { numbers.window.idled() }
        numbers.lastSent = now
    }

    private mutating func writeLost(into writer: inout PacketWriter) {
        guard mayRetransmit else { return }
        for index in 0..<outstanding.count where numbers.lostChunks > 0 {
            guard let chunk = outstanding[index], chunk.state == .lost else { continue }
            guard chunk.count + ChunkHeader.bytes + DataChunk.headerBytes <= writer.room,
                numbers.ignoresWindow || numbers.flight < numbers.window.size
            else { break }
            write(chunk, tsn: numbers.acknowledged + 1 + UInt64(index), into: &writer)
            counters.retransmissions &+= 1
            if chunk.isFast { counters.fastRetransmissions &+= 1 }
            outstanding[index]?.state = .inFlight
            outstanding[index]?.transmissions += 1
            outstanding[index]?.sent = now
            numbers.lostChunks -= 1
            sent(chunk.count, restartsTimer: index == 0)
        }
    }

    private mutating func writeNew(into writer: inout PacketWriter) {
        // Ends: each turn takes a message out, cuts a chunk off or leaves.
        while let message = waiting[0] {
            if let expiry = message.expiry, expiry <= now, numbers.features.contains(.partialReliability) {
                abandonFirstWaiting()
                continue
            }
            let rest = message.bytes.count - message.offset
            let room = (writer.room - ChunkHeader.bytes - DataChunk.headerBytes) & ~3
            // What fits into a packet of its own is not cut to fill this one.
            let mayCut = rest > settings.fragmentBytes && room >= settings.fragmentBytes / 4
            guard room > 0, rest <= room || mayCut else { return }
            let count = min(rest, room)
            guard maySendNew(count) else { return }
            let chunk = cut(count)
            write(chunk, tsn: numbers.nextTSN, into: &writer)
            outstanding.append(chunk)
            numbers.nextTSN += 1
            sent(count, restartsTimer: false)
        }
    }

    /// Gives up what would go out next and whose time is over.
    private mutating func expire() {
        if numbers.lostChunks > 0 {
            var spent: [Int] = []
            for index in 0..<outstanding.count {
                guard let chunk = outstanding[index], chunk.state == .lost, let expiry = chunk.expiry, expiry <= now
                else { continue }
                spent.append(index)
            }
            abandon(spent)
        }
        // Ends: each turn takes a message out.
        while let message = waiting[0], let expiry = message.expiry, expiry <= now { abandonFirstWaiting() }
    }

    /// Takes `count` bytes off the first waiting message.
    private mutating func cut(_ count: Int) -> OutgoingChunk {
        guard var message = waiting[0] else { preconditionFailure("no message waits") }
        var flags: DataFlags = message.isUnordered ? .unordered : []
        let stream = streamIndex(message.stream)
        if message.offset == 0 {
            flags.insert(.beginning)
            if !message.isUnordered {
                message.ssn = streams[stream].nextSSN
                streams[stream].nextSSN &+= 1
            }
        }
        let chunk: OutgoingChunk
        let isLast = message.offset + count == message.bytes.count
        if isLast { flags.insert(.ending) }
        chunk = OutgoingChunk(
            bytes: message.bytes, offset: message.offset, count: count, stream: message.stream, ssn: message.ssn,
            protocolIdentifier: message.protocolIdentifier, flags: flags, message: message.number,
            expiry: message.expiry, retransmissions: message.retransmissions, sent: now)
        if isLast {
            waiting.popFirst()
            streams[stream].unsent -= 1
        } else {
            message.offset += count
            waiting[0] = message
        }
        return chunk
    }

    private func write(_ chunk: OutgoingChunk, tsn: UInt64, into writer: inout PacketWriter) {
        writer.chunk(.data, flags: chunk.flags.rawValue, count: DataChunk.headerBytes + chunk.count) { writer in
            writer.uint32(TSN.wire(tsn))
            writer.uint16(chunk.stream)
            writer.uint16(chunk.ssn)
            writer.uint32(chunk.protocolIdentifier)
            writer.append(chunk.bytes, from: chunk.offset, count: chunk.count)
        }
    }

    private mutating func sent(_ count: Int, restartsTimer: Bool) {
        numbers.flight += count
        numbers.peerWindow = max(0, numbers.peerWindow - count)
        numbers.lastSent = now
        if numbers.state != .cookieEchoed, restartsTimer || numbers.retransmissionTimer == nil {
            numbers.retransmissionTimer = now + numbers.timeout.value
        }
    }
}
