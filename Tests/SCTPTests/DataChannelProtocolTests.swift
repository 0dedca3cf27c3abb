// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import SCTP

@Suite("Data channel protocol")
struct DataChannelProtocolTests {
    @Test("an OPEN is read and written as RFC 8832 lays it out")
    func vector() {
        let bytes = [UInt8](hex: "03 82 0100 000001F4 0002 0003 6162 786A7A")
        guard case .open(let open) = DCEPMessage(bytes.rawSpan) else {
            Issue.record("not read")
            return
        }
        #expect(open.isUnordered)
        #expect(open.reliability == .lifetime(.milliseconds(500)))
        #expect(open.label == Array("ab".utf8) && open.protocol == Array("xjz".utf8))
        #expect(open.encoded() == bytes)
        let read = [[2], [7], [], Array(bytes.dropLast())].map { (bytes: [UInt8]) in DCEPMessage(bytes.rawSpan) }
        #expect(read == [.acknowledgement, nil, nil, nil])
    }

    @Test("what is written is read again, and what is damaged never traps")
    func property() {
        let failure = checkProperty { random in
            var open = DCEPOpen()
            open.isUnordered = random.fraction() < 0.5
            open.priority = UInt16(random.int(in: 0...65_535))
            open.label = random.bytes(random.int(in: 0...40))
            open.protocol = random.bytes(random.int(in: 0...40))
            switch random.int(in: 0...2) {
            case 0: open.reliability = .reliable
            case 1: open.reliability = .retransmissions(UInt32(random.int(in: 0...100_000)))
            default: open.reliability = .lifetime(.milliseconds(Int64(random.int(in: 0...100_000))))
            }
            let encoded = open.encoded()
            guard DCEPMessage(encoded.rawSpan) == .open(open) else { return "\(open)" }
            _ = DCEPMessage(mutate(encoded, using: &random).rawSpan)
            return nil
        }
        #expect(failure == nil)
    }

    @Test("each side numbers its channels on its own half, and free numbers are used again")
    func numbers() throws {
        let pair = ChannelPair()
        let first = try #require(pair.open())
        let second = pair.client.open(label: "2", at: pair.now)
        let third = pair.server.open(label: "3", at: pair.now)
        #expect(first.stream == 0 && second?.stream == 2 && third?.stream == 1)
        pair.run(.seconds(1))
        pair.client.close(first, at: pair.now)
        pair.run(.seconds(2))
        #expect(pair.clientEvents.last == .closed(first))
        #expect(pair.serverEvents.last == .closed(first))
        let fourth = pair.client.open(label: "4", at: pair.now)
        #expect(fourth == first)
        pair.run(.seconds(1))
        #expect(pair.serverSends([8], on: first) == .accepted)
        pair.run(.seconds(1))
        #expect(pair.clientTexts.last == [8])
    }

    @Test("closing sends what was given before, and takes nothing after", arguments: [true, false])
    func closing(byClient: Bool) throws {
        for seed in 1...30 as ClosedRange<UInt64> {
            let pair = ChannelPair(seed: seed)
            pair.toServer = BadNetwork(loss: 0.1, duplication: 0.1, reordering: 0.3)
            pair.toClient = pair.toServer
            let channel = try #require(pair.open())
            let message = pair.random.bytes(10_000)
            if byClient {
                #expect(pair.clientSends(message, on: channel) == .accepted)
                pair.client.close(channel, at: pair.now)
                #expect(pair.clientSends(message, on: channel) == .refused)
            } else {
                #expect(pair.serverSends(message, on: channel) == .accepted)
                pair.server.close(channel, at: pair.now)
                #expect(pair.serverSends(message, on: channel) == .refused)
            }
            let isClosed = pair.run(until: {
                $0.clientEvents.contains(.closed(channel)) && $0.serverEvents.contains(.closed(channel))
            })
            #expect(isClosed, "seed \(seed)")
            #expect((byClient ? pair.serverTexts : pair.clientTexts) == [message], "seed \(seed)")
        }
    }

    @Test("channels beyond the limit are refused without a word, and their messages thrown away")
    func tooMany() throws {
        var settings = SCTPSettings()
        settings.channels = 1
        let pair = ChannelPair(server: settings)
        let first = try #require(pair.open())
        let opened = pair.client.open(label: "one more", at: pair.now)
        let second = try #require(opened)
        _ = pair.clientSends([1], on: second)
        _ = pair.clientSends([2], on: first)
        pair.run(.seconds(1))
        #expect(pair.serverTexts == [[2]])
        #expect(pair.serverCounters.refusedChannels == 1)
        #expect(pair.serverCounters.strayMessages == 1)
        let ours = pair.server.open(label: "ours", at: pair.now)
        #expect(ours == nil)
    }

    @Test("an OPEN on our half, a broken one, and messages of unknown kinds are counted and nothing else")
    func refused() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        var association = SCTPAssociation(SCTPSettings(), random: Random(seed: 5), at: pair.now)
        var server = DataChannels(role: .server, random: Random(seed: 6), at: pair.now)
        association.connect(at: pair.now)
        let sent: [(stream: UInt16, identifier: UInt32, bytes: [UInt8])] = [
            (1, 50, DCEPOpen().encoded()), (2, 50, [3, 1]), (2, 50, [9]), (2, 50, [2]), (2, 51, [1]),
            (0, 50, DCEPOpen().encoded()), (0, 50, DCEPOpen().encoded()), (0, 99, [1]), (0, 51, [7]),
        ]
        for message in sent {
            _ = association.send(
                message.bytes, stream: message.stream, protocolIdentifier: message.identifier, at: pair.now)
        }
        var events: [DataChannelEvent] = []
        for _ in 0..<20 {
            while let packet = association.pollTransmit() { server.handle(packet.rawSpan, at: pair.now) }
            while let packet = server.pollTransmit() { association.handle(packet.rawSpan, at: pair.now) }
            while let event = server.pollEvent() { events.append(event) }
        }
        #expect(events == [.connected, .opened(channel, label: "", protocol: ""), .text(channel, [7])])
        let counters = server.counters
        #expect(counters.refusedChannels == 4)
        #expect(counters.strayMessages == 3)
    }

    @Test("a partially reliable, unordered channel keeps its promise on both sides")
    func unreliable() throws {
        let pair = ChannelPair()
        pair.client.connect(at: pair.now)
        let opened = pair.client.open(
            label: "fast", isUnordered: true, reliability: .retransmissions(0), at: pair.now)
        let channel = try #require(opened)
        #expect(pair.run(until: { $0.clientEvents.count == 2 && $0.serverEvents.count == 2 }))
        pair.toClient.loss = 0.3
        pair.toServer.loss = 0.3
        for index in 0..<200 as Range<UInt8> {
            _ = pair.clientSends([index], on: channel)
            _ = pair.serverSends([index], on: channel)
            pair.run(.milliseconds(50))
        }
        pair.toClient.loss = 0
        pair.toServer.loss = 0
        pair.run(.seconds(20))
        for texts in [pair.clientTexts, pair.serverTexts] {
            #expect(texts.count > 80 && texts.count < 190)
            #expect(Set(texts).count == texts.count)
        }
        #expect(pair.buffered == [0, 0])
        #expect(pair.clientCounters.abandonedMessages > 10 && pair.serverCounters.abandonedMessages > 10)
    }

    @Test("shutdown and abort are told on both sides, and channels are gone")
    func ends() throws {
        let pair = ChannelPair()
        let channel = try #require(pair.open())
        pair.server.shutdown(at: pair.now)
        pair.run(.seconds(2))
        #expect(pair.serverEvents.suffix(2) == [.closed(channel), .ended(.shutdown)])
        #expect(pair.clientEvents.suffix(2) == [.closed(channel), .ended(.shutdown)])
        // And it can begin again.
        _ = pair.open()
        pair.run(.seconds(1))
        pair.client.abort(at: pair.now)
        pair.run(.seconds(1))
        #expect(pair.clientEvents.last == .ended(.abortedByUs))
        #expect(pair.serverEvents.last == .ended(.aborted(ErrorCause(rawValue: 12))))
        #expect(pair.clientSends([1], on: channel) == .refused)
    }
}
