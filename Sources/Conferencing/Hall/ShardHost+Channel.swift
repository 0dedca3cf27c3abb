// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import MediaTransport
public import Primitives
public import ShardMessages
import Telemetry

// DTLS by its side door, and behind the handshake the packets of the data channels. What they say is the control
// plane's: here they are decrypted and passed on, encrypted and sent.

extension ShardHost {
    /// Whether records came while media waited, and wait themselves.
    public var holdsRecords: Bool { heldCount > 0 }

    /// A DTLS datagram of an endpoint. While media waits, what comes behind the handshake is put aside: a picture is
    /// late after milliseconds, a message is not. Where there is no room the oldest is taken for it.
    mutating func admitDTLS(_ bytes: RawSpan, from index: Int, at now: Timestamp, into egress: inout EgressBatch) {
        let endpoint = endpoints.pointer(at: index)
        // Before it is put aside: what one member sends too much of takes no room from the others.
        guard !endpoint.pointee.transport.hasKeys || endpoint.pointee.channelAllowance.take(at: now) else {
            return counters.add(.droppedChannelRate)
        }
        guard endpoint.pointee.transport.hasKeys, hasWaiting || holdsRecords else {
            return receiveDTLS(bytes, from: index, at: now, into: &egress)
        }
        let number = endpoint.pointee.number.value
        // Ends: each turn takes one out, and an empty ring has room for any datagram.
        while !heldRecords.push(tag: number, bytes) { _ = takeHeldRecord(at: now, into: &egress) }
        heldCount += 1
    }

    /// Takes records that were put aside, oldest first. Keep the side door's room in `egress` for each.
    /// - Returns: whether there was one.
    public mutating func takeHeldRecord(at now: Timestamp, into egress: inout EgressBatch) -> Bool {
        let ring = heldRecords
        let isTaken = ring.pop { number, bytes in
            guard let index = endpointIndex(EndpointNumber(number)) else { return }
            receiveDTLS(bytes, from: index, at: now, into: &egress)
        }
        if isTaken { heldCount -= 1 }
        return isTaken
    }

    private mutating func receiveDTLS(
        _ bytes: RawSpan, from index: Int, at now: Timestamp, into egress: inout EgressBatch
    ) {
        let endpoint = endpoints.pointer(at: index)
        let before = endpoint.pointee.transport.dtls.counters
        let (ring, number) = (channelRecords, endpoint.pointee.number)
        var lost: UInt64 = 0
        endpoint.pointee.transport.handleDTLS(bytes, at: now) { record in
            if !ring.push(tag: number.value, record) { lost += 1 }
        }
        let after = endpoint.pointee.transport.dtls.counters
        if after.refused != before.refused { counters.add(.droppedDTLS, after.refused &- before.refused) }
        if after.recordsReceived != before.recordsReceived {
            counters.add(.channelRecordsReceived, after.recordsReceived &- before.recordsReceived)
            hasPushedRecords = true
        }
        if lost > 0 { counters.add(.droppedChannelRing, lost) }
        serviceTransport(index, at: now, into: &egress)
    }

    /// Whether packets of data channels were passed on since the last call: the control plane may have to be woken.
    public mutating func takeHasPushedRecords() -> Bool {
        defer { hasPushedRecords = false }
        return hasPushedRecords
    }

    /// Sends a packet of an endpoint's data channel. Where it can't be sent it is lost, as on any network: no
    /// handshake, no pair that works, an endpoint that is gone. Keep room for a datagram in `egress`.
    public mutating func sendRecord(
        _ record: RawSpan, to number: EndpointNumber, at now: Timestamp, into egress: inout EgressBatch
    ) {
        guard let index = endpointIndex(number) else { return counters.add(.droppedChannelUnsent) }
        let before = egress.byteCount
        let endpoint = endpoints.pointer(at: index)
        guard endpoint.pointee.transport.send(application: record, at: now, into: &egress) else {
            return counters.add(.droppedChannelUnsent)
        }
        counters.add(.channelRecordsSent)
        counters.add(.packetsSent)
        counters.add(.bytesSent, UInt64(egress.byteCount - before))
    }
}
