// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives

/// A participant's half of a transport, built from the bridge's own protocol cores: it answers checks, shakes hands
/// and seals packets. What it receives of media it throws away.
final class Peer {
    let number: UInt64
    let conference: UInt64
    let address: TransportAddress
    let identity: DTLSIdentity
    private(set) var isConnected = false
    private var transport: TransportSession
    private var batch = EgressBatch(bytes: 1 << 16, messages: 32, joinsSegments: false)
    private var sequences: [UInt32: UInt16] = [:]

    init(number: UInt64, conference: UInt64, identity: DTLSIdentity, profile: SRTPProfile, at now: Timestamp) {
        self.number = number
        self.conference = conference
        self.identity = identity
        address = TransportAddress(ipv4: 0x0A00_0000 | UInt32(truncatingIfNeeded: number), port: 5_000)
        let settings = ICEAgent.Settings(
            localUfrag: "peer\(number)", localPassword: "a-password-of-enough-letters-\(number)",
            isControlling: false, tieBreaker: number, localAddresses: [address])
        transport = TransportSession(
            ice: settings, identity: identity, profiles: [profile], random: Random(seed: number), at: now)
    }

    static func audioSSRC(_ number: UInt64) -> UInt32 { 0x1000_0000 | UInt32(truncatingIfNeeded: number) }
    static func videoSSRC(_ number: UInt64) -> UInt32 { 0x2000_0000 | UInt32(truncatingIfNeeded: number) }
    var audioSSRC: UInt32 { Self.audioSSRC(number) }
    var videoSSRC: UInt32 { Self.videoSSRC(number) }
    var ufrag: String { transport.ufrag }
    var password: String { transport.password }

    /// Learns the bridge's half.
    func know(bridge: TransportAddress, ufrag: String, password: String, digest: [UInt8], at now: Timestamp) {
        transport.addFingerprints([(hash: "sha-256", digest: digest)])
        transport.setRole(.client, at: now)
        transport.addRemoteCandidate(bridge, priority: 2_130_706_431, isRelayed: false, at: now)
        transport.setRemoteCredentials(ufrag: ufrag, password: password, at: now)
    }

    /// Takes a datagram of the bridge.
    func handle(_ datagram: [UInt8], from bridge: TransportAddress, at now: Timestamp) {
        switch DatagramClass(datagram.rawSpan) {
        case .stun: transport.handleSTUN(datagram.rawSpan, from: bridge, local: 0, at: now)
        case .dtls: transport.handleDTLS(datagram.rawSpan, at: now)
        case .rtp, .rtcp, .turnChannel, .unknown: break
        }
        while let event = transport.pollEvent() {
            if case .dtlsConnected = event { isConnected = true }
        }
    }

    func handleTimeout(at now: Timestamp) {
        if let deadline = transport.nextTimeout, deadline <= now { transport.handleTimeout(at: now) }
    }

    /// What it wants to send by itself.
    func takeDatagrams() -> [[UInt8]] {
        guard transport.drain(into: &batch) == 0 else { fatal("a peer has too much to say") }
        defer { batch.removeAll() }
        return (0..<batch.messageCount).map { position in
            let message = batch.messages[position]
            return [UInt8](batch.buffer[message.offset..<message.offset + message.byteCount])
        }
    }

    /// A sealed RTP packet of the next number.
    /// - Parameters:
    ///   - level: audio level in -dBov, under extension 1; `nil` for none.
    ///   - isLast: the marker.
    func seal(
        ssrc: UInt32, payloadType: UInt8, timestamp: UInt32, payload: [UInt8], level: UInt8? = nil, isLast: Bool = false
    ) -> [UInt8] {
        let sequence = sequences[ssrc, default: 1]
        sequences[ssrc] = sequence &+ 1
        var slot = [UInt8](repeating: 0, count: EgressBatch.slotBytes)
        let length = slot.withUnsafeMutableBytes { slot -> Int? in
            slot[0] = 0x80
            slot[1] = payloadType | (isLast ? 0x80 : 0)
            slot.storeBytes(of: sequence.bigEndian, toByteOffset: 2, as: UInt16.self)
            slot.storeBytes(of: timestamp.bigEndian, toByteOffset: 4, as: UInt32.self)
            slot.storeBytes(of: ssrc.bigEndian, toByteOffset: 8, as: UInt32.self)
            if let level {
                slot[0] = 0x90
                // RFC 8285: one element of one byte, and padding.
                for (offset, byte) in [0xBE, 0xDE, 0, 1, 0x10, 0x80 | level, 0, 0].enumerated() {
                    slot[12 + offset] = byte
                }
            }
            let headerBytes = level == nil ? 12 : 20
            return payload.withUnsafeBytes { transport.protectRTP(slot: slot, headerBytes: headerBytes, payload: $0) }
        }
        guard let length else { fatal("a peer without keys cannot seal") }
        return Array(slot[..<length])
    }
}
