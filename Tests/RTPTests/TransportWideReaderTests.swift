// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import RTP
import TestSupport
import Testing

@Suite("TransportWideReader")
struct TransportWideReaderTests {
    static func read(_ datagram: [UInt8]) -> [TransportWideReader.Status]? {
        var walk = RTCPReader()
        guard let packet = walk.next(in: datagram.rawSpan),
            var reader = TransportWideReader(packet, in: datagram.rawSpan)
        else { return nil }
        var result: [TransportWideReader.Status] = []
        while let status = reader.next(in: datagram.rawSpan) { result.append(status) }
        return result
    }

    static func feedback(_ tail: String) -> [UInt8] {
        var bytes = [UInt8](hex: "8f cd 00 00 00 00 00 01 00 00 00 02" + tail)
        while bytes.count % 4 != 0 { bytes.append(0) }
        bytes[3] = UInt8(bytes.count / 4 - 1)
        return bytes
    }

    @Test("a run of small deltas")
    func runLength() {
        let read = Self.read(Self.feedback("ff ff 00 03 00 00 02 07 20 03 04 08 0c"))
        #expect(read?.map(\.sequence) == [65_535, 0, 1])
        #expect(read?.map(\.arrival) == [516, 524, 536])
    }

    @Test("a one-bit vector, a two-bit vector and a run of lost packets")
    func allChunks() {
        // 14 numbers of which the 1st and 14th arrived; 7 numbers: large, lost, small, and four lost; 2 lost.
        let read = Self.read(Self.feedback("00 01 00 17 ff ff ff 00 a0 01 e1 00 00 02 10 20 ff 38 30"))
        #expect(read?.count == 23)
        let arrived = read?.filter { $0.arrival != nil }
        #expect(arrived?.map(\.sequence) == [1, 14, 15, 17])
        #expect(arrived?.map(\.arrival) == [-240, -208, -408, -360])
    }

    @Test("chunks that do not cover the count are refused")
    func missingChunks() {
        #expect(Self.read(Self.feedback("00 01 00 20 00 00 00 00 20 03 00 00")) == nil)
    }

    @Test("missing arrival times end the walk")
    func missingDeltas() {
        #expect(Self.read(Self.feedback("00 01 00 05 00 00 00 00 20 05 01 01"))?.count == 2)
    }

    @Test("a run of no packets ends the walk")
    func emptyRun() {
        #expect(Self.read(Self.feedback("00 01 00 01 00 00 00 00 00 00 20 01 05 00 00 00"))?.isEmpty == true)
    }

    @Test("no feedback traps")
    func hostile() {
        let good = Self.feedback("00 01 00 17 ff ff ff 00 a0 01 e1 00 00 02 10 20 ff 38 30")
        let failure = checkProperty(cases: 3_000) { random in
            let statuses = Self.read(mutate(good, using: &random))
            return (statuses?.count ?? 0) <= 65_535 ? nil : "too many"
        }
        #expect(failure == nil)
    }
}
