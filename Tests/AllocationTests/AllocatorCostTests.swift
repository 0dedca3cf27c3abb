// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// What a run costs.
@Suite("Cost of a run")
struct AllocatorCostTests {
    private func meeting(sources: Int) -> Meeting {
        let meeting = Meeting(sources: sources, layers: sources * 9)
        for _ in 0..<sources { meeting.add() }
        meeting.name(sources / 2)
        meeting.name(sources / 3, isOnStage: false)
        return meeting
    }

    @Test("runs of one size allocate nothing, whatever becomes of the sources")
    func allocatesNothing() {
        let meeting = meeting(sources: 100)
        meeting.demand.defaultWish.maxHeight = 720
        var (sources, layers, wishes) = (meeting.sources, meeting.layers, meeting.wishes)
        var results = meeting.results
        var allocator = Allocator(settings: AllocationSettings(), sources: 100, layers: 900)
        var forwarded = 0
        func runAll() {
            for step in 0..<200 {
                // Out of order, so that there is something to sort.
                sources[step % 100].speakerPlace = UInt32(step * 7 % 100)
                sources[step % 90].isEnabled.toggle()
                layers[step * 3].bitrate += 1_000
                wishes[0].source = UInt32(step % 100)
                let demand = ReceiverDemand(
                    owner: UInt32(step), rate: .limited(UInt64(step) * 300_000), lastN: Int32(step % 60),
                    defaultWish: SourceWish(maxHeight: step % 2 == 0 ? 180 : 720))
                let video = ConferenceVideo(sources: sources.span, layers: layers.span)
                var span = results.mutableSpan
                forwarded +=
                    allocator.allocate(
                        video, wishes: wishes.span, for: demand,
                        at: Timestamp(nanoseconds: Int64(step) * 100_000_000), into: &span
                    ).forwarded
            }
        }
        runAll()
        #expect(countAllocations { runAll() } == 0)
        #expect(forwarded > 1_000)
    }

    @Test("a hundred sources of nine layers, and a thousand of whom twenty are seen, in bounded time")
    func time() {
        let hundred = meeting(sources: 100)
        hundred.demand.defaultWish.maxHeight = 720
        let thousand = meeting(sources: 1_000)
        thousand.demand.lastN = 20
        let clock = ContinuousClock()
        for (meeting, name) in [(hundred, "100 x 9, all seen"), (thousand, "1,000 x 9, 20 seen")] {
            var best = Duration.seconds(1_000)
            for rate in 0..<20 {
                best = min(best, clock.measure { meeting.run(kilobits: UInt64(rate) * 10_000) })
            }
            print("a run over \(name): \(best)")
            // Some fifty times what a release build takes: this is a debug build on a busy machine.
            #expect(best < .milliseconds(20), "\(name)")
        }
    }

    @Test("what is remembered of a pair takes 32 bytes")
    func memory() { #expect(MemoryLayout<SourceAllocation>.stride == 32) }
}
