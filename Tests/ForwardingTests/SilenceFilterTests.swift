// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Forwarding
import Testing

@Suite("SilenceFilter (media-plane.md 10.1)")
struct SilenceFilterTests {
    var filter = SilenceFilter()

    @Test("four silent packets pass, the fifth is dropped, the first with sound resets")
    mutating func fourPass() {
        let levels: [UInt8] = [127, 127, 127, 127, 127, 127, 126, 127, 127, 127, 127, 127]
        let admitted = levels.map { filter.admits(level: $0) }
        #expect(
            admitted == [true, true, true, true, false, false, true, true, true, true, true, false])
    }

    @Test("a packet without level passes and resets nothing")
    mutating func noLevel() {
        let levels: [UInt8] = [127, 127, 127, 127, PacketInfo.noLevel, 127]
        #expect(levels.map { filter.admits(level: $0) } == [true, true, true, true, true, false])
    }

    @Test("silence of any length is dropped without an end")
    mutating func longSilence() {
        let passed = (0..<1_000).count { _ in filter.admits(level: 127) }
        #expect(passed == 4)
    }

    @Test("discarded silence leaves the numbers contiguous; the first sound follows at once")
    mutating func contiguous() {
        var closer = SequenceGapCloser()
        let levels = [UInt8](repeating: 127, count: 50) + [60, 127, 60]
        var outgoing: [UInt16] = []
        for (number, level) in levels.enumerated() {
            let sequence = UInt16(truncatingIfNeeded: 65_500 + number)
            if filter.admits(level: level) {
                outgoing += [closer.accept(sequence)].compactMap { $0 }
            } else {
                closer.discard(sequence)
            }
        }
        #expect(outgoing == Array(65_500...65_506))
    }

    @Test("the limit can be set", arguments: [0, 1, 10, .max] as [UInt32])
    func limit(_ limit: UInt32) {
        var filter = SilenceFilter(limit: limit)
        let passed = (0..<100).count { _ in filter.admits(level: 127) }
        #expect(passed == min(100, Int(limit) + 1))
    }
}
