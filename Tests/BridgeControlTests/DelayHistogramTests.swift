// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import BridgeControl
import Primitives
import Testing

@Suite("Delay histogram")
struct DelayHistogramTests {
    @Test("samples fall into buckets whose upper edge belongs to them")
    func buckets() {
        var histogram = DelayHistogram()
        #expect(histogram.document["average_delay_ms"] == .number(0))
        for milliseconds in [0, 1, 5, 6, 100, 101, 1_000, 1_001] as [Int64] {
            histogram.add(.milliseconds(milliseconds))
        }
        #expect(histogram.buckets == [1, 2, 1, 1, 2, 1])
        #expect(histogram.minimumMilliseconds == 0)
        #expect(histogram.maximumMilliseconds == 1_001)
        #expect(histogram.totalMilliseconds == 2_214)
    }

    @Test("the document has the keys of xmpp-delay-stats, with bounds for the slowest")
    func document() {
        var histogram = DelayHistogram()
        for _ in 0..<99 { histogram.add(.milliseconds(4)) }
        histogram.add(.milliseconds(2_500))
        let document = histogram.document
        #expect(document["total_count"] == .integer(100))
        #expect(document["max_delay_ms"] == .integer(2_500))
        #expect(document["min_delay_ms"] == .integer(4))
        #expect(document["discarded"] == .integer(0))
        #expect(document["buckets"]?["p99_upper_bound"] == .integer(5))
        #expect(document["buckets"]?["p999_upper_bound"] == .integer(2_500))
    }
}
