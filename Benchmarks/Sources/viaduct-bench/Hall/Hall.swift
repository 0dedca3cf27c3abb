// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import Glibc
import OpenSSL
import Primitives
import SRTP
import ShardMessages
import Telemetry

/// A worker's conferences without its thread, its socket and its clock: time is virtual, the network perfect, and
/// nobody but the caller spends processor time. The only file here that knows `Conferencing`.
final class Hall {
    /// What members signal and send.
    enum Member {
        /// Audio and a camera, both sent and received.
        case full
        /// Audio and a camera in three encodings, both sent and received.
        case simulcast
        /// Nothing sent; received is what `full` sends.
        case receiver
        /// Audio alone, sent and received.
        case listener
        /// Audio and a camera, but another video format than everybody else's: of what `full` sends it can take the
        /// audio alone.
        case foreign
    }

    /// What a command or a packet cost.
    struct Cost {
        /// Processor time in nanoseconds, with all that was put off to later turns.
        var total: Int64 = 0
        /// The longest time without pause.
        var longest: Int64 = 0
    }

    private static let bridge = TransportAddress(ipv4: 0xC633_6401, port: 10_000)
    private static let profile = SRTPProfile.aeadAES128GCM

    private var host: ShardHost
    private var egress = EgressBatch()
    private let counters = CounterBlock()
    private let identity: DTLSIdentity
    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var requests: UInt64 = 0
    private var conferences: UInt64 = 0
    private var members: UInt64 = 0
    private var peers: [TransportAddress: Peer] = [:]
    private let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 * EgressBatch.slotBytes, alignment: 64)
    /// Kernel messages and datagrams since ``resetSent()``.
    private(set) var sent = (messages: 0, datagrams: 0)

    init(configure: (inout ShardSettings) -> Void = { _ in }) throws {
        identity = try DTLSIdentity(wallSeconds: 1_790_000_000)
        var settings = ShardSettings(localAddresses: [Self.bridge])
        settings.dtls.profiles = [Self.profile]
        // As the bridge chooses.
        if let engine = SRTPBenchmarks.engines.last { settings.srtp.engine = engine }
        // Members that say nothing stay for as long as the measurement takes.
        settings.inactivityTimeout = .seconds(1_000_000 as Int64)
        settings.firstActivityTimeout = .seconds(1_000_000 as Int64)
        settings.emptyConferenceTimeout = .seconds(1_000_000 as Int64)
        configure(&settings)
        host = ShardHost(
            settings: settings, identity: identity, counters: counters, random: Random(seed: 4), at: now)
        // The batch's own pages are no conference's.
        egress.buffer.initializeMemory(as: UInt8.self, repeating: 0)
        slab.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { slab.deallocate() }

    // MARK: Commands

    /// A new conference.
    func open() -> UInt64 {
        conferences += 1
        _ = apply([.createConference(name: "room", audioSSRC: 1, videoSSRC: 2)], conferences)
        return conferences
    }

    /// A new member that is not connected yet, and what letting it in cost.
    func join(_ conference: UInt64, as member: Member = .full) -> (peer: Peer, cost: Cost) {
        let (number, local, cost) = create(in: conference, as: member)
        let peer = Peer(number: number, conference: conference, identity: identity, profile: Self.profile, at: now)
        peer.know(
            bridge: Self.bridge, ufrag: local.ufrag, password: local.password, digest: Self.digest(local.fingerprint),
            at: now)
        peers[peer.address] = peer
        return (peer, cost)
    }

    /// A new member whose own half does not exist, so that it takes no memory.
    func admit(to conference: UInt64, as member: Member) {
        _ = create(in: conference, as: member)
    }

    private func create(
        in conference: UInt64, as member: Member
    ) -> (number: UInt64, local: LocalTransport, cost: Cost) {
        members += 1
        let creation = EndpointCreation(
            number: EndpointNumber(members), id: "endpoint\(members)", isICEControlling: true,
            media: Self.media(member, members))
        settle()
        let (local, cost) = apply([.createEndpoint(creation)], conference)
        guard let local else { fatal("the hall gives no transport") }
        return (members, local, cost)
    }

    /// Connects a member.
    func connect(_ peer: Peer) {
        var remote = RemoteTransport()
        remote.credentials = (peer.ufrag, peer.password)
        remote.setup = .active
        remote.fingerprints = [RemoteFingerprint(hash: "sha-256", digest: Self.digest(peer.identity.fingerprint))]
        _ = apply(
            [.updateEndpoint(EndpointNumber(peer.number), media: EndpointMedia(), remote: remote)], peer.conference)
        for _ in 0..<2_000 where !peer.isConnected {
            now = now + .milliseconds(5)
            peer.handleTimeout(at: now)
            answer(peer)
            settle()
        }
        guard peer.isConnected else { fatal("a peer does not connect") }
    }

    /// A conference of `count` connected members.
    func assemble(_ count: Int, as member: (Int) -> Member = { _ in .full }) -> [Peer] {
        let conference = open()
        return (0..<count).map { index in
            let peer = join(conference, as: member(index)).peer
            connect(peer)
            return peer
        }
    }

    /// Lets a member go.
    func leave(_ peer: Peer) -> Cost {
        settle()
        let cost = apply([.expireEndpoint(EndpointNumber(peer.number))], peer.conference).cost
        peers[peer.address] = nil
        return cost
    }

    /// Ends a conference with all its members.
    func end(_ conference: UInt64) -> Cost {
        settle()
        let cost = apply([.expireConference], conference).cost
        peers = peers.filter { $0.value.conference != conference }
        return cost
    }

    // MARK: Datagrams

    /// Gives the hall sealed packets as one receive batch and forwards them.
    func receive(_ packets: [(peer: Peer, bytes: [UInt8])]) -> Cost {
        var places: [UnsafeMutableRawBufferPointer] = []
        for (index, packet) in packets.enumerated() {
            let start = index * EgressBatch.slotBytes
            let place = UnsafeMutableRawBufferPointer(rebasing: slab[start..<start + packet.bytes.count])
            place.copyBytes(from: packet.bytes)
            places.append(place)
        }
        now = now + .microseconds(100)
        var uncounted: Int64 = 0
        let begin = threadNanoseconds()
        for index in 0..<packets.count {
            host.receive(
                places[index], from: packets[index].peer.address, local: 0, at: now, arrival: now, into: &egress)
        }
        // Ends: every call either finishes the batch or fills the egress batch, which is emptied.
        while host.pump(into: &egress, at: now) { uncounted += discard() }
        let total = threadNanoseconds() - begin - uncounted
        _ = discard()
        return Cost(total: total, longest: total)
    }

    /// Members want nothing from now on.
    func deafen(_ peers: [Peer]) {
        var nothing = ReceiverPreferences()
        nothing.audio = AudioSubscription(all: false)
        for peer in peers { host.setPreferences(of: EndpointNumber(peer.number), to: nothing) }
        settle()
    }

    /// A member wants pictures of so many lines, and all audio.
    func ask(_ peer: Peer, height: Int32) {
        var wishes = ReceiverPreferences()
        wishes.video.defaultConstraint = VideoConstraint(maxHeight: height)
        host.setPreferences(of: EndpointNumber(peer.number), to: wishes)
        settle()
    }

    /// Lets time pass.
    /// - Returns: what the timers cost that were due.
    func pass(_ duration: TimeDelta) -> Int64 {
        now = now + duration
        var cost: Int64 = 0
        // Ends: time stands still, and what is due at it is done once.
        while host.nextTimeout <= now {
            let begin = threadNanoseconds()
            host.handleTimeout(at: now, into: &egress)
            cost += threadNanoseconds() - begin
            deliver()
        }
        return cost
    }

    func resetSent() { sent = (0, 0) }

    /// Packets forwarded since the beginning.
    var forwarded: UInt64 { counters.value(.rtpForwarded) }

    // MARK: Inside

    /// Carries a request out, and what it left for later turns.
    private func apply(_ operations: [ShardOperation], _ conference: UInt64) -> (LocalTransport?, cost: Cost) {
        requests += 1
        let request = ShardRequest(
            number: requests, conference: ConferenceNumber(conference), operations: operations)
        var cost = Cost()
        let begin = threadNanoseconds()
        let answer = host.apply(request, at: now, into: &egress)
        cost.total = threadNanoseconds() - begin
        cost.longest = cost.total
        deliver()
        // Ends: time stands still, and what is due at it is done once.
        while host.nextTimeout <= now {
            let begin = threadNanoseconds()
            host.handleTimeout(at: now, into: &egress)
            let turn = threadNanoseconds() - begin
            cost.total += turn
            cost.longest = max(cost.longest, turn)
            deliver()
        }
        guard case .success(let list) = answer.result else { fatal("the hall refuses") }
        return (list.first?.1, cost)
    }

    /// Lets what is due happen, so that it is not counted with what comes next.
    private func settle() {
        // Ends: time stands still, and what is due at it is done once.
        while host.nextTimeout <= now {
            host.handleTimeout(at: now, into: &egress)
            deliver()
        }
    }

    /// Carries what the bridge sends to the peers, and their answers back, until nobody has anything to say.
    private func deliver() {
        // Ends: handshakes and checks do.
        while egress.messageCount > 0 {
            var datagrams: [(TransportAddress, [UInt8])] = []
            for index in 0..<egress.messageCount {
                let message = egress.messages[index]
                var offset = message.offset
                while offset < message.offset + message.byteCount {
                    let end = min(offset + message.segmentBytes, message.offset + message.byteCount)
                    datagrams.append((message.destination.remote, [UInt8](egress.buffer[offset..<end])))
                    offset = end
                }
            }
            egress.removeAll()
            for (address, bytes) in datagrams {
                guard let peer = peers[address] else { continue }
                peer.handle(bytes, from: Self.bridge, at: now)
                answer(peer)
            }
        }
        while host.pollEvent() != nil {}
    }

    /// Gives the bridge what a peer wants to send by itself.
    private func answer(_ peer: Peer) {
        for datagram in peer.takeDatagrams() {
            let place = UnsafeMutableRawBufferPointer(rebasing: slab[0..<datagram.count])
            place.copyBytes(from: datagram)
            host.receive(place, from: peer.address, local: 0, at: now, arrival: now, into: &egress)
            while host.pump(into: &egress, at: now) { deliver() }
        }
        deliver()
    }

    /// Throws away what was forwarded, counting it.
    /// - Returns: processor time in nanoseconds.
    private func discard() -> Int64 {
        let begin = threadNanoseconds()
        sent.messages += egress.messageCount
        sent.datagrams += egress.datagramCount
        egress.removeAll()
        while host.pollEvent() != nil {}
        return threadNanoseconds() - begin
    }

    private static func digest(_ fingerprint: String) -> [UInt8] {
        fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
    }

    private static func media(_ member: Member, _ number: UInt64) -> EndpointMedia {
        var media = EndpointMedia()
        var video = PayloadType(number: 100, codec: member == .foreign ? .vp9 : .vp8, clockRate: 90_000)
        video.hasPLI = true
        video.hasFIR = true
        media.payloadTypes = [PayloadType(number: 111, codec: .opus, clockRate: 48_000)]
        if member != .listener { media.payloadTypes.append(video) }
        media.headerExtensions = [HeaderExtensionMapping(id: 1, kind: .audioLevel)]
        media.sources = []
        func source(_ type: MediaType, _ ssrc: UInt32) -> SourceDescription {
            SourceDescription(name: "\(type)", mediaType: type, streams: [SourceStreamDescription(ssrc: ssrc)])
        }
        if member != .receiver { media.sources = [source(.audio, Peer.audioSSRC(number))] }
        if member == .simulcast {
            let streams = (0..<3).map { SourceStreamDescription(ssrc: Peer.videoSSRC(number) &+ UInt32($0) << 16) }
            media.sources?.append(SourceDescription(name: "video", mediaType: .video, streams: streams))
        }
        if member == .full || member == .foreign { media.sources?.append(source(.video, Peer.videoSSRC(number))) }
        return media
    }
}
