// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import SCTP
import Testing

@Suite("Counters")
struct SCTPCountersTests {
    @Test("a sum has every counter in it")
    func sum() {
        var counters = SCTPCounters()
        withUnsafeMutableBytes(of: &counters) { bytes in
            for (index, byte) in stride(from: 0, to: bytes.count, by: 8).enumerated() {
                bytes.storeBytes(of: UInt64(index + 1), toByteOffset: byte, as: UInt64.self)
            }
        }
        var sum = counters
        sum += counters
        #expect(sum.byName.map(\.count) == (1...UInt64(sum.byName.count)).map { 2 * $0 })
    }

    @Test("names are those of the properties in lower case")
    func names() {
        let names = SCTPCounters().byName.map(\.name)
        #expect(names.first == "packets_received")
        #expect(names.contains("forged_acknowledgements"))
        #expect(names.count == MemoryLayout<SCTPCounters>.size / 8)
    }
}
