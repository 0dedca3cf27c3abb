// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry

/// A worker with three members on a perfect network under virtual time.
final class LiveConference {
    /// Whether every member has its keys.
    var isConnected: Bool { members.allSatisfy { $0.transport.hasKeys } }

    private static let bridge = TransportAddress(ipv4: 0xC633_6401, port: 10_000)
    private static let number = ConferenceNumber(1)

    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var host: ShardHost
    private var egress = EgressBatch()
    private var members: [Member] = []

    /// One client: its half of the transport, its address and sources.
    final class Member {
        let address: TransportAddress
        let audio: UInt32
        let video: UInt32
        var transport: TransportSession
        let identity: DTLSIdentity

        init(_ index: Int, _ identity: DTLSIdentity, at now: Timestamp) {
            address = TransportAddress(ipv4: 0xC000_0200 + UInt32(index), port: 5_000)
            audio = 1_000 + UInt32(index)
            video = 2_000 + UInt32(index)
            self.identity = identity
            let settings = ICEAgent.Settings(
                localUfrag: "member\(index)", localPassword: "a-password-of-enough-letters", isControlling: false,
                tieBreaker: 1, localAddresses: [address])
            transport = TransportSession(
                ice: settings, identity: identity, profiles: [.aeadAES128GCM],
                random: Random(seed: UInt64(index) + 10), at: now)
        }
    }

    /// Makes the conference and connects everybody; `nil` when there are no certificates.
    init?() {
        guard let identity = try? DTLSIdentity(wallSeconds: 1_790_000_000) else { return nil }
        var settings = ShardSettings(localAddresses: [Self.bridge])
        settings.dtls.profiles = [.aeadAES128GCM]
        host = ShardHost(
            settings: settings, identity: identity, counters: CounterBlock(), random: Random(seed: 4), at: now)
        _ = apply([.createConference(name: "room", audioSSRC: 1, videoSSRC: 2)])
        for index in 0..<3 { join(index, identity) }
        wait(.seconds(3))
    }

    /// An RTP packet of the member, encrypted with its keys.
    /// - Parameter flags: bit 0 audio or video source instead of the bytes' own, bit 1 which, bit 2 payload type too.
    func sendRTP(_ bytes: [UInt8], flags: UInt8, from index: Int) {
        var packet = bytes
        guard packet.count >= 12 else { return }
        packet[0] = packet[0] & 0x3F | 0x80
        if flags & 1 == 1 {
            let ssrc = flags & 2 == 0 ? members[index].audio : members[index].video
            for byte in 0..<4 { packet[8 + byte] = UInt8(truncatingIfNeeded: ssrc >> UInt32(24 - 8 * byte)) }
        }
        if flags & 4 == 4 { packet[1] = packet[1] & 0x80 | (flags & 2 == 0 ? 111 : 100) }
        guard let header = RTPHeader.headerByteCount(packet.rawSpan), header <= packet.count else { return }
        var slot = packet + [UInt8](repeating: 0, count: SRTPSender.maxOverhead)
        let total = packet.withUnsafeBytes { plain in
            slot.withUnsafeMutableBytes { slot in
                members[index].transport.protectRTP(
                    slot: slot, headerBytes: header, payload: UnsafeRawBufferPointer(rebasing: plain[header...]))
            }
        }
        if let total { deliver([(members[index].address, Array(slot[..<total]))]) }
    }

    /// An RTCP datagram of the member, encrypted with its keys.
    func sendRTCP(_ bytes: [UInt8], from index: Int) {
        guard bytes.count >= 8 else { return }
        var slot = bytes + [UInt8](repeating: 0, count: SRTPSender.maxControlOverhead)
        let total = bytes.withUnsafeBytes { plain in
            slot.withUnsafeMutableBytes { members[index].transport.protectRTCP(plain, into: $0) }
        }
        if let total { deliver([(members[index].address, Array(slot[..<total]))]) }
    }

    /// A datagram as it is, from the member's address or from nobody's.
    func sendRaw(_ bytes: [UInt8], from index: Int, isStranger: Bool) {
        let stranger = TransportAddress(ipv4: 0x0102_0304, port: 9)
        deliver([(isStranger ? stranger : members[index].address, bytes)])
    }

    /// Lets time pass, timer by timer.
    func wait(_ length: TimeDelta) {
        let end = now + length
        // Ends: timers lie in the future after they ran.
        for _ in 0..<100_000 {
            var next = min(host.nextTimeout, end)
            for member in members { next = min(next, member.transport.nextTimeout ?? end) }
            now = max(now, next)
            host.handleTimeout(at: now, into: &egress)
            for member in members { member.transport.handleTimeout(at: now) }
            deliver(waiting())
            if now >= end { return }
        }
    }

    private func apply(_ operations: [ShardOperation]) -> LocalTransport? {
        let request = ShardRequest(number: 1, conference: Self.number, operations: operations)
        guard case .success(let transports) = host.apply(request, at: now, into: &egress).result else { return nil }
        return transports.first?.1
    }

    private func join(_ index: Int, _ identity: DTLSIdentity) {
        let member = Member(index, identity, at: now)
        var media = EndpointMedia()
        media.payloadTypes = [
            PayloadType(number: 111, encoding: .opus, clockRate: 48_000),
            PayloadType(number: 100, encoding: .vp8, clockRate: 90_000),
        ]
        media.headerExtensions = [
            HeaderExtensionMapping(id: UInt8(index) + 1, kind: .audioLevel),
            HeaderExtensionMapping(id: 5, kind: .transportWideCC),
        ]
        media.allowsMixedExtensions = index != 1
        media.sources = [
            SourceDescription(name: "a", mediaType: .audio, streams: [SourceStreamDescription(ssrc: member.audio)]),
            SourceDescription(name: "v", mediaType: .video, streams: [SourceStreamDescription(ssrc: member.video)]),
        ]
        let endpoint = EndpointNumber(UInt64(index) + 1)
        let creation = EndpointCreation(number: endpoint, id: "e\(index)", isICEControlling: true, media: media)
        guard let local = apply([.createEndpoint(creation)]) else { return }
        var remote = RemoteTransport()
        remote.credentials = (member.transport.ufrag, member.transport.password)
        remote.setup = .active
        remote.fingerprints = [RemoteFingerprint(hash: "sha-256", digest: Self.digest(identity.fingerprint))]
        member.transport.addFingerprints([(hash: "sha-256", digest: Self.digest(local.fingerprint))])
        member.transport.setRole(.client, at: now)
        member.transport.addRemoteCandidate(Self.bridge, priority: 1, isRelayed: false, at: now)
        member.transport.setRemoteCredentials(ufrag: local.ufrag, password: local.password, at: now)
        members.append(member)
        _ = apply([.updateEndpoint(endpoint, media: EndpointMedia(), remote: remote)])
    }

    private static func digest(_ fingerprint: String) -> [UInt8] {
        fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
    }

    /// What the members want to send by themselves.
    private func waiting() -> [(TransportAddress, [UInt8])] {
        var datagrams: [(TransportAddress, [UInt8])] = []
        for member in members {
            var batch = EgressBatch(bytes: 1 << 16, messages: 32, joinsSegments: false)
            _ = member.transport.drain(into: &batch)
            for index in 0..<batch.messageCount {
                let message = batch.messages[index]
                let bytes = batch.buffer[message.offset..<message.offset + message.byteCount]
                datagrams.append((member.address, [UInt8](bytes)))
            }
        }
        return datagrams
    }

    /// Carries datagrams to the bridge, what it sends to the members, and their answers, until all are silent.
    private func deliver(_ first: [(TransportAddress, [UInt8])]) {
        var datagrams = first
        for _ in 0..<100 {
            for (source, bytes) in datagrams {
                var copy = bytes
                copy.withUnsafeMutableBytes { buffer in
                    host.receive(buffer, from: source, local: 0, at: now, into: &egress)
                    while host.pump(into: &egress, at: now) { carry() }
                }
                carry()
            }
            carry()
            while host.pollEvent() != nil {}
            datagrams = waiting()
            if datagrams.isEmpty { return }
        }
    }

    /// Gives the members what the bridge sends; media they only look at.
    private func carry() {
        for index in 0..<egress.messageCount {
            let message = egress.messages[index]
            var offset = message.offset
            while offset < message.offset + message.byteCount {
                let end = min(offset + message.segmentBytes, message.offset + message.byteCount)
                take([UInt8](egress.buffer[offset..<end]), at: message.destination.remote)
                offset = end
            }
        }
        egress.removeAll()
    }

    private func take(_ datagram: [UInt8], at address: TransportAddress) {
        guard let member = members.first(where: { $0.address == address }) else { return }
        switch DatagramClass(datagram.rawSpan) {
        case .stun: member.transport.handleSTUN(datagram.rawSpan, from: Self.bridge, local: 0, at: now)
        case .dtls: member.transport.handleDTLS(datagram.rawSpan, at: now)
        default: break
        }
        while member.transport.pollEvent() != nil {}
    }
}
