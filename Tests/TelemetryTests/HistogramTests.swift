// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Telemetry
import TestSupport
import Testing

@Suite("Histogram")
struct HistogramTests {
    @Test("counts each value under the first bound that is not below it")
    func buckets() {
        let histogram = Histogram(bounds: [0, 5, 50])
        for value in [-1.0, 0, 0.5, 5, 5.1, 50, 51, 1e9, .nan, .infinity] { histogram.record(value) }
        let snapshot = histogram.snapshot
        #expect(snapshot.counts == [2, 2, 2, 2])
        #expect(snapshot.count == 8)
        #expect(snapshot.sum == -1 + 0.5 + 5 + 5.1 + 50 + 51 + 1e9)
    }

    @Test("recording allocates nothing")
    func allocations() {
        let histogram = Histogram(bounds: [0, 5, 50, 500])
        histogram.record(1)
        let count = countAllocations { for value in 0..<1_000 { histogram.record(Double(value)) } }
        #expect(count == 0)
    }

    @Test("a snapshot of values at hand equals a recorded one")
    func snapshotOfValues() {
        let histogram = Histogram(bounds: [0, 1, 2])
        let values = [0.0, 1, 1, 2, 3]
        for value in values { histogram.record(value) }
        #expect(HistogramSnapshot(bounds: [0, 1, 2], values: values) == histogram.snapshot)
        #expect(HistogramSnapshot(bounds: [1], counts: [1, 2, 3, 4]).counts == [1, 2])
    }
}
