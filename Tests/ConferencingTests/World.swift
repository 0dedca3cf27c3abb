// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import ICE
import MediaTransport
import OpenSSL
import Primitives
import SRTP
import ShardMessages
import Telemetry
import Testing

/// A worker and its clients on a perfect network under virtual time.
struct World: ~Copyable {
    static let bridge = TransportAddress(ipv4: 0xC633_6401, port: 10_000)

    var now = Timestamp(nanoseconds: 1_000_000_000)
    let counters = CounterBlock()
    var host: ShardHost
    var egress: EgressBatch
    var clients = GrowableBuffer<Client>()
    var events: [ShardEvent] = []
    /// Kernel messages that the bridge has sent.
    var messagesSent = 0
    /// Those to each client.
    var messagesTo: [TransportAddress: Int] = [:]
    let conference = ConferenceNumber(7)
    private var requestNumber: UInt64 = 0
    private let clientIdentity: DTLSIdentity
    private let profiles: [SRTPProfile]

    /// - Throws: when no certificate can be made; nothing of the world exists then.
    init(
        profiles: [SRTPProfile] = [.aeadAES128GCM, .aes128CMHMACSHA1_80], egressBytes: Int = 1 << 19,
        channelRingBytes: Int = ConferencingLimits.channelRingBytes,
        configure: (inout ShardSettings) -> Void = { _ in }
    ) throws {
        let identities = (
            try DTLSIdentity(wallSeconds: 1_790_000_000), try DTLSIdentity(wallSeconds: 1_790_000_000)
        )
        var settings = ShardSettings(localAddresses: [Self.bridge])
        settings.dtls.profiles = profiles
        configure(&settings)
        self.init(
            settings, bridge: identities.0, clients: identities.1, egressBytes: egressBytes,
            channelRingBytes: channelRingBytes)
    }

    private init(
        _ settings: ShardSettings, bridge: DTLSIdentity, clients: DTLSIdentity, egressBytes: Int, channelRingBytes: Int
    ) {
        profiles = settings.dtls.profiles
        clientIdentity = clients
        host = ShardHost(
            settings: settings, identity: bridge, counters: counters, random: Random(seed: 4), at: now,
            channelRecords: RecordRing(capacity: channelRingBytes))
        egress = EgressBatch(bytes: egressBytes)
    }

    // MARK: Commands

    mutating func request(_ operations: [ShardOperation], conference: ConferenceNumber? = nil) -> ShardAnswer {
        requestNumber += 1
        let answer = host.apply(
            ShardRequest(number: requestNumber, conference: conference ?? self.conference, operations: operations),
            at: now, into: &egress)
        deliver()
        return answer
    }

    /// Media as Jicofo signals it, with the sources of client `index`.
    static func media(
        audioSSRC: UInt32?, videoSSRC: UInt32?, levelID: UInt8 = 1, allowsMixed: Bool = true
    ) -> EndpointMedia {
        var media = EndpointMedia()
        var vp8 = PayloadType(number: 100, codec: .vp8, clockRate: 90_000)
        vp8.hasPLI = true
        vp8.hasFIR = true
        var opus = PayloadType(number: 111, codec: .opus, clockRate: 48_000)
        opus.hasTransportCC = true
        media.payloadTypes = [opus, vp8]
        media.headerExtensions = [
            HeaderExtensionMapping(id: levelID, kind: .audioLevel),
            HeaderExtensionMapping(id: 5, kind: .transportWideCC),
            HeaderExtensionMapping(id: 10, kind: .mid),
        ]
        media.allowsMixedExtensions = allowsMixed
        var sources: [SourceDescription] = []
        if let audioSSRC {
            sources.append(
                SourceDescription(name: "a", mediaType: .audio, streams: [SourceStreamDescription(ssrc: audioSSRC)]))
        }
        if let videoSSRC {
            sources.append(
                SourceDescription(name: "v", mediaType: .video, streams: [SourceStreamDescription(ssrc: videoSSRC)]))
        }
        media.sources = sources
        return media
    }

    mutating func createConference() {
        _ = request([.createConference(name: "room", audioSSRC: 1, videoSSRC: 2)])
    }

    /// Adds a client and tells both sides of each other; does not wait for the connection.
    mutating func join(
        id: String? = nil, isVisitor: Bool = false, conference: ConferenceNumber? = nil,
        preferences: ReceiverPreferences = .everything, numbering: SourceNumbering = .original,
        edit: (inout EndpointMedia) -> Void = { _ in }
    ) -> Bool {
        var client = Client(clients.count, identity: clientIdentity, profiles: profiles, at: now)
        var media = Self.media(audioSSRC: client.audioSSRC, videoSSRC: client.videoSSRC)
        edit(&media)
        var creation = EndpointCreation(
            number: client.number, id: id ?? "endpoint\(clients.count)", isICEControlling: true, isVisitor: isVisitor,
            media: media, preferences: preferences)
        creation.numbering = numbering
        guard case .success(let list) = request([.createEndpoint(creation)], conference: conference).result,
            let local = list.first?.1
        else {
            return false
        }
        var remote = RemoteTransport()
        remote.credentials = (client.transport.ufrag, client.transport.password)
        remote.setup = .active
        remote.fingerprints = [
            RemoteFingerprint(hash: "sha-256", digest: Self.digest(client.identity.fingerprint))
        ]
        client.transport.addFingerprints([(hash: "sha-256", digest: Self.digest(local.fingerprint))])
        client.transport.setRole(.client, at: now)
        client.transport.addRemoteCandidate(Self.bridge, priority: 2_130_706_431, isRelayed: false, at: now)
        client.transport.setRemoteCredentials(ufrag: local.ufrag, password: local.password, at: now)
        let number = client.number
        clients.append(client)
        _ = request([.updateEndpoint(number, media: EndpointMedia(), remote: remote)], conference: conference)
        return true
    }

    /// A conference of `count` connected clients.
    mutating func assemble(_ count: Int) -> Bool {
        createConference()
        for _ in 0..<count where !join() { return false }
        return connectAll()
    }

    mutating func connectAll(from first: Int = 0) -> Bool {
        run(for: .seconds(3 as Int64))
        for index in first..<clients.count where !clients[index].isConnected { return false }
        return true
    }

    static func digest(_ fingerprint: String) -> [UInt8] {
        fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
    }

    // MARK: Network

    /// Gives the bridge datagrams of one client as one receive batch.
    mutating func send(_ datagrams: [[UInt8]], from client: Int) {
        send(datagrams.map { (client, $0) })
    }

    mutating func send(_ datagrams: [(client: Int, bytes: [UInt8])]) {
        receive(datagrams, thenPumps: true)
    }

    /// Gives the bridge datagrams as one receive batch and lets none of them leave: what is forwardable is parked.
    mutating func receive(_ datagrams: [(client: Int, bytes: [UInt8])]) {
        receive(datagrams, thenPumps: false)
    }

    private mutating func receive(_ datagrams: [(client: Int, bytes: [UInt8])], thenPumps: Bool) {
        let total = datagrams.reduce(0) { $0 + $1.bytes.count }
        let slab = UnsafeMutableRawBufferPointer.allocate(byteCount: max(total, 1), alignment: 16)
        defer { slab.deallocate() }
        var offset = 0
        for (client, bytes) in datagrams {
            let place = UnsafeMutableRawBufferPointer(rebasing: slab[offset..<offset + bytes.count])
            place.copyBytes(from: bytes)
            offset += bytes.count
            if host.isBatchFull {
                while host.pump(into: &egress, at: now) { deliver() }
                deliver()
            }
            host.receive(place, from: clients[client].address, local: 0, at: now, arrival: now, into: &egress)
        }
        if thenPumps {
            while host.pump(into: &egress, at: now) { deliver() }
            takeHeldRecords()
        } else {
            host.park()
        }
        deliver()
    }

    /// A turn's forwarding: what waits leaves as far as the budget goes.
    mutating func pump(_ budget: inout Int) {
        // Ends: each turn sends something or stops.
        while case .egressFull = host.pump(into: &egress, at: now, within: &budget) { deliver() }
        host.park()
        deliver()
    }

    /// Takes the records that were put aside while media waited.
    mutating func takeHeldRecords() {
        while host.takeHeldRecord(at: now, into: &egress) { deliver() }
        expect(!host.holdsRecords)
    }

    /// Takes what data channels sent, as the control plane does.
    func takeRecords() -> [(endpoint: EndpointNumber, bytes: [UInt8])] {
        var records: [(EndpointNumber, [UInt8])] = []
        while host.channelRecords.pop({ tag, record in records.append((EndpointNumber(tag), record.toArray())) }) {}
        return records
    }

    /// Sends a packet of a data channel.
    mutating func sendRecord(_ bytes: [UInt8], to client: Int) {
        host.sendRecord(bytes.rawSpan, to: clients[client].number, at: now, into: &egress)
        deliver()
    }

    /// Gives the bridge bytes from an address that belongs to nobody.
    mutating func sendStranger(_ bytes: [UInt8], from address: TransportAddress) {
        var copy = bytes
        copy.withUnsafeMutableBytes { host.receive($0, from: address, local: 0, at: now, arrival: now, into: &egress) }
        while host.pump(into: &egress, at: now) { deliver() }
        deliver()
    }

    /// Carries what the bridge sends to the clients, and their answers back, until nobody has anything to say.
    private mutating func deliver() {
        var datagrams: [(TransportAddress, [UInt8])] = []
        for index in 0..<egress.messageCount {
            let message = egress.messages[index]
            var offset = message.offset
            while offset < message.offset + message.byteCount {
                let end = min(offset + message.segmentBytes, message.offset + message.byteCount)
                datagrams.append((message.destination.remote, [UInt8](egress.buffer[offset..<end])))
                offset = end
            }
            messagesTo[message.destination.remote, default: 0] += 1
        }
        messagesSent += egress.messageCount
        egress.removeAll()
        for (address, bytes) in datagrams {
            for index in 0..<clients.count where clients[index].address == address {
                clients[index].handle(bytes, from: Self.bridge, at: now)
                answer(index)
            }
        }
        while let event = host.pollEvent() { events.append(event) }
    }

    /// Gives the bridge what a client wants to send by itself.
    private mutating func answer(_ index: Int) {
        var batch = EgressBatch(bytes: 1 << 16, messages: 32, joinsSegments: false)
        _ = clients[index].transport.drain(into: &batch)
        var datagrams: [[UInt8]] = []
        for position in 0..<batch.messageCount {
            let message = batch.messages[position]
            datagrams.append([UInt8](batch.buffer[message.offset..<message.offset + message.byteCount]))
        }
        if !datagrams.isEmpty { send(datagrams, from: index) }
    }

    /// Lets virtual time pass, timer by timer.
    mutating func run(for duration: TimeDelta) {
        let end = now + duration
        // Ends: every turn moves time or the end is reached; timers lie in the future after they ran.
        for _ in 0..<1_000_000 {
            var next = min(host.nextTimeout, end)
            for index in 0..<clients.count {
                if let deadline = clients[index].transport.nextTimeout { next = min(next, deadline) }
            }
            now = max(now, next)
            host.handleTimeout(at: now, into: &egress)
            deliver()
            for index in 0..<clients.count {
                if let deadline = clients[index].transport.nextTimeout, deadline <= now {
                    clients[index].transport.handleTimeout(at: now)
                }
                answer(index)
            }
            if now >= end { return }
        }
    }
}
