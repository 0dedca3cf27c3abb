// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import Primitives
import TestSupport

/// One identity for tests that do not care which; making keys is slow.
let clientIdentity = try! DTLSIdentity(wallSeconds: 1_700_000_000)
let serverIdentity = try! DTLSIdentity(wallSeconds: 1_700_000_000)

/// What happens to datagrams on their way; decided by a seed.
struct Network {
    var lossPercent = 0
    var duplicatePercent = 0
    var reorderPercent = 0
    /// One way, before disorder.
    var delay = TimeDelta.milliseconds(20)
    /// How much later a datagram comes that others pass, in milliseconds.
    var lateness: ClosedRange<Int> = 1...60
}

/// Two transports and a network between them, in virtual time.
struct DTLSPair: ~Copyable {
    var client: DTLSTransport
    var server: DTLSTransport
    var now = Timestamp.zero
    var network: Network
    var random: Random
    /// What both said, in order.
    var clientEvents: [DTLSEvent] = []
    var serverEvents: [DTLSEvent] = []
    /// Sizes of all datagrams that were sent.
    var sizes: [Int] = []
    /// When the client sent something.
    var clientSendTimes: [Timestamp] = []
    /// When both were connected.
    private(set) var connectedAt: Timestamp?
    /// Nothing goes through while set.
    var isCut = false
    /// Changes what the client sends into what goes on the wire.
    var rewrite: (([UInt8]) -> [[UInt8]])?
    private var wire: [(at: Timestamp, toServer: Bool, datagram: [UInt8])] = []

    init(
        network: Network = Network(), seed: UInt64 = 1, clientProfiles: [SRTPProfile] = [.aeadAES128GCM],
        serverProfiles: [SRTPProfile] = [.aeadAES128GCM], trusts: Bool = true,
        clientIdentity: DTLSIdentity = clientIdentity, serverIdentity: DTLSIdentity = serverIdentity,
        clientRepeat: TimeDelta = DTLSLimits.firstRetransmission
    ) {
        self.network = network
        random = Random(seed: seed)
        var settings = DTLSSettings(profiles: clientProfiles)
        settings.firstRetransmission = clientRepeat
        client = DTLSTransport(identity: clientIdentity, settings: settings, at: now)
        server = DTLSTransport(identity: serverIdentity, profiles: serverProfiles, at: now)
        if trusts {
            client.addFingerprints([("sha-256", serverIdentity.digest)])
            server.addFingerprints([("SHA-256", clientIdentity.digest)])
        }
    }

    /// Starts both sides, the server first.
    mutating func start() {
        server.start(.server, at: now)
        client.start(.client, at: now)
        collect()
    }

    /// Runs until nothing is left to do or `limit` has passed.
    mutating func run(for limit: TimeDelta = .milliseconds(60_000)) {
        let end = now + limit
        collect()
        // Ends: each round moves time forward to an event, and there are finitely many of them before `end`.
        while let next = nextMoment, next <= end {
            now = max(now, next)
            deliver()
            if let due = client.nextTimeout, due <= now { client.handleTimeout(at: now) }
            if let due = server.nextTimeout, due <= now { server.handleTimeout(at: now) }
            collect()
        }
    }

    private var nextMoment: Timestamp? {
        earlier(earlier(client.nextTimeout, server.nextTimeout), wire.map(\.at).min())
    }

    private mutating func deliver() {
        let due = wire.filter { $0.at <= now }.sorted { $0.at < $1.at }
        wire.removeAll { $0.at <= now }
        for (_, toServer, datagram) in due {
            if toServer {
                server.handle(datagram.rawSpan, at: now)
            } else {
                client.handle(datagram.rawSpan, at: now)
            }
            collect()
        }
    }

    /// Takes what both sides have to send and to say.
    mutating func collect() {
        while let datagram = client.pollTransmit() {
            clientSendTimes.append(now)
            for part in rewrite?(datagram) ?? [datagram] { send(part, toServer: true) }
        }
        while let datagram = server.pollTransmit() { send(datagram, toServer: false) }
        while let event = client.pollEvent() { clientEvents.append(event) }
        while let event = server.pollEvent() { serverEvents.append(event) }
        if connectedAt == nil, clientEvents.keys != nil, serverEvents.keys != nil { connectedAt = now }
    }

    private mutating func send(_ datagram: [UInt8], toServer: Bool) {
        sizes.append(datagram.count)
        if isCut { return }
        let copies = chance(network.duplicatePercent) ? 2 : 1
        for _ in 0..<copies where !chance(network.lossPercent) {
            let late =
                chance(network.reorderPercent) ? TimeDelta.milliseconds(Int64(random.int(in: network.lateness))) : .zero
            wire.append((now + network.delay + late, toServer, datagram))
        }
    }

    private mutating func chance(_ percent: Int) -> Bool {
        percent > 0 && random.int(in: 0...99) < percent
    }
}

extension [DTLSEvent] {
    /// The keys of the only event; `nil` when there is anything else.
    var keys: SRTPKeys? {
        guard count == 1, case .connected(let keys) = self[0] else { return nil }
        return keys
    }

    /// The reason of the only event; `nil` when there is anything else.
    var failure: String? {
        guard count == 1, case .failed(let reason) = self[0] else { return nil }
        return reason
    }
}
