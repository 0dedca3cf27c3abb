// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing
import VideoPayload

@Suite("AV1 aggregation header (AV1 RTP specification 4.4)")
struct AV1AggregationHeaderTests {
    static func read(_ bytes: [UInt8]) -> AV1AggregationHeader? {
        AV1AggregationHeader(bytes.rawSpan, from: 0, to: bytes.count)
    }

    @Test("the first packet of a key frame, its next, and its last")
    func keyframe() {
        #expect(
            Self.read([0x68, 0x0A])
                == AV1AggregationHeader(continuesInNext: true, elementCount: 2, startsSequence: true))
        #expect(
            Self.read([0xD0])
                == AV1AggregationHeader(continuesPrevious: true, continuesInNext: true, elementCount: 1))
        #expect(Self.read([0x90]) == AV1AggregationHeader(continuesPrevious: true, elementCount: 1))
        #expect(Self.read([0x00]) == AV1AggregationHeader())
    }

    @Test("reserved bits say nothing")
    func reserved() {
        #expect(Self.read([0x07]) == AV1AggregationHeader())
    }

    @Test("a sequence does not start in the middle of an OBU")
    func contradiction() {
        #expect(Self.read([0x98]) == nil)
    }

    @Test("nothing is no header, and offsets beyond the bytes are refused")
    func outside() {
        #expect(Self.read([]) == nil)
        let bytes: [UInt8] = [0x10, 0x20]
        for (from, to) in [(-1, 1), (2, 2), (1, 1), (0, 3), (Int.max, 2)] {
            #expect(AV1AggregationHeader(bytes.rawSpan, from: from, to: to) == nil)
        }
    }

    @Test("each header that is read is written back without its reserved bits")
    func roundTrip() {
        for value in UInt8.min...UInt8.max {
            guard let header = Self.read([value]) else {
                #expect(value & 0x88 == 0x88)
                continue
            }
            #expect(BufferWriter.array(capacity: 1) { header.write(to: &$0) } == [value & 0xF8])
        }
    }
}
