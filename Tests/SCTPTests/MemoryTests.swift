// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import SCTP

@Suite("Memory")
struct MemoryTests {
    /// Opens a channel and lets both sides talk, so that everything that grows has grown.
    private func use(_ pair: ChannelPair) {
        guard let channel = pair.open() else { return }
        pair.toClient = BadNetwork(loss: 0.1, duplication: 0.1, reordering: 0.3)
        pair.toServer = pair.toClient
        for _ in 0..<20 {
            _ = pair.server.send(text: [UInt8](repeating: 1, count: 9_000), on: channel, at: pair.now)
            _ = pair.client.send(text: [UInt8](repeating: 1, count: 9_000), on: channel, at: pair.now)
            pair.run(.seconds(1))
        }
        pair.run(.seconds(20))
        pair.clientEvents = []
        pair.serverEvents = []
        pair.clientPackets = []
        pair.serverPackets = []
    }

    @Test("an idle association with its channel takes less than 20 kB, whatever it did before")
    func idle() {
        // One first, for what is made once.
        use(ChannelPair(seed: 1))
        var pairs: [ChannelPair] = []
        pairs.reserveCapacity(20)
        let both = measureMemory {
            for seed in 2..<22 as Range<UInt64> {
                let pair = ChannelPair(seed: seed)
                use(pair)
                pairs.append(pair)
            }
        }
        // Two ends and what the test itself keeps for them.
        let each = both / pairs.count / 2
        #expect(each > MemoryLayout<AssociationNumbers>.size && each < 4_096, "\(each) bytes")
        #expect(pairs.allSatisfy { $0.buffered == [0, 0] })
    }

    @Test("what an association needs to go on is plain data")
    func plainData() {
        func size<Value: BitwiseCopyable>(_ value: Value) -> Int { MemoryLayout<Value>.size }
        #expect(size(AssociationNumbers(settings: SCTPSettings())) < 1_024)
    }

    @Test("a client that reads nothing costs its buffer and not more")
    func slowReader() {
        let pair = ChannelPair(seed: 3)
        guard let channel = pair.open() else { return }
        pair.toClient.loss = 1
        let held = measureMemory {
            for _ in 0..<2_000 {
                _ = pair.server.send(text: [UInt8](repeating: 1, count: 900), on: channel, at: pair.now)
                pair.run(.milliseconds(10))
                pair.serverPackets = []
            }
        }
        #expect(held < SCTPSettings().sendBuffer * 3 / 2, "\(held) bytes")
        #expect(pair.serverCounters.refusedMessages > 1_000)
        pair.toClient.loss = 0
        #expect(pair.run(until: { $0.serverEvents.contains(.writable) }, within: .seconds(30)))
        #expect(pair.run(until: { $0.buffered == [0, 0] }, within: .seconds(30)))
    }
}
