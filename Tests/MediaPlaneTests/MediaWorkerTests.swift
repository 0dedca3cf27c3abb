// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Conferencing
import DTLS
import Foundation
import ICE
import MediaPlane
import MediaTransport
import OpenSSL
import PacketIO
import Primitives
import ShardMessages
import Telemetry
import Testing

/// A worker on real sockets of the loopback interface.
@Suite("MediaWorker")
struct MediaWorkerTests {
    private static let conference = ConferenceNumber(1)

    private func start(gso: Bool = true, certificateAge: TimeDelta? = nil) throws -> MediaWorker {
        let address = try #require(TransportAddress(ip: "127.0.0.1", port: 0))
        var configuration = MediaWorker.Configuration(addresses: [address])
        configuration.port.usesGSO = gso
        configuration.port.usesGRO = gso
        if let certificateAge { configuration.certificateAge = certificateAge }
        return try MediaWorker.start(configuration)
    }

    /// Waits for the next event as the control loop does: parked, woken by the descriptor.
    private func nextEvent(of worker: MediaWorker, seconds: Int64 = 5) throws -> ShardEvent? {
        var poller = try Poller()
        try poller.add(descriptor: worker.eventsWake.descriptor, token: 1)
        let buffer = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 4)
        defer { buffer.deallocate() }
        let deadline = MonotonicClock.now() + .seconds(seconds)
        while MonotonicClock.now() < deadline {
            if let event = worker.nextEvent() { return event }
            if worker.parkEvents(records: true) {
                _ = poller.wait(until: deadline, now: MonotonicClock.now(), into: buffer)
            }
            worker.unparkEvents()
        }
        return nil
    }

    /// The next answer, events before it passed over.
    private func nextAnswer(of worker: MediaWorker) throws -> ShardEvent? {
        while let event = try nextEvent(of: worker) {
            if case .answer = event { return event }
        }
        return nil
    }

    private func creation(_ number: UInt64, conference: ConferenceNumber = Self.conference) -> ShardRequest {
        ShardRequest(
            number: number, conference: conference,
            operations: [
                .createConference(name: "room", audioSSRC: 1, videoSSRC: 2),
                .createEndpoint(
                    EndpointCreation(
                        number: EndpointNumber(4 + conference.value), id: "a", isICEControlling: true,
                        media: EndpointMedia())),
            ])
    }

    @Test("commands are answered, and the worker stops, and stops again")
    func answers() throws {
        let worker = try start()
        #expect(worker.boundAddresses.first.map { $0.port > 0 } == true)
        #expect(worker.send(.request(creation(9))))
        guard case .answer(let answer) = try nextEvent(of: worker) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.number == 9)
        let transport = try #require(try answer.result.get().first?.1)
        #expect(transport.password.utf8.count >= 22)
        #expect(transport.fingerprint.split(separator: ":").count == 32)
        #expect(worker.send(.describe(number: 3)))
        guard case .description(3, let text) = try nextEvent(of: worker) else {
            Issue.record("no description")
            return
        }
        #expect(text.contains("\"room\""))
        worker.stop()
        worker.stop()
    }

    @Test("a peer connects over real sockets", arguments: [true, false])
    func connects(gso: Bool) throws {
        let worker = try start(gso: gso)
        defer { worker.stop() }
        try connect(to: worker, at: try #require(worker.boundAddresses.first))
    }

    @Test("a peer connects to an address that came while the worker ran, also one in the place of another")
    func laterAddress() throws {
        let worker = try start()
        defer { worker.stop() }
        let first = try #require(worker.boundAddresses.first)
        let second = try UDPSocket(LocalAddress(TransportAddress(ipv4: 0x7F00_0002, port: first.port)))
        let third = try UDPSocket(LocalAddress(TransportAddress(ipv4: 0x7F00_0003, port: first.port)))
        #expect(worker.listen(on: second, as: 1))
        #expect(worker.listen(on: third, as: 0))
        // The worker takes sockets before commands.
        try connect(to: worker, at: third.local.address)
        try connect(to: worker, at: second.local.address, conference: 2)
        #expect(worker.hasTakenSockets)
    }

    private func connect(to worker: MediaWorker, at bridge: TransportAddress, conference number: UInt64 = 1) throws {
        let conference = ConferenceNumber(number)
        #expect(worker.send(.request(creation(1, conference: conference))))
        guard case .answer(let answer) = try nextAnswer(of: worker),
            let local = try answer.result.get().first?.1
        else {
            Issue.record("no answer")
            return
        }
        let address = try #require(TransportAddress(ip: "127.0.0.1", port: 0))
        var port = try UDPPort(addresses: [address])
        let identity = try DTLSIdentity(wallSeconds: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
        let settings = ICEAgent.Settings(
            localUfrag: "peer", localPassword: "a-password-of-enough-letters", isControlling: false, tieBreaker: 1,
            localAddresses: port.boundAddresses)
        var peer = TransportSession(
            ice: settings, identity: identity, profiles: [.aeadAES128GCM], random: Random(seed: 1),
            at: MonotonicClock.now())
        peer.addFingerprints([(hash: "sha-256", digest: digest(local.fingerprint))])
        peer.setRole(.client, at: MonotonicClock.now())
        peer.addRemoteCandidate(bridge, priority: 1, isRelayed: false, at: MonotonicClock.now())
        peer.setRemoteCredentials(ufrag: local.ufrag, password: local.password, at: MonotonicClock.now())

        var remote = RemoteTransport()
        remote.credentials = ("peer", "a-password-of-enough-letters")
        remote.setup = .active
        remote.fingerprints = [RemoteFingerprint(hash: "sha-256", digest: digest(identity.fingerprint))]
        let update = ShardRequest(
            number: 2, conference: conference,
            operations: [.updateEndpoint(EndpointNumber(4 + number), media: EndpointMedia(), remote: remote)])
        #expect(worker.send(.request(update)))

        var egress = EgressBatch()
        var slab = ReceiveSlab()
        let deadline = MonotonicClock.now() + .seconds(10 as Int64)
        while !peer.hasKeys, MonotonicClock.now() < deadline {
            _ = peer.drain(into: &egress)
            port.flush(&egress)
            slab.removeAll()
            _ = port.receive(local: 0, into: &slab)
            let now = MonotonicClock.now()
            for index in 0..<slab.count {
                let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(slab.bytes(index)))
                switch DatagramClass(bytes) {
                case .stun: peer.handleSTUN(bytes, from: slab.datagrams[index].source, local: 0, at: now)
                case .dtls: peer.handleDTLS(bytes, at: now)
                default: break
                }
            }
            if let timeout = peer.nextTimeout, timeout <= now { peer.handleTimeout(at: now) }
        }
        let hasKeys = peer.hasKeys
        #expect(hasKeys)
        var hasConnected = false
        while !hasConnected, let event = try nextEvent(of: worker) {
            if case .dtlsConnected(_, let profile) = event { hasConnected = profile == "aeadAES128GCM" }
        }
        #expect(hasConnected)
        #expect(worker.counters.value(.iceSucceeded) == number)
        try exchangeRecords(of: EndpointNumber(4 + number), &peer, on: &port, with: worker)
    }

    /// Packets of a data channel go both ways: through the rings, with either side asleep before.
    private func exchangeRecords(
        of endpoint: EndpointNumber, _ peer: inout TransportSession, on port: inout UDPPort, with worker: MediaWorker
    ) throws {
        var egress = EgressBatch()
        for round in 1...20 as ClosedRange<UInt8> {
            let record = [UInt8](repeating: round, count: 100 + Int(round))
            let isSent = peer.send(application: record.rawSpan, at: MonotonicClock.now(), into: &egress)
            port.flush(&egress)
            #expect(isSent)
            var taken: [[UInt8]] = []
            try waitForWake(of: worker) {
                worker.takeRecord { number, bytes in if number == endpoint { taken.append(bytes.toArray()) } }
            }
            #expect(taken == [record])
            let isTaken = worker.send(record: record.rawSpan, to: endpoint)
            #expect(isTaken)
            #expect(receiveRecords(by: &peer, on: &port) == [record])
        }
        #expect(worker.counters.value(.channelRecordsSent) == worker.counters.value(.channelRecordsReceived))
    }

    /// Waits as the control loop does until `isDone` says so, five seconds at most.
    private func waitForWake(of worker: MediaWorker, until isDone: () -> Bool) throws {
        var poller = try Poller()
        try poller.add(descriptor: worker.eventsWake.descriptor, token: 1)
        let buffer = UnsafeMutableBufferPointer<PollEvent>.allocate(capacity: 4)
        defer { buffer.deallocate() }
        let deadline = MonotonicClock.now() + .seconds(5 as Int64)
        while !isDone(), MonotonicClock.now() < deadline {
            while worker.nextEvent() != nil {}
            if worker.parkEvents(records: true) {
                _ = poller.wait(until: deadline, now: MonotonicClock.now(), into: buffer)
            }
            worker.unparkEvents()
        }
    }

    /// The application data of the next datagram that carries some.
    private func receiveRecords(by peer: inout TransportSession, on port: inout UDPPort) -> [[UInt8]] {
        var slab = ReceiveSlab()
        var records: [[UInt8]] = []
        let deadline = MonotonicClock.now() + .seconds(5 as Int64)
        while records.isEmpty, MonotonicClock.now() < deadline {
            slab.removeAll()
            _ = port.receive(local: 0, into: &slab)
            for index in 0..<slab.count {
                let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(slab.bytes(index)))
                guard DatagramClass(bytes) == .dtls else { continue }
                peer.handleDTLS(bytes, at: MonotonicClock.now()) { records.append($0.toArray()) }
            }
        }
        return records
    }

    /// The fingerprint that a new endpoint is told.
    private func fingerprint(of endpoint: UInt64, on worker: MediaWorker) throws -> String {
        let create = EndpointCreation(
            number: EndpointNumber(endpoint), id: "e\(endpoint)", isICEControlling: true, media: EndpointMedia())
        let request = ShardRequest(
            number: endpoint, conference: Self.conference,
            operations: (endpoint == 1 ? [.createConference(name: "room", audioSSRC: 1, videoSSRC: 2)] : [])
                + [.createEndpoint(create)])
        try #require(worker.send(.request(request)))
        guard case .answer(let answer) = try nextEvent(of: worker) else { return "no answer" }
        return try #require(try answer.result.get().first?.1).fingerprint
    }

    @Test("the certificate is replaced for new endpoints each time it has its age, and not before")
    func renewal() throws {
        #expect(MediaWorker.Configuration(addresses: []).certificateAge == .seconds(86_400 as Int64))
        let lasting = try start()
        defer { lasting.stop() }
        let first = try fingerprint(of: 1, on: lasting)
        for endpoint in 2...5 as ClosedRange<UInt64> {
            #expect(try fingerprint(of: endpoint, on: lasting) == first)
        }
        let ageing = try start(certificateAge: .milliseconds(20))
        defer { ageing.stop() }
        var seen: Set<String> = []
        let deadline = MonotonicClock.now() + .seconds(10 as Int64)
        var endpoint: UInt64 = 0
        while seen.count < 4, MonotonicClock.now() < deadline {
            endpoint += 1
            seen.insert(try fingerprint(of: endpoint, on: ageing))
            usleep(5_000)
        }
        #expect(seen.count == 4 && !seen.contains("no answer"), "\(endpoint) endpoints saw \(seen.count) certificates")
    }

    @Test("a port that is taken is an error that names the call")
    func portTaken() throws {
        let worker = try start()
        defer { worker.stop() }
        let configuration = MediaWorker.Configuration(addresses: worker.boundAddresses)
        #expect(throws: SystemError.self) { try MediaWorker.start(configuration) }
    }

    @Test("a full ring of data channels' packets is told to the sender")
    func fullRecordRing() throws {
        let worker = try start()
        worker.stop()
        let record = [UInt8](repeating: 1, count: 1_200)
        var accepted = 0
        while accepted < 2_000, worker.send(record: record.rawSpan, to: EndpointNumber(1)) { accepted += 1 }
        #expect((800...ConferencingLimits.channelRingBytes / 1_216).contains(accepted))
    }

    @Test("a full command ring is told to the sender, and a worker that is gone takes nothing more")
    func fullRing() throws {
        let worker = try start()
        worker.stop()
        var accepted = 0
        while accepted <= ShardMessagesLimits.commandRing, worker.send(.describe(number: 0)) { accepted += 1 }
        #expect(accepted == ShardMessagesLimits.commandRing)
    }

    private func digest(_ fingerprint: String) -> [UInt8] {
        fingerprint.split(separator: ":").compactMap { UInt8($0, radix: 16) }
    }
}
