// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import FuzzDriver
import Primitives

@testable import SCTP

/// Data channels of two ends, of which one is fed what the input says: packets of its own making, and genuine packets
/// of the other end, changed, repeated, late or never. Whatever comes, what is kept stays within its limits and every
/// poll comes to an end.
@main struct FuzzSCTP {
    static func main() {
        fuzz { bytes, count in
            var run = FuzzedRun(Script(input(bytes, count)))
            run.go()
            return 0
        }
    }
}

/// One input's run.
struct FuzzedRun: ~Copyable {
    private var script: Script
    private var now = Timestamp(nanoseconds: 1_000_000_000)
    private var victim: DataChannels
    private var peer: DataChannels
    private let settings: SCTPSettings
    /// Packets of the peer that were not yet given to the victim, and the last that were.
    private var waiting: [[UInt8]] = []
    private var past: [[UInt8]] = []
    private var channels: [DataChannel] = []

    init(_ script: consuming Script) {
        var script = script
        let mode = script.next()
        var settings = SCTPSettings()
        settings.receiveBuffer = 20_000
        settings.largestMessage = 6_000
        settings.sendBuffer = 20_000
        settings.writableMark = 5_000
        settings.channels = 4
        settings.packetBytes = mode & 4 == 0 ? 1_188 : 300
        settings.offersZeroChecksum = mode & 8 == 0
        self.settings = settings
        self.script = script
        let isServer = mode & 1 == 0
        victim = DataChannels(role: isServer ? .server : .client, settings: settings, random: Random(seed: 1), at: now)
        peer = DataChannels(role: isServer ? .client : .server, settings: settings, random: Random(seed: 2), at: now)
        guard mode & 2 == 0 else { return }
        // Within an association that stands.
        if isServer { peer.connect(at: now) } else { victim.connect(at: now) }
        for _ in 0..<8 {
            exchange()
            for packet in waiting { victim.handle(packet.rawSpan, at: now) }
            waiting = []
        }
        require(victim.isConnected, "two of ours do not connect")
        if let channel = peer.open(label: "a", at: now) { channels.append(channel) }
        exchange()
        for packet in waiting { victim.handle(packet.rawSpan, at: now) }
        waiting = []
    }

    mutating func go() {
        for _ in 0..<60 where !script.isAtEnd {
            step()
            exchange()
        }
        // Time goes on for a while after the input.
        for _ in 0..<6 {
            now = now + .milliseconds(700)
            victim.handleTimeout(at: now)
            peer.handleTimeout(at: now)
            exchange()
        }
    }

    private mutating func step() {
        switch script.next() % 12 {
        case 0, 1: give(at: 0, isChanged: false)
        case 2: give(at: Int(script.next()), isChanged: false)
        case 3, 4, 5: give(at: Int(script.next()), isChanged: true)
        case 6: giveChunks()
        case 7:
            if !past.isEmpty { hand(past[Int(script.next()) % past.count]) }
        case 8: passTime()
        case 9: send()
        case 10: command()
        default: hand(script.take(Int(script.next())))
        }
    }

    /// Gives a packet of the peer's, perhaps with some bytes changed and the checksum made right again.
    private mutating func give(at place: Int, isChanged: Bool) {
        guard !waiting.isEmpty else { return }
        var packet = waiting.remove(at: place % waiting.count)
        past.append(packet)
        if past.count > 16 { past.removeFirst() }
        if isChanged {
            for _ in 0...(script.next() & 3) {
                let offset = Int(script.next()) % packet.count
                packet[offset] ^= script.next()
            }
            if script.next() & 7 == 0 { packet.removeLast(packet.count / 3) }
            sign(&packet)
        }
        hand(packet)
    }

    /// Gives chunks out of the input in a packet with the right header.
    private mutating func giveChunks() {
        var writer = ByteWriter()
        writer.uint16(5_000)
        writer.uint16(5_000)
        writer.uint32(victim.association.numbers.localTag)
        writer.uint32(0)
        for _ in 0...(script.next() & 3) {
            let type = script.next()
            let flags = script.next()
            let value = script.take(Int(script.next() & 63))
            writer.uint8(type & 0x1F == 0x1F ? type : [0, 3, 192, 130, 4, 6, 7, 9, 10, 1, 2, 14][Int(type) % 12])
            writer.uint8(flags)
            writer.uint16(UInt16(value.count + 4))
            var bytes = value
            // Near the numbers that count.
            if bytes.count >= 4, flags & 0x10 == 0 {
                let association = victim.tsns
                let tsn = TSN.wire(type % 12 == 1 ? association.sent : association.received) &+ UInt32(bytes[3]) &- 8
                for index in 0..<4 { bytes[index] = UInt8(truncatingIfNeeded: tsn >> UInt32(24 - 8 * index)) }
            }
            writer.append(bytes)
            while writer.count & 3 != 0 { writer.uint8(0) }
        }
        var packet = writer.bytes
        sign(&packet)
        hand(packet)
    }

    private mutating func passTime() {
        now = now + .milliseconds(Int64(script.next()) * 20)
        victim.handleTimeout(at: now)
        peer.handleTimeout(at: now)
        if let next = victim.nextTimeout { require(next > now, "a timer is still due") }
    }

    private mutating func send() {
        let size = Int(script.next()) << 5
        let bytes = [UInt8](repeating: 1, count: size)
        for channel in channels {
            _ = victim.send(text: bytes, on: channel, at: now)
            _ = peer.send(text: bytes, on: channel, at: now)
        }
    }

    private mutating func command() {
        switch script.next() % 8 {
        case 0: victim.connect(at: now)
        case 1: peer.connect(at: now)
        case 2:
            if let channel = victim.open(label: "b", isUnordered: true, reliability: .retransmissions(1), at: now) {
                channels.append(channel)
            }
        case 3:
            if let channel = peer.open(label: "c", reliability: .lifetime(.milliseconds(200)), at: now) {
                channels.append(channel)
            }
        case 4: if let channel = channels.popLast() { victim.close(channel, at: now) }
        case 5: if let channel = channels.popLast() { peer.close(channel, at: now) }
        case 6: victim.shutdown(at: now)
        default: peer.abort(at: now)
        }
    }

    private func sign(_ packet: inout [UInt8]) {
        guard packet.count >= 12 else { return }
        let crc = CRC32c.ofPacket(packet.rawSpan)
        for index in 0..<4 { packet[8 + index] = UInt8(truncatingIfNeeded: crc >> UInt32(8 * index)) }
    }

    private mutating func hand(_ packet: [UInt8]) {
        victim.handle(packet.rawSpan, at: now)
    }

    /// Takes out what both have to say and looks at what is kept.
    private mutating func exchange() {
        var packets = 0
        while let packet = victim.pollTransmit() {
            packets += 1
            require(packets < 200, "polling does not end")
            require(packet.count <= settings.packetBytes + 600, "a packet is too large")
            peer.handle(packet.rawSpan, at: now)
        }
        while let event = victim.pollEvent() {
            if case .text(_, let bytes) = event { require(bytes.count <= settings.largestMessage, "a message") }
        }
        while let packet = peer.pollTransmit() {
            if waiting.count < 64 { waiting.append(packet) }
        }
        while peer.pollEvent() != nil {}
        let association = victim.bookkeeping
        require(association.buffered >= 0 && association.buffered <= settings.sendBuffer + 5_000, "buffered")
        require(association.flight >= 0 && association.flight <= association.buffered, "flight")
        require(association.lost >= 0 && association.received >= 0, "chunks")
        require(association.charged >= 0, "charged")
        require(association.charged <= settings.receiveBuffer * 5 / 4 + settings.largestMessage + 20_000, "kept")
        require(association.runs <= SCTPLimits.receivedRanges, "runs")
    }
}

extension DataChannels {
    /// The last TSN that was acknowledged to us, and by us.
    var tsns: (sent: UInt64, received: UInt64) {
        (association.numbers.acknowledged, association.received.cumulative)
    }

    /// What the laws look at.
    var bookkeeping: (buffered: Int, flight: Int, lost: Int, received: Int, charged: Int, runs: Int) {
        (
            association.numbers.buffered, association.numbers.flight, association.numbers.lostChunks,
            association.numbers.receivedChunks, association.reassembly.charged, association.received.runs.count
        )
    }
}
