// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import SCTP

/// What a receiver of DATA does and says.
@Suite("Receiving")
struct ReceivingTests {
    /// The value of a SACK.
    private func sack(_ cumulative: UInt32, window: Int, gaps: [UInt16] = [], duplicates: [UInt32] = []) -> [UInt8] {
        Wire.bytes {
            $0.uint32(cumulative)
            $0.uint32(UInt32(window))
            $0.uint16(UInt16(gaps.count / 2))
            $0.uint16(UInt16(duplicates.count))
            for gap in gaps { $0.uint16(gap) }
            for tsn in duplicates { $0.uint32(tsn) }
        }
    }

    private let whole = SCTPSettings().receiveBuffer

    @Test("one packet is acknowledged after 200 ms, two at once, one that asks for it at once")
    func delayedAcknowledgement() {
        let peer = HandMadePeer()
        #expect(peer.give([Wire.data(1_000, [1])]).isEmpty)
        #expect(peer.wait(.milliseconds(199)).isEmpty)
        #expect(peer.wait(.milliseconds(1)).of(.sack).map(\.value) == [sack(1_000, window: whole)])
        #expect(peer.give([Wire.data(1_001, ssn: 1, [1])]).isEmpty)
        #expect(peer.give([Wire.data(1_002, ssn: 2, [1])]).of(.sack).map(\.value) == [sack(1_002, window: whole)])
        let asking: DataFlags = [.beginning, .ending, .immediate]
        #expect(
            peer.give([Wire.data(1_003, ssn: 3, flags: asking, [1])]).of(.sack).map(\.value)
                == [sack(1_003, window: whole)])
    }

    @Test("an acknowledgement rides with data of ours")
    func piggyback() {
        let peer = HandMadePeer()
        #expect(peer.give([Wire.data(1_000, [1])]).isEmpty)
        let packets = peer.serverSends([7])
        #expect(packets.map { $0.map(\.type) } == [[.sack, .data]])
        #expect(peer.wait(.milliseconds(300)).of(.sack).isEmpty)
    }

    @Test("a gap is told at once, with what came twice")
    func gaps() {
        let peer = HandMadePeer()
        let charge = 1 + SCTPLimits.chunkOverhead
        _ = peer.give([Wire.data(1_000, ssn: 0, [1])])
        #expect(
            peer.give([Wire.data(1_002, ssn: 2, [3])]).of(.sack).map(\.value)
                == [sack(1_000, window: whole - charge, gaps: [2, 2])])
        #expect(
            peer.give([Wire.data(1_004, ssn: 4, [5]), Wire.data(1_005, ssn: 5, [6])]).of(.sack).map(\.value)
                == [sack(1_000, window: whole - 3 * charge, gaps: [2, 2, 4, 5])])
        #expect(
            peer.give([Wire.data(1_002, ssn: 2, [3]), Wire.data(1_000, [1])]).of(.sack).map(\.value)
                == [sack(1_000, window: whole - 3 * charge, gaps: [2, 2, 4, 5], duplicates: [1_002, 1_000])])
        #expect(
            peer.give([Wire.data(1_001, ssn: 1, [2])]).of(.sack).map(\.value)
                == [sack(1_002, window: whole - 2 * charge, gaps: [2, 3])])
        #expect(
            peer.give([Wire.data(1_003, ssn: 3, [4])]).of(.sack).map(\.value) == [sack(1_005, window: whole)])
        #expect(peer.messages == [[1], [2], [3], [4], [5], [6]])
        #expect(peer.counters.duplicates == 2)
        #expect(peer.charged == 0)
    }

    @Test("streams do not wait for each other, and unordered messages for nobody")
    func independence() {
        let peer = HandMadePeer()
        _ = peer.give([Wire.data(1_001, stream: 1, [1])])
        _ = peer.give([Wire.data(1_002, stream: 0, ssn: 1, [2])])
        _ = peer.give([Wire.data(1_003, stream: 0, flags: [.beginning, .ending, .unordered], [3])])
        _ = peer.give([Wire.data(1_005, stream: 2, flags: [.ending], [5])])
        _ = peer.give([Wire.data(1_004, stream: 2, flags: [.beginning], [4])])
        #expect(peer.messages == [[1], [3], [4, 5]])
        _ = peer.give([Wire.data(1_000, stream: 0, [0])])
        #expect(peer.messages == [[1], [3], [4, 5], [0], [2]])
    }

    @Test("a message is put together whatever the order of its fragments")
    func fragments() {
        let failure = checkProperty(cases: 300) { random in
            let peer = HandMadePeer(firstTSN: UInt32.max - UInt32(random.int(in: 0...40)))
            var expected: [[UInt8]] = []
            var chunks: [[UInt8]] = []
            var tsn = peer.firstTSN
            for ssn in 0..<6 as Range<UInt16> {
                let message = random.bytes(random.int(in: 1...60))
                expected.append(message)
                let size = random.int(in: 1...20)
                var offset = 0
                while offset < message.count {
                    let end = min(offset + size, message.count)
                    var flags: DataFlags = offset == 0 ? .beginning : []
                    if end == message.count { flags.insert(.ending) }
                    chunks.append(Wire.data(tsn, ssn: ssn, flags: flags, Array(message[offset..<end])))
                    tsn &+= 1
                    offset = end
                }
            }
            for chunk in chunks.shuffled(using: &random) + chunks.shuffled(using: &random) { _ = peer.give([chunk]) }
            guard peer.messages == expected else { return "\(peer.messages) in place of \(expected)" }
            return peer.charged == 0 && peer.counters.brokenFragments == 0 ? nil : "charged \(peer.charged)"
        }
        #expect(failure == nil)
    }

    @Test("numbers of messages wrap")
    func messageNumbersWrap() {
        let peer = HandMadePeer()
        // On to the wrap by FORWARD-TSN, less than half the numbers at a time.
        for (index, ssn) in [30_000, 60_000, 65_533].enumerated() {
            _ = peer.give([Wire.forward(1_000 + UInt32(index), [(0, UInt16(ssn))])])
        }
        _ = peer.give([Wire.data(1_005, ssn: 0, [3]), Wire.data(1_006, ssn: 1, [4])])
        _ = peer.give([Wire.data(1_003, ssn: 65_534, [1])])
        #expect(peer.messages == [[1]])
        _ = peer.give([Wire.data(1_004, ssn: 65_535, [2])])
        #expect(peer.messages == [[1], [2], [3], [4]])
    }

    @Test("FORWARD-TSN skips what is given up and delivers what waited for it")
    func forward() {
        let peer = HandMadePeer()
        _ = peer.give([Wire.data(1_001, ssn: 1, [1]), Wire.data(1_003, ssn: 3, [3]), Wire.data(1_004, ssn: 4, [4])])
        _ = peer.give([Wire.data(1_006, stream: 1, ssn: 0, flags: [], [9]), Wire.data(1_009, stream: 2, [5])])
        #expect(peer.messages == [[5]])
        // 1,000 and 1,002 on stream 0 are given up, so is a message of stream 1 in the middle of its fragments.
        let sacks = peer.give([Wire.forward(1_007, [(0, 2), (1, 0)])]).of(.sack)
        #expect(sacks.count == 1)
        #expect(peer.messages == [[5], [1], [3], [4]])
        _ = peer.give([Wire.data(1_008, stream: 1, ssn: 1, [6])])
        #expect(peer.messages == [[5], [1], [3], [4], [6]])
        #expect(peer.charged == 0)
        // An old one is acknowledged at once: our acknowledgement was lost.
        #expect(peer.give([Wire.forward(1_007, [(0, 2)])]).of(.sack).count == 1)
        #expect(peer.messages.count == 5)
    }

    @Test("late fragments of a message that was given up are thrown away")
    func lateFragments() {
        let peer = HandMadePeer()
        _ = peer.give([Wire.forward(1_001, [(0, 0)])])
        _ = peer.give([Wire.data(1_002, ssn: 0, flags: [], [1]), Wire.data(1_003, ssn: 0, flags: .ending, [1])])
        #expect(peer.charged == 0)
        #expect(peer.counters.brokenFragments == 2)
        _ = peer.give([Wire.data(1_004, ssn: 1, [2])])
        #expect(peer.messages == [[2]])
    }

    @Test("a message larger than allowed is acknowledged and thrown away, and the next one arrives")
    func oversized() {
        var settings = SCTPSettings()
        settings.largestMessage = 5_000
        let peer = HandMadePeer(settings)
        for index in 0..<20 as Range<UInt32> {
            let flags: DataFlags = index == 0 ? .beginning : index == 19 ? .ending : []
            _ = peer.give([Wire.data(1_000 + index, flags: flags, [UInt8](repeating: 1, count: 1_000))])
            #expect(peer.charged < 7_000)
        }
        _ = peer.give([Wire.data(1_020, ssn: 1, [2])])
        #expect(peer.messages == [[2]])
        #expect(peer.counters.oversizedMessages == 1)
        #expect(peer.charged == 0)
    }

    @Test("a stream that was not announced is told as invalid, and its chunk acknowledged")
    func invalidStream() {
        let peer = HandMadePeer()
        let packets = peer.give([Wire.data(1_000, stream: 100, [1]), Wire.data(1_001, [2])])
        #expect(packets.of(.error).map(\.value) == [[0, 1, 0, 8, 0, 100, 0, 0]])
        #expect(peer.messages == [[2]])
        #expect(peer.wait(.milliseconds(200)).of(.sack).isEmpty, "it went with the error")
        #expect(packets.of(.sack).map(\.value) == [sack(1_001, window: whole)])
    }

    @Test("a heartbeat comes back as it came; what is unknown is reported, passed over or ends the packet")
    func control() {
        let peer = HandMadePeer()
        let beat: [UInt8] = [0, 1, 0, 6, 1, 2]
        #expect(peer.give([Wire.chunk(.heartbeat, beat)]).of(.heartbeatAck).map(\.value) == [beat])
        let report = ChunkType(rawValue: 0xC9)
        let pass = ChunkType(rawValue: 0x89)
        let stop = ChunkType(rawValue: 0x19)
        let packets = peer.give([
            Wire.chunk(pass, [1]), Wire.chunk(report, [5, 6]), Wire.data(1_000, [1]), Wire.chunk(stop),
            Wire.data(1_001, ssn: 1, [2]),
        ])
        #expect(packets.of(.error).map(\.value) == [[0, 6, 0, 10, 0xC9, 0, 0, 6, 5, 6]])
        #expect(peer.messages == [[1]])
        #expect(peer.counters.unknownChunks == 3)
    }

    @Test("runs of TSNs agree with a set of them")
    func receivedTSNs() {
        let failure = checkProperty(cases: 500) { random in
            var received = ReceivedTSNs(next: 1_000)
            var set: Set<UInt64> = []
            var cumulative: UInt64 = 999
            for _ in 0..<150 {
                let tsn = UInt64(random.int(in: 990...1_080))
                if random.fraction() < 0.03 {
                    received.advance(to: tsn)
                    if tsn > cumulative { cumulative = tsn }
                } else {
                    let isKnown = tsn <= cumulative || set.contains(tsn)
                    guard received.contains(tsn) == isKnown else { return "contains \(tsn)" }
                    guard (received.insert(tsn) == .known) == isKnown else { return "insert \(tsn)" }
                    set.insert(tsn)
                }
                while set.contains(cumulative + 1) { cumulative += 1 }
                guard received.cumulative == cumulative else { return "\(received.cumulative), not \(cumulative)" }
                var runs: [ClosedRange<UInt64>] = []
                for tsn in set.filter({ $0 > cumulative }).sorted() {
                    if let last = runs.last, last.upperBound + 1 == tsn {
                        runs[runs.count - 1] = last.lowerBound...tsn
                    } else {
                        runs.append(tsn...tsn)
                    }
                }
                guard received.runs.map({ $0.first...$0.last }) == runs else { return "runs" }
            }
            return nil
        }
        #expect(failure == nil)
    }
}
