// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import Testing

@testable import SCTP

/// Two ends of ours over networks of every badness, in virtual time.
@Suite("Two ends over a bad network")
struct BadNetworkTests {
    /// A network out of `random`.
    private func network(_ random: inout Random) -> BadNetwork {
        var network = BadNetwork(
            loss: random.fraction() * 0.3, duplication: random.fraction() * 0.2, reordering: random.fraction())
        network.delay = .milliseconds(Int64(random.int(in: 0...200)))
        network.jitter = .milliseconds(Int64(random.int(in: 0...300)))
        return network
    }

    /// Settings out of `random`; numbers begin just before they wrap.
    private func settings(_ random: inout Random) -> SCTPSettings {
        var settings = SCTPSettings()
        settings.packetBytes = [200, 576, 1_188, 1_200, 4_000][random.int(in: 0...4)]
        settings.receiveBuffer = random.int(in: 20_000...200_000)
        settings.largestMessage = settings.receiveBuffer / 2
        settings.offersZeroChecksum = random.fraction() < 0.5
        settings.heartbeatInterval = nil
        settings.initialTSN = UInt32.max - UInt32(random.int(in: 0...60))
        return settings
    }

    @Test("nothing reliable is lost, repeated or out of order, and all is quiet afterwards")
    func reliable() throws {
        for seed in 1...150 as ClosedRange<UInt64> {
            var random = Random(seed: seed)
            let pair = ChannelPair(seed: seed, client: settings(&random), server: settings(&random))
            pair.toServer = network(&random)
            pair.toClient = network(&random)
            pair.client.connect(at: pair.now)
            let opened = (0..<3).map { index in
                pair.client.open(label: "\(index)", isUnordered: index == 2, at: pair.now)
            }
            var sent: [DataChannel: [[UInt8]]] = [:]
            for index in 0..<40 as Range<Int> {
                guard let channel = opened[index % 3] else { continue }
                let message = [UInt8(index)] + random.bytes(random.int(in: 0...(index % 5 == 0 ? 9_000 : 300)))
                sent[channel, default: []].append(message)
                #expect(pair.clientSends(message, on: channel) == .accepted)
                if index % 4 == 0 { pair.run(.milliseconds(Int64(random.int(in: 0...100)))) }
            }
            let isDone = pair.run(
                until: { $0.serverTexts.count == 40 && $0.buffered == [0, 0] }, within: .seconds(600))
            #expect(isDone, "seed \(seed): \(pair.serverTexts.count) \(pair.buffered) \(pair.serverCounters)")
            for (channel, messages) in sent {
                let got = pair.serverEvents.compactMap { event -> [UInt8]? in
                    if case .text(channel, let bytes) = event { bytes } else { nil }
                }
                let isRight = channel.stream == 4 ? Set(got) == Set(messages) : got == messages
                #expect(isRight && got.count == messages.count, "seed \(seed), stream \(channel.stream)")
            }
            let limit = pair.clientPackets.map(\.count).max() ?? 0
            #expect(limit <= 4_000, "seed \(seed)")
            // Nothing is left to do.
            pair.run(.seconds(2))
            let before = pair.clientPackets.count + pair.serverPackets.count
            pair.run(.seconds(20))
            #expect(pair.clientPackets.count + pair.serverPackets.count == before, "seed \(seed)")
        }
    }

    @Test("what is partially reliable never comes twice, out of order or damaged, and holds nothing up")
    func partial() throws {
        for seed in 1...150 as ClosedRange<UInt64> {
            var random = Random(seed: seed &+ 5_000)
            let pair = ChannelPair(seed: seed, client: settings(&random), server: settings(&random))
            pair.toServer = network(&random)
            pair.toClient = network(&random)
            pair.client.connect(at: pair.now)
            let isUnordered = random.fraction() < 0.5
            let reliability: Reliability =
                random.fraction() < 0.5
                ? .retransmissions(UInt32(random.int(in: 0...2)))
                : .lifetime(.milliseconds(Int64(random.int(in: 50...800))))
            let unsure = try #require(
                open(pair, isUnordered: isUnordered, reliability: reliability), "seed \(seed)")
            let sure = try #require(open(pair, isUnordered: false, reliability: .reliable), "seed \(seed)")
            let opened: (ChannelPair) -> Bool = { $0.clientEvents.count >= 3 && $0.serverEvents.count >= 3 }
            #expect(pair.run(until: opened, within: .seconds(200)))
            var sent: [[UInt8]] = []
            for index in 0..<60 as Range<Int> {
                let message = [UInt8(index)] + random.bytes(random.int(in: 0...(index % 4 == 0 ? 8_000 : 300)))
                sent.append(message)
                _ = pair.clientSends(message, on: unsure)
                if index % 3 == 0 { _ = pair.clientSends([255, UInt8(index)], on: sure) }
                pair.run(.milliseconds(Int64(random.int(in: 0...60))))
            }
            let isDone = pair.run(until: { $0.buffered == [0, 0] }, within: .seconds(600))
            #expect(isDone, "seed \(seed): \(pair.buffered) \(pair.clientCounters)")
            let texts = pair.serverTexts
            #expect(texts.filter { $0[0] == 255 }.map { $0[1] } == stride(from: 0, to: 60, by: 3).map { UInt8($0) })
            let got = texts.filter { $0[0] != 255 }
            #expect(got.allSatisfy { sent[Int($0[0])] == $0 }, "seed \(seed)")
            let numbers = got.map { $0[0] }
            #expect(Set(numbers).count == numbers.count, "seed \(seed)")
            if !isUnordered { #expect(numbers == numbers.sorted(), "seed \(seed)") }
        }
    }

    private func open(_ pair: ChannelPair, isUnordered: Bool, reliability: Reliability) -> DataChannel? {
        pair.client.open(label: "", isUnordered: isUnordered, reliability: reliability, at: pair.now)
    }

    @Test("a path of 20 ms carries 50 Mbit/s, start included", arguments: [true, false])
    func throughput(isUp: Bool) throws {
        let pair = ChannelPair(seed: 4)
        let channel = try #require(pair.open())
        let message = [UInt8](repeating: 1, count: 16_000)
        let start = pair.now
        var sent = 0
        while (isUp ? pair.serverTexts : pair.clientTexts).count < 400 {
            while sent < 400 {
                let result = isUp ? pair.clientSends(message, on: channel) : pair.serverSends(message, on: channel)
                guard result == .accepted else { break }
                sent += 1
            }
            pair.run(.milliseconds(5))
            pair.clientPackets = []
            pair.serverPackets = []
            guard pair.now - start < .seconds(20) else { break }
        }
        let rate = 400 * 16_000 * 8 / (pair.now - start).seconds / 1e6
        #expect(rate > 50, "\(rate) Mbit/s")
    }

    @Test("the same seed gives the same packets")
    func deterministic() {
        func run() -> [[UInt8]] {
            let pair = ChannelPair(seed: 9)
            pair.toServer = BadNetwork(loss: 0.2, duplication: 0.1, reordering: 0.5)
            pair.toClient = pair.toServer
            guard let channel = pair.open() else { return [] }
            for size in 0..<30 { _ = pair.server.send(text: pair.random.bytes(size * 100), on: channel, at: pair.now) }
            pair.run(.seconds(60))
            return pair.serverPackets + pair.clientPackets
        }
        let first = run()
        #expect(first.count > 40)
        #expect(first == run())
    }
}
