// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import DTLS
import OpenSSL
import PacketIO
import Primitives
import SCTP

/// An association as it is in a bridge: its packets in DTLS records, those in datagrams over loopback. Both ends and
/// the kernel's two halves are in this thread, and in what is counted.
enum AssociationOverLoopback {
    static func benchmark(_ bytes: Int) throws -> Benchmark {
        let pair = try Pair()
        let text = [UInt8](repeating: 7, count: bytes)
        return Benchmark("the same over DTLS and loopback, \(bytes) B message", operations: 5_000) { count in
            pair.carry(text, count)
            return 0
        }
    }

    private final class Pair {
        private let client: Side
        private let server: Side
        private var channel = DataChannel(stream: 0)
        private let deadline = TimeDelta.seconds(Int64(20))

        init() throws {
            let now = MonotonicClock.now()
            client = try Side(.client, at: now)
            server = try Side(.server, at: now)
            client.meet(server, .client, at: now)
            server.meet(client, .server, at: now)
            turn(until: { client.isConnected && server.isConnected })
            client.channels.connect(at: MonotonicClock.now())
            guard let channel = client.channels.open(label: "bench", at: MonotonicClock.now()) else {
                fatal("no data channel")
            }
            self.channel = channel
        }

        /// Sends `count` messages and waits until all have arrived.
        func carry(_ text: [UInt8], _ count: Int) {
            var sent = 0
            server.arrived = 0
            turn {
                while sent < count, client.channels.send(text: text, on: channel, at: MonotonicClock.now()) == .accepted
                {
                    sent += 1
                }
                return server.arrived == count
            }
        }

        /// Lets both ends work in turn until `isDone`.
        private func turn(until isDone: () -> Bool) {
            let begin = MonotonicClock.now()
            while !isDone() {
                let now = MonotonicClock.now()
                guard now - begin < deadline else { fatal("the association stands still") }
                client.turn(at: now)
                server.turn(at: now)
            }
        }
    }

    /// One end.
    private final class Side {
        var channels: DataChannels
        /// Messages that came.
        var arrived = 0
        private let identity: DTLSIdentity
        private var dtls: DTLSTransport
        private var port: UDPPort
        private var batch = EgressBatch(bytes: 1 << 18, messages: 128, joinsSegments: false)
        private var slab = ReceiveSlab()
        private var peer: Destination?

        init(_ role: SCTPRole, at now: Timestamp) throws {
            identity = try DTLSIdentity(wallSeconds: WallClock.nanosecondsSinceEpoch() / 1_000_000_000)
            port = try UDPPort(addresses: [TransportAddress(ipv4: 0x7F00_0001, port: 0)])
            dtls = DTLSTransport(identity: identity, profiles: [.aeadAES128GCM], at: now)
            channels = DataChannels(role: role, random: Random(seed: role == .client ? 1 : 2), at: now)
        }

        var isConnected: Bool { dtls.isConnected }

        func meet(_ other: Side, _ role: DTLSRole, at now: Timestamp) {
            peer = Destination(remote: other.port.boundAddresses[0], local: 0)
            dtls.addFingerprints([(hash: "sha-256", digest: other.identity.digest)])
            dtls.start(role, at: now)
        }

        /// Takes what came, does what is due, sends what there is to send.
        func turn(at now: Timestamp) {
            slab.removeAll()
            _ = port.receive(local: 0, into: &slab)
            var records: [[UInt8]] = []
            for index in 0..<slab.count {
                dtls.handle(UnsafeRawBufferPointer(slab.bytes(index)).bytes, at: now) { records.append($0.toArray()) }
            }
            for record in records { channels.handle(record.rawSpan, at: now) }
            if let due = dtls.nextTimeout, due <= now { dtls.handleTimeout(at: now) }
            if let due = channels.nextTimeout, due <= now { channels.handleTimeout(at: now) }
            while let event = channels.pollEvent() { if case .text = event { arrived += 1 } }
            while dtls.isConnected, let packet = channels.pollTransmit() {
                _ = dtls.send(application: packet.rawSpan, at: now)
            }
            guard let peer else { return }
            while let datagram = dtls.pollTransmit() {
                if !batch.hasRoom(datagrams: 1) { port.flush(&batch) }
                guard batch.append(datagram.rawSpan, to: peer) else { fatal("no room for a datagram") }
            }
            port.flush(&batch)
        }
    }
}
