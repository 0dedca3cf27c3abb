// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Foundation
import MediaPlane
import PacketIO
import Primitives
import SCTP
import ShardMessages
import Synchronization

/// The server's end of the data channels of a media worker, on a thread of its own: greets, and passes on what one says
/// to the others. Knows one conference.
final class WorkerHub: Sendable {
    /// What it does with its clients.
    enum Manner: Sendable {
        /// All that it should.
        case proper
        /// Answers no packet.
        case silent
        /// Opens channels and says nothing.
        case mute
        /// Opens channels to some only.
        case choosy
        /// Ends an association when it has passed on a message of it.
        case rude
        /// Hands every message over twice.
        case stuttering
    }

    private let worker: MediaWorker
    private let manner: Manner
    private let isOver = Mutex(false)
    private let names = Mutex<[UInt64: String]>([:])

    init(_ worker: MediaWorker, _ manner: Manner) {
        self.worker = worker
        self.manner = manner
    }

    func start() { Thread.detachNewThread { [self] in run() } }

    func stop() { isOver.withLock { $0 = true } }

    /// An endpoint was created.
    func add(_ endpoint: EndpointNumber, name: String) { names.withLock { $0[endpoint.value] = name } }

    /// One client.
    private final class Peer {
        var channels: DataChannels
        var channel: DataChannel?

        init(seed: UInt64, at now: Timestamp) {
            channels = DataChannels(role: .server, random: Random(seed: seed), at: now)
        }
    }

    private func run() {
        var peers: [UInt64: Peer] = [:]
        while !isOver.withLock({ $0 }) {
            let now = MonotonicClock.now()
            var arrived: [(UInt64, [UInt8])] = []
            while worker.takeRecord({ endpoint, record in arrived.append((endpoint.value, record.toArray())) }) {}
            for (endpoint, record) in arrived where manner != .silent && !(manner == .choosy && endpoint % 2 == 0) {
                let peer = peers[endpoint] ?? Peer(seed: endpoint, at: now)
                peers[endpoint] = peer
                peer.channels.handle(record.rawSpan, at: now)
            }
            for (endpoint, peer) in peers {
                if let due = peer.channels.nextTimeout, due <= now { peer.channels.handleTimeout(at: now) }
                while let event = peer.channels.pollEvent() { take(event, endpoint, peers, at: now) }
            }
            for (endpoint, peer) in peers {
                while let packet = peer.channels.pollTransmit() {
                    _ = worker.send(record: packet.rawSpan, to: EndpointNumber(endpoint))
                }
            }
            usleep(1_000)
        }
    }

    private func take(_ event: DataChannelEvent, _ sender: UInt64, _ peers: [UInt64: Peer], at now: Timestamp) {
        guard let peer = peers[sender] else { return }
        switch event {
        case .opened(let channel, _, _): peer.channel = channel
        case .text(_, let text): pass(text, sender, peers, at: now)
        default: break
        }
    }

    private func pass(_ text: [UInt8], _ sender: UInt64, _ peers: [UInt64: Peer], at now: Timestamp) {
        guard manner != .mute, case .object(let members) = try? JSONValue.parse(text) else { return }
        let json = JSONValue.object(members)
        let names = names.withLock { $0 }
        let signed = JSONValue.object(
            members + [JSONMember(name: "from", value: .string(names[sender] ?? ""))]
        ).serialized()
        let to = json["to"]?.stringValue ?? ""
        switch json["colibriClass"]?.stringValue {
        case "ClientHello": tell(peers[sender], Array(#"{"colibriClass":"ServerHello"}"#.utf8), at: now)
        case "EndpointMessage", "EndpointStats":
            for (endpoint, peer) in peers where to.isEmpty ? endpoint != sender : names[endpoint] == to {
                for _ in 0..<(manner == .stuttering ? 2 : 1) { tell(peer, signed, at: now) }
            }
            if manner == .rude { peers[sender]?.channels.abort(at: now) }
        default: break
        }
    }

    private func tell(_ peer: Peer?, _ text: [UInt8], at now: Timestamp) {
        guard let peer, let channel = peer.channel else { return }
        _ = peer.channels.send(text: text, on: channel, at: now)
    }
}
