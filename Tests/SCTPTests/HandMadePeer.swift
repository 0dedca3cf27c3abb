// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import SCTP

/// A server of ours whose client is made by hand, chunk by chunk.
final class HandMadePeer {
    var server: SCTPAssociation
    var now = Timestamp(nanoseconds: 5_000_000_000)
    /// The client's tag and its first TSN.
    let tag: UInt32 = 0xC11E_0001
    let firstTSN: UInt32
    var serverTag: UInt32 = 0
    /// The server's first TSN.
    var serverTSN: UInt32 = 0
    var cookie: [UInt8] = []
    var events: [AssociationEvent] = []
    private let window: UInt32

    init(
        _ settings: SCTPSettings = SCTPSettings(), firstTSN: UInt32 = 1_000, window: UInt32 = 200_000,
        isConnected: Bool = true
    ) {
        var settings = settings
        settings.heartbeatInterval = nil
        server = SCTPAssociation(settings, random: Random(seed: 77), at: now)
        self.firstTSN = firstTSN
        self.window = window
        if isConnected { connect() }
    }

    /// The handshake, as the client sees it.
    func connect() {
        _ = initiate()
        _ = give([Wire.chunk(.cookieEcho, cookie)])
    }

    /// What a client says first.
    func initiation(parameters: [UInt8] = []) -> [UInt8] {
        Wire.chunk(
            .initiation,
            Wire.bytes {
                $0.uint32(tag)
                $0.uint32(window)
                $0.uint16(100)
                $0.uint16(100)
                $0.uint32(firstTSN)
                $0.append([0xC0, 0, 0, 4, 0x80, 8, 0, 6, 130, 192, 0, 0])
                $0.append(parameters)
            })
    }

    /// Sends an INIT and takes the answer in.
    func initiate(parameters: [UInt8] = []) -> Initiation? {
        let answer = send(Wire.packet(tag: 0, [initiation(parameters: parameters)])).first?.first
        guard let answer, answer.type == .initiationAck, let ack = Initiation(answer.value.rawSpan) else { return nil }
        serverTag = ack.tag
        serverTSN = ack.initialTSN
        cookie = ack.cookie
        return ack
    }

    /// Gives the server one packet with these chunks; returns the packets that it sends.
    func give(_ chunks: [[UInt8]]) -> [[Wire.Chunk]] {
        send(Wire.packet(tag: serverTag, chunks))
    }

    func send(_ packet: [UInt8]) -> [[Wire.Chunk]] {
        server.handle(packet.rawSpan, at: now)
        return drain()
    }

    func drain() -> [[Wire.Chunk]] {
        var packets: [[Wire.Chunk]] = []
        while let packet = server.pollTransmit() { packets.append(Wire.chunks(of: packet)) }
        while let event = server.pollEvent() { events.append(event) }
        return packets
    }

    /// Lets time pass; returns the packets that the server sends meanwhile.
    func wait(_ time: TimeDelta) -> [[Wire.Chunk]] {
        let end = now + time
        var packets: [[Wire.Chunk]] = []
        while let timeout = server.nextTimeout, timeout <= end {
            now = max(now, timeout)
            server.handleTimeout(at: now)
            packets += drain()
        }
        now = end
        return packets
    }

    /// The server's owner sends; returns the packets.
    func serverSends(
        _ bytes: [UInt8], stream: UInt16 = 0, isUnordered: Bool = false, reliability: Reliability = .reliable
    ) -> [[Wire.Chunk]] {
        results.append(
            server.send(
                bytes, stream: stream, protocolIdentifier: 51, isUnordered: isUnordered, reliability: reliability,
                at: now))
        return drain()
    }

    /// What `send` said.
    var results: [SendResult] = []
    var counters: SCTPCounters { server.counters }
    var charged: Int { server.reassembly.charged }
    var congestionWindow: Int { server.numbers.window.size }
    var messages: [[UInt8]] {
        events.compactMap {
            if case .message(let message) = $0 { message.bytes } else { nil }
        }
    }
}

extension Array where Element == [Wire.Chunk] {
    /// TSNs of the DATA chunks, in the order of sending.
    var tsns: [UInt32] {
        flatMap { $0 }.filter { $0.type == .data }.map { $0.value.rawSpan.uint32(at: 0) }
    }

    /// The chunks of one type.
    func of(_ type: ChunkType) -> [Wire.Chunk] { flatMap { $0 }.filter { $0.type == type } }
}
