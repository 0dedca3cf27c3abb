// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives
import TestSupport
import Testing

@testable import Allocation

/// What holds for any meeting.
@Suite("Any meeting")
struct AllocatorPropertyTests {
    private static let rates: [AvailableRate] = [
        .unlimited, .limited(0), .limited(1), .limited(1 << 63), .limited(.max), .limited(1 << 60),
    ]

    private func rate(_ random: inout Random) -> AvailableRate {
        random.int(in: 0...3) == 0
            ? Self.rates.randomElement(using: &random) ?? .unlimited
            : .limited(UInt64(random.int(in: 0...15_000_000)))
    }

    @Test("no more than there is, but for a screen on stage; nothing that is not wanted; not more sources than last-N")
    func limits() {
        let failure = checkProperty(cases: 3_000) { random in
            let meeting = Meeting(&random)
            meeting.demand.rate = rate(&random)
            let outcome = meeting.run()
            let sum = meeting.sources.indices.reduce(0) { $0 + Int64(meeting.bitrate(of: $1)) }
            if sum != outcome.targetRate { return "\(sum) told as \(outcome.targetRate)" }
            if case .limited(let rate) = meeting.demand.rate, rate < 1 << 50 {
                let isScreen = meeting.results.indices.contains { place in
                    meeting.results[place].isOversent && meeting.sources[place].kind == .desktop
                        && meeting.wishes.contains { Int($0.source) == place && $0.isOnStage }
                }
                if outcome.isOversending != isScreen { return "exceeds the rate without a screen" }
                if sum > Int64(rate) + (isScreen ? 500_000 : 0) { return "\(sum) of \(rate)" }
                if outcome.isOversending != (sum > Int64(rate)) { return "\(sum) of \(rate), \(outcome)" }
            }
            if meeting.demand.lastN >= 0, outcome.forwarded > Int(meeting.demand.lastN) { return "\(outcome)" }
            for place in meeting.sources.indices {
                let result = meeting.results[place]
                if result.target.isLayer != (result.state == .forwarded) { return "\(result)" }
                if !result.wish.isWanted, result.ideal.isLayer { return "\(result)" }
                guard let layer = meeting.layer(result.ideal, of: place) else { continue }
                let all = meeting.layers[
                    Int(
                        meeting.sources[place].firstLayer)..<Int(
                            meeting.sources[place].firstLayer + meeting.sources[place].layerCount)]
                let come = all.contains { $0.bitrate > 0 } ? all.filter { $0.bitrate > 0 } : Array(all)
                if layer.bitrate == 0, come.contains(where: { $0.bitrate > 0 }) { return "waits for \(layer)" }
                let smallest = come.map { max($0.height, 0) }.min() ?? 0
                if result.wish.maxHeight > 0, layer.height > max(result.wish.maxHeight, smallest) {
                    return "\(layer) for \(result.wish)"
                }
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("more rate never gives the first one on stage less than it would have been served first")
    func stageIsMonotone() {
        let failure = checkProperty(cases: 1_000) { random in
            let meeting = Meeting(&random)
            meeting.wishes = []
            meeting.sources[0].isEnabled = true
            meeting.name(0, maxHeight: 720)
            meeting.demand.lastN = -1
            var best = -1
            for step in 0..<60 {
                meeting.forget()
                meeting.run(kilobits: UInt64(step * step * 5))
                guard let place = meeting.placeAmongCandidates(of: 0) else { return "not wanted" }
                if min(best, place.preferred) > place.target { return "\(place) after \(best) at \(step)" }
                best = max(best, place.target)
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("more rate never gives a source less that is alone")
    func aloneIsMonotone() {
        let failure = checkProperty(cases: 1_000) { random in
            let meeting = Meeting(&random)
            meeting.sources = [meeting.sources[0]]
            meeting.results = [meeting.results[0]]
            meeting.sources[0].isEnabled = true
            meeting.wishes = []
            meeting.demand.lastN = 1
            if random.int(in: 0...1) == 0 { meeting.name(0, maxHeight: 720) }
            meeting.demand.defaultWish.maxHeight = 720
            var best = -1
            for step in 0..<60 {
                meeting.forget()
                meeting.run(kilobits: UInt64(step * step * 5))
                let place = meeting.placeAmongCandidates(of: 0)?.target ?? -1
                if best > place { return "\(place) after \(best) at \(step)" }
                best = place
            }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("the same again, and by an allocator that has seen other meetings, is the same")
    func deterministic() {
        let failure = checkProperty(cases: 500) { random in
            var again = random
            let (a, b) = (Meeting(&random, isHostile: true), Meeting(&again, isHostile: true))
            // Leaves traces in the scratch of one of them.
            let (sources, layers, wishes) = (a.sources, a.layers, a.wishes)
            a.sources.reverse()
            a.wishes = []
            a.run(kilobits: 3_000)
            (a.sources, a.layers, a.wishes) = (sources, layers, wishes)
            a.forget()
            a.demand.rate = rate(&random)
            b.demand.rate = a.demand.rate
            guard a.run() == b.run(), a.results == b.results else { return "another outcome" }
            return nil
        }
        #expect(failure == nil)
    }

    @Test("as the original decides, where each layer costs more than the one below")
    func reference() {
        let failure = checkProperty(cases: 2_000) { random in
            let meeting = Meeting()
            for _ in 0..<random.int(in: 1...6) {
                var cost: UInt64 = 0
                let costs = (0..<9).map { _ in
                    cost += UInt64(random.int(in: 1...300))
                    return cost
                }
                meeting.add(costs, kind: random.int(in: 0...2) == 0 ? .desktop : .camera)
            }
            let stage = random.int(in: 0...min(2, meeting.sources.count))
            for source in 0..<stage { meeting.name(source) }
            meeting.demand.defaultWish.maxHeight = random.int(in: 0...1) == 0 ? 180 : 360
            let rate = UInt64(random.int(in: 0...6_000))
            meeting.run(kilobits: rate)
            let expected = OriginalDistribution(meeting).run(Int64(rate) * 1_000)
            let targets = meeting.results.map(\.target.rawValue)
            return targets == expected ? nil : "\(targets) instead of \(expected)"
        }
        #expect(failure == nil)
    }
}

/// The rounds as media-plane.md 9.4 writes them, over candidates of simulcast 180, 360, 720 by three frame rates.
private struct OriginalDistribution {
    struct Source {
        var indices: [Int16]
        var rates: [Int64]
        var preferred: Int
        var oversend: Int
        var isOnStage: Bool
        var target = -1
    }

    var sources: [Source]

    init(_ meeting: Meeting) {
        sources = meeting.sources.enumerated().map { place, source in
            let isOnStage = meeting.wishes.contains { Int($0.source) == place }
            let maxHeight = isOnStage ? 720 : meeting.demand.defaultWish.maxHeight
            let isSmall = maxHeight <= 180
            let layers = meeting.layers[Int(source.firstLayer)..<Int(source.firstLayer) + 9].filter { layer in
                guard source.kind == .camera else { return layer.height <= maxHeight }
                return layer.height == 180 || (layer.height <= maxHeight && layer.frameRate.thousandths == 30_000)
            }
            let count = layers.count
            let camera = layers.lastIndex { $0.height <= (isSmall ? 180 : 360) }.map { $0 - layers.startIndex } ?? -1
            let top = layers.firstIndex { $0.height == layers.last?.height }.map { $0 - layers.startIndex } ?? -1
            return Source(
                indices: layers.map(\.index.rawValue), rates: layers.map { Int64($0.bitrate) },
                preferred: source.kind == .camera ? camera : count - 1,
                oversend: source.kind == .desktop && isOnStage ? top : -1, isOnStage: isOnStage)
        }
    }

    func run(_ rate: Int64) -> [Int16] {
        var sources = sources
        var budget = rate
        var before: Int64
        repeat {
            before = budget
            for place in sources.indices {
                budget -= improve(&sources[place], budget, mayOversend: place == 0)
                if sources[place].isOnStage, sources[place].target < sources[place].preferred { break }
            }
        } while budget != before
        return sources.map { $0.target < 0 ? -1 : $0.indices[$0.target] }
    }

    private func improve(_ source: inout Source, _ remaining: Int64, mayOversend: Bool) -> Int64 {
        func cost(_ place: Int) -> Int64 { place < 0 ? 0 : source.rates[place] }
        let old = cost(source.target)
        let available = remaining + old
        if source.target == -1, source.preferred > -1, source.isOnStage {
            for place in 0...source.preferred {
                guard source.rates[place] <= available else { break }
                source.target = place
            }
        } else if source.target + 1 < source.rates.count, source.rates[source.target + 1] < available {
            source.target += 1
        }
        if source.target >= 0, let better = source.rates.lastIndex(where: { $0 <= cost(source.target) }) {
            source.target = max(source.target, better)
        }
        if mayOversend, source.oversend >= 0, source.target < source.oversend {
            let places = (source.target + 1)...source.oversend
            if let place = places.first(where: { source.rates[$0] <= available + 500_000 }) { source.target = place }
        }
        return cost(source.target) - old
    }
}
