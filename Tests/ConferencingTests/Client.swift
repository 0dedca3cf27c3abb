// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import Forwarding
import ICE
import MediaTransport
import OpenSSL
import Primitives
import RTP
import SRTP
import ShardMessages

/// A simulated participant: the peer's half of a transport, built from the same protocol cores.
struct Client: ~Copyable {
    let number: EndpointNumber
    var address: TransportAddress
    let audioSSRC: UInt32
    let videoSSRC: UInt32
    var transport: TransportSession
    let identity: DTLSIdentity
    var received: [Received] = []
    var receivedRTCP: [[UInt8]] = []
    /// Application data.
    var receivedRecords: [[UInt8]] = []
    var isConnected = false
    var sequence: UInt16 = 65_530
    var timestamp: UInt32 = 1_000
    /// Numbers of streams that count by themselves.
    var sequences: [UInt32: UInt16] = [:]
    /// Drops what the bridge sends, as a client that went away.
    var isDeaf = false

    struct Received {
        var ssrc: UInt32
        var sequence: UInt16
        var timestamp: UInt32
        var marker: Bool
        var payloadType: UInt8
        /// Bytes of padding behind the payload.
        var padding: Int
        var extensions: [UInt8: [UInt8]]
        var payload: [UInt8]
    }

    init(_ index: Int, identity: DTLSIdentity, profiles: [SRTPProfile], at now: Timestamp) {
        number = EndpointNumber(UInt64(index) + 1)
        address = TransportAddress(ipv4: 0xC000_0200 | UInt32(index & 255), port: 5_000 + UInt16(index))
        audioSSRC = 1_000 + UInt32(index)
        videoSSRC = 2_000 + UInt32(index)
        self.identity = identity
        let settings = ICEAgent.Settings(
            localUfrag: "client\(index)", localPassword: "a-password-of-enough-letters-\(index)", isControlling: false,
            tieBreaker: UInt64(index), localAddresses: [address])
        transport = TransportSession(
            ice: settings, identity: identity, profiles: profiles, random: Random(seed: UInt64(index)), at: now)
    }

    /// Builds an RTP packet with this client's keys; `nil` before they are there.
    mutating func makeRTP(
        ssrc: UInt32, payloadType: UInt8, payload: [UInt8], extensions: [(UInt8, [UInt8])] = [], padding: Int = 0,
        marker: Bool = false
    ) -> [UInt8]? {
        sequence &+= 1
        timestamp &+= 960
        return makeRTP(
            ssrc: ssrc, payloadType: payloadType, sequence: sequence, timestamp: timestamp, payload: payload,
            extensions: extensions, padding: padding, marker: marker)
    }

    mutating func makeRTP(
        ssrc: UInt32, payloadType: UInt8, sequence: UInt16, timestamp: UInt32, payload: [UInt8],
        extensions: [(UInt8, [UInt8])] = [], padding: Int = 0, marker: Bool = false
    ) -> [UInt8]? {
        let header = BufferWriter.array(capacity: 400) { writer in
            RTPHeader.write(
                marker: marker, payloadType: payloadType, sequence: sequence, timestamp: timestamp, ssrc: ssrc,
                hasExtension: !extensions.isEmpty, to: &writer)
            guard !extensions.isEmpty else { return }
            let isShort = extensions.allSatisfy { $0.0 < 15 && (1...16).contains($0.1.count) }
            let block = HeaderExtensionWriter(isShort ? .oneByte : .twoByte, to: &writer)
            for (id, value) in extensions { _ = block.append(id: id, value.rawSpan, to: &writer) }
            block.finish(&writer)
        }
        var body = payload
        var slot = header + [UInt8](repeating: 0, count: EgressBatch.slotBytes - header.count)
        if padding > 0 {
            slot[0] |= 0x20
            body += [UInt8](repeating: 0, count: padding - 1) + [UInt8(padding)]
        }
        let total = slot.withUnsafeMutableBytes { slot in
            body.withUnsafeBytes { transport.protectRTP(slot: slot, headerBytes: header.count, payload: $0) }
        }
        return total.map { Array(slot[..<$0]) }
    }

    /// Builds an RTCP datagram with this client's keys.
    mutating func makeRTCP(_ body: (inout BufferWriter) -> Void) -> [UInt8]? {
        let packet = BufferWriter.array(capacity: 1_200, body)
        var slot = [UInt8](repeating: 0, count: EgressBatch.slotBytes)
        let total = slot.withUnsafeMutableBytes { slot in
            packet.withUnsafeBytes { transport.protectRTCP($0, into: slot) }
        }
        return total.map { Array(slot[..<$0]) }
    }

    /// Builds a datagram of application data; `nil` before there are keys.
    mutating func makeRecord(_ bytes: [UInt8], at now: Timestamp) -> [UInt8]? {
        var batch = EgressBatch(bytes: 1 << 14, messages: 1, joinsSegments: false)
        guard transport.send(application: bytes.rawSpan, at: now, into: &batch) else { return nil }
        return [UInt8](batch.buffer[..<batch.byteCount])
    }

    /// Takes a datagram that the bridge sent.
    mutating func handle(_ datagram: [UInt8], from source: TransportAddress, at now: Timestamp) {
        if isDeaf { return }
        switch DatagramClass(datagram.rawSpan) {
        case .stun: transport.handleSTUN(datagram.rawSpan, from: source, local: 0, at: now)
        case .dtls:
            var records: [[UInt8]] = []
            transport.handleDTLS(datagram.rawSpan, at: now) { records.append($0.toArray()) }
            receivedRecords += records
        case .rtp: handleRTP(datagram)
        case .rtcp:
            var packet = datagram
            let result = packet.withUnsafeMutableBytes { transport.unprotectRTCP($0) }
            if case .success(let count) = result { receivedRTCP.append(Array(packet[..<count])) }
        case .turnChannel, .unknown: break
        }
        while let event = transport.pollEvent() {
            if case .dtlsConnected = event { isConnected = true }
        }
    }

    private mutating func handleRTP(_ datagram: [UInt8]) {
        var packet = datagram
        guard let headerBytes = RTPHeader.headerByteCount(packet.rawSpan) else { return }
        let result = packet.withUnsafeMutableBytes { transport.unprotectRTP($0, headerBytes: headerBytes) }
        guard case .success(let count) = result, let header = try? RTPHeader(packet.rawSpan),
            let padding = try? header.paddingByteCount(packet.rawSpan.slice(0, count: count))
        else { return }
        var extensions: [UInt8: [UInt8]] = [:]
        var reader = HeaderExtensionReader(header)
        while let element = reader.next(in: packet.rawSpan) {
            extensions[element.id] = Array(packet[element.offset..<element.offset + element.byteCount])
        }
        received.append(
            Received(
                ssrc: header.ssrc, sequence: header.sequence, timestamp: header.timestamp, marker: header.marker,
                payloadType: header.payloadType, padding: padding, extensions: extensions,
                payload: Array(packet[headerBytes..<count - padding])))
    }
}
