// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

// Streams begin anew (RFC 6525).
extension SCTPAssociation {
    /// Asks to begin a stream of ours anew, once its queued messages are sent. Where the peer cannot, it is told as not
    /// done at once.
    public mutating func reset(stream: UInt16, at now: Timestamp) {
        advance(to: now)
        guard isConnected || numbers.state == .cookieEchoed || numbers.state == .cookieWait else { return }
        guard !streamsToReset.contains(stream), !streamsInReset.contains(stream),
            streamsToReset.count < SCTPLimits.channels
        else { return }
        streamsToReset.append(stream)
        requestReset()
    }

    /// Sends a request for the streams that have nothing left to send, if none is under way.
    mutating func requestReset() {
        guard numbers.state == .established, !streamsToReset.isEmpty, !numbers.awaitsReset else { return }
        guard numbers.features.contains(.reconfiguration) else {
            events.append(.ownReset(streamsToReset, isDone: false))
            streamsToReset = []
            return
        }
        let room = (settings.packetLimit - PacketWriter.headerBytes - ChunkHeader.bytes - 16) / 2
        for stream in streamsToReset where streamsInReset.count < min(room, SCTPLimits.resetStreams) {
            if streams.first(where: { $0.number == stream })?.unsent ?? 0 == 0 { streamsInReset.append(stream) }
        }
        guard !streamsInReset.isEmpty else { return }
        streamsToReset.removeAll { streamsInReset.contains($0) }
        numbers.awaitsReset = true
        numbers.resetLastTSN = numbers.nextTSN - 1
        numbers.pending.insert(.resetRequest)
        numbers.resetTimer = now + numbers.timeout.value
    }

    mutating func repeatReset() {
        guard numbers.awaitsReset else {
            numbers.resetTimer = nil
            return
        }
        numbers.timeout.backOff()
        numbers.pending.insert(.resetRequest)
        numbers.resetTimer = now + numbers.timeout.value
    }

    mutating func writeResetRequest(into writer: inout PacketWriter) {
        let length = 16 + 2 * streamsInReset.count
        guard writer.room >= length + ChunkHeader.bytes + 3 else { return }
        numbers.pending.remove(.resetRequest)
        let numbers = numbers
        let streams = streamsInReset
        writer.chunk(.reconfiguration, count: length) { writer in
            writer.uint16(ParameterType.outgoingReset)
            writer.uint16(UInt16(truncatingIfNeeded: length))
            writer.uint32(numbers.nextRequest)
            writer.uint32(numbers.expectedRequest &- 1)
            writer.uint32(TSN.wire(numbers.resetLastTSN))
            for stream in streams { writer.uint16(stream) }
        }
    }

    /// A RE-CONFIG chunk: at most two parameters (§3.1).
    mutating func receive(reconfiguration value: RawSpan) {
        guard isConnected else { return counters.unexpectedChunks &+= 1 }
        var offset = 0
        for _ in 0..<2 {
            guard value.byteCount - offset >= 4 else { break }
            let type = value.uint16(at: offset)
            let length = Int(value.uint16(at: offset + 2))
            guard length >= 8, length <= value.byteCount - offset else { return counters.malformed &+= 1 }
            let body = value.slice(offset + 4, count: length - 4)
            if type == ParameterType.reconfigurationResponse {
                receive(resetResponse: body)
            } else {
                receive(request: type, body)
            }
            offset += (length + 3) & ~3
        }
    }

    private mutating func receive(request type: UInt16, _ body: RawSpan) {
        let number = body.uint32(at: 0)
        if number == numbers.expectedRequest &- 1, numbers.hasAnsweredRequest {
            return respond(number, numbers.lastResult)
        }
        guard number == numbers.expectedRequest else {
            counters.refusedResets &+= 1
            return respond(number, ResetResult.badNumber)
        }
        var result = ResetResult.denied
        switch type {
        case ParameterType.outgoingReset where body.byteCount >= 12 && body.byteCount & 1 == 0:
            result = resetIncoming(body)
        case ParameterType.incomingReset: result = resetAsAsked(body)
        default: break
        }
        if result == ResetResult.denied { counters.refusedResets &+= 1 }
        // Not yet: the peer asks again under the same number.
        if result != ResetResult.inProgress {
            numbers.expectedRequest &+= 1
            numbers.lastResult = result
            numbers.hasAnsweredRequest = true
        }
        respond(number, result)
    }

    /// The peer begins its streams anew (§5.2.2), once all that it sent on them before is here.
    private mutating func resetIncoming(_ body: RawSpan) -> UInt32 {
        let last = TSN.widen(body.uint32(at: 8), near: received.cumulative)
        guard last <= received.cumulative else {
            return last - received.cumulative <= SCTPLimits.tsnSpan ? ResetResult.inProgress : ResetResult.denied
        }
        var named: [UInt16] = []
        guard body.byteCount <= 12 + 2 * SCTPLimits.resetStreams else { return ResetResult.denied }
        for offset in stride(from: 12, to: body.byteCount, by: 2) {
            let stream = body.uint16(at: offset)
            guard stream < numbers.inboundStreams else { return ResetResult.denied }
            named.append(stream)
        }
        reassembly.reset(named)
        events.append(.peerReset(named))
        return ResetResult.performed
    }

    /// The peer wants ours to begin anew (§5.2.3): answered by a request of ours, or at once if there is nothing to do.
    private mutating func resetAsAsked(_ body: RawSpan) -> UInt32 {
        var isNeeded = false
        for offset in stride(from: 4, to: body.byteCount - 1, by: 2) {
            let stream = body.uint16(at: offset)
            guard streams.contains(where: { $0.number == stream }), !streamsToReset.contains(stream),
                !streamsInReset.contains(stream), streamsToReset.count < SCTPLimits.channels
            else { continue }
            streamsToReset.append(stream)
            isNeeded = true
        }
        guard isNeeded else { return ResetResult.nothingToDo }
        requestReset()
        return ResetResult.performed
    }

    private mutating func respond(_ number: UInt32, _ result: UInt32) {
        var writer = ByteWriter(capacity: 12)
        writer.uint16(ParameterType.reconfigurationResponse)
        writer.uint16(12)
        writer.uint32(number)
        writer.uint32(result)
        answer(.reconfiguration, writer.bytes)
    }

    private mutating func receive(resetResponse body: RawSpan) {
        guard body.byteCount >= 8, numbers.awaitsReset, body.uint32(at: 0) == numbers.nextRequest else {
            return counters.unexpectedChunks &+= 1
        }
        let result = body.uint32(at: 4)
        // The timer asks again.
        if result == ResetResult.inProgress { return }
        let isDone = result == ResetResult.performed || result == ResetResult.nothingToDo
        if isDone {
            for index in streams.indices where streamsInReset.contains(streams[index].number) {
                streams[index].nextSSN = 0
            }
        } else {
            counters.refusedResets &+= 1
        }
        events.append(.ownReset(streamsInReset, isDone: isDone))
        streamsInReset = []
        numbers.awaitsReset = false
        numbers.resetTimer = nil
        numbers.pending.remove(.resetRequest)
        numbers.nextRequest &+= 1
        requestReset()
    }
}
