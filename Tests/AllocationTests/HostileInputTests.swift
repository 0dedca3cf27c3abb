// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// Whatever peers say: nothing traps, and what follows makes sense.
@Suite("Hostile input")
struct HostileInputTests {
    @Test("layers, wishes and rates that make no sense")
    func nonsense() {
        let failure = checkProperty(cases: 3_000) { random in
            let meeting = Meeting(&random, isHostile: true)
            for _ in 0..<4 {
                meeting.demand.rate =
                    random.int(in: 0...2) == 0 ? .unlimited : .limited(random.next() >> UInt64(random.int(in: 0...63)))
                meeting.now = meeting.now + .milliseconds(Int64(random.int(in: -100...2_000)))
                let outcome = meeting.run()
                if outcome.targetRate < 0 || outcome.idealRate < outcome.targetRate { return "\(outcome)" }
                if outcome.forwarded > meeting.sources.count { return "\(outcome)" }
                if meeting.demand.lastN >= 0, outcome.forwarded > Int(meeting.demand.lastN) { return "\(outcome)" }
                _ = outcome.paddingRate(estimate: .limited(random.next()))
                if case .limited(let rate) = meeting.demand.rate, rate < 1 << 59,
                    outcome.targetRate > Int64(rate) + 500_000
                {
                    return "\(outcome) of \(rate)"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("one who claims 2^63 bits per second costs no more than there can be, and holds up nobody")
    func enormousClaim() {
        let meeting = Meeting()
        meeting.add()
        meeting.layers = meeting.layers.map { layer in
            var layer = layer
            layer.bitrate = .max
            return layer
        }
        meeting.add()
        let outcome = meeting.run(kilobits: 10_000)
        #expect(meeting.sent() == "- 180@30")
        #expect(outcome.idealRate == Int64(AllocationLimits.layerBitrate) + 150_000)
        meeting.demand.rate = .unlimited
        #expect(meeting.run().forwarded == 2)
    }

    @Test("sources whose layers lie elsewhere have those that are there, and no more than a source can have")
    func lyingRanges() {
        let meeting = Meeting()
        meeting.add()
        meeting.sources[0].layerCount = .max
        meeting.run()
        #expect(meeting.results[0].state == .forwarded)
        meeting.sources[0].firstLayer = 9
        meeting.run()
        #expect(meeting.results[0].state == .withoutLayers)
        meeting.sources[0].firstLayer = .max
        meeting.run()
        #expect(meeting.results[0].state == .withoutLayers)

        let many = Meeting()
        many.add(
            layers: (0..<500).map { place in
                VideoLayer(
                    LayerIndex(rawValue: Int16(place)), height: 180, frameRate: .unknown, bitrate: UInt64(place) + 1)
            })
        many.run()
        #expect(many.results[0].ideal.rawValue == Int16(AllocationLimits.layersPerSource - 1))
    }

    @Test("sources with one key are two sources, wishes for sources that are not there or twice are nothing")
    func duplicates() {
        let meeting = Meeting()
        for _ in 0..<3 { meeting.add() }
        for place in 0..<3 { meeting.sources[place].key = 5 }
        meeting.wishes = [
            NamedWish(source: 1, wish: SourceWish(maxHeight: 720), rank: 0, isOnStage: true),
            NamedWish(source: 1, wish: .nothing, rank: 1), NamedWish(source: 3, wish: .nothing, rank: 2),
            NamedWish(source: .max, wish: .nothing, rank: 3),
        ]
        #expect(meeting.run().forwarded == 3)
        #expect(meeting.sent() == "180@30 720@30 180@30")
    }

    @Test("results for fewer sources than there are: the others are left out")
    func fewResults() {
        let meeting = Meeting()
        for _ in 0..<3 { meeting.add() }
        meeting.results.removeLast()
        #expect(meeting.run().forwarded == 2)
        meeting.results = []
        #expect(meeting.run() == AllocationOutcome())
    }

    @Test("settings without bounds")
    func settings() {
        var settings = AllocationSettings()
        settings.maxOversending = .max
        settings.preferredHeight = .min
        settings.preferredFrameRate = FrameRate(perSecond: .infinity)
        let meeting = Meeting(settings: settings)
        meeting.add(kind: .desktop)
        meeting.add()
        meeting.name(0, maxHeight: -1)
        meeting.demand.rate = .limited(1_000)
        #expect(meeting.run().isOversending)
        settings.maxOversending = .min
        let other = Meeting(settings: settings)
        other.add(kind: .desktop)
        other.name(0)
        #expect(!other.run(kilobits: 1).isOversending)
    }

    @Test("frame rates that are no numbers")
    func frameRates() {
        #expect(FrameRate(perSecond: .nan) == .unknown)
        #expect(FrameRate(perSecond: -3) == .unknown)
        #expect(FrameRate(perSecond: .infinity).thousandths == .max)
        #expect(FrameRate(perSecond: 1e300).thousandths == .max)
        #expect(FrameRate(perSecond: 29.97).thousandths == 29_970)
        #expect(FrameRate(perSecond: 0).thousandths == 0)
    }

    @Test("layers by their parts and back")
    func layerIndices() {
        let layer = LayerIndex(encoding: 2, spatial: 1, temporal: 2)
        #expect(layer.rawValue == 138)
        #expect((layer.encoding, layer.spatial, layer.temporal, layer.decodeTarget) == (2, 1, 2, 10))
        #expect(LayerIndex(encoding: 1, decodeTarget: 20).rawValue == 84)
        #expect(LayerIndex(encoding: -1, spatial: -1, temporal: -1).rawValue == 0)
        #expect(LayerIndex(encoding: .max, spatial: .max, temporal: .max).rawValue == 255 << 6 | 63)
        #expect(!LayerIndex.none.isLayer && LayerIndex.none.encoding == -1)
    }
}
