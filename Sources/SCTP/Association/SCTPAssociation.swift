// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

public import Primitives

/// One end of an SCTP association over DTLS (RFC 9260, 8261) with partial reliability (RFC 3758), stream reset
/// (RFC 6525) and zero checksum (RFC 9653). One path: when the records' own transport moves, the association does not
/// notice.
///
/// A server keeps nothing for an INIT; its state cookie brings everything back. Both sides may begin at once (§5.2.1),
/// and a peer that lost its state may begin anew (§5.2.4). Nothing here ends an association because the peer is slow or
/// silent: retransmissions go on, every ``SCTPLimits/greatestTimeout`` in the end, until the owner drops it.
///
/// After every call that takes `now`, drain ``pollTransmit()`` and ``pollEvent()``. Packets are put together when they
/// are polled, so all that waits and fits shares one.
public struct SCTPAssociation: ~Copyable {
    /// What was done and refused, by reason.
    public internal(set) var counters = SCTPCounters()

    let settings: SCTPSettings
    let cookieKey: SipHash
    var random: Random
    var now: Timestamp
    /// What must survive; all the rest are bytes of messages and answers under way.
    var numbers: AssociationNumbers

    var received = ReceivedTSNs(next: 1 << 32)
    var reassembly: Reassembly
    /// TSNs that came again since the last acknowledgement.
    var duplicates: [UInt32] = []
    /// The peer's cookie, to be repeated.
    var peerCookie: [UInt8] = []

    /// Messages to be cut into chunks, and chunks not yet acknowledged: the first has TSN `acknowledged + 1`.
    var waiting = Line<OutgoingMessage>()
    var outstanding = Line<OutgoingChunk>()
    /// Streams of ours that were used, by number.
    var streams: [OutgoingStream] = []
    /// Streams of ours that wait to be reset, and those in the unanswered request.
    var streamsToReset: [UInt16] = []
    var streamsInReset: [UInt16] = []

    /// Whole packets: answers to a handshake, which have other tags.
    var replies = Line<[UInt8]>()
    var controls = Line<ControlChunk>()
    var events = Line<AssociationEvent>()

    /// An association that does not exist yet.
    /// - Parameter random: tags, initial numbers and the key of cookies. Nobody but the DTLS peer can use them.
    public init(_ settings: SCTPSettings, random: Random, at now: Timestamp) {
        var random = random
        self.settings = settings
        cookieKey = SipHash(key0: random.next(), key1: random.next())
        self.random = random
        self.now = now
        numbers = AssociationNumbers(settings: settings)
        reassembly = Reassembly(largestMessage: settings.largestMessage)
    }

    /// Whether messages can flow.
    public var isConnected: Bool {
        switch numbers.state {
        case .established, .shutdownPending, .shutdownReceived, .shutdownSent: true
        case .closed, .cookieWait, .cookieEchoed, .shutdownAckSent: false
        }
    }

    /// Bytes of messages that are queued or not acknowledged.
    public var bufferedBytes: Int { numbers.buffered }

    /// Streams that we can send on.
    public var outboundStreams: Int { Int(numbers.outboundStreams) }

    /// When ``handleTimeout(at:)`` has something to do.
    public var nextTimeout: Timestamp? {
        var next = earlier(numbers.handshakeTimer, numbers.retransmissionTimer)
        next = earlier(next, earlier(numbers.acknowledgementTimer, numbers.shutdownTimer))
        return earlier(next, earlier(numbers.heartbeatTimer, numbers.resetTimer))
    }

    /// The next event.
    public mutating func pollEvent() -> AssociationEvent? {
        events.popFirst()
    }

    /// Takes a packet out of a DTLS record in.
    public mutating func handle(_ packet: RawSpan, at now: Timestamp) {
        advance(to: now)
        guard packet.byteCount >= PacketWriter.headerBytes + ChunkHeader.bytes,
            packet.byteCount <= SCTPLimits.receivedPacketBytes,
            packet.uint16(at: 0) == settings.port, packet.uint16(at: 2) == settings.port,
            let first = ChunkHeader(packet, at: PacketWriter.headerBytes)
        else { return counters.malformed &+= 1 }
        guard isChecksumRight(of: packet, first: first.type) else { return counters.badChecksum &+= 1 }
        counters.packetsReceived &+= 1
        let tag = packet.uint32(at: 4)
        if first.type == .initiation {
            guard tag == 0, first.next >= packet.byteCount else { return counters.malformed &+= 1 }
            return receiveInitiation(packet.slice(first.offset, count: first.count))
        }
        guard isTagRight(tag, first: first) else { return }
        var arrival = PacketArrival()
        var offset = PacketWriter.headerBytes
        for _ in 0..<SCTPLimits.chunksPerPacket {
            guard offset < packet.byteCount else { break }
            guard let chunk = ChunkHeader(packet, at: offset) else {
                counters.malformed &+= 1
                break
            }
            offset = chunk.next
            guard receive(chunk, of: packet, tag: tag, &arrival) else { break }
        }
        finish(arrival)
    }

    /// What time brings.
    public mutating func handleTimeout(at now: Timestamp) {
        advance(to: now)
        handleTimers()
    }

    mutating func advance(to now: Timestamp) {
        self.now = max(self.now, now)
        numbers.burstEnd = nil
    }

    private func isChecksumRight(of packet: RawSpan, first: ChunkType) -> Bool {
        let claimed = packet.uint32(at: 8).byteSwapped
        // RFC 9653 §5.3: not before we said that we accept it.
        if claimed == 0, settings.offersZeroChecksum, first != .initiation { return true }
        return claimed == CRC32c.ofPacket(packet)
    }

    /// Checks the verification tag (RFC 9260 §8.5) and deals with packets out of the blue (§8.4): those are dropped
    /// without the ABORT of the RFC, for only the DTLS peer can have sent them; see decision 23.
    private mutating func isTagRight(_ tag: UInt32, first: ChunkHeader) -> Bool {
        if first.type == .cookieEcho { return true }
        if numbers.state == .closed || first.type == .shutdownAck && !isConnected && numbers.state != .shutdownAckSent {
            if first.type == .shutdownAck {
                var writer = PacketWriter(port: settings.port, tag: tag, limit: settings.packetLimit)
                writer.chunk(.shutdownComplete, flags: 1)
                reply(writer.finished(checksum: true))
            }
            counters.outOfTheBlue &+= 1
            return false
        }
        let reflects = (first.type == .abort || first.type == .shutdownComplete) && first.flags & 1 != 0
        guard tag == (reflects ? numbers.peerTag : numbers.localTag) else {
            counters.badTag &+= 1
            return false
        }
        return true
    }

    /// Deals with one chunk; says whether the rest of the packet is to be looked at.
    private mutating func receive(
        _ chunk: ChunkHeader, of packet: RawSpan, tag: UInt32, _ arrival: inout PacketArrival
    ) -> Bool {
        let value = packet.slice(chunk.offset, count: chunk.count)
        if chunk.type == .cookieEcho { return receiveCookieEcho(value, tag: tag) }
        if chunk.type == .initiationAck {
            receiveInitiationAck(value)
            return false
        }
        guard numbers.state != .closed else { return false }
        switch chunk.type {
        case .data: receive(data: value, flags: chunk.flags, &arrival)
        case .sack: receive(acknowledgement: value)
        case .forwardTSN: receive(forward: value, &arrival)
        case .reconfiguration: receive(reconfiguration: value)
        case .cookieAck: receiveCookieAck()
        case .heartbeat: receive(heartbeat: value)
        case .heartbeatAck: receive(heartbeatAck: value)
        case .error: receive(errors: value)
        case .abort:
            end(.aborted(value.byteCount >= 2 ? ErrorCause(rawValue: value.uint16(at: 0)) : .none))
            return false
        case .shutdown: receive(shutdown: value)
        case .shutdownAck: receiveShutdownAck()
        case .shutdownComplete: receiveShutdownComplete()
        case .initiation:
            counters.malformed &+= 1
            return false
        default: return receive(unknown: chunk, of: packet)
        }
        return true
    }

    /// Queues a whole packet.
    mutating func reply(_ packet: [UInt8]) {
        guard replies.count < SCTPLimits.queuedReplies else { return counters.droppedReplies &+= 1 }
        replies.append(packet)
    }

    /// Queues a chunk for the next packet.
    mutating func answer(_ type: ChunkType, flags: UInt8 = 0, _ value: [UInt8]) {
        guard controls.count < SCTPLimits.queuedReplies, value.count + 16 <= settings.packetLimit else {
            return counters.droppedReplies &+= 1
        }
        controls.append(ControlChunk(type: type, flags: flags, value: value))
    }
}
