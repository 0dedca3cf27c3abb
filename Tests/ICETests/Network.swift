// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import ICE

/// An agent with its sockets, as a test sees it.
final class Peer {
    let ufrag: String
    let password: String
    var agent: ICEAgent
    /// What the network shows of each socket; change it to play a new network or a NAT that forgot.
    var addresses: [TransportAddress]
    var events: [ICEAgent.Event] = []
    /// Everything the agent wanted to send.
    var sent: [(time: Timestamp, destination: Destination, bytes: [UInt8])] = []

    init(
        _ name: String, isControlling: Bool, tieBreaker: UInt64, addresses: [TransportAddress], seed: UInt64,
        settings change: (inout ICEAgent.Settings) -> Void = { _ in }
    ) {
        ufrag = name + "frag"
        password = name + "-password-of-22-chars-or-more"
        self.addresses = addresses
        var settings = ICEAgent.Settings(
            localUfrag: ufrag, localPassword: password, isControlling: isControlling, tieBreaker: tieBreaker,
            localAddresses: addresses)
        change(&settings)
        agent = ICEAgent(settings, random: Random(seed: seed), at: .zero)
    }

    func has(_ matches: (ICEAgent.Event) -> Bool) -> Bool { events.contains(where: matches) }

    var selections: [Destination] {
        events.compactMap { if case .selected(let destination) = $0 { destination } else { nil } }
    }

    /// The requests sent since `time`, parsed far enough for a test.
    func requests(since time: Timestamp = .zero) -> [(time: Timestamp, isNominating: Bool, destination: Destination)] {
        sent.compactMap { item in
            guard item.time >= time, let message = try? STUNMessage(item.bytes.rawSpan),
                message.messageClass == .request
            else { return nil }
            return (item.time, message.attributes.hasUseCandidate, item.destination)
        }
    }
}

/// A network in virtual time that loses, repeats and reorders datagrams, all from one seed.
final class Network {
    private struct Datagram {
        var time: Timestamp
        var order: Int
        var source: TransportAddress
        var target: TransportAddress
        var bytes: [UInt8]
    }

    var now = Timestamp.zero
    var loss = 0.0
    var duplication = 0.0
    var delayMilliseconds = 10...10
    /// Addresses that nothing comes from and nothing reaches.
    var dead: Set<TransportAddress> = []
    /// The law that a handled timeout is not asked for again at once was broken.
    private(set) var isBusy = false
    let peers: [Peer]
    private var random: Random
    private var flying: [Datagram] = []
    private var count = 0

    init(_ peers: [Peer], seed: UInt64 = 1) {
        self.peers = peers
        random = Random(seed: seed)
    }

    /// Tells both peers each other's credentials.
    func connect(_ a: Peer, _ b: Peer) {
        a.agent.setRemoteCredentials(ufrag: b.ufrag, password: b.password, at: now)
        b.agent.setRemoteCredentials(ufrag: a.ufrag, password: a.password, at: now)
        drain()
    }

    /// Tells `a` where `b` is.
    func signal(_ b: Peer, to a: Peer, isRelayed: Bool = false) {
        for address in b.addresses {
            a.agent.addRemoteCandidate(address, priority: 2_130_706_431, isRelayed: isRelayed, at: now)
        }
        drain()
    }

    /// Lets time pass, at most until `end`, at most until `isDone`.
    func run(for length: TimeDelta, until isDone: () -> Bool = { false }) {
        let end = now + length
        drain()
        while !isDone() {
            var next = flying.map(\.time).min()
            for peer in peers { next = earlier(next, peer.agent.nextTimeout) }
            guard let next, next <= end else {
                now = end
                return
            }
            now = max(now, next)
            deliver()
            for peer in peers {
                guard let time = peer.agent.nextTimeout, time <= now else { continue }
                peer.agent.handleTimeout(at: now)
                if let again = peer.agent.nextTimeout, again <= now { isBusy = true }
            }
            drain()
        }
    }

    /// Collects what the agents have to say.
    func drain() {
        for peer in peers {
            while let event = peer.agent.pollEvent() { peer.events.append(event) }
            while let (destination, bytes) = peer.agent.pollTransmit() {
                peer.sent.append((now, destination, bytes))
                send(bytes, from: peer.addresses[Int(destination.local)], to: destination.remote)
            }
        }
    }

    private func send(_ bytes: [UInt8], from source: TransportAddress, to target: TransportAddress) {
        guard !dead.contains(source), !dead.contains(target), random.fraction() >= loss else { return }
        for _ in 0..<(random.fraction() < duplication ? 2 : 1) {
            let delay = TimeDelta.milliseconds(Int64(random.int(in: delayMilliseconds)))
            count += 1
            flying.append(Datagram(time: now + delay, order: count, source: source, target: target, bytes: bytes))
        }
    }

    private func deliver() {
        let due = flying.filter { $0.time <= now }.sorted { ($0.time, $0.order) < ($1.time, $1.order) }
        flying.removeAll { $0.time <= now }
        for datagram in due where !dead.contains(datagram.source) && !dead.contains(datagram.target) {
            for peer in peers {
                guard let local = peer.addresses.firstIndex(of: datagram.target) else { continue }
                peer.agent.handle(datagram.bytes.rawSpan, from: datagram.source, local: UInt16(local), at: now)
            }
            drain()
        }
    }
}
