// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import SCTP

/// What a sender of DATA does with acknowledgements and without.
@Suite("Sending")
struct SendingTests {
    private let packet = [UInt8](repeating: 1, count: 1_160)

    /// A peer whose server has sent `count` packets of its own, and wants to send more.
    private func busy(_ count: Int, window: UInt32 = 200_000) -> HandMadePeer {
        let peer = HandMadePeer(window: window)
        var sent: [UInt32] = []
        for _ in 0..<40 { sent += peer.serverSends(packet).tsns }
        var acknowledged = peer.serverTSN &- 1
        while sent.count < count {
            acknowledged = sent[sent.count - 1]
            sent += peer.give([Wire.sack(acknowledged)]).tsns
        }
        return peer
    }

    @Test("slow start: four packets, then what acknowledgements set free")
    func slowStart() {
        let peer = HandMadePeer()
        var sent: [[Wire.Chunk]] = []
        for _ in 0..<40 { sent += peer.serverSends(packet) }
        #expect(sent.tsns == (0..<4).map { peer.serverTSN &+ $0 })
        // Two of four acknowledged: the window grows by one packet, so three go out.
        #expect(peer.give([Wire.sack(peer.serverTSN &+ 1)]).tsns.count == 3)
        #expect(peer.give([Wire.sack(peer.serverTSN &+ 3)]).tsns.count == 3)
        #expect(peer.give([Wire.sack(peer.serverTSN &+ 9)]).tsns.count == 4, "no more than a burst")
    }

    @Test("three reports of a missing chunk send it again at once, and only once")
    func fastRetransmit() {
        let peer = busy(7)
        let missing = peer.serverTSN &+ 4
        _ = peer.give([Wire.sack(missing &- 1)])
        let window = peer.congestionWindow
        #expect(!peer.give([Wire.sack(missing &- 1, gaps: [2...2])]).tsns.contains(missing))
        #expect(!peer.give([Wire.sack(missing &- 1, gaps: [2...3])]).tsns.contains(missing))
        #expect(peer.give([Wire.sack(missing &- 1, gaps: [2...4])]).tsns.first == missing)
        #expect(peer.congestionWindow == max(window / 2, 4 * 1_160))
        for last in 5...8 as ClosedRange<UInt16> {
            #expect(!peer.give([Wire.sack(missing &- 1, gaps: [2...last])]).tsns.contains(missing))
        }
        #expect(peer.counters.fastRetransmissions == 1)
    }

    @Test("the same acknowledgement again is no report of a missing chunk")
    func repeatedAcknowledgement() {
        let peer = busy(7)
        let missing = peer.serverTSN &+ 4
        for _ in 0..<5 { #expect(!peer.give([Wire.sack(missing &- 1, gaps: [2...2])]).tsns.contains(missing)) }
        #expect(peer.counters.fastRetransmissions == 0)
    }

    @Test("without an answer all is sent again, ever more slowly, at most three seconds apart, for ever")
    func backOff() {
        let peer = HandMadePeer()
        #expect(peer.serverSends([1]).tsns == [peer.serverTSN])
        var times: [Int64] = []
        let start = peer.now
        while times.count < 50, let next = peer.server.nextTimeout {
            for packet in peer.wait(next - peer.now) where [packet].tsns == [peer.serverTSN] {
                times.append((peer.now - start).milliseconds)
            }
        }
        #expect(times.prefix(5) == [500, 1_500, 3_500, 6_500, 9_500])
        #expect(times.count == 50)
        #expect(peer.give([Wire.sack(peer.serverTSN)]).isEmpty)
        #expect(peer.server.nextTimeout == nil)
        #expect(peer.counters.timeouts == 50)
    }

    @Test("after a time-out one packet goes out, the oldest first")
    func timeOut() {
        let peer = busy(4)
        let packets = peer.wait(.milliseconds(500))
        #expect(packets.tsns == [peer.serverTSN])
        #expect(peer.congestionWindow == 1_160)
        // The rest follows as it is acknowledged.
        #expect(peer.give([Wire.sack(peer.serverTSN)]).tsns == [peer.serverTSN &+ 1, peer.serverTSN &+ 2])
    }

    @Test("a measured round trip sets the time-out, one of a repeated chunk does not")
    func roundTrip() {
        let peer = HandMadePeer()
        _ = peer.serverSends([1])
        peer.now = peer.now + .milliseconds(300)
        _ = peer.give([Wire.sack(peer.serverTSN)])
        #expect(peer.server.numbers.timeout.value == .milliseconds(900))
        _ = peer.serverSends([2])
        #expect(peer.wait(.milliseconds(900)).tsns == [peer.serverTSN &+ 1])
        peer.now = peer.now + .milliseconds(1)
        _ = peer.give([Wire.sack(peer.serverTSN &+ 1)])
        #expect(peer.server.numbers.timeout.smoothed == .milliseconds(300))
    }

    @Test("a closed window is probed by one chunk, and opens again")
    func closedWindow() {
        let peer = HandMadePeer(window: 3_000)
        var sent: [[Wire.Chunk]] = []
        for _ in 0..<10 { sent += peer.serverSends(packet) }
        #expect(sent.tsns.count == 2)
        let probe = peer.give([Wire.sack(peer.serverTSN &+ 1, window: 0)])
        #expect(probe.tsns == [peer.serverTSN &+ 2])
        // The probe is thrown away: it comes again, alone.
        for _ in 0..<10 {
            let again = peer.wait(.seconds(3))
            #expect(!again.tsns.isEmpty && Set(again.tsns) == [peer.serverTSN &+ 2])
            #expect(peer.give([Wire.sack(peer.serverTSN &+ 1, window: 0)]).isEmpty)
        }
        #expect(peer.give([Wire.sack(peer.serverTSN &+ 2, window: 200_000)]).tsns.count >= 1)
        #expect(peer.events == [.connected])
    }

    @Test("what the peer takes back is sent again")
    func renege() {
        let peer = HandMadePeer()
        for _ in 0..<4 { _ = peer.serverSends(packet) }
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [3...4])])
        let packets = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [4...4])])
        #expect(packets.tsns.contains(peer.serverTSN &+ 2))
    }

    @Test("a message is cut only where it does not fit into one packet")
    func fragments() throws {
        let peer = HandMadePeer()
        let packets = peer.serverSends([UInt8](repeating: 3, count: 2_500))
        let chunks = packets.of(.data)
        #expect(chunks.map { $0.value.count - 12 } == [1_160, 1_160, 180])
        #expect(chunks.map { DataFlags(rawValue: $0.flags) } == [.beginning, [], .ending])
        // A message that would fit alone is not cut to fill what is left.
        _ = peer.give([Wire.sack(peer.serverTSN &+ 2)])
        peer.server.numbers.burstEnd = nil
        _ = peer.server.send([UInt8](repeating: 1, count: 400), stream: 0, protocolIdentifier: 51, at: peer.now)
        let second = peer.serverSends([UInt8](repeating: 2, count: 1_000))
        #expect(second.map { [$0].of(.data).map { $0.value.count - 12 } } == [[400], [1_000]])
    }

    @Test("a peer that reads nothing fills the buffer and no more; when it reads, the owner is told")
    func slowReader() {
        var settings = SCTPSettings()
        settings.sendBuffer = 20_000
        settings.writableMark = 8_000
        let peer = HandMadePeer(settings, window: 5_000)
        for _ in 0..<5_000 { _ = peer.serverSends([UInt8](repeating: 1, count: 1_000)) }
        #expect(peer.results.filter { $0 == .accepted }.count == 20)
        #expect(peer.results.filter { $0 == .full }.count == 4_980)
        #expect(peer.counters.refusedMessages == 4_980)
        _ = peer.wait(.seconds(600))
        #expect(peer.events == [.connected])
        var acknowledged = peer.serverTSN &- 1
        var rounds = 0
        while peer.server.bufferedBytes > 0, rounds < 100 {
            rounds += 1
            let isBefore = peer.server.bufferedBytes > 8_000
            #expect(isBefore || peer.events.contains(.writable))
            acknowledged &+= 1
            _ = peer.give([Wire.sack(acknowledged, window: 5_000)])
        }
        #expect(peer.events.filter { $0 == .writable }.count == 1)
        #expect(peer.serverSends([1]).tsns.count == 1)
        #expect(peer.results.last == .accepted)
    }

    @Test("tiny messages are limited by number")
    func tinyMessages() {
        let peer = HandMadePeer(window: 0)
        for _ in 0..<10_000 { _ = peer.serverSends([1]) }
        #expect(peer.results.filter { $0 == .accepted }.count == SCTPLimits.queuedMessages)
    }

    @Test("what may be sent once is given up after a loss, and the peer told to go on")
    func retransmissionLimit() {
        let peer = HandMadePeer()
        #expect(peer.serverSends([1], stream: 3, reliability: .retransmissions(0)).tsns == [peer.serverTSN])
        #expect(peer.serverSends([2], stream: 4, isUnordered: true, reliability: .retransmissions(0)).tsns.count == 1)
        let packets = peer.wait(.milliseconds(500))
        #expect(packets.tsns.isEmpty)
        #expect(
            packets.of(.forwardTSN).map(\.value)
                == [
                    Wire.bytes {
                        $0.uint32(peer.serverTSN &+ 1)
                        $0.uint16(3)
                        $0.uint16(0)
                    }
                ])
        #expect(peer.counters.abandonedMessages == 2)
        // It is repeated until it is acknowledged.
        #expect(peer.wait(.milliseconds(1_000)).of(.forwardTSN).count == 1)
        _ = peer.give([Wire.sack(peer.serverTSN &+ 1)])
        #expect(peer.wait(.seconds(10)).isEmpty)
        #expect(peer.server.bufferedBytes == 0)
    }

    @Test("a message that is given up half sent ends with a number of its own")
    func halfSent() {
        let peer = HandMadePeer()
        let first = peer.serverSends([UInt8](repeating: 1, count: 20_000), reliability: .lifetime(.seconds(1)))
        #expect(first.tsns.count == 4)
        // All that was sent arrived, then time ran out.
        peer.now = peer.now + .seconds(2)
        let packets = peer.give([Wire.sack(peer.serverTSN &+ 3)])
        #expect(packets.tsns.isEmpty)
        #expect(packets.of(.forwardTSN).map { $0.value.rawSpan.uint32(at: 0) } == [peer.serverTSN &+ 4])
        _ = peer.give([Wire.sack(peer.serverTSN &+ 4)])
        #expect(peer.server.bufferedBytes == 0)
        let next = peer.serverSends([2])
        #expect(next.tsns == [peer.serverTSN &+ 5])
        #expect(next.of(.data).map { $0.value.rawSpan.uint16(at: 6) } == [1])
    }

    @Test("a message whose time is up before it was sent has no number")
    func expiredBeforeSending() {
        let peer = busy(4)
        let results = peer.serverSends([9], reliability: .lifetime(.milliseconds(10)))
        #expect(results.isEmpty)
        peer.now = peer.now + .milliseconds(20)
        var tsns: [UInt32] = []
        var acknowledged = peer.serverTSN &+ 3
        for _ in 0..<60 {
            let sent = peer.give([Wire.sack(acknowledged)]).tsns
            tsns += sent
            acknowledged = tsns.last ?? acknowledged
        }
        #expect(tsns == (4..<40).map { peer.serverTSN &+ $0 })
        #expect(peer.counters.abandonedMessages == 1)
        #expect(peer.server.bufferedBytes == 0)
    }

    @Test("heartbeats go out when nothing else does, and nothing ends without an answer")
    func heartbeats() throws {
        var settings = SCTPSettings()
        settings.heartbeatInterval = .seconds(30)
        let pair = ChannelPair(client: settings, server: settings)
        _ = try #require(pair.open())
        pair.run(.seconds(2))
        let before = pair.serverPackets.count
        pair.run(.seconds(100))
        let chunks = pair.serverPackets[before...].map { Wire.chunks(of: $0) }
        #expect(chunks.filter { $0.contains { $0.type == .heartbeat } }.count == 3)
        #expect(chunks.filter { $0.contains { $0.type == .heartbeatAck } }.count == 3)
        pair.toClient.loss = 1
        pair.toServer.loss = 1
        pair.run(.seconds(3_600))
        #expect(pair.clientEvents.count == 2 && pair.serverEvents.count == 2)
    }

    @Test("a lost SHUTDOWN is said again when data still come, and at the latest by the timer")
    func shutdown() {
        let peer = HandMadePeer()
        _ = peer.serverSends([1])
        peer.server.shutdown(at: peer.now)
        #expect(peer.drain().isEmpty, "not before everything is acknowledged")
        #expect(peer.give([Wire.sack(peer.serverTSN)]).of(.shutdown).map(\.value) == [[0, 0, 3, 231]])
        let answer = peer.give([Wire.data(1_000, [1])])
        #expect(answer.of(.shutdown).map(\.value) == [[0, 0, 3, 232]] && answer.of(.sack).count == 1)
        #expect(peer.messages == [[1]])
        #expect(peer.wait(.milliseconds(500)).of(.shutdown).count == 1)
        #expect(peer.give([Wire.chunk(.shutdownAck)]).of(.shutdownComplete).count == 1)
        #expect(peer.events.last == .ended(.shutdown))
    }

    @Test("a SHUTDOWN acknowledges without taking back what gap blocks told")
    func shutdownKeepsGaps() {
        let peer = HandMadePeer()
        for _ in 0..<4 { _ = peer.serverSends(packet) }
        _ = peer.give([Wire.sack(peer.serverTSN &- 1, gaps: [3...4])])
        let packets = peer.give([Wire.chunk(.shutdown, Wire.bytes { $0.uint32(peer.serverTSN) })])
        #expect(packets.tsns.isEmpty)
        #expect(peer.serverSends([1]).isEmpty && peer.results.last == .refused)
        #expect(peer.wait(.milliseconds(500)).tsns == [peer.serverTSN &+ 1])
        #expect(peer.give([Wire.sack(peer.serverTSN &+ 3)]).of(.shutdownAck).count == 1)
        _ = peer.give([Wire.chunk(.shutdownComplete)])
        #expect(peer.events.last == .ended(.shutdown))
    }

    @Test("a stream that is being reset takes no messages until it begins anew")
    func resetting() {
        let peer = HandMadePeer()
        _ = peer.serverSends([1], stream: 2)
        peer.server.reset(stream: 2, at: peer.now)
        let request = peer.drain().of(.reconfiguration)
        #expect(
            request.map(\.value)
                == [
                    Wire.bytes {
                        $0.append([0, 13, 0, 18])
                        $0.uint32(peer.serverTSN)
                        $0.uint32(999)
                        $0.uint32(peer.serverTSN)
                        $0.uint16(2)
                    }
                ])
        #expect(peer.serverSends([2], stream: 2).isEmpty && peer.results.last == .refused)
        #expect(peer.serverSends([2], stream: 3).tsns.count == 1)
        // In progress: asked again under the same number.
        func answer(_ result: UInt32) -> [[Wire.Chunk]] {
            peer.give([
                Wire.chunk(
                    .reconfiguration,
                    Wire.bytes {
                        $0.append([0, 16, 0, 12])
                        $0.uint32(peer.serverTSN)
                        $0.uint32(result)
                    })
            ])
        }
        _ = answer(ResetResult.inProgress)
        #expect(peer.wait(.milliseconds(600)).of(.reconfiguration) == request)
        _ = answer(ResetResult.performed)
        #expect(peer.events.last == .ownReset([2], isDone: true))
        #expect(peer.serverSends([3], stream: 2).of(.data).map { $0.value.rawSpan.uint16(at: 6) } == [0])
        #expect(peer.counters.refusedResets == 0)
    }

    @Test("a thousand messages that may be sent once are given up together")
    func manyGivenUp() {
        let peer = HandMadePeer()
        for index in 0..<1_000 as Range<UInt16> {
            _ = peer.serverSends([1], stream: index % 3, reliability: .retransmissions(0))
        }
        let forward = peer.wait(.milliseconds(500)).of(.forwardTSN)
        #expect(peer.counters.abandonedMessages == 1_000)
        #expect(forward.map { $0.value.rawSpan.uint32(at: 0) } == [peer.serverTSN &+ 999])
        #expect(forward.map(\.value.count) == [4 + 3 * 4])
        _ = peer.give([Wire.sack(peer.serverTSN &+ 999)])
        #expect(peer.server.bufferedBytes == 0 && peer.server.nextTimeout == nil)
    }
}
