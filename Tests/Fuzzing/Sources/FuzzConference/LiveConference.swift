// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import FuzzDriver
import ICE
import MediaTransport
import OpenSSL
import Primitives
import RTP
import SRTP
import ShardMessages
import Telemetry

/// A worker with four members on a perfect network under virtual time.
///
/// What the members send waits until ``flush()`` and is then given to the worker as one receive batch, as the shell
/// does it. A law holds: what the worker sends to a member is authentic RTP and RTCP.
final class LiveConference {
    /// Whether every member has its keys.
    var isConnected: Bool { members.allSatisfy { $0.transport.hasKeys } }

    private static let bridge = TransportAddress(ipv4: 0xC633_6401, port: 10_000)
    private static let number = ConferenceNumber(1)

    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var host: ShardHost
    private var egress = EgressBatch()
    private var members: [Member] = []
    /// Where the datagrams of a receive batch lie.
    private let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    private var used = 0
    /// RTP packets and sender reports in the receive batch.
    private var packets = 0
    private var reports = 0
    private var sizes = [Int](repeating: 0, count: 7)
    private var hasChanged = true
    private var checks: UInt64 = 0
    private var batch: [(source: TransportAddress, bytes: UnsafeMutableRawBufferPointer)] = []

    deinit { slab.deallocate() }

    /// One client: its half of the transport, its address and sources.
    final class Member {
        let address: TransportAddress
        let audio: UInt32
        let video: UInt32
        var transport: TransportSession
        let identity: DTLSIdentity
        /// The bridge's half.
        var local: LocalTransport?
        /// Of its last packet that counts for itself.
        var sequence: UInt16 = 65_000

        var sources: [ShardMessages.SourceDescription] {
            var stream = SourceStreamDescription(ssrc: video)
            stream.rtxSSRC = video + 1_000
            return [
                ShardMessages.SourceDescription(
                    name: "a", mediaType: .audio, streams: [SourceStreamDescription(ssrc: audio)]),
                ShardMessages.SourceDescription(name: "v", mediaType: .video, streams: [stream]),
            ]
        }

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

        func opensRTP(_ datagram: [UInt8]) -> Bool {
            var packet = datagram
            guard let header = RTPHeader.headerByteCount(packet.rawSpan) else { return false }
            let result = packet.withUnsafeMutableBytes { transport.unprotectRTP($0, headerBytes: header) }
            guard case .success(let count) = result else { return false }
            packet.removeLast(packet.count - count)
            return (try? RTPHeader(packet.rawSpan).paddingByteCount(packet.rawSpan)) != nil
        }

        func opensRTCP(_ datagram: [UInt8]) -> Bool {
            var packet = datagram
            guard case .success(let count) = packet.withUnsafeMutableBytes({ transport.unprotectRTCP($0) }) else {
                return false
            }
            packet.removeLast(packet.count - count)
            var reader = RTCPReader()
            while reader.next(in: packet.rawSpan) != nil {}
            return !reader.isMalformed
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
        for index in 0..<4 { join(index, identity) }
        wait(.seconds(3))
    }

    /// RTP packets of the member, encrypted with its keys; each further one has the next sequence number.
    /// - Parameter flags: bit 0 audio or video source instead of the bytes' own, bit 1 which, bit 2 payload type too;
    ///   bit 3 the member's own running sequence number instead of the bytes'.
    func sendRTP(_ bytes: [UInt8], flags: UInt8, times: Int, from index: Int) {
        var packet = bytes
        guard packet.count >= 12 else { return }
        packet[0] = packet[0] & 0x3F | 0x80
        if flags & 1 == 1 {
            let ssrc = flags & 2 == 0 ? members[index].audio : members[index].video
            for byte in 0..<4 { packet[8 + byte] = UInt8(truncatingIfNeeded: ssrc >> UInt32(24 - 8 * byte)) }
        }
        if flags & 4 == 4 { packet[1] = packet[1] & 0x80 | (flags & 2 == 0 ? 111 : 100) }
        guard let header = RTPHeader.headerByteCount(packet.rawSpan), header <= packet.count else { return }
        var sequence = UInt16(packet[2]) << 8 | UInt16(packet[3])
        for _ in 0..<times {
            if flags & 8 == 8 {
                members[index].sequence &+= 1
                sequence = members[index].sequence
            }
            packet[2] = UInt8(sequence >> 8)
            packet[3] = UInt8(truncatingIfNeeded: sequence)
            sequence &+= 1
            var slot = packet + [UInt8](repeating: 0, count: SRTPSender.maxOverhead)
            let total = packet.withUnsafeBytes { plain in
                slot.withUnsafeMutableBytes { slot in
                    members[index].transport.protectRTP(
                        slot: slot, headerBytes: header, payload: UnsafeRawBufferPointer(rebasing: plain[header...]))
                }
            }
            if let total { queue(Array(slot[..<total]), from: members[index].address) }
            packets += 1
        }
    }

    /// RTCP datagrams of the member, encrypted with its keys.
    func sendRTCP(_ bytes: [UInt8], times: Int, from index: Int) {
        guard bytes.count >= 8 else { return }
        var reader = RTCPReader()
        var found = 0
        while let packet = reader.next(in: bytes.rawSpan) { found += packet.type == .senderReport ? 1 : 0 }
        for _ in 0..<times {
            reports += found
            var slot = bytes + [UInt8](repeating: 0, count: SRTPSender.maxControlOverhead)
            let total = bytes.withUnsafeBytes { plain in
                slot.withUnsafeMutableBytes { members[index].transport.protectRTCP(plain, into: $0) }
            }
            if let total { queue(Array(slot[..<total]), from: members[index].address) }
        }
    }

    /// A datagram as it is, from the member's address or from nobody's.
    func sendRaw(_ bytes: [UInt8], from index: Int, isStranger: Bool) {
        let stranger = TransportAddress(ipv4: 0x0102_0304, port: 9)
        queue(bytes, from: isStranger ? stranger : members[index].address)
    }

    /// A check with the member's credentials, from its own address or, forged, from another's.
    func sendCheck(of index: Int, from other: Int, bits: UInt8) {
        guard let local = members[index].local else { return }
        hasChanged = hasChanged || index != other
        checks += 1
        var check = STUNBuilder(.request, transactionID: TransactionID(high: 7, low: checks))
        check.username(Array(local.ufrag.utf8), Array(members[index].transport.ufrag.utf8))
        if bits & 1 == 0 { check.priority(1) }
        if bits & 2 == 0 { check.role(isControlling: false, tieBreaker: 1) }
        if bits & 4 == 4 { check.useCandidate() }
        queue(check.finish(key: Array(local.password.utf8)), from: members[other].address)
    }

    /// A change of what the member sends and may send, as signalling tells it.
    /// - Parameter choice: which SSRCs; some are taken by others.
    func signal(_ choice: [UInt8], flags: UInt8, of index: Int) {
        flush()
        hasChanged = true
        var media = EndpointMedia()
        if flags & 1 == 1 { media.forceMuteAudio = flags & 2 == 2 }
        if flags & 4 == 4 { media.forceMuteVideo = flags & 8 == 8 }
        if flags & 16 == 16 {
            media.sources = choice.map { byte in
                let stream = SourceStreamDescription(ssrc: 1_000 * (1 + UInt32(byte >> 7)) + UInt32(byte & 7))
                return ShardMessages.SourceDescription(
                    name: "s", mediaType: byte & 64 == 0 ? .audio : .video, streams: [stream])
            }
        } else if flags & 32 == 32 {
            media.sources = members[index].sources
        }
        _ = apply([.updateEndpoint(EndpointNumber(UInt64(index) + 1), media: media, remote: nil)])
        carry()
    }

    /// Undoes what earlier inputs signalled, and who took whose address: an input shall always mean the same.
    func restore() {
        guard hasChanged else { return }
        for index in members.indices { sendCheck(of: index, from: index, bits: 0) }
        flush()
        hasChanged = false
        for sources in [false, true] {
            for index in members.indices {
                var media = EndpointMedia()
                media.forceMuteAudio = false
                media.forceMuteVideo = false
                media.sources = sources ? members[index].sources : []
                _ = apply([.updateEndpoint(EndpointNumber(UInt64(index) + 1), media: media, remote: nil)])
            }
        }
        carry()
    }

    /// Puts a datagram into the receive batch; a full one goes out first.
    private func queue(_ bytes: [UInt8], from source: TransportAddress) {
        if used + bytes.count > slab.count || batch.count == 1_024 { flush() }
        let place = UnsafeMutableRawBufferPointer(rebasing: slab[used..<used + bytes.count])
        place.copyBytes(from: bytes)
        used += bytes.count
        batch.append((source, place))
    }

    /// Gives the receive batch to the worker and lets everybody answer.
    func flush() {
        note(packets)
        note(reports)
        packets = 0
        reports = 0
        receive(batch)
        batch.removeAll(keepingCapacity: true)
        used = 0
        deliver(waiting())
    }

    /// Shows the fuzzer by different branches that it gets somewhere with fuller batches.
    @inline(__always)
    private func note(_ count: Int) {
        switch count {
        case 0..<8: sizes[0] &+= 1
        case 8..<32: sizes[1] &+= 1
        case 32..<64: sizes[2] &+= 1
        case 64..<128: sizes[3] &+= 1
        case 128..<192: sizes[4] &+= 1
        case 192..<256: sizes[5] &+= 1
        default: sizes[6] &+= 1
        }
    }

    /// Lets time pass, timer by timer.
    func wait(_ length: TimeDelta) {
        flush()
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
        var opus = PayloadType(number: 111, codec: .opus, clockRate: 48_000)
        opus.hasTransportCC = index & 1 == 0
        media.payloadTypes = [
            opus, PayloadType(number: 100, codec: .vp8, clockRate: 90_000),
            PayloadType(number: 41, codec: .av1, clockRate: 90_000),
            PayloadType(number: 96, codec: .rtx, clockRate: 90_000),
        ]
        media.headerExtensions = [
            HeaderExtensionMapping(id: UInt8(index) + 1, kind: .audioLevel),
            HeaderExtensionMapping(id: 5, kind: .transportWideCC),
            HeaderExtensionMapping(id: 6, kind: .absoluteSendTime),
            HeaderExtensionMapping(id: 11 + UInt8(index) * 3, kind: .dependencyDescriptor),
        ]
        media.allowsMixedExtensions = index != 1
        media.sources = member.sources
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
        member.local = local
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
                copy.withUnsafeMutableBytes { receive([(source, $0)]) }
            }
            carry()
            while host.pollEvent() != nil {}
            datagrams = waiting()
            if datagrams.isEmpty { return }
        }
    }

    /// One receive batch, as the shell takes it in.
    private func receive(_ datagrams: [(source: TransportAddress, bytes: UnsafeMutableRawBufferPointer)]) {
        for (source, bytes) in datagrams {
            if host.isBatchFull || !egress.hasRoom(datagrams: 48) { pump() }
            host.receive(bytes, from: source, local: 0, at: now, arrival: now, into: &egress)
        }
        pump()
    }

    private func pump() {
        while host.pump(into: &egress, at: now) { carry() }
        carry()
    }

    /// Gives the members what the bridge sends.
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
        case .rtp: require(member.opensRTP(datagram), "RTP that the receiver cannot open")
        case .rtcp: require(member.opensRTCP(datagram), "RTCP that the receiver cannot open")
        case .turnChannel, .unknown: require(false, "the bridge sent neither STUN, DTLS, RTP nor RTCP")
        }
        while member.transport.pollEvent() != nil {}
    }
}
