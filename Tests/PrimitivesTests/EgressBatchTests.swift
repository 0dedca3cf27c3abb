// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@Suite("EgressBatch")
struct EgressBatchTests {
    private let near = Destination(remote: TransportAddress(ipv4: 0x7F00_0001, port: 1), local: 0)
    private let far = Destination(remote: TransportAddress(ipv4: 0x7F00_0001, port: 2), local: 0)

    private func fill(_ batch: inout EgressBatch, _ sizes: [Int], to destination: Destination) {
        for size in sizes {
            guard batch.reserve() != nil else { return }
            batch.commit(size, to: destination)
        }
    }

    @Test("equal sizes for one destination become one message; a shorter one closes it")
    func runs() {
        var batch = EgressBatch(bytes: 1 << 16, messages: 16)
        fill(&batch, [100, 100, 100, 40, 100], to: near)
        expect(batch.messageCount == 2)
        expect(batch.messages[0].segmentCount == 4)
        expect(batch.messages[0].byteCount == 340)
        expect(batch.messages[0].segmentBytes == 100)
        expect(batch.messages[1].segmentCount == 1)
        expect(batch.messages[1].offset == 340)
    }

    @Test("a longer packet, another destination or socket begins a new message")
    func breaks() {
        var batch = EgressBatch(bytes: 1 << 16, messages: 16)
        fill(&batch, [100, 101], to: near)
        fill(&batch, [101], to: far)
        fill(&batch, [101], to: Destination(remote: far.remote, local: 1))
        expect(batch.messageCount == 4)
        expect(batch.datagramCount == 4)
    }

    @Test("no message has more segments or bytes than the kernel takes")
    func limits() {
        var batch = EgressBatch(bytes: 1 << 20, messages: 64)
        fill(&batch, [Int](repeating: 50, count: 130), to: near)
        expect(batch.messageCount == 3)
        expect(batch.messages[0].segmentCount == EgressBatch.maxSegments)
        batch.removeAll()
        fill(&batch, [Int](repeating: 1_500, count: 64), to: near)
        for index in 0..<batch.messageCount {
            expect(batch.messages[index].byteCount <= EgressBatch.maxMessageBytes)
        }
    }

    @Test("without segmentation each datagram is its own message")
    func withoutSegmentation() {
        var batch = EgressBatch(bytes: 1 << 16, messages: 16, joinsSegments: false)
        fill(&batch, [100, 100, 100], to: near)
        expect(batch.messageCount == 3)
    }

    @Test("a full batch refuses, and serves again once emptied")
    func full() {
        var batch = EgressBatch(bytes: EgressBatch.slotBytes * 2, messages: 16)
        let large = [UInt8](repeating: 1, count: 1_000)
        let small: [UInt8] = [1, 2, 3]
        let none: [UInt8] = []
        let oversized = [UInt8](repeating: 0, count: EgressBatch.slotBytes + 1)
        expect(batch.append(large.rawSpan, to: near))
        expect(batch.hasRoom(datagrams: 1))
        fill(&batch, [1_500], to: near)
        expect(!batch.hasRoom(datagrams: 1))
        expect(!batch.append(small.rawSpan, to: near))
        expect(batch.datagramCount == 2)
        batch.removeAll()
        expect(batch.append(small.rawSpan, to: near))
        expect(!batch.append(none.rawSpan, to: near))
        expect(!batch.append(oversized.rawSpan, to: near))
    }
}
