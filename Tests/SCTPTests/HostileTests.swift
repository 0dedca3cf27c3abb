// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import SCTP

/// A peer that means ill can make its own association useless, and nothing else.
@Suite("Hostile peers")
struct HostileTests {
    @Test("acknowledgements of what was never sent are refused, whatever they claim")
    func forgedAcknowledgements() {
        let peer = HandMadePeer()
        for _ in 0..<4 { _ = peer.serverSends([UInt8](repeating: 1, count: 1_160)) }
        let last = peer.serverTSN &+ 3
        let before = peer.server.numbers.flight
        _ = peer.give([Wire.sack(last &+ 1)])
        _ = peer.give([Wire.sack(peer.serverTSN &- 1 &+ 0x7FFF_FFFF)])
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [2...5])])
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [1...65_535])])
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [3...4, 2...2])])
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [0...4])])
        #expect(peer.counters.forgedAcknowledgements == 6)
        var reversed = Wire.sack(peer.serverTSN &- 1, gaps: [2...4])
        reversed.swapAt(17, 19)
        _ = peer.give([reversed])
        #expect(peer.counters.forgedAcknowledgements == 7)
        var short = Wire.sack(peer.serverTSN)
        short[13] = 200
        _ = peer.give([short])
        #expect(peer.counters.malformed == 1)
        #expect(peer.server.numbers.flight == before)
        _ = peer.give([Wire.sack(last)])
        #expect(peer.server.bufferedBytes == 0)
    }

    @Test("data beyond every window is thrown away and bounded")
    func beyondWindow() {
        let peer = HandMadePeer()
        let limit = SCTPSettings().receiveBuffer * 5 / 4 + 2 * SCTPLimits.receivedPacketBytes
        // Nothing can be delivered: number 0 never comes.
        for index in 1..<1_000 as Range<UInt32> {
            _ = peer.give([Wire.data(1_000 + index, ssn: UInt16(index), [UInt8](repeating: 1, count: 1_100))])
            #expect(peer.charged <= limit)
        }
        #expect(peer.counters.beyondWindow > 500)
        _ = peer.give([Wire.data(1_000 + 100_000, [1])])
        _ = peer.give([Wire.data(1_000 &+ 0x7FFF_FFFF, [1])])
        // What closes the gap is still let in, and frees everything.
        _ = peer.give([Wire.data(1_000, ssn: 0, [0])])
        #expect(peer.charged == 0)
        #expect(peer.messages.first == [0] && peer.messages.count > 100)
    }

    @Test("tiny fragments that never become a message are bounded by what they cost")
    func tinyFragments() {
        let peer = HandMadePeer()
        for index in 0..<500 as Range<UInt32> {
            // Every other one, so that nothing joins.
            let chunks = (0..<60).map { Wire.data(1_001 + 2 * (60 * index + $0), flags: [], [1]) }
            _ = peer.give(chunks)
        }
        let room = SCTPSettings().receiveBuffer * 5 / 4 / (1 + SCTPLimits.chunkOverhead)
        #expect(peer.server.received.runs.count <= SCTPLimits.receivedRanges)
        #expect(peer.charged <= (room + 1) * (1 + SCTPLimits.chunkOverhead))
        #expect(peer.counters.beyondWindow > 20_000)
    }

    @Test("a message that never ends is dropped when it is too large, and costs nothing more")
    func endlessMessage() {
        let peer = HandMadePeer()
        for index in 0..<500 as Range<UInt32> {
            let flags: DataFlags = index == 0 ? .beginning : []
            _ = peer.give([Wire.data(1_000 + index, flags: flags, [UInt8](repeating: 1, count: 1_100))])
            #expect(peer.charged <= 65_536 + SCTPLimits.chunkOverhead)
        }
        #expect(peer.counters.oversizedMessages == 1)
        #expect(peer.charged == SCTPLimits.chunkOverhead)
    }

    @Test("complete messages in the wrong order on every stream are bounded")
    func wrongOrder() {
        let peer = HandMadePeer()
        for index in 0..<4_000 as Range<UInt32> {
            _ = peer.give([Wire.data(1_000 + index, stream: UInt16(index % 100), ssn: UInt16(1 + index / 100), [1])])
        }
        #expect(peer.charged <= SCTPSettings().receiveBuffer * 5 / 4 + SCTPSettings().largestMessage + 1_000)
        #expect(peer.messages.isEmpty)
    }

    @Test("fragments that contradict each other are thrown away, and the next message arrives")
    func contradictions() {
        let failure = checkProperty(cases: 400) { random in
            let peer = HandMadePeer()
            for _ in 0..<40 {
                _ = peer.give([
                    Wire.data(
                        1_000 + UInt32(random.int(in: 0...20)), stream: UInt16(random.int(in: 0...2)),
                        ssn: UInt16(random.int(in: 0...2)), flags: DataFlags(rawValue: UInt8(random.int(in: 0...7))),
                        random.bytes(random.int(in: 1...5)))
                ])
            }
            // Everything before is given up.
            _ = peer.give([Wire.forward(1_021, [(0, 10), (1, 10), (2, 10)])])
            guard peer.charged == 0 else { return "charged \(peer.charged)" }
            _ = peer.give([Wire.data(1_022, ssn: 11, [42])])
            return peer.messages.last == [42] ? nil : "the next message did not arrive"
        }
        #expect(failure == nil)
    }

    @Test("chunks without end, without length or without data harm nobody")
    func garbage() {
        let peer = HandMadePeer()
        _ = peer.give([[0, 3, 0, 3]])
        _ = peer.give([[0, 3, 0, 200, 1, 2, 3, 4]])
        _ = peer.give([Wire.data(1_000, [])])
        _ = peer.give([Wire.chunk(.sack)])
        _ = peer.give([Wire.chunk(.forwardTSN)])
        _ = peer.give([Wire.chunk(.shutdown)])
        _ = peer.give([Wire.chunk(.reconfiguration, [0, 13, 0, 3, 0, 0, 0, 0])])
        #expect(peer.counters.malformed == 7)
        #expect(peer.send([]).isEmpty && peer.send([1, 2, 3]).isEmpty)
        #expect(peer.send([UInt8](repeating: 0, count: 20_000)).isEmpty)
        #expect(peer.counters.malformed == 10)
        var otherPort = Wire.packet(tag: peer.serverTag, [Wire.data(1_000, [1])])
        otherPort[0] = 1
        Wire.sign(&otherPort)
        #expect(peer.send(otherPort).isEmpty)
        #expect(peer.counters.malformed == 11)
        _ = peer.give([Wire.data(1_000, [1])])
        #expect(peer.messages == [[1]])
    }

    @Test("another tag ends nothing: neither ABORT nor SHUTDOWN COMPLETE")
    func wrongTag() {
        let peer = HandMadePeer()
        let right = peer.serverTag
        for tag in [right ^ 1, 0, peer.tag ^ 1] {
            peer.serverTag = tag
            _ = peer.give([Wire.chunk(.abort)])
            _ = peer.give([Wire.chunk(.abort, flags: 1)])
            _ = peer.give([Wire.chunk(.shutdownComplete)])
            _ = peer.give([Wire.data(1_000, [1])])
        }
        #expect(peer.counters.badTag == 12)
        #expect(peer.messages.isEmpty)
        // With its own tag reflected it counts.
        peer.serverTag = peer.tag
        _ = peer.give([Wire.chunk(.abort, flags: 1, [0, 12, 0, 4])])
        #expect(peer.events.last == .ended(.aborted(ErrorCause(rawValue: 12))))
    }

    @Test("heartbeats and unknown chunks without end get no more answers than a packet's worth at a time")
    func echoFlood() {
        let peer = HandMadePeer()
        let packets = peer.give((0..<300).map { _ in Wire.chunk(.heartbeat, [0, 1, 0, 8, 1, 2, 3, 4]) })
        #expect(packets.of(.heartbeatAck).count == SCTPLimits.queuedReplies)
        #expect(peer.counters.droppedReplies == 300 - UInt64(SCTPLimits.queuedReplies))
        _ = peer.give([Wire.chunk(.heartbeat, [UInt8](repeating: 0, count: 5_000))])
        #expect(peer.counters.malformed == 1)
    }

    @Test("what a network can do to genuine packets, and a peer to their fields, never traps")
    func mutations() {
        for seed in 1...60 as ClosedRange<UInt64> {
            var random = Random(seed: seed)
            let pair = ChannelPair(seed: seed)
            guard let channel = pair.open() else { continue }
            for round in 0..<30 {
                _ = pair.clientSends(random.bytes(random.int(in: 1...3_000)), on: channel)
                _ = pair.serverSends(random.bytes(random.int(in: 1...3_000)), on: channel)
                if round == 10 { pair.client.close(channel, at: pair.now) }
                if round == 25 { pair.server.shutdown(at: pair.now) }
                pair.run(.milliseconds(30))
                for genuine in (pair.clientPackets + pair.serverPackets).suffix(20) {
                    var packet = mutate(genuine, using: &random)
                    Wire.sign(&packet)
                    pair.server.handle(packet.rawSpan, at: pair.now)
                    pair.client.handle(packet.rawSpan, at: pair.now)
                    pair.drain()
                }
                #expect(pair.buffered.allSatisfy { (0...SCTPSettings().sendBuffer).contains($0) }, "seed \(seed)")
            }
        }
    }

    @Test("RE-CONFIG: wrong numbers, streams and kinds are refused, a repeated one is answered alike")
    func resets() {
        let peer = HandMadePeer()
        func request(_ type: UInt16, _ number: UInt32, last: UInt32 = 999, streams: [UInt16] = []) -> [UInt8] {
            Wire.chunk(
                .reconfiguration,
                Wire.bytes {
                    $0.uint16(type)
                    $0.uint16(UInt16(16 + 2 * streams.count))
                    $0.uint32(number)
                    $0.uint32(0)
                    $0.uint32(last)
                    for stream in streams { $0.uint16(stream) }
                })
        }
        func result(_ packets: [[Wire.Chunk]]) -> [UInt32] {
            packets.of(.reconfiguration).map { $0.value.rawSpan.uint32(at: 8) }
        }
        #expect(result(peer.give([request(13, 5, streams: [1])])) == [ResetResult.badNumber])
        #expect(result(peer.give([request(13, 1_000, last: 1_005, streams: [1])])) == [ResetResult.inProgress])
        #expect(result(peer.give([request(13, 1_000, streams: [1])])) == [ResetResult.performed])
        #expect(result(peer.give([request(13, 1_000, streams: [1])])) == [ResetResult.performed])
        #expect(result(peer.give([request(13, 1_001, streams: [500])])) == [ResetResult.denied])
        #expect(result(peer.give([request(15, 1_002)])) == [ResetResult.denied])
        #expect(result(peer.give([request(17, 1_003)])) == [ResetResult.denied])
        #expect(peer.events.filter { $0 == .peerReset([1]) }.count == 1)
        #expect(peer.counters.refusedResets == 4)
    }
}
