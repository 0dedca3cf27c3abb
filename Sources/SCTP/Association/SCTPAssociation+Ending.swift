// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

// Shutdown and abort (RFC 9260 §9).
extension SCTPAssociation {
    /// Ends the association once everything that was accepted is acknowledged.
    public mutating func shutdown(at now: Timestamp) {
        advance(to: now)
        switch numbers.state {
        case .established:
            numbers.state = .shutdownPending
            proceed()
        case .cookieWait, .cookieEchoed: end(.abortedByUs)
        default: break
        }
    }

    /// Ends the association now and tells the peer.
    public mutating func abort(at now: Timestamp) {
        advance(to: now)
        guard numbers.state != .closed else { return }
        if numbers.peerTag != 0 {
            var writer = PacketWriter(port: settings.port, tag: numbers.peerTag, limit: settings.packetLimit)
            writer.chunk(.abort, count: 4) {
                $0.uint16(ErrorCause.userAbort.rawValue)
                $0.uint16(4)
            }
            reply(writer.finished(checksum: true))
        }
        end(.abortedByUs)
    }

    /// Goes back to having no association.
    mutating func end(_ reason: EndReason) {
        dropEverything()
        numbers = AssociationNumbers(settings: settings, following: numbers)
        events.append(.ended(reason))
    }

    /// Goes on with what had to wait for acknowledgements.
    mutating func proceed() {
        switch numbers.state {
        case .shutdownPending where outstanding.isEmpty && waiting.isEmpty:
            numbers.state = .shutdownSent
            sendShutdown(.shutdown)
        case .shutdownReceived where outstanding.isEmpty && waiting.isEmpty:
            numbers.state = .shutdownAckSent
            sendShutdown(.shutdownAck)
        case .established: requestReset()
        default: break
        }
    }

    mutating func sendShutdown(_ chunk: PendingChunks) {
        numbers.pending.insert(chunk)
        numbers.shutdownTimer = now + numbers.timeout.value
    }

    /// T2 fired.
    mutating func repeatShutdown() {
        numbers.timeout.backOff()
        switch numbers.state {
        case .shutdownSent: sendShutdown(.shutdown)
        case .shutdownAckSent: sendShutdown(.shutdownAck)
        default: numbers.shutdownTimer = nil
        }
    }

    mutating func receive(shutdown value: RawSpan) {
        guard value.byteCount >= 4 else { return counters.malformed &+= 1 }
        switch numbers.state {
        case .established, .shutdownPending: numbers.state = .shutdownReceived
        case .shutdownReceived: break
        case .shutdownSent:
            numbers.state = .shutdownAckSent
            return sendShutdown(.shutdownAck)
        default: return counters.unexpectedChunks &+= 1
        }
        // It says what a SACK without gaps says.
        var writer = ByteWriter(capacity: 12)
        writer.uint32(value.uint32(at: 0))
        writer.uint32(UInt32(clamping: numbers.peerWindow + numbers.flight))
        writer.uint32(0)
        receive(acknowledgement: writer.bytes.rawSpan, hasGaps: false)
        proceed()
    }

    mutating func receiveShutdownAck() {
        switch numbers.state {
        case .shutdownSent, .shutdownAckSent:
            var writer = PacketWriter(port: settings.port, tag: numbers.peerTag, limit: settings.packetLimit)
            writer.chunk(.shutdownComplete)
            reply(writer.finished(checksum: true))
            end(.shutdown)
        default: counters.unexpectedChunks &+= 1
        }
    }

    mutating func receiveShutdownComplete() {
        guard numbers.state == .shutdownAckSent else { return counters.unexpectedChunks &+= 1 }
        end(.shutdown)
    }

    func writeShutdown(into writer: inout PacketWriter) -> PendingChunks {
        if numbers.pending.contains(.shutdown), writer.room >= 8 {
            let cumulative = TSN.wire(received.cumulative)
            writer.chunk(.shutdown, count: 4) { $0.uint32(cumulative) }
            return .shutdown
        }
        if numbers.pending.contains(.shutdownAck), writer.room >= 4 {
            writer.chunk(.shutdownAck)
            return .shutdownAck
        }
        return []
    }
}
