// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0

import Primitives

@testable import Allocation

/// A conference as one receiver sees it, for tests that change it and run the allocator over it again and again.
final class Meeting {
    static let receiver: UInt32 = 1_000_000

    var sources: [VideoSource] = []
    var layers: [VideoLayer] = []
    var wishes: [NamedWish] = []
    var results: [SourceAllocation] = []
    var demand = ReceiverDemand(
        owner: Meeting.receiver, rate: .unlimited, defaultWish: SourceWish(maxHeight: 180))
    var now = Timestamp(nanoseconds: 1_000_000_000_000)
    private var allocator: Allocator

    init(settings: AllocationSettings = AllocationSettings(), sources: Int = 0, layers: Int = 0) {
        allocator = Allocator(settings: settings, sources: sources, layers: layers)
    }

    /// Simulcast as most cameras send it; kilobits per second of 180, 360 and 720 lines at 7.5, 15 and 30 frames.
    static let usual: [UInt64] = [50, 100, 150, 200, 350, 500, 800, 1_400, 2_000]

    /// Adds a source; kilobits per second of its layers, three frame rates to an encoding.
    @discardableResult
    func add(
        _ kilobits: [UInt64] = Meeting.usual, kind: VideoSource.Kind = .camera, heights: [Int32] = [180, 360, 720],
        owner: UInt32? = nil
    ) -> Int {
        let layers = kilobits.enumerated().map { place, rate in
            VideoLayer(
                LayerIndex(encoding: place / 3, spatial: 0, temporal: place % 3), height: heights[place / 3],
                frameRate: FrameRate(perSecond: 7.5 * Double(1 << (place % 3))), bitrate: rate * 1_000)
        }
        return add(layers: layers, kind: kind, owner: owner)
    }

    @discardableResult
    func add(layers: [VideoLayer], kind: VideoSource.Kind = .camera, owner: UInt32? = nil) -> Int {
        let place = sources.count
        sources.append(
            VideoSource(
                key: UInt64(place) + 1, owner: owner ?? UInt32(place), kind: kind, speakerPlace: UInt32(place),
                firstLayer: UInt32(self.layers.count), layerCount: UInt32(layers.count)))
        self.layers += layers
        results.append(SourceAllocation())
        return place
    }

    /// Puts a source on stage or selects it, behind those that were named before.
    func name(_ source: Int, maxHeight: Int32 = 720, isOnStage: Bool = true) {
        wishes.append(
            NamedWish(
                source: UInt32(source), wish: SourceWish(maxHeight: maxHeight), rank: UInt32(wishes.count),
                isOnStage: isOnStage))
    }

    @discardableResult
    func run(kilobits: UInt64? = nil) -> AllocationOutcome {
        if let kilobits { demand.rate = .limited(kilobits * 1_000) }
        // Spans reach no further than the access to a property of an object.
        let (sources, layers, wishes) = (sources, layers, wishes)
        var results = results
        let outcome = Self.run(&allocator, sources, layers, wishes, &results, demand, now)
        self.results = results
        return outcome
    }

    private static func run(
        _ allocator: inout Allocator, _ sources: [VideoSource], _ layers: [VideoLayer], _ wishes: [NamedWish],
        _ results: inout [SourceAllocation], _ demand: ReceiverDemand, _ now: Timestamp
    ) -> AllocationOutcome {
        let video = ConferenceVideo(sources: sources.span, layers: layers.span)
        var span = results.mutableSpan
        return allocator.allocate(video, wishes: wishes.span, for: demand, at: now, into: &span)
    }

    /// Forgets what was decided.
    func forget() { results = results.map { _ in SourceAllocation() } }

    /// Of a source: lines and frames per second that are sent, "720@30"; "-" for nothing.
    func sent(_ source: Int) -> String { name(results[source].target, of: source) }

    /// The same of all sources.
    func sent() -> String { results.indices.map { sent($0) }.joined(separator: " ") }

    func ideal(_ source: Int) -> String { name(results[source].ideal, of: source) }

    func layer(_ index: LayerIndex, of source: Int) -> VideoLayer? {
        let range = Int(sources[source].firstLayer)..<Int(sources[source].firstLayer + sources[source].layerCount)
        return layers[range].first { $0.index == index }
    }

    func bitrate(of source: Int) -> UInt64 { layer(results[source].target, of: source)?.bitrate ?? 0 }

    /// Where the target lies among the candidates of the last run, and up to which one a source on stage goes first.
    func placeAmongCandidates(of source: Int) -> (target: Int, preferred: Int)? {
        for place in 0..<allocator.wanted.count where allocator.wanted[place].source == source {
            return (allocator.wanted[place].target, allocator.wanted[place].preferred)
        }
        return nil
    }

    private func name(_ index: LayerIndex, of source: Int) -> String {
        guard let layer = layer(index, of: source) else { return "-" }
        let rate = layer.frameRate
        guard rate.isKnown else { return "\(layer.height)@?" }
        return rate.thousandths % 1_000 == 0
            ? "\(layer.height)@\(rate.thousandths / 1_000)" : "\(layer.height)@\(Double(rate.thousandths) / 1_000)"
    }
}
